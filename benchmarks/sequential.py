"""What `--sequential` saves on the demo audit: prompts, and time against the naive peer.

    python -m benchmarks.sequential --page docs/benchmarks.md --bundle .bench_cache/demo

An approximate mode, and so in a table of its own: masks that stop have fewer prompts and wider
intervals (ADR 8). Both demo checkpoints are audited whole and sequentially and must get the same
verdict; the peer runs a part of the masks of the whole audit, scaled by rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import torch

from benchmarks.estimates import Watch, demo_options, seconds_beside
from benchmarks.ladder import walk
from benchmarks.page import write_section
from benchmarks.timing import machine, once
from benchmarks.workloads import CHECKPOINT, ROOT, load, whole
from gatekeeper import catalog
from gatekeeper.analysis.order import prompts_left_out
from gatekeeper.audit.plan import looks_of, plan
from gatekeeper.audit.run import run_audit
from gatekeeper.engine.model.load import quiet_transformers
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.metrics import measure_all
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.load import load_policy
from gatekeeper.records.evidence import Evidence

_POLICY = ROOT / "benchmarks" / "policy.yaml"
_NAMES = ("concentrated", "hardened")
#: Stages in which masks are run.
_TRIALS = ("trials", "trials in order")
_GOAL = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One audit: its evidence, its verdict, and processor seconds by stage."""

    evidence: Evidence
    verdict: str
    spent: Mapping[str, float]

    @property
    def trials(self) -> float:
        """Processor seconds in which masks were run."""
        return sum(self.spent.get(name, 0.0) for name in _TRIALS)


def audited(name: str, *, sequential: bool) -> Audited:
    """The demo audit of a checkpoint."""
    policy = load_policy(_POLICY)
    usual = demo_options()
    asked = replace(usual, config={**usual.config, "sequential": sequential})
    request = plan(ROOT / "demo" / name, asked, policy, print)
    watch = Watch()
    with TemporaryDirectory() as folder:
        evidence = run_audit(request, Path(folder), watch, looks_of(request, policy))
    watch.close()
    return judged(evidence, watch.spent)


def judged(evidence: Evidence, spent: Mapping[str, float]) -> Audited:
    """With its verdict."""
    evidence = replace(evidence, findings=measure_all(evidence))
    verdict = evaluate(evidence, load_policy(_POLICY), date.today()).result
    return Audited(evidence=evidence, verdict=verdict, spent=spent)


def kept(bundle: Path) -> Audited:
    """The whole audit that `benchmarks.estimates` has left there."""
    return judged(read_bundle(bundle), json.loads(seconds_beside(bundle).read_text("utf-8")))


def peer_seconds(name: str, evidence: Evidence) -> tuple[float, int, int]:
    """The peer's processor seconds for all rows of an audit, its batch, and masks that it ran."""
    loaded = load(ROOT / "demo" / name)
    judge = catalog.load("judge", "refusal-rules")
    with TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        write_bundle(evidence, bundle)
        work = replace(whole(loaded, bundle), every=24)
    most = max(len(prompts) for prompts in work.asked)
    tried = {
        batch: once(partial(walk, loaded, work, judge, batch, by_length=True)).cpu
        for batch in (128, most)
    }
    batch = min(tried, key=lambda b: tried[b])
    return tried[batch] * work.scale, batch, len(work.sampled)


def line(name: str, bundle: Path | None) -> str:
    """A line of the table.

    Args:
        bundle: the whole audit, where there is one already.

    Raises:
        AssertionError: the verdicts differ.
    """
    full = audited(name, sequential=False) if bundle is None else kept(bundle)
    early = audited(name, sequential=True)
    assert full.verdict == early.verdict, f"{name}: {early.verdict} is not {full.verdict}"
    seconds, batch, masks = peer_seconds(name, full.evidence)
    left = prompts_left_out(early.evidence)
    rows = len(early.evidence.trials)
    cells = (
        name,
        f"{full.verdict} both times",
        f"{rows:,} of {rows + left:,} ({rows / (rows + left):.0%})",
        f"{full.trials:.1f}",
        f"{early.trials:.1f}",
        f"{full.trials / early.trials:.2f}",
        f"{seconds:.1f} (batch {batch}, {masks} masks)",
        f"{seconds / early.trials:.1f}",
    )
    return f"| {' | '.join(cells)} |"


@click.command()
@click.option("--threads", default=1, show_default=True)
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True),
    help="Evidence of the whole audit of `concentrated`: benchmarks.estimates makes it.",
)
@click.option("--page", type=click.Path(path_type=Path), help="Write it to this file.")
def main(threads: int, bundle: Path | None, page: Path | None) -> None:
    """Measure what stopping early saves."""
    torch.set_num_threads(threads)
    quiet_transformers()
    text = "\n".join(
        [
            "## What `--sequential` saves",
            "",
            "The demo audit under benchmarks/policy.yaml, whole and sequentially: replies run, and "
            "processor seconds in which masks were run (judging and looking included). An "
            f"approximate mode: see ADR 8. n = 1 each. {machine()}. Goal: {_GOAL:.0f} times the "
            "peer.",
            "",
            "| checkpoint | verdict | replies | whole, s | sequential, s | whole over sequential "
            "| peer, whole, s | peer over sequential |",
            "| --- |" + " --- |" * 7,
            *(line(name, bundle if name == CHECKPOINT.name else None) for name in _NAMES),
        ]
    )
    print(text)
    if page is not None:
        write_section(page, "sequential", text)


if __name__ == "__main__":
    main()
