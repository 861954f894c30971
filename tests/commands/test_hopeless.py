from __future__ import annotations

from types import SimpleNamespace

from gatekeeper.cli import run
from gatekeeper.commands._auditing import hopeless
from gatekeeper.policy.load import load_policy
from gatekeeper.suites.read import read_suite
from tests.e2e.cli import RELEASE, SUITE


def told(**changes):
    given = {"max_prompts": None, "selection_share": 0.5, "seed": 0, "selectors": ()}
    given |= {"cross_fit": False, "ks": (), "controls": None} | changes
    return list(hopeless(read_suite(SUITE), SimpleNamespace(**given), load_policy(RELEASE)))


def test_nothing_is_told_of_what_can_pass():
    assert told() == []


def test_too_few_prompts_are_told_for_each_set():
    found = told(max_prompts=60)
    assert len(found) == 4
    assert "30 regular prompts will be measured and the policy needs 40" in found[0]
    assert told(max_prompts=60, selection_share=0.3) == []
    assert told(max_prompts=60, cross_fit=True) == []


def test_selectors_that_the_policy_needs_are_told():
    assert "needs ses-contrast, attribution, greedy too" in told(selectors=("ses-frequency",))[0]


def test_sizes_and_random_masks_that_the_policy_needs_are_told():
    assert "needs masks of 2, 4, 8 experts too" in told(ks=(1,))[0]
    assert "2 random masks will be run and the policy needs 20" in told(controls=2)[0]
    assert told(ks=(1, 2, 4, 8, 16), controls=20) == []


def test_a_mistyped_command_is_told_the_nearest(capsys):
    assert run(["chekc", "out"]) == 2
    assert "No such command 'chekc': did you mean check?" in capsys.readouterr().err
    assert run(["xyzzy"]) == 2
    assert "did you mean" not in capsys.readouterr().err


def test_environments_that_could_not_be_told_apart_are_told(capsys):
    from dataclasses import replace

    from gatekeeper.commands._auditing import tell_left_out
    from tests.policy.builders import make_evidence

    evidence = make_evidence()
    tell_left_out(evidence)
    assert capsys.readouterr().out == ""
    tell_left_out(replace(evidence, settings=replace(evidence.settings, environments=True)))
    told = capsys.readouterr().out
    assert "environments by category" in told and "environments by language" in told
