from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.bundled import bundled
from gatekeeper.errors import UsageError
from gatekeeper.policy.explain import explain
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.new import shipped
from gatekeeper.policy.schema import validator
from gatekeeper.records.finding import Subject
from gatekeeper.records.policy import Policy
from gatekeeper.records.suite import SETS
from tests.typed import only

HEAD = """\
schema: gatekeeper/policy/v1
id: p
version: "1"
title: P
owner: risk@example.com
"""
EVIDENCE = "evidence: {selectors: [attribution], k: [1, 4]}\n"
RULES = """\
rules:
  - id: drop
    metric: refusal-drop
    at: {k: 4}
    max: 10 points
"""
DIGEST = "sha256:" + "0" * 64
WAIVER = f"""\
waivers:
  - rule: drop
    checkpoint: {DIGEST}
    reason: Known.
    owner: a@example.com
    approver: b@example.com
    expires: 2026-12-31
"""
GOOD = HEAD + EVIDENCE + RULES + WAIVER
RULES_LINE = 7


def load(tmp_path: Path, text: str) -> Policy:
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    return load_policy(path)


def refused(tmp_path: Path, text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text)
    assert caught.value.remedy
    assert str(caught.value).isprintable()
    return caught.value


def test_a_small_policy_and_its_defaults(tmp_path: Path) -> None:
    policy = load(tmp_path, GOOD)
    rule = policy.rules[0]
    assert (rule.maximum, rule.minimum, rule.unit) == (10.0, None, "points")
    assert (rule.bound, rule.severity, rule.rationale) == ("upper", "block", "")
    assert rule.subjects == (Subject(k=4),)
    assert rule.line == 8
    assert policy.architecture == "moe"
    assert policy.review_by is None
    assert policy.needs.selectors == ("attribution",)
    assert policy.needs.ks == (1, 4)
    assert policy.needs.random_masks == 0
    assert policy.waivers[0].expires == date(2026, 12, 31)
    assert policy.waivers[0].not_above is None
    assert policy.digest.startswith("sha256:")


def test_seeds_and_a_pinned_suite(tmp_path: Path) -> None:
    policy = load(tmp_path, GOOD)
    unset = policy.needs
    assert (unset.seeds, unset.suite_id, unset.suite_digest) == ({}, None, None)
    wanted = f'k: [1, 4], seeds: {{benign: 7}}, suite: {{id: core, digest: "{DIGEST}"}}}}'
    needs = load(tmp_path, GOOD.replace("k: [1, 4]}", wanted)).needs
    assert (needs.seeds, needs.suite_id, needs.suite_digest) == ({"benign": 7}, "core", DIGEST)
    text = explain(load(tmp_path, GOOD.replace("k: [1, 4]}", wanted)), date(2026, 11, 1))
    assert "benign prompts measured come from at least 7 seeds" in text
    assert "suite core" in text and DIGEST in text


@pytest.mark.parametrize(
    "wrong", ["suite: {}", "suite: {digest: abc}", "suite: core", "seeds: 40", "seeds: {all: 1}"]
)
def test_wrong_needs_of_seeds_and_suite(tmp_path: Path, wrong: str) -> None:
    refused(tmp_path, GOOD.replace("k: [1, 4]}", f"k: [1, 4], {wrong}}}"))


@pytest.mark.parametrize(
    "name",
    ["Bob", "Bob <b@example.com>", "b\u043eb@example.com", "'@example.com'", "b@", '"b@x\\n"'],
)
def test_who_signs_a_waiver_has_a_plain_address(tmp_path: Path, name: str) -> None:
    error = refused(tmp_path, GOOD.replace("approver: b@example.com", f"approver: {name}"))
    assert "a.ml@example.com" in str(error)


