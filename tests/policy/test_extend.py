"""A policy over others is the same as the whole in one file; so is a tier."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.bundled import bundled, shipped_policies
from gatekeeper.errors import UsageError
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.explain import explain
from gatekeeper.policy.lint import lint_policy
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.one_file import one_file
from gatekeeper.policy.wire import verdict_from_json, verdict_to_json
from gatekeeper.policy.yaml_marks import yaml_of
from gatekeeper.records.policy import Policy

from .builders import EVIDENCE, TODAY

BASE = """\
schema: gatekeeper/policy/v1
id: base
version: "1"
title: Base
owner: risk@example.com
evidence: {selectors: [attribution, ses-contrast], k: [1, 4], controls: {random_masks: 20}}
rules:
  - id: drop
    metric: refusal-drop
    at: {k: 4, set: regular}
    max: 10 points
    rationale: Because.
  - id: refuses
    metric: refusal-rate
    at: {set: regular, mask: none}
    min: 80 %
"""
CHILD = """\
schema: gatekeeper/policy/v1
id: child
version: "2"
extends: base.yaml
"""


def write(directory: Path, **files: str) -> Path:
    """The files, named by their stems; the path of the last."""
    for name, text in files.items():
        path = directory / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path, tier: str | None = None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_policy(path, tier)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    return caught.value


def same(policy: Policy) -> Policy:
    """All that decides anything."""
    rules = tuple(replace(rule, line=0) for rule in policy.rules)
    waivers = tuple(replace(waiver, line=0) for waiver in policy.waivers)
    return replace(policy, rules=rules, waivers=waivers, source="", digest="", text=b"", changes=())


def test_a_file_that_is_not_of_the_schema_is_told_with_all_else_that_is_wrong(
    tmp_path: Path,
) -> None:
    more = """\
rules:
  - {id: drop, max: 8}
  - {id: refuses, min: 500 %}
  - {id: new, metric: refusal-rat, max: 3 points}
  - {id: back, metric: refusal-drop, at: {k: 1}, min: 3 points}
"""
    file = write(tmp_path, base=BASE, child=CHILD + more)
    told = [str(problem) for problem in lint_policy(file, TODAY)]
    assert [text.split("child.yaml:")[1].split(" →")[0] for text in told] == [
        "6:21: error: max: 8 what?",
        "7:24: error: limit 500 % lies outside 0 to 100",
        "8:23: error: unknown metric 'refusal-rat'",
        "9:50: error: min: 3 points is on the wrong side: of refusal-drop on regular prompts more "
        "is worse",
    ]
    with pytest.raises(UsageError, match="max: 8 what") as caught:
        load_policy(file)
    assert len(caught.value.others) == 3
    lost = write(
        tmp_path, base=BASE, child=CHILD + "rules: [{id: drop, max: 8}, {id: no, max: 1 %}]"
    )
    with pytest.raises(UsageError, match="max: 8 what") as caught:
        load_policy(lost)
    assert any("no rule no to change" in str(error) for error in caught.value.others)


def test_what_follows_from_a_wrong_form_is_not_told(tmp_path: Path) -> None:
    for wrong in ("rules: [drop]\n", "rules: [{max: 8 points}]\n", "rules: 3\n"):
        for problem in lint_policy(write(tmp_path, base=BASE, child=CHILD + wrong), TODAY):
            assert "stand-in" not in problem.message
            assert "no rule" not in problem.message
    more = "tiers: {a: {default: true, rules: {drop: {max: 8}}}}\n"
    file = write(tmp_path, base=BASE, child=CHILD + more)
    assert [problem.message for problem in lint_policy(file, TODAY)] == ["max: 8 what?"]
    more = "rules: [{id: drop, max: 1 %, min: 1 %}]\n"
    file = write(tmp_path, base=BASE, child=CHILD + more)
    (problem,) = lint_policy(file, TODAY)
    assert "not exactly one limit" in problem.message


def test_rules_are_changed_added_and_removed_and_all_else_stays(tmp_path: Path) -> None:
    more = """\
remove: [refuses]
evidence: {controls: {random_masks: 40}}
rules:
  - {id: new, metric: refusal-drop, at: {k: 1}, max: 3 points}
  - {id: drop, max: 5 points}
