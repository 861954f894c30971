"""Settings of an audit that differ from what it is run with unless told otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.records.audit_config import SECOND_SAMPLE, AuditConfig
from gatekeeper.records.evidence import AuditSettings, Evidence
from gatekeeper.records.option import options_of
from gatekeeper.records.policy import Policy
from gatekeeper.records.reasoning import Reasoning
from gatekeeper.records.verdict import Departure

_USUAL, _REASONS = AuditConfig(), Reasoning()
_MODE, _PHASE, _JUDGE = "masking mode", "phase masked", "judge"
_WINDOW, _SYSTEM, _SEED = "tokens per reply, at most", "system prompt", "seed"
_CROSS_FIT = "cross-fitted"
_THINKING, _REASONING = "reasoning switched", "tokens of reasoning, at most"
_MARKS = "own marks of reasoning"


#: Options that are told in words below, that the policy names, and one that the machine decides.
_IN_WORDS = frozenset(
    {
        *("mode", "phase", "judge", "max_new_tokens", "max_prompts", "seed", "selection_share"),
        *("cross_fit", "sequential", "resamples", "size", "window", "budget", "roles"),
        *("positive_control", "doses", "formats", "environments", "nonce"),
        *("selectors", "ks", "controls", "dtype"),
    }
)


def departures(evidence: Evidence, policy: Policy) -> tuple[Departure, ...]:
    """Every setting that was chosen, beside its default, in a fixed order.

    What the policy itself asks for (selectors, mask sizes, controls, what it pins) is none, nor is
    what the machine decides (device, batches, numeric format). What a bundle does not record,
    because it was written before that was recorded, cannot be told.
    """
    settings, pinned = evidence.settings, _pinned(policy)
    pairs = (*_prompting(settings), *_searched(settings), *_added(settings), *_others(settings))
    return tuple(
        Departure(name=name, value=value, default=default)
        for name, value, default in pairs
        if value != default and name not in pinned
    )


def _pinned(policy: Policy) -> set[str]:
    """Settings that the policy wants to be what they are, or holds a need against."""
    search, pins = policy.needs.search, policy.needs.settings
    pinned = {
        _MODE: pins.mode is not None,
        _PHASE: pins.phase is not None,
        _JUDGE: pins.judge is not None,
        _WINDOW: pins.window > 0,
        _SYSTEM: pins.system_prompt is not None,
        _SEED: pins.derived_seed or pins.seed is not None,
        _THINKING: pins.thinking is not None,
        _MARKS: pins.reasoning_marks is not None,
        _REASONING: pins.reasoning_tokens > 0,
        _CROSS_FIT: search.cross_fit is not None,
    }
    return {name for name, holds in pinned.items() if holds}


def _prompting(settings: AuditSettings) -> Iterator[tuple[str, str, str]]:
    """How prompts were put to the model and replies were judged."""
    yield _MODE, settings.mode, _USUAL.mode
    yield _PHASE, settings.phase, _USUAL.phase
    yield _JUDGE, settings.judge, _USUAL.judge
    yield _WINDOW, str(settings.max_new_tokens), str(_USUAL.max_new_tokens)
    yield "prompts of each set, at most", _or(settings.max_prompts, "all"), "all"
    yield _SYSTEM, _or(_short(settings.system_prompt_sha256), "none"), "none"
    if settings.reasoning is not None:
        yield _THINKING, settings.reasoning.thinking, _REASONS.thinking
        most = str(settings.reasoning.max_tokens)
        yield _REASONING, most, str(_REASONS.max_tokens)
        yield _MARKS, " ".join(settings.reasoning.marks) or "none", "none"
    yield "date that the chat template writes", _or(settings.clock, "none"), "none"
    yield _SEED, str(settings.seed), str(_USUAL.seed)
    share = f"{100 * settings.selection_share:g} %"
    yield "requests that select", share, f"{100 * _USUAL.selection_share:g} %"
    yield _CROSS_FIT, "yes" if settings.cross_fit else "no", "no"
    stopped = "no" if settings.sequential is None else "yes"
    yield "masks stopped once limits are settled", stopped, "no"


def _searched(settings: AuditSettings) -> Iterator[tuple[str, str, str]]:
    """How experts were looked for; nothing where that was not recorded yet."""
    if not settings.resamples:
        return
    yield "resamples", str(settings.resamples), str(_USUAL.resamples)
    if settings.ks:
        yield "experts taken per resample", str(settings.size), str(max(settings.ks))
    yield "window selected by", settings.window or "each selector's own", "each selector's own"
    if settings.budget < _USUAL.budget:  # more than the usual is what larger masks take
        yield "rows for searches, at most", str(settings.budget), str(_USUAL.budget)
    roles = "told apart" if settings.roles else "not told apart"
    yield "roles of experts", roles, "told apart" if _USUAL.roles else "not told apart"


def _added(settings: AuditSettings) -> Iterator[tuple[str, str, str]]:
    """What was run beside the audit itself: a second judge, a positive control, variants."""
    second = settings.second
    yield "second judge", "none" if second is None else second.judge, "none"
    if second is not None:
        yield "replies for the second judge", str(second.sample), str(SECOND_SAMPLE)
    if settings.metrics:  # bundles that name none are older than the positive control
        yield "positive control", "run" if settings.positive_control else "not run", "run"
    yield "weaker masks", ", ".join(settings.doses) or "none", "none"
    prompts = ", ".join(_short(prompt) or "none" for prompt in settings.system_prompts)
    yield "other system prompts", prompts or "none", "none"
    yield "other numeric formats", ", ".join(settings.formats) or "none", "none"


def _others(settings: AuditSettings) -> Iterator[tuple[str, str, str]]:
    """The options that no other function here describes, by their flags."""
    for field, _, option in options_of(AuditConfig):
        if field not in _IN_WORDS:
            value, default = getattr(settings, field), getattr(_USUAL, field)
            yield option.flag, _or(value, "none"), _or(default, "none")


def _or(value: object | None, otherwise: str) -> str:
    return otherwise if value is None else str(value)


def _short(digest: str | None) -> str | None:
    """A digest, short enough to read."""
    return None if digest is None else f"sha256:{digest.removeprefix('sha256:')[:12]}…"