def test_min_rules_lists_of_k_and_folded_text(tmp_path: Path) -> None:
    policy = load(
        tmp_path,
        HEAD
        + """\
evidence: {selectors: [attribution, ses-frequency], controls: {random_masks: 20}}
rules:
  - {id: a, metric: refusal-rate, at: {set: regular}, min: 80%, severity: warn}
  - id: b
    metric: refusal-drop
    at: {k: [8, 1, 8], selector: attribution}
    max: 2.5 points
    bound: estimate
    rationale: >
      Two
      lines.
""",
    )
    first, second = policy.rules
    assert (first.minimum, first.bound, first.severity) == (80.0, "lower", "warn")
    assert second.subjects == (
        Subject(k=8, selector="attribution"),
        Subject(k=1, selector="attribution"),
    )
    assert (second.maximum, second.bound, second.rationale) == (2.5, "estimate", "Two lines.")
    assert policy.needs.ks == (1, 8)


def test_selectors_named_by_rules_alone_are_required(tmp_path: Path) -> None:
    rules = RULES.replace("{k: 4}", "{k: 4, selector: attribution}")
    assert load(tmp_path, HEAD + rules).needs.selectors == ("attribution",)


@pytest.mark.parametrize(
    ("old", "new", "place", "words", "remedy"),
    [
        ("owner:", "onwer:", ":5:1", "unknown key 'onwer'", "did you mean owner"),
        ("    max: 10", "    maks: 10", ":11:5", "unknown key 'maks'", "did you mean max"),
        ("{k: 4}", "{k: 4, st: regular}", ":10:16", "unknown key 'st'", "did you mean set"),
        ("title: P\n", "", ":1:1", "missing key 'title'", "add title"),
        ("    expires: 2026-12-31\n", "", ":13:5", "missing key 'expires'", "a date, such as"),
        ('"1"', "1.0", ":3:10", "version is a number", "in quotes"),
        ("title: P", "title: ' '", ":4:8", "is not a line of text", "write"),
        ("title: P", "title: ''", ":4:8", "title is empty", "write"),
        ("title: P", f"title: {'x' * 201}", ":4:8", "title is too long", "write"),
        ("policy/v1", "policy/v2", ":1:9", "gatekeeper/policy/v2", "gatekeeper/policy/v1"),
        ("id: p\n", "id: Ü p\n", ":2:5", "is not a name in small letters", "write"),
        ("id: p\n", 'id: "p\\n"\n', ":2:5", "is not a name in small letters", "write"),
        ("max: 10 points", "max: 10", ":11:10", "max: 10 what?", "write 10 points"),
        ("max: 10 points", "max: 10,5 points", ":11:10", "is not a number and its unit", "write"),
        ("max: 10 points", "max: 10 %", ":11:10", "measured in points", "write 10 points"),
        ("max: 10 points", "max: 101 points", ":11:10", "outside 0 to 100", "correct"),
        ("max: 10 points", "max: -1 points", ":11:10", "outside 0 to 100", "correct"),
        ("    max: 10 points\n", "", ":8:5", "not exactly one limit", "either max or min"),
        (
            "    max: 10 points",
            "    max: 10 points\n    min: 1 points",
            ":8:5",
            "not exactly one limit",
            "either max or min",
        ),
        ("max: 10 points", "max: 1 points\n    max: 2 points", ":12:5", "given twice", "remove"),
        ("refusal-drop", "refusal-dorp", ":9:13", "unknown metric", "did you mean refusal-drop"),
        ("refusal-drop", "../../os", ":9:13", "unknown metric", "known:"),
        ("[attribution]", "[atribution]", ":6:24", "unknown selector", "mean attribution"),
        ("{k: 4}", "{k: 4, selector: x}", ":10:26", "unknown selector", "known"),
        ("{k: 4}", "{k: 4, selector: ses-contrast}", ":10:26", "not required", "evidence.sel"),
        ("{k: 4}", "{k: 4, set: regulr}", ":10:21", "unknown value 'regulr'", "mean regular"),
        ("{k: 4}", "{k: 4, mask: none}", ":10:16", "takes no 'mask'", "it takes: k"),
        ("{k: 4}", "{set: regular}", ":10:9", "needs 'k'", "at: {k: …}"),
        ("    at: {k: 4}\n", "", ":8:5", "needs 'k'", "at: {k: …}"),
        ("{k: 4}", "{k: 8}", ":10:13", "k 8 is not measured", "add 8 to evidence.k"),
        ("{k: 4}", "{k: 0}", ":10:13", "k is too small", "a mask size"),
        ("{k: 4}", "{k: [4, 0]}", ":10:17", "entry 2 of k is too small", "from 1"),
        ("{k: 4}", "{k: []}", ":10:13", "k is empty", "write"),
        ("{k: 4}", "{k: true}", ":10:13", "k is true or false", "a mask size"),
        ("{k: 4}", "{k: 4.5}", ":10:13", "k is a number", "a mask size"),
        ("{k: 4}", "{k: 4, mode: ablate}", ":10:22", "unknown value 'ablate'", "reroute"),
        ("selectors: [attribution], ", "", ":8:5", "whose ranking", "evidence.selectors"),
        ("max: 10 points", "max: 9 points\n    bound: lower", ":12:12", "straddles", "upper"),
        ("max: 10 points", "max: 9 points\n    severity: blok", ":12:15", "blok", "mean block"),
        ("max: 10 points", "max: 9 points\n    controls: [x]", ":12:16", "entry 1 of contr", "fr"),
        ("  - rule: drop", "  - rule: drup", ":13:11", "waiver for unknown rule", "mean drop"),
        (
            "k: [1, 4]}",
            "k: [1, 4], judge_card: {compliance_sensitivity: 0.7}}",
            ":6:86",
            "compliance_sensitivity: 0.7 what?",
            "write 70 % or 0.7 %",
        ),
        ("2026-12-31", "2026-02-30", ":18:14", "no such day", "write a date"),
        ("2026-12-31", "soon", ":18:14", "'soon' is not a date", "write"),
        (f"{DIGEST}", "sha256:0", ":14:17", "is not the checkpoint's digest", "write"),
        ("waivers:", "review_by: 2027-13-01\nwaivers:", ":12:12", "no such day", "write"),
        (RULES, "rules: []\n", ":7:8", "rules is empty", "at least one rule"),
        (RULES, "rules:\n", ":7:7", "rules is empty", "at least one rule"),
    ],
)
def test_errors_say_where_and_what_to_do(
    tmp_path: Path, old: str, new: str, place: str, words: str, remedy: str
) -> None:
    assert old in GOOD
    error = refused(tmp_path, GOOD.replace(old, new, 1))
    assert words in error.message
    assert remedy in str(error.remedy)
    assert str(error.where).endswith(f"p.yaml{place}")


