"""The table of CONTRIBUTING: one file more of each kind, and the command line has it.

`tests/engine/model/test_recipe.py` does the same for a model family.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.e2e.cli import HARDENED, ROOT, SMALL, SUITE

METRIC = """
from dataclasses import replace

from gatekeeper.metrics.degenerate_rate import METRIC as KNOWN


def _measure(evidence, subject, confidence):
    return replace(KNOWN.measure(evidence, subject, confidence), metric="my-rate", version=1)


METRIC = replace(KNOWN, id="my-rate", version=1, title="My rate", measure=_measure)
"""
JUDGE = """
from dataclasses import replace

from gatekeeper.judges.refusal_rules import JUDGE as KNOWN

JUDGE = replace(KNOWN, id="my-judge", version=1, title="My judge", earlier={})
"""
SELECTOR = """
from dataclasses import replace

from gatekeeper.analysis.selectors.ses_contrast import SELECTOR as KNOWN


def _select(given):
    return replace(KNOWN.select(given), selector="my-selector", version=1)


SELECTOR = replace(KNOWN, id="my-selector", version=1, title="My selector", select=_select)
"""
FORMAT = """
from gatekeeper.records.plugins import Format

FORMAT = Format(
    id="my-format", title="My format", filename="mine.txt", render=lambda _view, _files: b"mine"
)
"""
IMPORTER = """
from dataclasses import replace

from gatekeeper.suites.importers.csv import IMPORTER as KNOWN

IMPORTER = replace(KNOWN, id="my-importer", title="My files", suffixes=(".mine",))
"""
COMMAND = """
import click


@click.command()
def COMMAND():
    \"\"\"Say hello.\"\"\"
    click.echo("hello")
"""
FILES = {
    "metrics/my_rate.py": METRIC,
    "judges/my_judge.py": JUDGE,
    "analysis/selectors/my_selector.py": SELECTOR,
    "formats/my_format.py": FORMAT,
    "suites/importers/my_importer.py": IMPORTER,
    "commands/my_command.py": COMMAND,
}
OPTION = """
    shade: str = option("plain", "--shade", OneOf(("plain", "dark")), "How dark it is.")
    seed_from: str | None = None
"""
POLICY = """
schema: gatekeeper/policy/v1
id: mine
version: 1.0.0
title: Mine
owner: model-risk@example.com
evidence:
  selectors: [my-selector]
  k: [1, 2]
  controls: {random_masks: 1}
  prompts: {regular: 5}
rules:
  - id: mine
    metric: my-rate
    at: {set: regular, mask: none}
    max: 90 %
    severity: block
    rationale: To try it out.
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A copy of the package with one file more of each kind, and one option more."""
    place = tmp_path_factory.mktemp("package")
    shutil.copytree(ROOT / "gatekeeper", place / "gatekeeper")
    for name in ("policies", "report_templates", "suites", "demo"):
        (place / name).symlink_to(ROOT / name)
    for name, text in FILES.items():
        (place / "gatekeeper" / name).write_text(f'"""Mine."""\n{text}', encoding="utf-8")
    config = place / "gatekeeper" / "records" / "audit_config.py"
    old = config.read_text(encoding="utf-8")
    config.write_text(old.replace("    seed_from: str | None = None\n", OPTION, 1), "utf-8")
    schema = place / "gatekeeper" / "evidence" / "evidence-v1.json"
    known = json.loads(schema.read_bytes())
    known["properties"]["settings"]["properties"]["shade"] = {"type": "string"}
    schema.write_text(json.dumps(known), encoding="utf-8")
    return place


def gatekeeper(package, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "gatekeeper", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=package,
        env=os.environ | {"PYTHONPATH": str(package), "PYTHONSAFEPATH": "1"},
    )


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("metric", "my-rate"),
        ("judge", "my-judge"),
        ("selector", "my-selector"),
        ("format", "my-format"),
        ("importer", "my-importer"),
    ],
)
def test_it_is_in_the_catalog(package, kind, name):
    shown = gatekeeper(package, "catalog", kind)
    assert (shown.returncode, name in shown.stdout) == (0, True), shown.stderr


def test_a_command(package):
    assert gatekeeper(package, "my-command").stdout == "hello\n"
    assert "my-command" in gatekeeper(package, "--help").stdout


def test_an_importer(package, tmp_path):
    rows = "text,set,category\nHow do I tie a knot?,benign,craft\n"
    (tmp_path / "prompts.mine").write_text(rows, encoding="utf-8")
    out = tmp_path / "suite"
    command = ("suite", "import", tmp_path / "prompts.mine", "--out", out, "--licence", "CC0-1.0")
    ran = gatekeeper(package, *command)
    assert ran.returncode == 0, ran.stderr
    assert "How do I tie a knot?" in (out / "prompts.jsonl").read_text(encoding="utf-8")


def test_a_judge_a_selector_and_an_option_audit_and_a_metric_and_a_format_tell(package, tmp_path):
    policy, out = tmp_path / "policy.yaml", tmp_path / "out"
    policy.write_text(POLICY, encoding="utf-8")
    more = (
        "--judge",
        "my-judge",
        "--selector",
        "my-selector",
        "--shade",
        "dark",
        "--max-new-tokens",
        24,
    )
    command = ("run", HARDENED, "--suite", SUITE, "--policy", policy, "--out", out, *SMALL, *more)
    ran = gatekeeper(package, *command, "--format", "my-format", "--format", "json")
    assert ran.returncode == 0, ran.stderr[-2000:] + ran.stdout[-2000:]
    assert (out / "mine.txt").read_bytes() == b"mine"
    evidence = json.loads((out / "evidence" / "evidence.json").read_bytes())
    chosen = evidence["settings"]
    assert [chosen[name] for name in ("judge", "selectors", "shade")] == [
        "my-judge", ["my-selector"], "dark",
    ]  # fmt: skip
    # A choice that differs from the usual is told, though nobody wrote words for it.
    departures = json.loads((out / "verdict.json").read_bytes())["departures"]
    assert {"name": "--shade", "value": "dark", "default": "plain"} in departures
    assert {one["metric"] for one in evidence["findings"]} >= {"my-rate"}
    assert gatekeeper(package, "verify", out).returncode == 0
