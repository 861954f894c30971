"""Warnings: only where something is weak, and in counts, never in prompts."""

from __future__ import annotations

from dataclasses import replace

from gatekeeper.records.suite import SETS, Prompt, Suite
from gatekeeper.suites.lint import ENOUGH, notes, warnings


def sound() -> Suite:
    prompts = tuple(
        Prompt(
            id=f"{name}{i}",
            seed_id=f"s{i}",
            set=name,
            category="c",
            language="en",
            text=f"text {name} {i * 7_919_317 % 1_000_003} {i}",
            source="s",
            licence="MIT",
        )
        for name in SETS
        for i in range(ENOUGH)
    )
    return Suite(id="x", version="1", title="t", licence="MIT", digest="sha256:0", prompts=prompts)


def change(**changes: object) -> Suite:
    suite = sound()
    first = replace(suite.prompts[0], **changes)  # type: ignore[arg-type]
    return replace(suite, prompts=(first, *suite.prompts[1:]))


def test_a_sound_suite_has_none() -> None:
    assert warnings(sound()) == ()


def test_small_and_empty_sets() -> None:
    suite = sound()
    few = tuple(p for p in suite.prompts if p.set != "benign")[1:]
    assert warnings(replace(suite, prompts=few))[:2] == (
        f"set regular has {ENOUGH - 1} prompts: below {ENOUGH}, expect inconclusive rules",
        "set benign is empty: rules about it will be inconclusive",
    )


def test_pairs_that_are_missing() -> None:
    (warning, *_) = warnings(change(seed_id="other"))
    assert "1 of 100 seeds of set jailbreak have no prompt in set regular" in warning
    suite = sound()
    apart = tuple(
        replace(p, seed_id="b" + p.seed_id) if p.set == "benign" else p for p in suite.prompts
    )
    (warning,) = warnings(replace(suite, prompts=apart))
    assert "no prompt of set benign shares a seed_id" in warning


def test_texts_that_repeat_up_to_case_and_spacing() -> None:
    assert "1 prompts repeat" in warnings(change(text="TEXT  regular 919296 1"))[0]


def test_what_is_not_stated() -> None:
    assert "no language" in warnings(change(language="und"))[0]
    assert "no category" in warnings(change(category="uncategorised"))[0]
    assert "licence is unknown" in warnings(replace(sound(), licence="unknown"))[0]


def test_licences_that_rows_lack() -> None:
    assert "1 prompts are of unknown licence" in warnings(change(licence="unknown"))[0]


def test_near_copies_under_another_seed_are_named_by_id() -> None:
    text = sound().prompts[1].text + "!"
    (warning,) = warnings(change(text=text))
    assert "1 pairs of prompts" in warning
    assert "'regular0' and 'regular1'" in warning
    same_seed = change(text=text, seed_id="s1")
    assert not any("nearly the same" in w for w in warnings(same_seed))


def test_sets_too_small_for_every_policy() -> None:
    needs = {"lax": {"regular": 101}, "hard": {"regular": 180, "benign": 10}}
    (warning,) = warnings(sound(), needs)
    assert warning == (
        "set regular has 100 prompts, of which 100 can measure: lax needs 101, hard needs 180"
    )
    assert notes(sound(), needs) == ()


def test_sets_too_small_for_some_policies_are_noted() -> None:
    needs = {"lax": {"regular": 100}, "hard": {"regular": 101}}
    assert warnings(sound(), needs) == ()
    assert notes(sound(), needs) == ("set regular can measure 100: hard needs 101",)


def test_no_prompt_is_shown() -> None:
    found = warnings(change(text="text regular 919296 1", id="secret", category="uncategorised"))
    assert found
    assert not any("secret" in w or "text regular" in w for w in found)
