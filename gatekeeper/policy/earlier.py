"""Verdicts written before they had a headline: what of them can still be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import rfc8785


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