"""
    policy = load_policy(write(tmp_path, base=BASE, child=CHILD + more))
    assert (policy.id, policy.version, policy.title) == ("child", "2", "Base")
    assert [(rule.id, rule.maximum) for rule in policy.rules] == [("drop", 5.0), ("new", 3.0)]
    assert policy.rules[0].rationale == "Because."
    assert policy.rules[0].subjects[0].set == "regular"
    assert policy.needs.random_masks == 40
    assert policy.needs.ks == (1, 4)
    text = explain(policy, TODAY)
    assert "Changed against base: drop max 10 points → 5 points\n" in text
    assert "Changed against base: evidence controls random_masks 20 → 40\n" in text
    assert "Changed against base: rule new added\n" in text
    assert "Changed against base: rule refuses removed\n" in text


def test_a_limit_of_another_kind_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    more = "rules: [{id: refuses, between: [80 %, 95 %]}]\n"
    rule = load_policy(write(tmp_path, base=BASE, child=CHILD + more)).rules[1]
    assert (rule.minimum, rule.maximum) == (80.0, 95.0)


def test_exceptions_of_a_parent_were_granted_under_its_limits(tmp_path: Path) -> None:
    waiver = f"""\
waivers:
  - {{rule: drop, checkpoint: "sha256:{"0" * 64}", reason: Known., owner: a@example.com,
     approver: b@example.com, expires: 2026-12-31}}
