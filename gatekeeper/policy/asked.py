"""What a policy asks of the evidence, need by need, under the names that its author wrote.

One list for whoever takes a need away to see whether a test misses it (`policy.testing`), and for
whoever asks which of two policies asks for more (`policy.diff`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gatekeeper.records.policy import EvidenceNeeds, Policy, SettingsNeeds

#: How the values of a need compare: more of it is asked (`least`), less is allowed (`most`), fewer
#: are allowed (`among`), or it must be just so (`same`).
ORDERS = ("least", "most", "among", "same")

_SAME_SETTINGS = (
    *("judge", "judge_settings", "system_prompt", "chat_template", "mode", "phase"),
    *("thinking", "reasoning_marks"),
)
_EXACT_SETTINGS = ("window", "reasoning_tokens")
_MOST_SETTINGS = ("truncated", "undecided")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One need: its value, and how it compares to another of the same name.

    Attributes:
        order: one of `ORDERS`.
        text: the value as people read it.
    """

    value: Any
    order: str
    text: str

    def implies(self, other: Asked) -> bool:
        """Whether evidence that meets this meets the other."""
        if self.order != other.order:
            return False
        if self.order == "least":
            return bool(self.value >= other.value)
        if self.order == "most":
            return bool(self.value <= other.value)
        if self.order == "among":
            return set(self.value) <= set(other.value)
        return bool(self.value == other.value)


def asked(policy: Policy) -> dict[str, Asked]:
    """Every need that a policy states, by name: `controls.random_masks`, `selectors.greedy`, ….

    Args:
        policy: sized for a model where mask sizes are to be compared; else shares stand apart.
    """
    needs, found = policy.needs, dict[str, Asked]()
    if policy.architecture != "any":
        found["applies_to.architecture"] = _same(policy.architecture)
    for selector in needs.selectors:
        found[f"selectors.{selector}"] = _same("run")
    for k in needs.ks:
        found[f"k.{k}"] = _same("run")
    for share in needs.shares:
        found[f"k.{100 * share:g} %"] = _same("run")
    for name, value in _numbers(needs):
        found[name] = Asked(value=value, order="least", text=_text(name, value))
    found.update(_suite(needs))
    found.update(_search(needs))
    found.update(_settings(needs.settings))
    if needs.judge_card is not None:
        found["judge_card.on"] = _same(needs.judge_card.on)
        if (newest := needs.judge_card.newest) is not None:
            text = f"{newest} days"
            found["judge_card.newest"] = Asked(value=newest, order="most", text=text)
    return found


def _numbers(needs: EvidenceNeeds) -> Iterator[tuple[str, float]]:
    """Needs of at least so much; none of 0."""
    card = needs.judge_card
    pairs: tuple[tuple[str, float | None], ...] = (
        ("controls.random_masks", needs.random_masks),
        *((f"prompts.{name}", count) for name, count in needs.prompts.items()),
        *((f"seeds.{name}", count) for name, count in needs.seeds.items()),
        ("suite.measured", needs.measured),
        ("suite.per_category", needs.per_category),
        ("search.resamples", needs.search.resamples),
        ("search.selecting_seeds", needs.search.selecting_seeds),
        ("positive_control", needs.positive_control),
        ("power", needs.power),
        ("judge_card.compliance_sensitivity", card.compliance_sensitivity if card else None),
    )
    yield from ((name, value) for name, value in pairs if value)


def _suite(needs: EvidenceNeeds) -> Iterator[tuple[str, Asked]]:
    if needs.suite_id is not None:
        yield "suite.id", _same(needs.suite_id)
    digests = (needs.suite_digest,) if needs.suite_digest is not None else needs.suite_digests
    if digests:
        yield "suite.digest", Asked(value=digests, order="among", text=", ".join(digests))


def _search(needs: EvidenceNeeds) -> Iterator[tuple[str, Asked]]:
    search = needs.search
    if search.size_is_largest_k:
        largest = max(needs.ks, default=0)
        text = "largest-k" + (f" ({largest})" if largest else "")
        value = ("largest-k", largest, max(needs.shares, default=0.0))
        yield "search.size", Asked(value=value, order="same", text=text)
    elif search.size:
        yield "search.size", Asked(value=search.size, order="least", text=str(search.size))
    if search.full_budget and needs.selectors:
        yield "search.budget", _same("full")
    if search.cross_fit is not None:
        yield "search.cross_fit", _same(str(search.cross_fit).lower())
    if search.own_windows:
        yield "search.windows", _same("own")
    elif search.windows:
        yield (
            "search.windows",
            Asked(value=search.windows, order="among", text=", ".join(search.windows)),
        )


