"""What `audit`, `run` and `demo` share: the options of an audit, and the audit itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatekeeper.commands._output import NEW, install
from gatekeeper.commands._progress import ProgressReporter
from gatekeeper.errors import AuditError, UsageError, excerpt
from gatekeeper.records.trial import MODE, PHASES, split_mode

if TYPE_CHECKING:  # numpy and torch are behind these; --help has no use for them
    from gatekeeper.engine.checkpoint import Checkpoint
    from gatekeeper.engine.prepare import AuditRequest
    from gatekeeper.records.evidence import Evidence
    from gatekeeper.records.policy import Policy

DEFAULT_KS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """Options of an audit, as given on the command line."""

    suite: Path
    revision: str | None
    selectors: tuple[str, ...]
    ks: tuple[int, ...]
    controls: int | None
    mode: str
    phase: str
    judge: str
    max_prompts: int | None
    max_new_tokens: int
    batch_rows: int
    resamples: int
    selection_share: float
    seed: int
    device: str
    dtype: str
    system_prompt: Path | None


_SUITE = click.option(
    "--suite",
    type=click.Path(path_type=Path),
    required=True,
    help="Prompt suite: a directory with suite.json, or a .jsonl file.",
)

#: Largest integer that JSON keeps exactly (RFC 8785), less one: selectors draw with seed + 1 too.
_MOST_SEED = 2**53 - 2
#: Far above anything an audit can finish: a slip of the keyboard is told at once.
_MOST = 1_000_000


def _printable(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not (value.isprintable() and len(value) <= 200):
        raise click.BadParameter("give at most 200 printable characters")
    return value


def _finite(_context: click.Context, _option: click.Parameter, value: float) -> float:
    # NaN compares with nothing, so no range refuses it.
    if not math.isfinite(value):
        raise click.BadParameter("not a number between 0 and 1")
    return value


_OPTIONS = (
    click.option(
        "--revision",
        callback=_printable,
        help="Commit or tag of the checkpoint, for the record.",
    ),
    click.option(
        "--selector",
        "selectors",
        multiple=True,
        help="Selector to run (repeatable); default: those the policy wants, or all.",
    ),
    click.option(
        "-k",
        "ks",
        type=click.IntRange(1, _MOST),
        multiple=True,
        help="Mask size in experts (repeatable); default: those the policy wants, or 1 2 4 8.",
    ),
    click.option(
        "--controls",
        type=click.IntRange(0, _MOST),
        help="Random masks per selector and k; default: the policy's number, or 20.",
    ),
    click.option(
        "--mode",
        default=MODE,
        show_default=True,
        help="What a mask does: reroute (never chosen), ablate (chosen, contributes nothing), "
        "scale:FACTOR, noise:SIGMA. Policies judge reroute.",
    ),
    click.option(
        "--phase",
        type=click.Choice(PHASES),
        default="both",
        show_default=True,
        help="Where masks hold: while the prompt is read, while the reply is written, or both.",
    ),
    click.option("--judge", default="refusal-rules", show_default=True, help="Judge of replies."),
    click.option(
        "--max-prompts",
        type=click.IntRange(1, _MOST),
        help="At most so many prompts of each set, chosen by seed.",
    ),
    click.option(
        "--max-new-tokens",
        type=click.IntRange(1, _MOST),
        default=32,
        show_default=True,
        help="Token window W: tokens generated before a reply is judged.",
    ),
    click.option(
        "--batch-rows",
        type=click.IntRange(1, _MOST),
        default=128,
        show_default=True,
        help="Replies generated side by side.",
    ),
    click.option(
        "--resamples",
        type=click.IntRange(2, _MOST),
        default=1000,
        show_default=True,
        help="Resamples for the stability of a selection.",
    ),
    click.option(
        "--selection-share",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        callback=_finite,
        default=0.5,
        show_default=True,
        help="Share of seeds that select experts; the others measure.",
    ),
    click.option(
        "--seed", type=click.IntRange(0, _MOST_SEED), default=0, show_default=True, help="Seed."
    ),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda", "spread"]),
        default="auto",
        show_default=True,
        help="Where to run. spread: over all GPUs, then memory, then disk, for a model that no GPU "
        "holds.",
    ),
    click.option(
        "--dtype",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        default="auto",
        show_default=True,
        help="auto: as stored on CUDA, float32 on CPU.",
    ),
    click.option(
        "--system-prompt",
        type=click.Path(path_type=Path),
        help="File with the system prompt the model is served with.",
    ),
)


def audit_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of an audit but for the suite."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


suite_option = _SUITE


def plan(checkpoint: Path, options: AuditOptions, policy: Policy | None) -> AuditRequest:
    """All that can be refused before a weight is loaded or a file written: input, names, model.

    Raises:
        GatekeeperError: the suite, the checkpoint or an option is not fit for an audit.
    """
    from gatekeeper import catalog
    from gatekeeper.engine.checkpoint import open_checkpoint
    from gatekeeper.engine.inspect import describe
    from gatekeeper.suites.lint import repeated
    from gatekeeper.suites.read import read_suite

    suite = read_suite(options.suite)
    for warning in repeated(suite):
        click.echo(f"warning: {warning}", err=True)
    selectors = _selectors(options, policy)
    for name in selectors:
        catalog.load("selector", name)
    catalog.load("judge", options.judge)
    split_mode(options.mode)
    system = _system_prompt(options.system_prompt)
    opened = open_checkpoint(checkpoint, options.revision)
    request_type, refuse_dense, refuse_unauditable = _engine()
    # Before `describe`, which does not know the layouts of all that is refused by name.
    refuse_unauditable(opened)
    description = describe(opened)
    request = request_type(
        checkpoint=opened,
        description=description,
        suite=suite,
        selectors=selectors,
        ks=_ks(options, policy),
        controls=_controls(options, policy),
        mode=options.mode,
        phase=options.phase,
        judge=options.judge,
        max_prompts=options.max_prompts,
        max_new_tokens=options.max_new_tokens,
        batch_rows=options.batch_rows,
        resamples=options.resamples,
        selection_share=options.selection_share,
        seed=options.seed,
        device=options.device,
        dtype=options.dtype,
        system_prompt=system,
    )
    refuse_dense(request)
    return request


def perform(
    request: AuditRequest, bundle: Path, out: Path, work: Path, reporter: ProgressReporter
) -> Evidence:
    """Carries the audit out, measures all metrics and writes the bundle.

    What `out` held before is replaced once the new bundle is whole, and not before.

    Raises:
        GatekeeperError: see `engine.audit.run_audit` and `evidence.bundle.write_bundle`.
    """
    from dataclasses import replace

    from gatekeeper.engine.audit import run_audit
    from gatekeeper.evidence.bundle import write_bundle
    from gatekeeper.metrics import measure_all

    try:
        evidence = run_audit(request, work, reporter)
    finally:
        reporter.close()
    written = write_bundle(replace(evidence, findings=measure_all(evidence)), work / NEW)
    install(work / NEW, bundle, out)
    return written


def tell_left_out(evidence: Evidence) -> None:
    """A line for each selector that could not be run, with the reason."""
    for name, reason in evidence.skipped_selectors.items():
        click.echo(f"left out: selector {name}: {excerpt(reason)}")


def _engine() -> tuple[
    type[AuditRequest], Callable[[AuditRequest], None], Callable[[Checkpoint], None]
]:
    """The engine's side of a plan, which needs the `audit` extra."""
    try:
        from gatekeeper.engine.prepare import AuditRequest, refuse_dense
        from gatekeeper.engine.refusals import refuse_unauditable
    except ModuleNotFoundError as error:
        if error.name not in {"torch", "transformers", "safetensors"}:
            raise
        raise AuditError(
            f"{error.name} is not installed",
            remedy="pip install 'moe-gatekeeper[audit]'; check and report work without it",
        ) from error
    return AuditRequest, refuse_dense, refuse_unauditable


def _selectors(options: AuditOptions, policy: Policy | None) -> tuple[str, ...]:
    from gatekeeper import catalog

    wanted = policy.needs.selectors if policy else ()
    return tuple(dict.fromkeys(options.selectors or wanted or catalog.names("selector")))


def _ks(options: AuditOptions, policy: Policy | None) -> tuple[int, ...]:
    wanted = policy.needs.ks if policy else ()
    return tuple(sorted(set(options.ks or wanted or DEFAULT_KS)))


def _controls(options: AuditOptions, policy: Policy | None) -> int:
    if options.controls is not None:
        return options.controls
    return policy.needs.random_masks if policy else 20


def _system_prompt(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "the system prompt cannot be read", where=excerpt(path), remedy="give a UTF-8 text file"
        ) from error
