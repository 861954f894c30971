"""An audit of which nothing is known, for verdicts on numbers that somebody told."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from gatekeeper.records.evidence import AuditSettings, Evidence, PromptRef, SuiteRef
from gatekeeper.records.finding import Subject
from gatekeeper.records.model import CheckpointRef, ModelDescription


def blank_evidence(subjects: Iterable[Subject] = ()) -> Evidence:
    """Evidence without masks and replies: no noise, no second judge, nothing undecided.

    Args:
        subjects: what numbers are told of: each category and language of them has a prompt, of no
            set, for nothing is measured of a part that the suite does not have.
    """
    parts = {(s.category, s.language) for s in subjects if s.category or s.language}
    return _blank(tuple(sorted(parts, key=str)))


@cache
def _blank(parts: tuple[tuple[str | None, str | None], ...]) -> Evidence:
    prompts = tuple(
        PromptRef(
            id=str(i),
            seed_id=str(i),
            set="",
            category=category or "",
            language=language or "",
            text_sha256=str(i),
            split="measurement",
            skipped=None,
        )
        for i, (category, language) in enumerate(parts)
    )
    return Evidence(
        digest="",
        tool_version="",
        checkpoint=CheckpointRef(source="", revision=None, files={}),
        model=ModelDescription(
            model_type="",
            architecture="",
            dtype="",
            layers=0,
            sites=(),
            parameters=0,
            active_parameters=0,
            context_length=None,
        ),
        suite=SuiteRef(id="", version="", title="", licence="", digest="", prompts=prompts),
        settings=AuditSettings(
            judge_version=0,
            batch_rows=0,
            device="",
            system_prompt_sha256=None,
            chat_template_sha256="",
            versions={},
        ),
        self_test=(),
        selections=(),
        skipped_selectors={},
        masks=(),
        trials=(),
        profile=None,
        findings=(),
        times=None,
    )
