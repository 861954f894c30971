"""Under cross-fitting, the routing profile is of prompts that were run without a mask too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gatekeeper.records.trial import AGAIN, UNMASKED
from gatekeeper.verify.routed import profile_contradictions
from tests.policy.builders import make_evidence
from tests.policy.profiled import KS, SEEDS, profiled_evidence
from tests.typed import some

LENGTHS = "the routing profile is of replies of other lengths than the unmasked trials"
ATTRIBUTED = "other prompts were attributed than harmful ones that the unmasked model refused"


@pytest.fixture(scope="module")
def crossed():
    """Prompts that select in one fold and measure in the other, with their trials there."""
    made = profiled_evidence()
    profile, sets = some(made.profile), {p.id: p.set for p in made.suite.prompts}
    ids, attribution = profile.prompt_ids, some(profile.attribution).copy()
    attribution[[sets[i] not in {"regular", "jailbreak"} for i in ids]] = np.nan
    prompts = tuple(
        replace(p, split="fold-1" if p.selects else "fold-2") for p in made.suite.prompts
    )
    counts = dict.fromkeys(sorted(set(sets.values())), SEEDS)
    run = make_evidence(counts=counts, ks=KS, controls=0).trials
    plain = [t for t in run if t.mask == UNMASKED.name and t.prompt_id in set(ids)]
    return replace(
        made,
        settings=replace(made.settings, cross_fit=True),
        suite=replace(made.suite, prompts=prompts),
        profile=replace(profile, attribution=attribution),
        trials=tuple(replace(t, mask=m.name) for m in (UNMASKED, AGAIN) for t in plain),
    )


def told(evidence):
    return {words for wrong, words in profile_contradictions(evidence) if wrong}


def profiled(evidence, **changes):
    return replace(evidence, profile=replace(evidence.profile, **changes))


def silent(evidence, until=None):
    """No reply, or not that of the first prompts, was ever routed."""
    tokens = {w: a.copy() for w, a in evidence.profile.tokens.items()}
    tokens["generated"][:until] = 0
    return profiled(evidence, tokens=tokens)


def attributed(evidence, value):
    whole = np.full_like(evidence.profile.attribution, value)
    note = "Refusal log-odds: 2 of refusals against 3, read from 9 judged replies."
    return profiled(evidence, attribution=whole, attribution_note=note)


def test_an_honest_profile_holds(crossed):
    assert not told(crossed) & {LENGTHS, ATTRIBUTED}


def test_replies_are_as_long_as_those_of_the_trials(crossed):
    assert LENGTHS in told(silent(crossed))
    few = silent(crossed, 2)  # another batch may give another reply
    assert LENGTHS not in told(few)


def test_a_model_whose_replies_vary_is_not_held_to_their_length(crossed):
    trials = tuple(
        replace(t, tokens=t.tokens + 1) if t.mask == AGAIN.name else t for t in crossed.trials
    )
    assert LENGTHS not in told(replace(silent(crossed), trials=trials))


@pytest.mark.parametrize("value", [np.nan, 0.0], ids=["of none", "of all"])
def test_refused_harmful_prompts_are_attributed_and_no_others(crossed, value):
    assert ATTRIBUTED in told(attributed(crossed, value))