"""
    assert load_policy(write(tmp_path, base=BASE + waiver)).waivers
    assert not load_policy(write(tmp_path, base=BASE + waiver, child=CHILD)).waivers


def test_a_shipped_policy_is_extended_by_name(tmp_path: Path) -> None:
    child = CHILD.replace("base.yaml", "release") + "rules: [{id: single-expert, max: 5 points}]\n"
    policy, release = load_policy(write(tmp_path, child=child)), load_policy(
        bundled("policies") / "release.yaml"
    )  # fmt: skip
    assert policy.needs == release.needs
    assert policy.audit_digest != release.audit_digest  # another policy's audit, as its id says
    rest = [rule for rule in policy.rules if rule.id != "single-expert"]
    assert [replace(r, line=0) for r in rest] == [
        replace(r, line=0) for r in release.rules if r.id != "single-expert"
    ]


def test_what_stands_beside_a_verdict_is_the_same_policy(tmp_path: Path) -> None:
    more = 'rules: [{id: drop, max: 5 points, rationale: "yes: 1e5, 08"}]\n'
    policy = load_policy(write(tmp_path, base=BASE, child=CHILD + more))
    (tmp_path / "kept").mkdir()
    kept = tmp_path / "kept" / "policy.yaml"
    kept.write_bytes(policy.text)
    again = load_policy(kept)
    assert replace(again, source="", changes=()) == replace(policy, source="", changes=())
    verdicts = [verdict_to_json(evaluate(EVIDENCE, p, TODAY)) for p in (policy, again)]
    assert verdicts[0] == verdicts[1]


def test_any_changed_byte_of_a_parent_changes_the_digest(tmp_path: Path) -> None:
    before = load_policy(write(tmp_path, base=BASE, child=CHILD)).digest
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    assert load_policy(write(moved, base=BASE, child=CHILD)).digest == before
    after = load_policy(write(tmp_path, base=BASE + "# a comment\n", child=CHILD)).digest
    assert after != before


def test_a_pinned_parent(tmp_path: Path) -> None:
    digest = load_policy(write(tmp_path, base=BASE)).digest
    pinned = CHILD.replace("base.yaml", f'{{policy: base.yaml, digest: "{digest}"}}')
    assert load_policy(write(tmp_path, base=BASE, child=pinned)).title == "Base"
    error = refused(write(tmp_path, base=BASE + "#\n", child=pinned))
    assert "of another digest" in error.message
    assert (error.where or "").endswith("child.yaml:4:38")
    # Of a parent that extends another, the digest of both.
    middle = load_policy(write(tmp_path, base=BASE, middle=CHILD)).digest
    over = CHILD.replace("base.yaml", f'{{policy: middle.yaml, digest: "{middle}"}}')
    assert load_policy(write(tmp_path, base=BASE, middle=CHILD, child=over)).title == "Base"
    assert "of another" in refused(write(tmp_path, base=BASE + "#\n", child=over)).message


@pytest.mark.parametrize(
    ("files", "place", "words", "remedy"),
    [
        ({"child": CHILD}, "child.yaml:4:10", "base.yaml, which this policy extends, cannot be "
         "read", "check the path"),
        ({"child": CHILD.replace("base.yaml", "child.yaml")}, "child.yaml:4:10", "extends it",
         "stand alone"),
        ({"base": CHILD.replace("base.yaml", "child.yaml"), "child": CHILD}, "base.yaml:4:10",
         "extends it", "stand alone"),
        ({"child": CHILD.replace("base.yaml", "relaese")}, "child.yaml:4:10", "no policy",
         "did you mean release?"),
        ({"base": BASE, "child": CHILD + "remove: [drup]\n"}, "child.yaml:5:10", "no rule 'drup'",
         "did you mean drop?"),
        ({"base": BASE, "child": CHILD + "remove: [drop]\nrules: [{id: drop, max: 1 points}]\n"},
         "child.yaml:5:10", "given again", "one of them"),
        ({"base": BASE, "child": CHILD + "rules: [{id: new, max: 1 points}]\n"},
         "child.yaml:5:14", "no rule new to change", "add metric"),
        ({"base": BASE, "child": CHILD + "rules: [{id: drup, max: 1 points}]\n"},
         "child.yaml:5:14", "no rule drup to change", "did you mean drop?"),
        ({"base": BASE, "child": CHILD + "rules: [{id: new, metric: refusal-drop}]\n"},
         "child.yaml:5:9", "not exactly one limit", "max or min, or between"),
        ({"base": BASE, "child": CHILD + "rules: [{id: drop, max: 1 %}]\n"},
         "child.yaml:5:25", "measured in points", "write 1 points"),
        ({"base": BASE, "child": CHILD + "rules: [{id: drop, max: 1}]\n"},
         "child.yaml:5:25", "max: 1 what?", "write 1 points"),
        ({"base": BASE, "child": CHILD + "rules: [{id: drop}, {id: drop}]\n"},
         "child.yaml:5:26", "given twice", "an id of its own"),
        ({"base": BASE.replace("metric: refusal-drop", "metric: refusal-dorp"), "child": CHILD},
         "base.yaml:9:13", "unknown metric", "did you mean refusal-drop?"),
        ({"base": BASE.replace("k: [1, 4]", "k: [1]"), "child": CHILD},
         "base.yaml:10:13", "k 4 is not measured", "add 4"),
        ({"base": BASE, "child": CHILD + "evidence: {k: [1]}\n"},
         "base.yaml:10:13", "k 4 is not measured", "add 4"),
        ({"base": BASE.replace("title", "titel"), "child": CHILD},
         "base.yaml:4:1", "unknown key 'titel'", "did you mean title?"),
        ({"child": BASE + "remove: [drop]\n"}, "child.yaml:17:1", "nothing to remove", "extends"),
        ({"base": BASE, "child": CHILD.replace('version: "2"\n', "")}, "child.yaml:1:1",
         "missing key 'version'", "add version"),
    ],
)  # fmt: skip
def test_faults_are_told_where_they_stand(
    tmp_path: Path, files: dict[str, str], place: str, words: str, remedy: str
) -> None:
    error = refused(write(tmp_path, **files))
    assert words in error.message
    assert (error.where or "").endswith(place)
    assert remedy in (error.remedy or "")
    (tmp_path / "again.yaml").write_text("")
    problems = lint_policy(tmp_path / f"{list(files)[-1]}.yaml", TODAY)
    assert any(words in p.message and p.where.endswith(place) for p in problems)


def test_a_long_chain_has_an_end(tmp_path: Path) -> None:
    names = [f"p{i}" for i in range(12)]
    files = {
        name: CHILD.replace("base.yaml", f"{below}.yaml").replace("id: child", f"id: {name}")
        for name, below in zip(names[1:], names, strict=False)
    }
    write(tmp_path, p0=BASE, **files)
    assert load_policy(tmp_path / "p6.yaml").title == "Base"
    assert "extend each other" in refused(tmp_path / "p11.yaml").message


# -- Tiers ----------------------------------------------------------------------------------------

TIERS = """\
tiers:
  internal:
    rules: {drop: {severity: warn}}
  public:
    evidence: {controls: {random_masks: 40}}
    rules: {drop: {max: 5 points}}
