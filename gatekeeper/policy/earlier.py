"""Verdicts of earlier versions: what of them can still be compared, and how they were worded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import rfc8785

from gatekeeper import catalog
from gatekeeper.policy.review import DRAWS
from gatekeeper.policy.subjects import is_masked
from gatekeeper.records.policy import Policy


def is_earlier(stored: Mapping[str, Any]) -> bool:
    """Whether a verdict.json was written before verdicts had a headline."""
    return "headline" not in stored


def without_sentences(
    stored: Mapping[str, Any], derived: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both verdicts as far as they can agree: results, rules, numbers, needs and digests.

    Not compared are sentences, the order of a rule's numbers, how many prompts would decide, and
    needs that the earlier version did not know: an unmet one shows in the result.
    """
    known = {need["name"] for need in stored["requirements"]}
    return _bare(stored, known), _bare(derived, known)


def with_earlier_warnings(
    derived: Mapping[str, Any], policy: Policy, today: date
) -> dict[str, Any]:
    """A verdict with its policy's warnings as they were before verdicts counted them all."""
    warnings: list[str] = []
    for text in derived["warnings"]:
        warnings += _about_policy(policy, today) if text.startswith(DRAWS) else [text]
    return {**derived, "warnings": warnings}


def _about_policy(policy: Policy, today: date) -> Iterator[str]:
    if policy.review_by is not None and today > policy.review_by:
        yield f"the policy was due for review by {policy.review_by.isoformat()}"
    if policy.rules and all(rule.severity == "warn" for rule in policy.rules):
        yield "no rule of this policy can block a release"
    metrics = {rule.metric: catalog.load("metric", rule.metric) for rule in policy.rules}
    masked = (is_masked(metrics[r.metric], at) for r in policy.rules for at in r.subjects)
    if policy.rules and not any(masked):
        yield "no rule of this policy masks experts: it says nothing about what an audit looks for"
    for rule in policy.rules:
        if rule.bound == "estimate":
            yield f"rule {rule.id} holds the estimate against its limit and ignores uncertainty"


def _bare(data: Mapping[str, Any], needs: set[str]) -> dict[str, Any]:
    keys = ("schema", "result", "evidence", "policy", "checkpoint", "judged_on")
    return {
        **{key: data[key] for key in keys},
        "needs": {one["name"]: one["met"] for one in data["requirements"] if one["name"] in needs},
        "outcomes": [
            {
                "rule": {"interval": "suite", **one["rule"]},
                "result": one["result"],
                "numbers": sorted(map(_number, (one["decisive"], *one["others"])), key=_subject),
            }
            for one in data["outcomes"]
        ],
    }


def _number(data: Mapping[str, Any]) -> dict[str, Any]:
    """A finding without what findings did not always name."""
    return {key: value for key, value in data.items() if key not in {"mask", "split"}}


def _subject(data: Mapping[str, Any]) -> bytes:
    return rfc8785.dumps(data["subject"])
