"""Runs a command of `--parallel` in several processes, of which one writes and speaks.

torchrun starts the same command N times. Rank 0 carries it out as ever. The others carry out the
audit beside it, because they hold parts of the model, and nothing else: they print nothing and
write nothing, and end with rank 0's exit code. Where one fails, one line tells of it.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from gatekeeper._process import ignore_signals
from gatekeeper.audit.plan import load_engine, looks_of, plan
from gatekeeper.commands._auditing import AUDIT, warn
from gatekeeper.commands._progress import ProgressReporter
from gatekeeper.errors import AuditError, ExitCode, GatekeeperError, UsageError, excerpt
from gatekeeper.records.audit_config import AuditConfig, TypedOptions

if TYPE_CHECKING:  # torch is behind it
    from gatekeeper.engine.torchrun.ranks import Ranks

#: Seconds that a rank waits for rank 0, and rank 0 for others, to tell of an error before it.
_AFTER_FIRST, _AFTER_OTHERS = 3.0, 1.0

_TORCHRUN = "torchrun --nproc-per-node N -m gatekeeper …"


def in_step(
    typed: TypedOptions,
    lead: Callable[[Ranks | None], int],
    follow: Callable[[Ranks], int],
) -> int:
    """Carries a command out, in one process or in step with others.

    Args:
        lead: the command; on rank 0 it is handed the ranks.
        follow: what other ranks do beside it. Both return the exit code.

    Raises:
        UsageError: `--parallel` without torchrun, torchrun without it, or with what it excludes.
        GatekeeperError: of the command; on one rank only.
    """
    rank, size = _number("RANK", 0), _number("WORLD_SIZE", 1)
    try:
        _check(typed, size)
        if typed.execution.parallel is None:
            return lead(None)
        load_engine()
        from gatekeeper.engine.torchrun.ranks import open_ranks

        ranks = open_ranks(typed.execution.device)
    except GatekeeperError as error:
        if rank == 0 or size == 1 or not isinstance(error, UsageError):
            raise
        return _wait_for_first(error.exit_code)
    except KeyboardInterrupt:
        if rank == 0 or size == 1:
            raise
        return ExitCode.AUDIT_FAILED  # torchrun ends all because of one, or rank 0 tells of it
    return _together(ranks, lead, follow)


def _number(name: str, default: int) -> int:
    """A number of torchrun's variables; something else may have set one to whatever."""
    value = os.environ.get(name, "")
    return int(value) if value.isascii() and value.isdigit() else default


def _wait_for_first(code: int) -> int:
    """Waits for rank 0 to tell of the same error; torchrun then ends this process."""
    with suppress(KeyboardInterrupt):
        time.sleep(_AFTER_FIRST)
    return code


def _check(typed: TypedOptions, size: int) -> None:
    """Refuses what cannot go in step, before the ranks meet."""
    if typed.execution.parallel is None:
        if size > 1:
            raise UsageError(
                f"one of {size} processes (WORLD_SIZE), which would all do the same",
                remedy="add --parallel tensor or expert, or start it without torchrun",
            )
        return
    if size == 1:
        raise UsageError(
            "--parallel, and no other process holds a part of the model",
            remedy=f"start it with `{_TORCHRUN}`",
        )
    from gatekeeper import catalog

    if typed.execution.workers > 1 or typed.execution.ray is not None:
        raise UsageError(
            "--parallel with --workers: one replica takes all processes",
            remedy="leave one of them out",
        )
    if typed.execution.device == "spread":
        raise UsageError(
            "--parallel with --device spread: both divide the model",
            remedy="leave one of them out",
        )
    if "int8" in typed.config.get("formats", ()):
        raise UsageError(
            "--parallel with --also-dtype int8: parts of a matrix would be rounded apart",
            remedy="leave it out, or audit it on one device",
        )
    judge = typed.config.get("judge", AuditConfig().judge)
    if not catalog.load("judge", judge).from_reply_alone:
        raise UsageError(
            f"--parallel with the judge {excerpt(judge)}: every rank would ask it",
            remedy="use refusal-rules, and the other as --second-judge: rank 0 alone asks that",
        )


def _together(
    ranks: Ranks, lead: Callable[[Ranks | None], int], follow: Callable[[Ranks], int]
) -> int:
    try:
        try:
            code = ranks.share(lead(ranks)) if ranks.rank == 0 else follow(ranks)
        except BaseException as error:
            return _first_exit_code(ranks, error)
        ranks.close()
    except KeyboardInterrupt as error:  # torchrun ends the others while they learn of the end
        return _first_exit_code(ranks, error)
    return code


def _first_exit_code(ranks: Ranks, error: BaseException) -> int:
    """The exit code of the rank that first tells of the error which ended all; it raises that.

    The same error may come on every rank, or on one and the loss of it on the others.
    """
    from gatekeeper.engine.torchrun.ranks import tells_of_loss

    ignore_signals()
    lost = tells_of_loss(error)
    code = ExitCode.AUDIT_FAILED if lost else getattr(error, "exit_code", ExitCode.AUDIT_FAILED)
    patience = _AFTER_FIRST if ranks.rank else _AFTER_OTHERS if lost else 0.0
    first = ranks.claim(code, patience)
    if first is not None:
        return first
    if lost:
        loss = AuditError(
            f"another of the {ranks.size} processes was lost",
            remedy="see what torchrun says of it; what was computed is kept: run the same command "
            "again to go on",
        )
        for note in getattr(error, "__notes__", ()):
            loss.add_note(note)
        raise loss from error
    if ranks.rank:
        error.add_note(f"on rank {ranks.rank} of {ranks.size}")
    raise error


def follow(
    checkpoint: Path,
    typed: TypedOptions,
    policy_path: Path | None,
    tier: str | None,
    ranks: Ranks,
) -> int:
    """Audits beside rank 0, if that does, without a word and outside its directory.

    Returns:
        Rank 0's exit code.

    Raises:
        GatekeeperError: see `audit.run.run_audit`.
    """
    from gatekeeper.audit.run import run_audit
    from gatekeeper.policy.load import load_policy

    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        policy = load_policy(policy_path, tier) if policy_path else None
        request = replace(plan(checkpoint, typed, policy, warn), second=None)
        said = ranks.share("")
        if said == AUDIT:
            with TemporaryDirectory(prefix="gatekeeper-") as work:
                quiet = ProgressReporter(quiet=True)
                run_audit(request, Path(work), quiet, looks_of(request, policy), ranks)
            said = ranks.share("")
        return int(said)
