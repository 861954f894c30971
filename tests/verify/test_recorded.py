"""What switches a check off by its absence is refused, and what cannot be derived is no pass."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from hashlib import sha256

import pytest

from gatekeeper.bundled import bundled
from gatekeeper.cli import run
from gatekeeper.commands._verdicts import verdict_bytes
from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.judges.refusal_rules import JUDGE
from gatekeeper.metrics import with_findings
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.needs import requirements
from gatekeeper.records.evidence import (
    FIRST_CHECKS,
    NOT_ASKED,
    PromptRef,
    SecondJudge,
    SelfTestCheck,
    SuiteRef,
)
from gatekeeper.records.reasoning import RULE
from gatekeeper.suites.read import read_suite
from gatekeeper.verify import trials as recheck_trials
from gatekeeper.verify.masks import recheck_masks
from gatekeeper.verify.recorded import unrecorded
from gatekeeper.verify.suite import recheck_suite
from gatekeeper.verify.verify import recheck
from tests.evidence.whole import whole_evidence
from tests.policy.builders import TODAY, make_evidence, make_policy
from tests.policy.profiled import profiled_evidence
from tests.verify.test_split import split

RULES = "refusal-rules"


@cache
def whole():
    return with_findings(profiled_evidence())


def told(evidence, **changes):
    return replace(evidence, settings=replace(evidence.settings, **changes))


def unmet(evidence, **how):
    return {need.name for need in requirements(evidence, make_policy(), **how) if not need.met}


def failed(evidence, name):
    return tuple(replace(c, passed=c.passed and c.name != name) for c in evidence.self_test)


@pytest.mark.parametrize(
    ("forged", "words"),
    [
        (lambda e: replace(e, self_test=e.self_test[:1]), "the self-test lacks"),
        (lambda e: replace(e, self_test=()), "the self-test lacks"),
        (lambda e: replace(e, self_test=(*e.self_test, e.self_test[0])), "there twice"),
        (lambda e: told(e, resamples=0), "number of resamples is left out"),
        (
            lambda e: replace(told(e, positive_control=True), positive_control=None),
            "positive control is left out",
        ),
        (lambda e: replace(told(e, roles=True), roles=None), "roles of experts are left out"),
        (lambda e: replace(told(e, roles=True), roles=NOT_ASKED), "not by both"),
        (lambda e: replace(told(e, roles=False), roles="not told"), "not by both"),
        (
            lambda e: replace(told(e, positive_control=True), positive_control=NOT_ASKED),
            "not by both",
        ),
        (lambda e: replace(e, self_test=failed(e, "counts")), "self-test failed: counts"),
        (lambda e: told(e, controls=e.settings.controls + 1), "fewer random masks than the"),
        (lambda e: told(e, selectors=(*e.settings.selectors, "x")), "neither ranked nor was"),
        (lambda e: told(e, selectors=e.settings.selectors[1:]), "is not in the settings"),
    ],
)
def test_what_is_always_written_is_there(forged, words):
    recheck(whole())
    with pytest.raises(EvidenceError, match=words):
        recheck(forged(whole()))


def test_a_shortcut_may_be_off():
    off = SelfTestCheck(name="prefix", passed=False, detail="off")
    recheck(replace(whole(), self_test=(*whole().self_test, off)))


def test_there_are_as_many_random_masks_as_the_settings_tell():
    made = make_evidence(ks=(4,), controls=3)
    recheck_masks(made)
    with pytest.raises(EvidenceError, match="more random masks than the settings tell"):
        recheck_masks(told(made, controls=2))


def test_a_model_without_so_many_experts_has_fewer_random_masks():
    fits = sum(site.experts for site in whole().model.sites)
    recheck(told(whole(), controls=fits))


def without(evidence, **changes):
    """The evidence with other settings and, under `suite`, another suite."""
    suite = replace(evidence.suite, **changes.pop("suite", {}))
    return with_findings(told(replace(evidence, suite=suite), **changes))


def unlevelled(evidence):
    return tuple(replace(p, folded_sha256=None) for p in evidence.suite.prompts)


@pytest.mark.parametrize(
    ("forged", "words"),
    [
        (lambda e: told(with_findings(e), metrics={}), "which metrics it was measured with"),
        (lambda e: without(e, reasoning=None), "how replies were told from reasoning"),
        (lambda e: without(e, judge_version=2), "the present version of its judges"),
        (lambda e: without(e, split=1, suite={"prompts": unlevelled(e)}), "the present rule"),
        (lambda e: without(e, split=1, suite={"prompts": unlevelled(e)}), "levelled texts"),
        (lambda e: without(e, suite={"files": {}}), "the files of the suite"),
        (lambda e: with_findings(replace(e, roles=None)), "the roles of experts"),
        (lambda e: with_findings(replace(e, positive_control=None)), "the positive control"),
        (lambda e: with_findings(replace(e, cautions=None)), "cautions about the checkpoint"),
        (lambda e: told(with_findings(e), metrics={}, resamples=0), "often selectors resampled"),
        (
            lambda e: replace(
                told(with_findings(e), metrics={}),
                self_test=tuple(c for c in e.self_test if c.name in FIRST_CHECKS),
            ),
            "checks of the self-test",
        ),
    ],
)
def test_who_says_less_than_this_version_is_not_believed_for_it(tmp_path, capsys, forged, words):
    """As an older version wrote, or a forger left out: neither confirmed nor called a forgery."""
    assert not unrecorded(whole()) and "recorded" not in unmet(whole())
    write_bundle(forged(whole()), tmp_path)
    assert run(["verify", str(tmp_path)]) == 0
    (said,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("? written by")]
    assert words in said
    bundle = read_bundle(tmp_path)
    assert "recorded" in unmet(bundle)
    assert "recorded" not in unmet(bundle, earlier=True)


def test_rankings_of_an_older_selector_are_not_confirmed(tmp_path):
    """Which one they are of, a bundle says itself."""
    selections = tuple(replace(s, version=1) for s in whole().selections)
    older = with_findings(replace(whole(), selections=selections))
    write_bundle(older, tmp_path)
    assert run(["verify", str(tmp_path)]) == 0
    rankings = {f"ranking: {s.selector}" for s in selections}
    assert rankings <= unmet(older)
    assert not rankings & unmet(older, earlier=True)


@pytest.mark.parametrize("changes", [{"reasoning": None}, {"judge_version": 2}])
def test_a_verdict_of_then_still_follows_from_an_older_bundle(tmp_path, changes):
    """And so does one that `check` gives it now."""
    older = write_bundle(without(whole(), **changes), tmp_path / "evidence")
    policy = bundled("policies") / "release.yaml"
    (tmp_path / "policy.yaml").write_bytes(policy.read_bytes())
    for earlier in (False, True):
        verdict = evaluate(older, load_policy(policy), TODAY, earlier=earlier)
        (tmp_path / "verdict.json").write_bytes(verdict_bytes(verdict))
        assert run(["verify", str(tmp_path)]) == 11


def test_a_second_judge_of_an_older_version_is_told():
    judges = {
        version: told(
            whole(), second=SecondJudge(judge=RULES, version=version, settings={}, sample=1)
        )
        for version in (JUDGE.version, 2)
    }
    assert not unrecorded(judges[JUDGE.version])
    assert unrecorded(judges[2]) == ("outcomes of the present version of its judges",)


def test_outcomes_by_another_rule_of_reasoning_are_open(monkeypatch):
    monkeypatch.setattr(recheck_trials, "RULE", RULE + 1)
    second = SecondJudge(judge="refusal-rules", version=JUDGE.version, settings={}, sample=1)
    twice = told(whole(), second=second, judge="other")
    assert len(recheck_trials.outcomes_open(whole())) == 1
    assert len(recheck_trials.outcomes_open(twice)) == 2


def test_a_prompt_without_its_levelled_text_does_not_switch_the_split_off():
    prompts = tuple(replace(p, folded_sha256=None) for p in split().suite.prompts)
    forged = replace(split(), suite=replace(split().suite, prompts=prompts))
    with pytest.raises(EvidenceError, match="which the split rests on"):
        recheck(forged)


def test_rankings_that_are_not_derived_are_no_pass(tmp_path, capsys):
    assert not any(name.startswith("ranking") for name in unmet(whole()))
    many = 10**9
    selections = tuple(replace(s, resamples=many) for s in whole().selections)
    forged = with_findings(replace(told(whole(), resamples=many), selections=selections))
    assert {n for n in unmet(forged) if n.startswith("ranking")} == {
        f"ranking: {s.selector}" for s in selections
    }
    write_bundle(forged, tmp_path)
    assert run(["verify", str(tmp_path)]) == 11
    assert "1000000000 resamples are too many to draw again" in capsys.readouterr().out


@pytest.mark.parametrize("judge", ["refusal-api", "no-such-judge"])
def test_outcomes_of_a_judge_that_is_not_asked_again_are_not_confirmed(tmp_path, capsys, judge):
    trials = list(whole_evidence().trials)
    trials[3] = replace(trials[3], outcome="refuse", reason="label")
    other = told(whole_evidence(), judge=judge, judge_version=1)
    write_bundle(with_findings(replace(other, trials=tuple(trials))), tmp_path)
    assert run(["verify", str(tmp_path)]) == 11
    said = capsys.readouterr().out
    assert "✓ outcomes" not in said
    assert f"outcomes: judge {judge} is not asked again" in said


def test_outcomes_of_an_older_judge_are_those_of_the_present_one_or_open(tmp_path):
    older = with_findings(told(whole(), judge_version=1))
    write_bundle(older, tmp_path / "same")
    assert run(["verify", str(tmp_path / "same")]) == 0
    trials = list(older.trials)
    trials[0] = replace(trials[0], outcome="comply", reason="no-refusal")
    assert trials[0] != older.trials[0]
    write_bundle(with_findings(replace(older, trials=tuple(trials))), tmp_path / "other")
    assert run(["verify", str(tmp_path / "other")]) == 11


def test_check_derives_rankings_too(tmp_path):
    made = whole()
    first, *rest = made.selections
    a, b, *others = first.ranked
    swapped = (replace(first, ranked=(b, a, *others)), *rest)
    write_bundle(with_findings(replace(made, selections=swapped)), tmp_path / "forged")
    policy = ["--policy", str(bundled("policies") / "release.yaml")]
    assert run(["check", str(tmp_path / "forged"), *policy]) == 12


def demo():
    """Evidence that names the demo's suite, with its prompts."""
    suite = read_suite(bundled("demo") / "suite")
    prompts = tuple(
        PromptRef(
            id=p.id, seed_id=p.seed_id, set=p.set, category=p.category, language=p.language,
            text_sha256=sha256(p.text.encode()).hexdigest(), split="measurement", skipped=None,
        )
        for p in suite.prompts
    )  # fmt: skip
    ref = SuiteRef(
        id=suite.id, version=suite.version, title=suite.title, licence=suite.licence,
        digest=suite.digest, prompts=prompts, files=suite.files,
    )  # fmt: skip
    return replace(whole_evidence(), suite=ref)


def suite_told(**changes):
    return replace(demo(), suite=replace(demo().suite, **changes))


def test_a_bundled_suite_has_its_prompts_and_its_digest_is_of_its_files():
    assert recheck_suite(demo()) == "demo"
    assert recheck_suite(suite_told(digest="sha256:" + "5" * 64, files={})) is None
    first, *rest = demo().suite.prompts
    for forged in (
        suite_told(prompts=tuple(rest)),
        suite_told(prompts=(replace(first, text_sha256="0" * 64), *rest)),
        suite_told(prompts=(replace(first, category="other"), *rest)),
        suite_told(id="core"),
        suite_told(title="Another"),
        suite_told(digest="sha256:" + "5" * 64),
        suite_told(files={"a": "0" * 64}),
    ):
        with pytest.raises(EvidenceError):
            recheck_suite(forged)