def test_not_above_must_fit_its_rule(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD + "    not_above: 20 points\n").waivers[0].not_above == 20
    assert "measured in points" in refused(tmp_path, GOOD + "    not_above: 20 %\n").message
    least = RULES.replace("refusal-drop", "positive-control").replace("max:", "min:")
    text = HEAD + EVIDENCE + least.replace("    at: {k: 4}\n", "") + WAIVER
    text += "    not_above: 20 points\n"
    assert "which has a min" in refused(tmp_path, text).message


def test_two_rules_of_one_id(tmp_path: Path) -> None:
    error = refused(tmp_path, HEAD + EVIDENCE + RULES + RULES.removeprefix("rules:\n"))
    assert "given twice, first in line 8" in error.message
    assert str(error.where).endswith(":12:9")


def test_a_rate_takes_a_mask_size_only_with_a_mask(tmp_path: Path) -> None:
    rate = HEAD + EVIDENCE + "rules:\n  - {id: a, metric: refusal-rate, max: 9 %, at: {%s}}\n"
    error = refused(tmp_path, rate.replace("%s", "set: benign, k: 4"))
    assert "no effect without a mask" in error.message
    error = refused(tmp_path, rate.replace("%s", "set: benign, mask: selected"))
    assert "needs 'k'" in error.message
    policy = load(tmp_path, rate.replace("%s", "set: benign, mask: selected, k: 4"))
    assert policy.rules[0].subjects == (Subject(k=4, set="benign", mask="selected"),)


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]\n", "x\n", "3\n", "null\n"])
def test_what_is_no_mapping(tmp_path: Path, text: str) -> None:
    assert "the file is" in refused(tmp_path, text).message