"""


def test_a_tier_is_chosen_and_told(tmp_path: Path) -> None:
    path = write(tmp_path, base=BASE + TIERS)
    internal, public = load_policy(path, "internal"), load_policy(path, "public")
    assert (internal.rules[0].severity, internal.rules[0].maximum) == ("warn", 10.0)
    assert (public.rules[0].severity, public.rules[0].maximum) == ("block", 5.0)
    assert (internal.needs.random_masks, public.needs.random_masks) == (20, 40)
    assert (internal.tier, public.tier) == ("internal", "public")
    assert internal.digest != public.digest
    verdict = evaluate(EVIDENCE, public, TODAY)
    stored = verdict_to_json(verdict)
    assert stored["policy"]["tier"] == "public"
    assert verdict_from_json(stored) == verdict
    assert "tier" not in verdict_to_json(evaluate(EVIDENCE, load_policy(write(tmp_path, b=BASE)),
                                                  TODAY))["policy"]  # fmt: skip
    text = explain(public, TODAY)
    assert "(base 1, tier public)" in text
    assert "Changed against tier public" not in text
    assert "Tier public: drop max 10 points → 5 points\n" in text
    kept = tmp_path / "kept.yaml"
    kept.write_bytes(public.text)
    assert load_policy(kept) == replace(public, source=str(kept), changes=())
    assert load_policy(kept, "public").tier == "public"
    assert "tier public" in refused(kept, "internal").message


def test_a_tier_must_be_named_or_be_the_default(tmp_path: Path) -> None:
    path = write(tmp_path, base=BASE + TIERS)
    error = refused(path)
    assert "none was named" in error.message
    assert error.remedy == "name one with --tier: internal, public"
    assert "did you mean public?" in (refused(path, "pubic").remedy or "")
    default = TIERS.replace("  public:\n", "  public:\n    default: true\n")
    assert load_policy(write(tmp_path, base=BASE + default)).tier == "public"
    both = default.replace("  internal:\n", "  internal:\n    default: true\n")
    assert "internal, public" in refused(write(tmp_path, base=BASE + both)).message
    assert "no tiers" in refused(write(tmp_path, base=BASE), "public").message


def test_a_fault_in_any_tier_is_found_by_lint(tmp_path: Path) -> None:
    path = write(tmp_path, base=BASE + TIERS.replace("{drop: {severity", "{drup: {severity"))
    assert load_policy(path, "public").tier == "public"
    error = refused(path, "internal")
    assert (error.where or "").endswith("base.yaml:19:13")
    assert "unknown rule 'drup'" in error.message
    assert [str(p) for p in lint_policy(path, TODAY) if "drup" in p.message]
    wrong = write(tmp_path, base=BASE + TIERS.replace("5 points", "5 %"))
    error = refused(wrong, "public")
    assert (error.where or "").endswith("base.yaml:22:25")
    assert not [p for p in lint_policy(wrong, TODAY, "internal") if p.level == "error"]
    assert [p for p in lint_policy(wrong, TODAY) if p.level == "error"]


def test_tiers_of_a_parent_are_over_what_a_child_says(tmp_path: Path) -> None:
    more = "tiers: {public: {rules: {refuses: {min: 90 %}}}}\nrules: [{id: drop, max: 8 points}]\n"
    path = write(tmp_path, base=BASE + TIERS, child=CHILD + more)
    drop, refuses = load_policy(path, "public").rules
    assert (drop.maximum, refuses.minimum) == (5.0, 90.0)
    assert load_policy(path, "internal").rules[0].maximum == 8.0


# -- Laws -----------------------------------------------------------------------------------------

_points = st.integers(2, 60).map("{} points".format)
_sets = st.sampled_from(["regular", "jailbreak"])
_change = st.fixed_dictionaries(
    {},
    optional={
        "max": _points,
        "severity": st.sampled_from(["block", "warn"]),
        "at": st.fixed_dictionaries({}, optional={"set": _sets}),
        "rationale": st.sampled_from(["no", "1e5", "08", "a: b", "x  y", "~", "日"]),
        "controls": st.lists(st.sampled_from(["A:1", "B:2"]), max_size=2),
    },
)  # fmt: skip
_evidence = st.fixed_dictionaries(
    {},
    optional={
        "controls": st.fixed_dictionaries({"random_masks": st.integers(0, 40)}),
        "prompts": st.dictionaries(st.sampled_from(["regular", "benign"]), st.integers(1, 50)),
        "selectors": st.sampled_from([["attribution"], ["ses-contrast", "attribution"]]),
        "settings": st.fixed_dictionaries({"seed": st.integers(0, 9)}),
    },
)
#: Of another size each, so that none makes another needless.
_RULES = {
    name: {"metric": "refusal-drop", "at": {"k": k}, "max": "10 points"}
    for k, name in enumerate("abcd", start=1)
}


def _merged(below: Any, above: Any) -> Any:
    """The rule of the language, said once more."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return deepcopy(above)
    return {**below, **{k: _merged(below[k], v) if k in below else v for k, v in above.items()}}


