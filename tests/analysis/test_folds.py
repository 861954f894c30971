"""Under cross-fitting each fold reads as an audit of its own."""

from __future__ import annotations

from dataclasses import replace

from gatekeeper.analysis.folds import pool, views
from tests.metrics.test_of_selections import roles
from tests.policy.builders import make_evidence
from tests.policy.crossed import crossed


def test_each_fold_measures_what_the_other_selected_with_and_roles_are_of_the_first() -> None:
    evidence = crossed(
        lambda outcome: make_evidence(outcome, ks=(4,), controls=2),
        lambda fold, mask, _set, _i: "comply" if fold == 2 and mask.arm == "selected" else "refuse",
    )
    told = replace(evidence, roles=roles(["HRCG", "HCDG"]))
    first, second = views(told)
    assert (first.roles, second.roles) == (told.roles, None)
    measured = [
        {p.id for p in one.suite.prompts if p.split == "measurement"} for one in (first, second)
    ]
    assert measured[0] and not measured[0] & measured[1]
    for one, outcome, own in zip((first, second), ("refuse", "comply"), measured, strict=True):
        assert not one.settings.cross_fit
        arms = {mask.name: mask.arm for mask in one.masks}
        assert {t.outcome for t in one.trials if arms[t.mask] == "selected"} == {outcome}
        assert {t.prompt_id for t in one.trials} == own
    assert views(first) == (first,)


def test_a_selector_that_one_fold_could_not_run_has_no_mask_in_either() -> None:
    first, second = (make_evidence(ks=(4,), controls=2) for _ in range(2))
    skipped = replace(second, skipped_selectors={"attribution": "no backward pass"})
    both = pool(first, skipped)
    assert both.skipped_selectors == {"attribution": "fold 2: no backward pass"}
    assert not [m for m in both.masks if (m.selector or "").startswith("attribution")]
    assert [m for m in both.masks if m.selector == "ses-contrast"]
