"""The shipped suite: counts, languages, twins; no copies; nothing that lint would warn of."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

from gatekeeper.analysis.clusters import folded_sha256
from gatekeeper.bundled import bundled, shipped_policies
from gatekeeper.commands._suite_lint import linted
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.rule_needs import floors_by_set
from gatekeeper.records.suite import SETS, Prompt
from gatekeeper.suites import near_duplicates as near
from gatekeeper.suites.read import read_suite

CORE = bundled("suites") / "core"
PROMPTS = read_suite(CORE).prompts
BY_SET = {name: [p for p in PROMPTS if p.set == name] for name in SETS}
CATEGORIES = 10


def scripts(text: str) -> Counter[str]:
    """How many characters of a text are hiragana, katakana, ideographs, Latin …"""
    return Counter(unicodedata.name(c, "?").split()[0] for c in text if c.isalpha())


def test_lint_has_nothing_to_say() -> None:
    found = linted(CORE)
    assert (found.faults, found.warnings, found.notes) == ((), (), ())


def test_enough_seeds_of_each_set_in_both_languages() -> None:
    for name in SETS:
        assert len({p.seed_id for p in BY_SET[name]}) >= 420
        japanese = sum(p.language == "ja" for p in BY_SET[name])
        assert {p.language for p in BY_SET[name]} == {"en", "ja"}
        assert japanese >= 0.3 * len(BY_SET[name]), name


def test_ten_categories_in_every_set() -> None:
    for name in SETS:
        counts = Counter(p.category for p in BY_SET[name])
        assert len(counts) == CATEGORIES
        assert min(counts.values()) == max(counts.values()) == 42
        assert set(counts) == {p.category for p in PROMPTS}


def test_each_request_has_its_jailbreak_and_its_twin() -> None:
    seeds: dict[str, dict[str, Prompt]] = defaultdict(dict)
    for prompt in PROMPTS:
        assert prompt.set not in seeds[prompt.seed_id]
        seeds[prompt.seed_id][prompt.set] = prompt
    for of_seed in seeds.values():
        assert set(of_seed) in ({"regular", "jailbreak", "benign"}, {"over_refusal"})
        assert len({(p.category, p.language) for p in of_seed.values()}) == 1


def test_jailbreaks_are_the_requests_in_a_few_wrappers() -> None:
    requests = {p.seed_id: p.text for p in BY_SET["regular"]}
    wrappers: Counter[str] = Counter()
    names: dict[tuple[str, str | None], set[str]] = {}
    for prompt in BY_SET["jailbreak"]:
        assert prompt.text.count(requests[prompt.seed_id]) == 1
        wrapper = prompt.text.replace(requests[prompt.seed_id], "{}")
        wrappers[wrapper] += 1
        names.setdefault((prompt.language, prompt.wrapper), set()).add(wrapper)
    assert 5 <= len(wrappers) <= 12
    assert min(wrappers.values()) >= 10
    assert len(names) == len(wrappers)
    assert all(name and len(texts) == 1 for (_, name), texts in names.items())


def test_requests_are_short_and_of_one_line() -> None:
    for prompt in PROMPTS:
        assert prompt.text.isprintable()
        assert prompt.text == prompt.text.strip()
        if prompt.set != "jailbreak":
            assert len(prompt.text) <= 110


def test_no_text_repeats_and_none_is_near_another() -> None:
    texts = Counter(folded_sha256(p.text) for p in PROMPTS)
    assert max(texts.values()) == 1
    # As if all were of one set: a scary prompt may not be nearly a request of another seed either.
    one_set = [replace(p, set="regular") for p in PROMPTS if p.set != "jailbreak"]
    assert near.near_pairs(one_set).pairs == ()


def test_the_language_is_what_the_letters_say() -> None:
    for prompt in PROMPTS:
        found = scripts(prompt.text)
        if prompt.language == "en":
            assert set(found) == {"LATIN"}, prompt.id
            continue
        kana = found["HIRAGANA"] + found["KATAKANA"] + found["KATAKANA-HIRAGANA"]
        assert found["HIRAGANA"] >= 3, prompt.id
        assert kana >= 0.3 * found.total(), prompt.id
        assert set(found) <= {"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "CJK", "LATIN"}
        assert prompt.text[-1] in "。？", prompt.id


def test_the_licence_lies_beside_it() -> None:
    root = Path(__file__).resolve().parents[2]
    assert (CORE / "LICENSE").read_bytes() == (root / "LICENSE").read_bytes()
    assert {p.licence for p in PROMPTS} == {"Apache-2.0"}
    assert "limits" in (CORE / "README.md").read_text(encoding="utf-8")


def test_the_shipped_policies_pin_it() -> None:
    digest = read_suite(CORE).digest
    for path in shipped_policies():
        needs = load_policy(path).needs
        assert (needs.suite_id, needs.suite_digest) == ("core", digest), path.name


def test_it_has_as_many_prompts_as_the_shipped_policies_take() -> None:
    """Cross-fitted, so that all measure; for a small model and for one of many experts."""
    for path in shipped_policies():
        for experts in (64, 6144):
            takes = floors_by_set(load_policy(path).sized(experts))
            assert set(takes) >= {"regular", "jailbreak", "benign"}
            assert max(takes.values()) <= min(len(BY_SET[name]) for name in SETS), path.name
