"""How long `policy replay` takes over 1,000 stored audits, and over bundles that it must read.

    python -m benchmarks.replay BUNDLE... --work .bench_cache/replay --write docs/benchmarks.md

BUNDLE is one of the demo's. By seeded changes others are made of it (replies turned from
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
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import click

from benchmarks.page import write_section
from gatekeeper.commands._verdicts import verdict_bytes
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.history.keep import keep
from gatekeeper.history.remember import ask_ahead, code_digest
from gatekeeper.history.store import History
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.recalled import Memory
from gatekeeper.policy.wire import verdict_from_json
from gatekeeper.policy.workbench.table import prompts, table
from gatekeeper.records.bundle_files import BUNDLE, VERDICT
from gatekeeper.records.bundle_files import POLICY as POLICY_FILE
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.model import CheckpointRef
from gatekeeper.records.suite import HARMFUL_SETS
from gatekeeper.strict_json import strict_loads

ROOT = Path(__file__).resolve().parents[1]
POLICY = ROOT / "demo" / "policy.yaml"
DAY = date(2026, 11, 30)
#: Seconds and MiB that 1,000 audits may take.
GOAL_S, GOAL_MIB = 5.0, 500.0
NAME = "replay"
#: Those that make it read each bundle, which takes so long that few must do.
READ = ("a new subject",)
#: Each replayed twice: the second time, what was asked of bundles is remembered.
RUNS = ("first", "again")
CHANGES: Mapping[str, Sequence[tuple[str, str]]] = {
    "the same policy": (),
    "looser limits": (("max: 10 points", "max: 30 points"),),
    "tighter limits": (("max: 10 points", "max: 4 points"),),
    "another severity": (("severity: warn", "severity: block"),),
    "a new subject": (("at: {set: over_refusal, mask: none}", "at: {set: jailbreak, k: 4}"),),
}
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
    # Findings for reports stay those of the original: no verdict rests on them.
    return replace(evidence, trials=tuple(trials), checkpoint=checkpoint)


def make(bundle: Path, folder: Path, seed: int) -> None:
    """One changed bundle with its verdict, as `run` leaves them, and what it would be asked."""
    if (folder / "answers.json").exists():
        return
    policy, made = load_policy(POLICY), folder / BUNDLE
    evidence = write_bundle(changed(read_bundle(bundle), seed), made)
    memory, start = Memory({}, lambda: evidence), time.process_time()
    ask_ahead(memory, [policy], DAY)
    costs = {"own": time.process_time() - start}
    start = time.process_time()
    table(memory.evidence(), policy, None, None)
    prompts(memory.evidence(), policy)
    costs["limits"] = time.process_time() - start
    verdict = evaluate(memory.evidence(), policy, DAY, advise=False)
    shutil.copyfile(POLICY, folder / POLICY_FILE)
    (folder / VERDICT).write_bytes(verdict_bytes(verdict))
    said = json.dumps({"costs": costs, "code": code_digest(), "answers": memory.new})
    (folder / "answers.json").write_text(said, encoding="utf-8")


def fill(made: Sequence[Path], folder: Path, count: int) -> None:
    """A history of so many entries of these bundles: copies are entered under other digests."""
    with History(folder, write=True) as history:
        for seed, home in enumerate(made):
            evidence = read_bundle(home / BUNDLE)
            verdict = verdict_from_json(strict_loads((home / VERDICT).read_bytes()))
            entry, _ = keep(history, home / BUNDLE, evidence, verdict, today=DAY)
            said = json.loads((home / "answers.json").read_text(encoding="utf-8"))
            answers = []
            for copy in range(count // len(made)):
                digest = f"sha256:{seed:032x}{copy:032x}" if copy else entry.digest
                if copy:
                    copied = history.home_of(digest)
                    shutil.copytree(history.home(entry), copied, copy_function=os.link)
                    history.put(replace(entry, digest=digest))
                answers.append((digest, said["answers"]))
            history.remember(said["code"], answers)


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
@click.argument("bundles", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--work", type=click.Path(path_type=Path), required=True)
@click.option("--count", default=1000, show_default=True, help="Entries of the history.")
@click.option("--measured", default=50, show_default=True, help="Different ones of these.")
@click.option("--processes", default=2, show_default=True, help="That make them.")
@click.option("--write", type=click.Path(path_type=Path), help="Page to write the section of.")
def main(
    bundles: tuple[Path, ...], work: Path, count: int, measured: int, processes: int,
    write: Path | None,
) -> None:  # fmt: skip
    """Make the history if it is not there, and time replays over it."""
    folder, made = work / "history", [work / "made" / str(seed) for seed in range(measured)]
    with ProcessPoolExecutor(processes) as pool:
        given = [bundles[seed % len(bundles)] for seed in range(measured)]
        list(pool.map(make, given, made, range(measured)))
    if not folder.exists():
        fill(made, folder, count)
        fill(made, work / "few", len(made))
    text, rows = POLICY.read_text(encoding="utf-8"), []
    for name, changes in CHANGES.items():
        path, new = work / "policy.yaml", text
        for before, after in changes:
            if before not in new:
                raise click.ClickException(f"{POLICY} has no {before!r}")
            new = new.replace(before, after)
        path.write_text(new, encoding="utf-8")
        few = name in READ
        for run in RUNS:
            kept = work / "few" if few else folder
            called = f"{name}, of {len(made)} audits" if few else name
            rows.append(measured_row(called, run, "replay", path, kept))
    for run in RUNS:
        out = ("--out", str(work / "workbench.html"))
        rows.append(measured_row("`policy workbench`", run, "workbench", POLICY, folder, *out))
    costs = [json.loads((home / "answers.json").read_text())["costs"] for home in made]
    if write is not None:
        write_section(write, NAME, section(rows, costs, count, measured))


def measured_row(
    name: str, run: str, command: str, policy: Path, history: Path, *more: str
) -> tuple[str, str, float, float, float]:
    """A row of the table, told as it is measured."""
    line = ("policy", command, str(policy), "--history", str(history), *more)
    seconds, used, last = timed(*line)
    row = (name, run, seconds, used["cpu"], used["mib"])
    click.echo(f"{_row(*row)} {last}")
    return row


def _row(name: str, run: str, seconds: float, cpu: float, mib: float) -> str:
    met = "yes" if seconds <= GOAL_S and mib <= GOAL_MIB else "no"
    return f"| {name}, {run} | {seconds:.1f} | {cpu:.1f} | {mib:.0f} | {met} |"


def section(
    rows: Sequence[tuple[str, str, float, float, float]],
    costs: Sequence[Mapping[str, float]],
    count: int,
    measured: int,
) -> str:
    """What docs/benchmarks.md says."""
    keys = ("own", "limits")
    own, limits = (sum(cost[key] for cost in costs) / max(1, len(costs)) for key in keys)
    return "\n".join([
        "## Replaying past audits",
        "",
        f"`gatekeeper policy replay` over {count} stored audits of {measured} different bundles, "
        "each made from the demo's by a seeded change and entered under several digests; "
        f"{os.cpu_count()} processors, which others used too (load {os.getloadavg()[0]:.1f} at "
        f"the end). Wanted: {GOAL_S:g} s and {GOAL_MIB:g} MiB, of all processes, each at its most.",
        "",
        "| policy | s | processor s | MiB | in both |",
        "|---|---|---|---|---|",
        *(_row(*row) for row in rows),
        "",
        f"To answer so, `history add` asks each bundle ahead: {own:.1f} s of a processor for the "
        f"policy of its verdict. The first workbench takes {limits:.1f} s more for each, and what "
        "a bundle's files take to read; what other policies ask beyond that, their first replay "
        "remembers.",
    ])  # fmt: skip


if __name__ == "__main__":
    main()
