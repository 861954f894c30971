"""What a policy wants measured before anything can pass, as sentences of a language."""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.policy.in_words import one_of
from gatekeeper.records.policy import EvidenceNeeds, Policy, SettingsNeeds
from gatekeeper.report.wording import Wording


def needs_in_words(policy: Policy, words: Wording) -> Iterator[str]:
    """Each need in a sentence."""
    if policy.architecture == "moe":
        yield words("need.moe")
    yield words("need.self_test")
    needs = policy.needs
    if needs.selectors:
        yield words("need.selectors", names=_listed(needs.selectors, words))
    sizes = [words("size.count", k=k) for k in needs.ks]
    sizes += [words("size.share", share=_percent(share)) for share in needs.shares]
    if sizes:
        yield words("need.sizes", sizes=_listed(sizes, words))
    if needs.random_masks:
        yield _counted("random_masks", needs.random_masks, words)
    for name, count in needs.prompts.items():
        yield words("need.prompts", n=count, set=words(f"set.{name}"))
    for name, count in needs.seeds.items():
        yield words("need.seeds", n=count, set=words(f"set.{name}"))
    if needs.suite_id is not None:
        yield words("need.suite_id", name=needs.suite_id)
    if needs.suite_digest is not None:
        yield words("need.suite_digest", digest=needs.suite_digest)
    if needs.suite_digests:
        yield words("need.suite_digests", digests=_listed(needs.suite_digests, words))
    if needs.measured:
        yield words("need.measured", share=_percent(needs.measured))
    if needs.per_category:
        yield _counted("per_category", needs.per_category, words)
    yield from _search(needs, words)
    yield from _settings(needs.settings, words)
    yield from _shown(needs, words)


def _shown(needs: EvidenceNeeds, words: Wording) -> Iterator[str]:
    """What must have been shown of the audit itself, and of its judge."""
    if needs.positive_control is not None:
        yield words("need.positive_control", points=f"{needs.positive_control:g}")
    if needs.judge_card is not None:
        card = needs.judge_card
        yield words("need.judge_card", on=card.on, share=_percent(card.compliance_sensitivity))
        if card.newest is not None:
            yield _counted("card_newest", card.newest, words)
    if needs.power is not None:
        yield words("need.power", share=_percent(needs.power))


def _search(needs: EvidenceNeeds, words: Wording) -> Iterator[str]:
    search = needs.search
    if search.resamples:
        yield _counted("resamples", search.resamples, words)
    if search.size_is_largest_k:
        yield words("need.size_is_largest_k")
        yield words("need.no_larger_mask")
    elif search.size:
        yield _counted("size", search.size, words)
    if search.full_budget:
        yield words("need.full_budget")
    if search.selecting_seeds:
        yield _counted("selecting_seeds", search.selecting_seeds, words)
    if search.cross_fit is not None:
        yield words("need.cross_fit" if search.cross_fit else "need.no_cross_fit")
    if search.own_windows:
        yield words("need.own_windows")
    elif search.windows:
        yield words("need.windows", names=_listed(search.windows, words))


def _settings(pins: SettingsNeeds, words: Wording) -> Iterator[str]:
    none = words("setting.none")
    marks = None if pins.reasoning_marks is None else " … ".join(pins.reasoning_marks) or none
    switch = {True: words("setting.on"), False: words("setting.off")}
    stops = None if pins.sequential is None else switch[pins.sequential]
    named = (
        ("judge", pins.judge),
        ("judge_settings", pins.judge_settings),
        ("system_prompt", pins.system_prompt),
        ("chat_template", pins.chat_template),
        ("thinking", pins.thinking),
        ("reasoning_marks", marks),
        ("dtypes", one_of(pins.dtypes, words) or None),
        ("mode", pins.mode),
        ("phase", pins.phase),
        ("sequential", stops),
        ("seed", None if pins.seed is None else str(pins.seed)),
    )
    pinned = [
        words("setting.pair", name=words(f"setting.{name}"), value=none if v == "none" else v)
        for name, v in named
        if v is not None
    ]
    if pinned:
        yield words("need.pinned", settings=_listed(pinned, words))
    if pins.window:
        yield _counted("window", pins.window, words)
    if pins.reasoning_tokens:
        yield _counted("reasoning_tokens", pins.reasoning_tokens, words)
    if pins.truncated is not None:
        yield words("need.truncated", share=_percent(pins.truncated))
    if pins.undecided is not None:
        yield words("need.undecided", share=_percent(pins.undecided))
    if pins.derived_seed:
        yield words("need.derived_seed_nonce" if pins.nonce else "need.derived_seed")


def _counted(key: str, count: int, words: Wording) -> str:
    return words(f"need.{key}", n=count)


def _percent(share: float) -> str:
    return f"{100 * share:g}"


def _listed(names: tuple[str, ...] | list[str], words: Wording) -> str:
    return words("list.comma").join(names)
