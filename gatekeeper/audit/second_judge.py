"""The second judge, asked about a sample of the replies once all trials are there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gatekeeper.analysis.second_sample import second_rows
from gatekeeper.engine.judges.judging import open_judge
from gatekeeper.errors import UsageError
from gatekeeper.evidence.judge_store import SECOND_STORE
from gatekeeper.records.evidence import AuditSettings, Evidence, SecondJudge
from gatekeeper.records.judge_options import SecondRequest
from gatekeeper.records.plugins import Judge
from gatekeeper.records.suite import Suite


def open_second(
    request: SecondRequest | None, first: Judge, directory: Path | None = None
) -> Judge | None:
    """The second judge, told its options; None if none is asked for.

    It keeps its answers, and counts its costs, apart from the first's.

    Raises:
        UsageError: it is the first judge again, whose agreement would say nothing.
        GatekeeperError: see `open_judge`.
    """
    if request is None:
        return None
    second = open_judge(request.judge, request.options, directory, store=SECOND_STORE)
    if (second.id, second.settings) == (first.id, first.settings):
        raise UsageError(
            "--second-judge is the judge itself: that they agree would say nothing",
            remedy="name another, or give it another model by --second-judge-option",
        )
    return second


def recorded(
    settings: AuditSettings, request: SecondRequest | None, second: Judge | None
) -> AuditSettings:
    """The settings with what evidence records of the second judge."""
    if request is None or second is None:
        return settings
    return replace(
        settings,
        second=SecondJudge(
            judge=second.id, version=second.version, settings=second.settings, sample=request.sample
        ),
    )


def judged_twice(evidence: Evidence, suite: Suite, judge: Judge) -> Evidence:
    """The evidence with what the second judge says of its sample.

    Raises:
        AuditError: the judge has no answer.
    """
    rows = second_rows(evidence)
    text = {prompt.id: prompt.text for prompt in suite.prompts}
    sampled = [t for t in evidence.trials if (t.mask, t.prompt_id) in rows]
    judgements = judge.judgements([(text[t.prompt_id], t.completion) for t in sampled])
    return replace(
        evidence,
        trials=tuple(
            replace(t, second=judgements[text[t.prompt_id], t.completion].outcome)
            if (t.mask, t.prompt_id) in rows
            else t
            for t in evidence.trials
        ),
    )