def _settings(pins: SettingsNeeds) -> Iterator[tuple[str, Asked]]:
    for name in _SAME_SETTINGS:
        value = getattr(pins, name)
        if value is not None:
            text = (" … ".join(value) or "none") if isinstance(value, tuple) else str(value)
            yield f"settings.{name}", Asked(value=value, order="same", text=text)
    for name in _EXACT_SETTINGS:
        if value := getattr(pins, name):
            yield f"settings.{name}", _same(value)
    for name in _MOST_SETTINGS:
        value = getattr(pins, name)
        if value is not None:
            yield f"settings.{name}", Asked(value=value, order="most", text=f"{100 * value:g} %")
    if pins.dtypes:
        text = ", ".join(pins.dtypes)
        yield "settings.dtype", Asked(value=pins.dtypes, order="among", text=text)
    if pins.sequential is not None:
        text = "stopped once settled" if pins.sequential else "run to the end"
        yield "settings.sequential", Asked(value=pins.sequential, order="same", text=text)
    if pins.derived_seed:
        # With a nonce it is another seed: neither kind of audit is one of the other.
        yield "settings.seed", _same("derived, with a nonce" if pins.nonce else "derived")
        if pins.nonce:
            yield "settings.nonce", _same("required")
    elif pins.seed is not None:
        yield "settings.seed", _same(pins.seed)


def _same(value: Any) -> Asked:
    return Asked(value=value, order="same", text=str(value))


def _text(name: str, value: float) -> str:
    if name == "positive_control":
        return f"{value:g} points"
    shares = ("suite.measured", "power", "judge_card.compliance_sensitivity")
    return f"{100 * value:g} %" if name in shares else f"{value:g}"


#: What a need falls back to once it is taken away, by the name of its last part.
_NOTHING: Mapping[str, Any] = {
    "controls.random_masks": {"random_masks": 0},
    "suite.id": {"suite_id": None},
    "suite.digest": {"suite_digest": None, "suite_digests": ()},
    "suite.measured": {"measured": 0.0},
    "suite.per_category": {"per_category": 0},
    "positive_control": {"positive_control": None},
    "power": {"power": None},
}
_NO_SEARCH: Mapping[str, Any] = {
    "search.resamples": {"resamples": 0},
    "search.size": {"size": 0, "size_is_largest_k": False},
    "search.budget": {"full_budget": False},
    "search.selecting_seeds": {"selecting_seeds": 0},
    "search.cross_fit": {"cross_fit": None},
    "search.windows": {"windows": (), "own_windows": False},
}
_NO_CARD: Mapping[str, Any] = {
    "judge_card.compliance_sensitivity": {"compliance_sensitivity": 0.0},
    "judge_card.newest": {"newest": None},
}
_NO_SETTING: Mapping[str, Any] = {
    **{f"settings.{name}": {name: None} for name in (*_SAME_SETTINGS, *_MOST_SETTINGS)},
    "settings.sequential": {"sequential": None},
    **{f"settings.{name}": {name: 0} for name in _EXACT_SETTINGS},
    "settings.dtype": {"dtypes": ()},
    "settings.seed": {"seed": None, "derived_seed": False, "nonce": False},
    "settings.nonce": {"nonce": False},
}


def without(policy: Policy, name: str) -> Policy | None:
    """The policy without one of its needs.

    Returns:
        None where that would be no other policy, or none at all: a mask size that a rule asks
        about, a selector that one names, the only selector.
    """
    needs = policy.needs
    if name == "applies_to.architecture":
        return replace(policy, architecture="any")
    group, _, rest = name.partition(".")
    if group in {"selectors", "k"}:
        return _without_mask(policy, group, rest)
    if name in _NO_SEARCH:
        changed = replace(needs, search=replace(needs.search, **_NO_SEARCH[name]))
    elif name in _NO_SETTING:
        changed = replace(needs, settings=replace(needs.settings, **_NO_SETTING[name]))
    elif group in {"prompts", "seeds"}:
        left = {key: count for key, count in getattr(needs, group).items() if key != rest}
        changed = replace(needs, prompts=left) if group == "prompts" else replace(needs, seeds=left)
    elif name == "judge_card.on":
        changed = replace(needs, judge_card=None)
    elif name in _NO_CARD and needs.judge_card is not None:
        changed = replace(needs, judge_card=replace(needs.judge_card, **_NO_CARD[name]))
    else:
        changed = replace(needs, **_NOTHING[name])
    return replace(policy, needs=changed)


def _without_mask(policy: Policy, group: str, name: str) -> Policy | None:
    needs = policy.needs
    if group == "selectors":
        if any(at.selector == name for rule in policy.rules for at in rule.subjects):
            return None
        left = tuple(selector for selector in needs.selectors if selector != name)
        return replace(policy, needs=replace(needs, selectors=left)) if left else None
    used = {str(at.k) for rule in policy.rules for at in rule.subjects}
    used |= {f"{100 * share:g} %" for rule in policy.rules for share in rule.shares}
    if name in used:
        return None
    ks = tuple(k for k in needs.ks if str(k) != name)
    shares = tuple(share for share in needs.shares if f"{100 * share:g} %" != name)
    return replace(policy, needs=replace(needs, ks=ks, shares=shares))
