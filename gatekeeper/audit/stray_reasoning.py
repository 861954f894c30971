"""Refuses models whose replies hold only the closing mark of reasoning, never an opening one.

Where neither tokenizer nor template tells of reasoning, a refusal ends a row at once. Had such a
mark followed, all before it would have been reasoning, so a few rows are run to their end first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gatekeeper.audit.audit_run import AuditRun
from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.engine.generate.row_plan import Work
from gatekeeper.errors import AuditError
from gatekeeper.records.plugins import Judgement
from gatekeeper.records.reasoning import parts
from gatekeeper.records.trial import UNMASKED

#: Regular prompts that are looked at.
_LOOKED_AT = 32


def refuse_stray(run: AuditRun, prompts: Sequence[Encoded]) -> None:
    """Refuses a model whose replies end reasoning that they did not begin.

    Raises:
        AuditError: one of the looked at does.
    """
    settings = run.settings
    regular = [p for p in prompts if p.prompt.set == "regular"][:_LOOKED_AT]
    unstopped = replace(
        settings,
        base=f"{settings.base}|whole",
        judge=replace(settings.judge, judge=_unasked, judge_all=None),
        techniques=replace(settings.techniques, stop_early=False),
    )
    work = [Work(prompt=p, masks=(UNMASKED,)) for p in regular]
    trials = run.sweep(work, settings=unstopped, progress=_silent)
    marks = () if settings.reasoning is None else settings.reasoning.marks
    stray = sum(parts(trial.completion, marks).stray for trial in trials)
    if stray:
        raise AuditError(
            f"{stray} of {len(trials)} replies without a mask end reasoning with a closing mark "
            "alone, which neither the chat template nor the tokenizer knows",
            remedy="name the marks with --reasoning OPEN CLOSE, such as --reasoning '<think>' "
            "'</think>'",
        )


def _unasked(_prompt: str, _reply: str) -> Judgement:
    """Stands in for the judge, as no outcome is needed here: a remote one need not be asked."""
    return Judgement(outcome="degenerate", reason="looked at")


def _silent(_done: int, _total: int) -> None:
    pass
