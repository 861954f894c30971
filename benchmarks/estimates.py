"""Whether `gatekeeper estimate` is right here, and what it says of models nobody has run yet.

    make bench

The demo audit is estimated, then carried out in the same process, stage by stage by processor time:
the machine may be shared. Then the table for GPUs, by the command's own code.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import click
import torch

from benchmarks.page import write_section
from benchmarks.timing import machine
from benchmarks.workloads import CHECKPOINT, ROOT, SUITE
from gatekeeper.audit.estimate import estimate_of
from gatekeeper.audit.plan import plan
from gatekeeper.audit.run import run_audit
from gatekeeper.commands.estimate import COMMAND
from gatekeeper.estimate.estimate import Estimate
from gatekeeper.estimate.hardware import DEVICES
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.policy.load import load_policy
from gatekeeper.records.audit_config import TypedOptions, typed_options
from gatekeeper.records.evidence import Evidence

CONFIGS = ROOT / "benchmarks" / "configs"
_POLICY = ROOT / "benchmarks" / "policy.yaml"
_RELEASE = ROOT / "policies" / "release.yaml"
#: The issue's: at most so far from what it took.
_WITHIN = 0.3
#: Stages of the audit as it times them, and of the estimate.
JOINED = {
    "load": ("hashing", "loading", "self-test"),
    "unmasked": ("unmasked",),
    "profile": ("profile",),
    "attribution": ("attribution",),
    "select": ("select",),
    "trials": ("trials",),
    "positive control": ("positive control",),
    "usefulness": ("usefulness",),
}


@dataclass(slots=True)
class Watch:
    """Processor time of each stage of an audit; stands in for the command's reporter."""

    spent: dict[str, float] = field(default_factory=dict)
    _stage: str = ""
    _begun: float = 0.0

    def stage(self, name: str, half: int = 0) -> None:
        """A new stage has begun."""
        self.close()
        self._stage, self._begun = name, time.process_time()

    def advance(self, _done: int, _total: int, *, found: int = 0) -> None:
        """Nobody looks."""

    def caution(self, _text: str) -> None:
        """Nor listens."""

    def close(self) -> None:
        """The last one has ended."""
        if self._stage:
            taken = time.process_time() - self._begun
            self.spent[self._stage] = self.spent.get(self._stage, 0.0) + taken
        self._stage = ""


def audit_options(suite: Path, *more: str) -> TypedOptions:
    """As the command line makes them."""
    given = COMMAND.make_context("estimate", ["checkpoint", "--suite", str(suite), *more]).params
    return typed_options(suite, given)


def demo_options() -> TypedOptions:
    """An audit of a checkpoint of the demo, without cross-fitting."""
    return audit_options(
        SUITE, "--max-new-tokens", "24", "--batch-rows", "1024", "--selection-share", "0.3"
    )


def estimated(options: TypedOptions) -> Estimate:
    """By a calibration in processor time."""
    policy = load_policy(_POLICY)
    return estimate_of(CHECKPOINT, options, policy, "cpu", None, clock=time.process_time)[1]


def carried_out(options: TypedOptions) -> tuple[dict[str, float], Evidence]:
    """Processor seconds by stage, and the evidence."""
    request = plan(CHECKPOINT, options, load_policy(_POLICY), print)
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        evidence = run_audit(request, Path(folder), watch)
    watch.close()
    return watch.spent, evidence


def seconds_beside(bundle: Path) -> Path:
    """The file beside a bundle that keeps its processor seconds by stage."""
    return bundle.parent / f"{bundle.name}-seconds.json"


def compared(found: Estimate, spent: dict[str, float]) -> tuple[str, float]:
    """Markdown, and the estimate over what it took."""
    told = {s.name: (s.rows, (s.low * s.high) ** 0.5) for s in found.stages}
    lines = ["| stage | rows, at most | estimated, s | took, s | ratio |", "| --- |" + " --- |" * 4]
    total, took = 0.0, 0.0
    for name, parts in JOINED.items():
        rows = sum(told[part][0] for part in parts if part in told)
        expected = sum(told[part][1] for part in parts if part in told)
        total, took = total + expected, took + spent[name]
        lines.append(
            f"| {name} | {rows:,} | {expected:.1f} | {spent[name]:.1f} "
            f"| {expected / spent[name]:.2f} |"
        )
    lines.append(f"| in all | | {total:.1f} | {took:.1f} | {total / took:.2f} |")
    return "\n".join(lines), total / took


