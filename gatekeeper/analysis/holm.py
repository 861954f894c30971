"""Which of several claims stand together, at one error rate for all of them.

Source: Holm (1979), Scandinavian Journal of Statistics 6:65, section 3. Whatever the claims depend
on in common, at most a share α of audits in which none of them is true makes any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Whether a claim stands at this confidence; one that stands at a level stands at those below.
Claim = Callable[[float], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What a step-down procedure made of some claims.

    Attributes:
        stand: [m], whether each claim is made.
        first, last: confidence asked at the first and at the last step, 1 − α/m and 1 − α/(claims
            still open). One more claim would have had to stand at the last.
        still: claims open at the last step; at least 1, so that `last` is defined.
    """

    stand: tuple[bool, ...]
    first: float
    last: float
    still: int


def step_down(claims: Sequence[Claim], confidence: float) -> Steps:
    """Holm's procedure over claims that are asked at a level, instead of ordered p-values.

    Every claim that stands at 1 − α/m is made; with r of them made, those left are asked at
    1 − α/(m − r); and so on until a step adds none. That is Holm's: the i-th smallest p is
    compared with α/(m − i + 1), and p ≤ α/m implies p ≤ α/(m − r).

    Args:
        claims: all that could be made, also those that no answer could have supported.
        confidence: 1 − α.
    """
    alpha, count = 1 - confidence, len(claims)
    stand = [False] * count
    while True:
        still = max(count - sum(stand), 1)
        level = 1 - alpha / still
        more = [i for i, claim in enumerate(claims) if not stand[i] and claim(level)]
        if not more:
            return Steps(
                stand=tuple(stand), first=1 - alpha / max(count, 1), last=level, still=still
            )
        for i in more:
            stand[i] = True
