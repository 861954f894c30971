"""The second judge's part of evidence.json, and its place in a trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatekeeper.records.evidence import AuditSettings, SecondJudge


def second_to_json(settings: AuditSettings) -> dict[str, Any]:
    """`second` and `parallel` of the settings, where there were such."""
    second = settings.second
    parallel = {} if settings.parallel is None else {"parallel": settings.parallel}
    if second is None:
        return parallel
    return {
        **parallel,
        "second": {
            "judge": second.judge,
            "judge_version": second.version,
            "judge_settings": dict(second.settings),
            "sample": second.sample,
        },
    }


def second_from_json(settings: Mapping[str, Any]) -> SecondJudge | None:
    """The record of the settings' `second`; None in bundles without one."""
    data = settings.get("second")
    if data is None:
        return None
    return SecondJudge(
        judge=data["judge"],
        version=data["judge_version"],
        settings=dict(data["judge_settings"]),
        sample=data["sample"],
    )
