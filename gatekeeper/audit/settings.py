"""The settings that evidence records, and whether evidence is of the audit that a request asks."""

from __future__ import annotations

from dataclasses import replace

from gatekeeper import __version__
from gatekeeper.audit.request import AuditRequest, with_seed
from gatekeeper.audit.room import device_and_dtype
from gatekeeper.audit.second_judge import open_second, recorded
from gatekeeper.engine.judges.judging import open_judge
from gatekeeper.engine.model.load import dtype_name
from gatekeeper.engine.versions import versions
from gatekeeper.records.audit_config import values_of
from gatekeeper.records.digest import sha256
from gatekeeper.records.evidence import AuditSettings, Evidence
from gatekeeper.records.plugins import Judge
from gatekeeper.suites.split import VERSION


def settings_of(
    request: AuditRequest,
    judge: Judge,
    *,
    dtype: str,
    device: str,
    template_sha256: str,
    batch_rows: int,
    clock: str | None,
) -> AuditSettings:
    """Everything that was chosen, and the versions of what the numbers hang on."""
    return AuditSettings(
        **values_of(request) | {"dtype": dtype},
        judge_version=judge.version,
        judge_settings=judge.settings,
        reasoning=request.reasoning,
        batch_rows=batch_rows,
        device=device,
        parallel=request.execution.parallel,
        system_prompts=tuple(sha256(text) for text in request.system_prompts),
        split=VERSION,
        system_prompt_sha256=None
        if request.system_prompt is None
        else sha256(request.system_prompt),
        chat_template_sha256=template_sha256,
        clock=clock,
        versions=versions(),
    )


def is_audit_of(request: AuditRequest, evidence: Evidence) -> bool:
    """Whether evidence is what this request would make: same version, bytes, suite and settings.

    Reads and hashes the whole checkpoint. The chat template is among its files.
    """
    reference = request.checkpoint.reference()
    request = with_seed(request, reference.digest)
    device, dtype = device_and_dtype(request)
    judge = open_judge(request.judge, request.judge_options)
    wanted = settings_of(
        request,
        judge,
        dtype=dtype_name(dtype),
        device=device.type,
        template_sha256=evidence.settings.chat_template_sha256,
        # auto: what it came to
        batch_rows=request.execution.batch_rows or evidence.settings.batch_rows,
        clock=evidence.settings.clock,
    )
    wanted = recorded(wanted, request.second, open_second(request.second, judge))
    # Another Python gives the same numbers.
    python = evidence.settings.versions.get("python", "")
    return (
        evidence.tool_version == __version__
        and evidence.suite.digest == request.suite.digest
        and evidence.settings
        == replace(
            wanted,
            versions={**wanted.versions, "python": python},
            metrics=evidence.settings.metrics,  # measured from the trials, and measured again
        )
        and evidence.checkpoint == reference
    )
