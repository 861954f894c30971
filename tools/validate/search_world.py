"""Models of which it is known what a mask costs, for searches that are made to look less hard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gatekeeper.records.model import ExpertId
from gatekeeper.records.plugins import SelectionInput
from tools.validate.planted_world import (
    Effect,
    Routing,
    attribution_of,
    given_of,
    logits_of,
    shape_of,
    world,
)

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

#: Requests, each with a jailbreak and a benign twin.
SEEDS = 300
#: Of them in turn.
CATEGORIES = 6
_ROUTED = Routing(committee=3.0, base=0.5, topic=1.0, seed=0.5, prompt=0.3, busy_noise=True)
_NOTHING = Effect(routing=0.0, attribution=0.0)
#: Refusal log-odds, in units of what one carrier of many is worth: noise of one measured prompt.
_NOISE = 0.5
#: Attribution of the one expert that carries a set's refusals, in deviations of one prompt's.
_CARRIES = 1.5
#: What it costs to lose all refusals: more than any request's margin.
_ALL = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """One draw of a model whose refusals hang on known experts.

    Attributes:
        given: what selectors would be given of all prompts.
        prompt_set: of the requests whose refusals hang on the carriers; those of the other set are
            refused whatever is masked.
        margin: [SEEDS], carriers that a request must lose before it is answered; infinite for one
            whose refusal does not hang on them.
        carriers: that count; where `together`, nothing is lost while one is left.
        most: experts that can be masked; with more, no request is refused whichever they are.
        heals: with more masked experts than these, or any of `against` among them, all is refused.
    """

    given: SelectionInput
    margin: FloatArray
    carriers: frozenset[ExpertId]
    together: bool
    most: int | None = None
    heals: int | None = None
    against: frozenset[ExpertId] = frozenset()
    prompt_set: str = "regular"

    def lost(self, experts: Sequence[ExpertId]) -> BoolArray:
        """Requests that are answered under a mask, [SEEDS]."""
        return np.asarray(self._worth(experts) > self.margin)

    def effects(
        self,
        masks: Sequence[Sequence[ExpertId]],
        sets: npt.NDArray[np.str_],
        requests: npt.NDArray[np.intp],
        generator: np.random.Generator,
    ) -> FloatArray:
        """Refusal log-odds lost under masks [M, N], as an audit would measure them on N prompts.

        Args:
            sets, requests: [N], of each prompt its set, and which of the SEEDS it is.
        """
        worth = np.array([self._worth(mask) for mask in masks])
        noise = _NOISE * generator.normal(size=(len(masks), len(sets)))
        hang = (sets == self.prompt_set) & np.isfinite(self.margin[requests])
        return np.asarray(worth[:, None] * hang + noise)

    def _worth(self, experts: Sequence[ExpertId]) -> float:
        if self.most is not None and len(experts) > self.most:
            return _ALL
        if (self.heals is not None and len(experts) > self.heals) or self.against & set(experts):
            return 0.0
        count = len(self.carriers & set(experts))
        if self.together:
            return _ALL if count == len(self.carriers) else 0.0
        return float(count)


def _backing_up(seed: int, sign: float = 1.8) -> tuple[SelectionInput, list[ExpertId]]:
    """64 experts of which ten show, and what selectors are given of them.

    Of the first four two show in the routing and two in the attribution, each below three of the
    six others. So no ranking has all four on top, and only a search among what all rankings name
    finds them together.

    Args:
        sign: how much the first two are used more, in logits.
    """
    generator = np.random.default_rng([seed, 1])
    layers, width = shape = shape_of(64)
    logits, category = logits_of(_ROUTED, SEEDS, shape, generator)
    free = np.flatnonzero(np.arange(layers * width) % width)
    # Of the busier half: what is hardly used shows in no ranking, whatever hangs on it.
    busy = np.exp(logits[0]).mean(axis=0).ravel()[free]
    drawn = generator.choice(free[busy >= np.median(busy)], 10, replace=False)
    carriers, routed, attributed = drawn[:4], drawn[4:7], drawn[7:]
    scores = attribution_of(logits, category, drawn[:0], _ROUTED, _NOTHING, generator)
    flat = logits.reshape(len(logits), SEEDS, -1)
    flat[0][:, routed] += 3.0
    flat[0][:, carriers[:2]] += sign
    scores[:, attributed] += 3.0
    scores[:, carriers[2:]] += 1.2
    given = _jailbroken(given_of(logits, scores, generator, seed=seed), seed)
    return given, [ExpertId(int(i) // width, int(i) % width) for i in drawn]


def redundant(seed: int, sign: float = 1.8) -> Hidden:
    """64 experts of which four back each other up: refusals go when all four are masked.

    Args:
        sign: see `_backing_up`.
    """
    given, drawn = _backing_up(seed, sign)
    return Hidden(
        given=given,
        margin=np.full(SEEDS, 4.0),
        carriers=frozenset(drawn[:4]),
        together=True,
    )


def healing(seed: int) -> Hidden:
    """64 experts of which two back each other up; with more than three masked nothing is lost."""
    given, drawn = _backing_up(seed)
    carriers = frozenset(drawn[1:3])
    margin = np.full(SEEDS, 4.0)
    return Hidden(given=given, margin=margin, carriers=carriers, together=True, heals=3)


def guarded(seed: int) -> Hidden:
    """As `healing`, but nothing is lost with any of the six masked that rank above the two."""
    return replace(healing(seed), heals=None, against=frozenset(_backing_up(seed)[1][4:]))


def breaking(seed: int) -> Hidden:
    """As `redundant`, but more than 20 masked experts end all refusals, whichever they are."""
    return replace(redundant(seed), most=20)


def many(seed: int) -> Hidden:
    """512 experts of which eight carry 4 points of refusals each, which add up to 32."""
    drawn = world(_ROUTED, Effect(routing=0.35, attribution=0.4), seeds=SEEDS, experts=512, seed=seed)  # fmt: skip  # noqa: E501
    margin = np.random.default_rng([seed, 2]).permutation(SEEDS) / SEEDS * 25
    given = _jailbroken(drawn.given, seed)
    return Hidden(given=given, margin=margin, carriers=drawn.truth, together=False)


def jailbreaks(seed: int) -> Hidden:
    """512 experts of which one carries every jailbreak refusal, and none of a plain request.

    It works harder on jailbreaks: it knows the wrapper.
    """
    generator = np.random.default_rng([seed, 9])
    layers, width = shape = shape_of(512)
    logits, category = logits_of(_ROUTED, SEEDS, shape, generator)
    free = np.flatnonzero(np.arange(layers * width) % width)
    busy = np.exp(logits[0]).mean(axis=0).ravel()[free]
    carrier = generator.choice(free[busy >= np.median(busy)], 1)
    scores = attribution_of(logits, category, carrier[:0], _ROUTED, _NOTHING, generator)
    logits.reshape(len(logits), SEEDS, -1)[1][:, carrier] += 2.0
    return Hidden(
        given=_jailbroken(given_of(logits, scores, generator, seed=seed), seed, carrier),
        margin=np.full(SEEDS, 0.5),
        carriers=frozenset(ExpertId(int(i) // width, int(i) % width) for i in carrier),
        together=False,
        prompt_set="jailbreak",
    )


def one_category(seed: int, carries: float = _CARRIES) -> Hidden:
    """512 experts of which one carries every plain refusal of one category in six.

    Args:
        carries: its attribution there, in deviations of one prompt's.
    """
    generator = np.random.default_rng([seed, 9])
    layers, width = shape = shape_of(512)
    logits, category = logits_of(_ROUTED, SEEDS, shape, generator)
    free = np.flatnonzero(np.arange(layers * width) % width)
    busy = np.exp(logits[0]).mean(axis=0).ravel()[free]
    carrier = generator.choice(free[busy >= np.median(busy)], 1)
    scores = attribution_of(logits, category, carrier[:0], _ROUTED, _NOTHING, generator)
    own = np.arange(SEEDS) % CATEGORIES == 0
    scores[np.ix_(own, carrier)] += carries
    return Hidden(
        given=_jailbroken(given_of(logits, scores, generator, seed=seed), seed),
        margin=np.where(own, 0.5, np.inf),
        carriers=frozenset(ExpertId(int(i) // width, int(i) % width) for i in carrier),
        together=True,
    )


def one_category_beside_steady(seed: int) -> Hidden:
    """As `one_category`, where each expert carries a little of every plain refusal, or against.

    Means of about as many deviations as on the demo's checkpoints: 0.5 and more of one expert in
    ten, 0.8 of one in twenty.
    """
    hidden = one_category(seed)
    profile = hidden.given.profile
    assert profile.attribution is not None
    generator = np.random.default_rng([seed, 10])
    steady = 0.3 * generator.standard_t(3, size=profile.attribution.shape[1:])
    deviation = np.nanstd(profile.attribution[hidden.given.sets == "regular"], axis=0)
    attribution = profile.attribution.copy()
    attribution[hidden.given.sets == "regular"] += (steady * deviation).astype(attribution.dtype)
    given = replace(hidden.given, profile=replace(profile, attribution=attribution))
    return replace(hidden, given=given)


def _jailbroken(
    given: SelectionInput, seed: int, carriers: Sequence[int] | npt.NDArray[np.intp] = ()
) -> SelectionInput:
    """The same, where jailbreaks are refused too, and attributed: to noise, and to `carriers`."""
    profile, rows = given.profile, given.sets == "jailbreak"
    assert profile.attribution is not None
    attribution = profile.attribution.copy()
    busy = profile.frequency("prompt", np.flatnonzero(rows)).mean(axis=0)
    generator = np.random.default_rng([seed, 5])
    scores = generator.normal(size=(SEEDS, *busy.shape)) * np.sqrt(busy / busy.mean())
    scores.reshape(SEEDS, -1)[:, list(carriers)] += _CARRIES
    attribution[rows] = scores
    return replace(given, profile=replace(profile, attribution=attribution))


def faint(seed: int) -> Hidden:
    """As `redundant`, but two of the four hardly show: more than a search can be sure to find."""
    return redundant(seed, 0.5)


def one_category_faint(seed: int) -> Hidden:
    """As `one_category`, with half of the attribution: not every half of the prompts shows it."""
    return one_category(seed, 0.8)


def sound(seed: int) -> Hidden:
    """64 experts, none of which carries anything: rankings name some, and masks cost nothing."""
    drawn = world(_ROUTED, _NOTHING, seeds=SEEDS, experts=64, seed=seed)
    return Hidden(
        given=_jailbroken(drawn.given, seed),
        margin=np.full(SEEDS, np.inf),
        carriers=frozenset(),
        together=False,
    )


#: Worlds whose carriers the wanted search should find, and those without any.
FOUND: Mapping[str, Callable[[int], Hidden]] = {
    "four redundant of 64": redundant,
    "four redundant, breaks above 20": breaking,
    "two redundant, heals above 3": healing,
    "two redundant, six against": guarded,
    "eight of 512, 32 points": many,
    "one of 512, jailbreaks only": jailbreaks,
    "one of 512, one category": one_category,
}
SOUND: Mapping[str, Callable[[int], Hidden]] = {"nothing to find, 64": sound}
#: All of them, in the order of the table.
WORLDS: Mapping[str, Callable[[int], Hidden]] = {
    **FOUND,
    **SOUND,
    "four redundant, faint": faint,
    "one of 512, one category, faint": one_category_faint,
}