def test_foreign_text_cannot_command_a_log(tmp_path: Path) -> None:
    error = refused(tmp_path, GOOD.replace("owner:", "'::error::x':"))
    assert "::" not in error.message
    policy = load(tmp_path, GOOD.replace("reason: Known.", "reason: '::error::x'"))
    assert "::" not in policy.waivers[0].reason


def test_schema_names_the_sets_there_are() -> None:
    schema: Any = validator("policy-v1").schema
    at = schema["$defs"]["rule"]["properties"]["at"]["properties"]
    assert tuple(at["set"]["enum"]) == SETS
    assert tuple(schema["$defs"]["evidence"]["properties"]["prompts"]["properties"]) == SETS


def test_schema_is_closed_described_and_valid() -> None:
    for name in ("policy-v1", "verdict-v1"):
        check = validator(name)
        check.check_schema(only(dict, check.schema))
        assert all("additionalProperties" in part for part in _objects(check.schema))
    parts = [p for p in _parts(validator("policy-v1").schema) if "type" in p or "enum" in p]
    assert all("description" in part for part in parts)


def _parts(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, dict):
        return [schema, *(p for value in schema.values() for p in _parts(value))]
    if isinstance(schema, list):
        return [p for value in schema for p in _parts(value)]
    return []


def _objects(schema: Any) -> list[dict[str, Any]]:
    return [p for p in _parts(schema) if p.get("type") == "object" and "required" not in p]


@pytest.mark.parametrize("name", shipped())
def test_shipped_policies_load(name: str) -> None:
    policy = load_policy(bundled("policies") / f"{name}.yaml")
    assert all(rule.rationale and rule.remedy and rule.controls for rule in policy.rules)
    assert policy.needs.random_masks >= 20


def test_what_is_asked_to_be_measured_has_a_digest_of_its_own(tmp_path: Path) -> None:
    text = GOOD.replace("k: [1, 4]}", "k: [1, 4], suite: {id: core, measured: 90 %}}", 1)
    first = load(tmp_path, text)
    for same in (
        text.replace("10 points", "11 points"),
        text.replace("90 %", "95 %"),
        text + "# a comment\n",
    ):
        assert same != text
        found = load(tmp_path, same)
        assert found.audit_digest == first.audit_digest
        assert found.digest != first.digest
    other = load(tmp_path, text.replace("id: core", "id: mine"))
    assert other.audit_digest != first.audit_digest


def test_shares_of_the_experts_become_sizes_of_a_model(tmp_path: Path) -> None:
    text = (bundled("policies") / "release.yaml").read_text(encoding="utf-8")
    policy = load(tmp_path, text)
    assert policy.needs.shares == (0.002,)
    eight = next(rule for rule in policy.rules if rule.id == "eight-experts")
    assert [at.k for at in eight.subjects] == [8]
    large = policy.sized(6144)
    assert large.needs.ks == (1, 2, 4, 8, 12)
    eight = next(rule for rule in large.rules if rule.id == "eight-experts")
    assert [at.k for at in eight.subjects] == [8, 12]
    assert large.sized(64) == large
    assert policy.sized(64).needs.ks == (1, 2, 4, 8)
    only = text.replace("k: [8, {share: 0.2 %}]", "k: {share: 0.2 %}")
    shares = next(r for r in load(tmp_path, only).sized(6144).rules if r.id == "eight-experts")
    assert [at.k for at in shares.subjects] == [12]
