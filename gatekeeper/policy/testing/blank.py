"""An audit of which nothing is known, for verdicts on numbers that somebody told."""

from __future__ import annotations

from functools import cache

from gatekeeper.records.evidence import AuditSettings, Evidence, SuiteRef
from gatekeeper.records.model import CheckpointRef, ModelDescription


@cache
def blank_evidence() -> Evidence:
    """Evidence without prompts, masks and replies: no noise, no second judge, nothing undecided."""
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
        suite=SuiteRef(id="", version="", title="", licence="", digest="", prompts=()),
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
