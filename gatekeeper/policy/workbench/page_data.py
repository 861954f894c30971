"""What the scripts of a page read of a policy, to slide its limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gatekeeper.policy.decide_rules import joins
from gatekeeper.policy.in_words import about_in_words
from gatekeeper.policy.workbench.faults import allowed, at_odds
from gatekeeper.policy.workbench.grid import Slider, sliders
from gatekeeper.records.policy import Policy
from gatekeeper.report.wording import Wording

#: Words of `policy explain` that the page says too.
_ALSO = ("explain.at_most", "explain.at_least", "explain.blocks", "explain.warns")


def limits_data(policy: Policy, marks: Sequence[Any], words: Wording) -> dict[str, Any]:
    """Rules, their sliders, and pairs of limits that are refused.

    Args:
        marks: of each slider, as `table.prompts`; empty if prompts are not told of.
    """
    found, told = sliders(policy), [{"marks": one} for one in marks]
    places = {slider.rule.id: list[int]() for slider in found}
    for at, slider in enumerate(found):
        places[slider.rule.id].append(at)
    ids = [rule.id for rule in policy.rules]
    return {
        "sliders": [
            {**_slider(policy, one), "rule": ids.index(one.rule.id), **marked}
            for one, marked in zip(found, told or [{}] * len(found), strict=True)
        ],
        "rules": [
            {
                "id": rule.id,
                "about": about_in_words(rule, policy, words),
                "blocks": rule.severity != "warn",
                "joins": joins(rule),
                "sliders": places[rule.id],
            }
            for rule in policy.rules
        ],
        "pairs": at_odds(policy, found),
    }


def _slider(policy: Policy, slider: Slider) -> dict[str, Any]:
    return {
        "side": slider.side,
        "key": slider.key,
        "unit": slider.rule.unit,
        "start": slider.start,
        "values": slider.values,
        "allowed": allowed(policy, slider),
    }


def page_words(words: Wording) -> dict[str, str]:
    """The page's texts, by key without what stands before the first dot; units with it."""
    own = {key: text for key, text in words.texts.items() if isinstance(text, str)}
    return {
        **{key.partition(".")[2]: own[key] for key in own if key.startswith("workbench.")},
        **{key: own[key] for key in own if key.startswith("unit.")},
        **{key.partition(".")[2]: own[key] for key in _ALSO},
    }