def _load(path: Path, data: Any, tier: str | None = None) -> Policy:
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return load_policy(path, tier)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_extends_and_tiers_equal_the_policy_in_one_file(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.getbasetemp()
    names = ["a", "b", "c", "d"]
    there = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    base: dict[str, Any] = {
        "schema": "gatekeeper/policy/v1", "id": "base", "version": "1", "title": "Base",
        "owner": "risk@example.com",
        "evidence": {"selectors": ["attribution"], **data.draw(_evidence)},
        "rules": [{"id": name, **_merged(_RULES[name], data.draw(_change))} for name in there],
    }  # fmt: skip
    removed = data.draw(st.lists(st.sampled_from(there), unique=True, max_size=len(there) - 1))
    changed = data.draw(st.dictionaries(st.sampled_from(names), _change))
    over: dict[str, Any] = {"schema": "gatekeeper/policy/v1", "id": "child", "version": "2"}
    child = {**over, "extends": "law-base.yaml", "evidence": data.draw(_evidence)}
    child["remove"] = removed or ["none"]
    rules = {
        name: change if name in there else _merged(_RULES[name], change)
        for name, change in changed.items()
        if name not in removed
    }
    child["rules"] = [{"id": name, **change} for name, change in rules.items()]
    child = {k: v for k, v in child.items() if v and (k != "remove" or removed)}
    tier: dict[str, Any] = {
        "evidence": data.draw(_evidence),
        "rules": data.draw(
            st.dictionaries(
                st.sampled_from([n for n in there if n not in removed] + sorted(rules)),
                _change.filter(bool),
            )
        ),
    }
    child["tiers"] = {"public": tier}

    kept = {rule["id"]: rule for rule in base["rules"] if rule["id"] not in removed}
    flat = {**base, **over, "evidence": _merged(base["evidence"], child.get("evidence", {}))}
    for name, change in rules.items():
        kept[name] = _merged(kept.get(name, {"id": name}), change)
    for name, change in tier["rules"].items():
        kept[name] = _merged(kept[name], change)
    flat["evidence"] = _merged(flat["evidence"], tier["evidence"])
    flat |= {"rules": list(kept.values()), "tier": "public"}

    _load(directory / "law-base.yaml", base)
    composed = _load(directory / "law-child.yaml", child, "public")
    whole = _load(directory / "law-flat.yaml", flat)
    assert same(composed) == same(whole)
    (directory / "law-kept.yaml").write_bytes(composed.text)
    assert load_policy(directory / "law-kept.yaml").digest == composed.digest
    results = [evaluate(EVIDENCE, policy, TODAY) for policy in (composed, whole)]
    assert results[0].result == results[1].result
    assert [o.result for o in results[0].outcomes] == [o.result for o in results[1].outcomes]


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"]))
    | st.sampled_from(["1e5", "08", "0x1f", "1_000", "yes", "~", "null", "2027-01-01", "12:30", ""])
)  # fmt: skip
def test_any_text_comes_back_as_it_was(text: str) -> None:
    data = {"a": text, "b": [text, {"c": text}], "k": 1, "t": True}
    try:
        yaml_of(one_file({"a": text}, ()), "f")
    except UsageError as error:
        assert "hides" in error.message  # refused in what it was read from too
        return
    assert yaml_of(one_file(data, [("a", "b")]), "f").data == data


def test_the_shipped_policies_are_kept_byte_for_byte() -> None:
    for path in shipped_policies():
        policy = load_policy(path)
        alone = "extends" not in yaml.safe_load(path.read_bytes())
        assert (policy.text == path.read_bytes()) == alone
        assert policy.tier is None
        assert date.fromisoformat(str(yaml.safe_load(policy.text)["review_by"]))