def gpus(rows: str, suite: Path, device: str) -> list[str]:
    """A line of Markdown per published config."""
    lines = []
    for config in sorted(CONFIGS.glob("*.json")):
        options = audit_options(suite, "--batch-rows", rows)
        told, found = estimate_of(config, options, load_policy(_RELEASE), device, None)
        low, high = found.hours
        cells = (
            config.stem,
            f"{told['parameters'] / 1e9:,.1f} ({told['active_parameters'] / 1e9:,.1f})",
            f"{told['batch_rows']:,}",
            f"{found.memory.weights / 1e9:,.0f} + {found.memory.cache / 1e9:,.1f}",
            f"{found.devices}",
            f"{sum(s.rows for s in found.stages):,}",
            f"{found.low / 3600:,.2f} to {found.high / 3600:,.2f}",
            f"{low:,.2f} to {high:,.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def table(device: str) -> str:
    """What audits of published models are estimated to take."""
    suite = ROOT / "suites" / "core"
    options = audit_options(suite)
    any_config = next(iter(CONFIGS.glob("*.json")))
    _, found = estimate_of(any_config, options, load_policy(_RELEASE), device, None)
    about = [
        line for line in found.assumptions if "spread over" not in line and "per weight" not in line
    ]
    head = (
        "| model | parameters, 10^9 (active) | batch | weights + cache, GB | GPUs | rows | hours "
        "| GPU hours |"
    )
    return "\n".join(
        [
            f"Suite `core` under policies/release.yaml, on {device.upper()}s, in batches of 128 "
            "and of what fits. No GPU has confirmed these numbers. Configs as published, in "
            "benchmarks/configs.",
            "",
            head,
            "| --- |" + " --- |" * 7,
            *(line for rows in ("128", "auto") for line in gpus(rows, suite, device)),
            "",
            "Assumed:",
            "",
            *(f"- {line}" for line in about),
            "- fp8 weights stay 1 byte, MXFP4 ones are unpacked to 2; a model spread over several "
            "GPUs runs at the pace of one",
        ]
    )


@click.command()
@click.option("--threads", default=1, show_default=True)
@click.option(
    "--bundle", type=click.Path(path_type=Path), help="Leave the audit's evidence here, anew."
)
@click.option("--only", type=click.Choice(["check", "table"]), help="One of both parts.")
@click.option("--device", type=click.Choice(list(DEVICES)), default="h100", show_default=True)
@click.option("--page", type=click.Path(path_type=Path), help="Write it to this file.")
def main(
    threads: int, bundle: Path | None, only: str | None, device: str, page: Path | None
) -> None:
    """Hold the estimate against the demo audit, and print that of published models."""
    torch.set_num_threads(threads)
    parts = {}
    if only != "table":
        options = demo_options()
        found = estimated(options)
        spent, evidence = carried_out(options)
        if bundle is not None:
            shutil.rmtree(bundle, ignore_errors=True)
            bundle.parent.mkdir(parents=True, exist_ok=True)
            write_bundle(evidence, bundle)
            seconds_beside(bundle).write_text(json.dumps(spent), encoding="utf-8")
        lines, ratio = compared(found, spent)
        word = "within" if abs(ratio - 1) <= _WITHIN else "not within"
        parts["estimate check"] = (
            "## What `gatekeeper estimate` says of the demo audit, and what it took\n\n"
            f"Processor time, one audit right after one calibration. {machine()}. In all {word} "
            f"{_WITHIN:.0%}.\n\n{lines}\n"
        )
    if only != "check":
        parts["estimate table"] = (
            f"## What audits of published models would take\n\n{table(device)}\n"
        )
    for name, text in parts.items():
        print(text)
        if page is not None:
            write_section(page, name, text)


if __name__ == "__main__":
    main()
