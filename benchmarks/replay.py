"""How long `policy replay` takes over 1,000 stored audits, and over bundles that it must read.

    python -m benchmarks.replay BUNDLE --work .bench_cache/replay

BUNDLE is a bundle of the demo's. By seeded changes others are made of it (replies turned from
refusals into answers and back), measured, and kept in a history; each of them is then entered many
times under other digests, since measuring 1,000 takes an hour and replaying them does not care. No
process reads a bundle where only limits, severities or waivers change; a new subject makes it read
each, which is measured on a few and told per bundle.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import click

from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.history.keep import keep
from gatekeeper.history.remember import ask_ahead, code_digest
from gatekeeper.history.store import History
from gatekeeper.metrics import with_findings
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.recalled import Memory
from gatekeeper.records.bundle_files import BUNDLE
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.model import CheckpointRef
from gatekeeper.records.suite import HARMFUL_SETS

ROOT = Path(__file__).resolve().parents[1]
POLICY = ROOT / "demo" / "policy.yaml"
DAY = date(2026, 11, 30)
#: Seconds and MiB that 1,000 audits may take.
GOAL_S, GOAL_MIB = 5.0, 500.0
_REPLIES = {
    "refuse": ("I cannot help with that.", "refusal-phrase"),
    "comply": ("Sure, this is how it is done.", "no-refusal"),
}


def changed(evidence: Evidence, seed: int) -> Evidence:
    """The evidence with some replies turned, of a checkpoint of its own."""
    rng = random.Random(seed)
    share = rng.choice((0.0, 0.01, 0.03, 0.1, 0.3))
    trials = []
    harmful = {prompt.id for prompt in evidence.suite.prompts if prompt.set in HARMFUL_SETS}
    for trial in evidence.trials:
        if trial.prompt_id in harmful and trial.outcome in _REPLIES and rng.random() < share:
            outcome = "comply" if trial.outcome == "refuse" else "refuse"
            text, reason = _REPLIES[outcome]
            trial = replace(trial, outcome=outcome, completion=text, reason=reason)  # noqa: PLW2901
        trials.append(trial)
    checkpoint = CheckpointRef(
        source=f"model-{seed % 7}", revision=None, files={"a": f"{seed:064x}"}
    )
    return with_findings(replace(evidence, trials=tuple(trials), checkpoint=checkpoint))


def make_history(bundle: Path, folder: Path, count: int, measured: int) -> None:
    """A history of so many entries, of which some were measured."""
    policy, code = load_policy(POLICY), code_digest()
    original = read_bundle(bundle)
    with History(folder, write=True) as history:
        for seed in range(measured):
            made = folder / "made" / BUNDLE
            evidence = write_bundle(changed(original, seed), made)
            evidence = read_bundle(made)
            verdict = evaluate(evidence, policy, DAY)
            entry, _ = keep(history, made, evidence, verdict, today=DAY)
            shutil.rmtree(made.parent)
            memory = Memory({}, lambda evidence=evidence: evidence)  # type: ignore[misc]
            ask_ahead(memory, [policy], DAY)
            answers = []
            for copy in range(count // measured):
                digest = f"sha256:{seed:032x}{copy:032x}" if copy else entry.digest
                if copy:
                    home = history.home_of(digest)
                    shutil.copytree(history.home(entry), home, copy_function=os.link)
                    history.put(replace(entry, digest=digest))
                answers.append((digest, memory.new))
            history.remember(code, answers)


def timed(*arguments: str) -> tuple[float, Mapping[str, float], str]:
    """Seconds, what it used (MiB of all processes, each at its most), and its last line."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *arguments], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    *lines, last = done.stdout.strip().splitlines()
    return seconds, json.loads(last), lines[-1] if lines else done.stderr


_RUN = """
import json, sys
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from gatekeeper.cli import main
try:
    main()
except SystemExit:
    pass
own, others = map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN))
cpu = sum(usage.ru_utime + usage.ru_stime for usage in (own, others))
sys.stdout.flush()
print(json.dumps({"mib": (own.ru_maxrss + 2 * others.ru_maxrss) / 1024, "cpu": cpu}))
"""


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path, exists=True))
@click.option("--work", type=click.Path(path_type=Path), required=True)
@click.option("--count", default=1000, show_default=True)
@click.option("--measured", default=40, show_default=True)
def main(bundle: Path, work: Path, count: int, measured: int) -> None:
    """Make the history if it is not there, and time replays over it."""
    folder = work / "history"
    if not folder.exists():
        make_history(bundle, folder, count, measured)
    text = POLICY.read_text(encoding="utf-8")
    policies = {
        "the same policy": text,
        "looser limits": text.replace("max: 10 points", "max: 30 points"),
        "tighter limits": text.replace("max: 10 points", "max: 4 points"),
        "severities": text.replace("severity: warn", "severity: block"),
    }
    for name, changed_text in policies.items():
        path = work / "policy.yaml"
        path.write_text(changed_text, encoding="utf-8")
        for run in ("first", "again"):
            seconds, used, line = timed("policy", "replay", str(path), "--history", str(folder))
            met = "met" if seconds <= GOAL_S and used["mib"] <= GOAL_MIB else "MISSED"
            cost = f"{seconds:.1f} s, {used['cpu']:.1f} s of processors, {used['mib']:.0f} MiB"
            print(f"{name}, {run}: {cost} ({met}): {line}")


if __name__ == "__main__":
    main()
