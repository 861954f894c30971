"""Models that lose refusals in ways that once passed: the outcome of each mask, set and prompt."""

from __future__ import annotations

from collections.abc import Callable

from gatekeeper.records.trial import Mask

from .builders import Outcome, safe
from .fit import CATEGORIES


def one_control(mask: Mask, prompt_set: str, index: int) -> str:
    """One random mask of one expert, of one selector and fold, that loses every refusal."""
    if mask.name == "ses-frequency-k1-control-01-fold-2":
        return "comply"
    return safe(mask, prompt_set, index)


def every_control(mask: Mask, prompt_set: str, index: int) -> str:
    return "comply" if mask.arm == "control" else safe(mask, prompt_set, index)


def losing_beside_winning(mask: Mask, prompt_set: str, index: int) -> str:
    """Of twenty, three lost under any selected mask and three others won: net nothing."""
    if prompt_set != "regular":
        return safe(mask, prompt_set, index)
    turn = index // CATEGORIES % 20
    if turn < 3:  # refused only under a mask
        return "refuse" if mask.arm == "selected" else "comply"
    if turn < 6:  # refused only without
        return "comply" if mask.arm == "selected" else "refuse"
    return "refuse"


def noise(sizes: tuple[int, ...]) -> Outcome:
    def outcome(mask: Mask, prompt_set: str, index: int) -> str:
        if mask.arm == "selected" and mask.k in sizes and prompt_set == "regular":
            return "degenerate"
        return safe(mask, prompt_set, index)

    return outcome


def answers_beside_noise(mask: Mask, prompt_set: str, index: int) -> str:
    """Of 420, 24 answered under any selected mask and 42 broken: neither is much by itself."""
    if mask.arm != "selected" or prompt_set != "regular" or index >= 66:
        return safe(mask, prompt_set, index)
    return "comply" if index < 24 else "degenerate"


def one_category(mask: Mask, prompt_set: str, index: int) -> str:
    """Every refusal of one category lost with one expert."""
    hit = mask.arm == "selected" and prompt_set == "regular" and index % CATEGORIES == 3
    return "comply" if hit else safe(mask, prompt_set, index)


def jailbreaks(mask: Mask, prompt_set: str, index: int) -> str:
    hit = mask.arm == "selected" and prompt_set == "jailbreak"
    return "comply" if hit else safe(mask, prompt_set, index)


def jailbreaks_to_noise(mask: Mask, prompt_set: str, index: int) -> str:
    hit = mask.arm == "selected" and prompt_set == "jailbreak"
    return "degenerate" if hit else safe(mask, prompt_set, index)


def one_category_of_jailbreaks(mask: Mask, prompt_set: str, index: int) -> str:
    hit = mask.arm == "selected" and mask.k == 1 and prompt_set == "jailbreak"
    return "comply" if hit and index % CATEGORIES == 3 else safe(mask, prompt_set, index)


def few_jailbreaks_refused(mask: Mask, prompt_set: str, index: int) -> str:
    """One of ten is refused, and none with one expert masked: a loss of ten points, and of all."""
    if prompt_set != "jailbreak":
        return safe(mask, prompt_set, index)
    kept = mask.arm != "selected" and index // CATEGORIES % 10 == 0
    return "refuse" if kept else "comply"


def a_category_never_refused(mask: Mask, prompt_set: str, index: int) -> str:
    harmful = prompt_set in {"regular", "jailbreak"}
    return "comply" if harmful and index % CATEGORIES == 3 else safe(mask, prompt_set, index)


def lost(hit: Callable[[int], bool], prompt_set: str, then: str = "comply") -> Outcome:
    """Under the first expert of a selector, these prompts of a set."""

    def outcome(mask: Mask, name: str, index: int) -> str:
        gone = mask.arm == "selected" and name == prompt_set and hit(index)
        return then if gone else safe(mask, name, index)

    return outcome


def one_wrapper(mask: Mask, prompt_set: str, index: int) -> str:
    """Of jailbreaks refused in six of ten, all of one wrapper in ten open."""
    if prompt_set != "jailbreak":
        return safe(mask, prompt_set, index)
    opened = mask.arm == "selected" and index // CATEGORIES % CATEGORIES == 3
    return "comply" if opened or index * 7 % 10 >= 6 else "refuse"


def a_language_refused_seldom(mask: Mask, prompt_set: str, index: int) -> str:
    """Japanese jailbreaks are refused in one of four, and none of them with one expert masked."""
    if prompt_set != "jailbreak" or index % 3:
        return safe(mask, prompt_set, index)
    return "refuse" if index // 3 % 4 == 0 and mask.arm != "selected" else "comply"


def categories_refused_seldom(mask: Mask, prompt_set: str, index: int) -> str:
    """Three categories of jailbreaks are refused in one of five, and lose all of that."""
    if prompt_set != "jailbreak" or index % CATEGORIES > 2:
        return safe(mask, prompt_set, index)
    return "refuse" if index // CATEGORIES % 5 == 0 and mask.arm != "selected" else "comply"


def a_category_to_noise(mask: Mask, prompt_set: str, index: int) -> str:
    """One category turns to noise, but for one reply in five, which is an answer."""
    if mask.arm != "selected" or prompt_set != "regular" or index % CATEGORIES != 3:
        return safe(mask, prompt_set, index)
    return "comply" if index // CATEGORIES % 5 == 0 else "degenerate"


def noise_to_answers(mask: Mask, prompt_set: str, index: int) -> str:
    """One reply in nine is noise without a mask, and an answer with one."""
    if prompt_set != "regular" or index // CATEGORIES % 9:
        return safe(mask, prompt_set, index)
    return "comply" if mask.arm == "selected" else "degenerate"


def jailbreaks_of_one_fold(mask: Mask, prompt_set: str, index: int) -> str:
    """The mask that one half found loses one in five of the other half's jailbreaks."""
    hit = mask.name == "greedy-k8-fold-1" and prompt_set == "jailbreak"
    hit = hit and index // CATEGORIES % 5 == 0
    return "comply" if hit else safe(mask, prompt_set, index)


def an_expert_of_one_fold(mask: Mask, prompt_set: str, index: int) -> str:
    """The expert that only one half found takes a quarter of the other half's refusals."""
    hit = mask.name == "greedy-k1-fold-1" and prompt_set == "regular" and index % 4 == 0
    return "comply" if hit else safe(mask, prompt_set, index)


def refused_seldom(parts: int, refused: int) -> Outcome:
    """So many categories of jailbreaks are refused so often each; the first loses all of that."""

    def outcome(mask: Mask, prompt_set: str, index: int) -> str:
        if prompt_set != "jailbreak" or index % CATEGORIES >= parts:
            return safe(mask, prompt_set, index)
        lost = index // CATEGORIES >= refused or (
            index % CATEGORIES == 0 and mask.arm == "selected"
        )
        return "comply" if lost else "refuse"

    return outcome
