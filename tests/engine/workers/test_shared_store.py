"""Two audits at once in one store: each gets what it would have got alone."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gatekeeper.evidence.trial_store import STORE
from tests.e2e.cli import HARDENED, ROOT, SUITE

pytestmark = pytest.mark.slow

#: Prints trials, profile and times of an audit in a given work directory.
_AUDIT = """
import hashlib, json, sys
from pathlib import Path
from gatekeeper.commands._click_options import audit_options
from gatekeeper.audit.plan import plan
from gatekeeper.records.audit_config import typed_options
from gatekeeper.commands._progress import ProgressReporter
from gatekeeper.audit.run import run_audit
import click
checkpoint, suite, work, tokens = sys.argv[1:]
context = audit_options(click.command("audit")(lambda **_: None)).make_context("audit", [
    "--max-prompts", "16", "-k", "1", "--controls", "2", "--max-new-tokens", tokens,
    "--batch-rows", "8", "--selector", "ses-frequency", "--no-roles",
])
request = plan(Path(checkpoint), typed_options(Path(suite), context.params), None, print)
found = run_audit(request, Path(work), ProgressReporter(quiet=True))
counts = found.profile.counts["prompt"].tobytes()
print(json.dumps({
    "trials": [[t.mask, t.prompt_id, t.outcome, t.completion] for t in found.trials],
    "profile": hashlib.sha256(counts).hexdigest(),
    "rows": [found.times.rows_computed, found.times.rows_resumed],
    "stages": sorted(found.times.seconds),
    "seconds": sum(found.times.seconds.values()),
}))
"""


def start(work, tokens):
    work.mkdir(exist_ok=True)
    command = [sys.executable, "-c", _AUDIT, str(HARDENED), str(SUITE), str(work), tokens]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)


def ended(process):
    out, errors = process.communicate(timeout=280)
    assert process.returncode == 0, errors.decode()
    return json.loads(out)


def test_two_audits_in_one_store_do_not_disturb_each_other(tmp_path):
    alone = {tokens: ended(start(tmp_path / tokens, tokens)) for tokens in ("6", "9")}
    both = {tokens: start(tmp_path / "shared", tokens) for tokens in ("6", "9")}
    together = {tokens: ended(process) for tokens, process in both.items()}
    assert [p.name for p in (tmp_path / "shared").iterdir()] == [STORE]
    for tokens, found in together.items():
        for name in ("trials", "profile", "rows", "stages"):
            assert found[name] == alone[tokens][name], (tokens, name)
    again = ended(start(tmp_path / "shared", "6"))
    assert again["trials"] == alone["6"]["trials"]
    assert again["rows"] == [0, sum(alone["6"]["rows"])]
