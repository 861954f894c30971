"""What a person does with the workbench page, in a real browser."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gatekeeper.history.store import History
from gatekeeper.history.workbench import slid
from gatekeeper.history.workbench_page import page
from gatekeeper.policy.extend import tiers_of
from gatekeeper.policy.lint import lint_policy
from gatekeeper.policy.load import load_policy

from ..browser.driver import Browser, axe_findings, browser
from .made import policy_with

#: The arrow key, as WebDriver has it.
RIGHT = "\ue014"
TIERS = (
    "rules:\n",
    "tiers:\n  inner: {default: true}\n  outer: {rules: {drop: {max: 15 points}}}\nrules:\n",
)


@pytest.fixture(scope="module")
def bench(filled, tmp_path_factory) -> Path:
    """A folder with a policy and the page of it; one release is labelled good, one bad."""
    folder = tmp_path_factory.mktemp("bench")
    shutil.copytree(filled, folder / "audits")
    with History(folder / "audits", write=True) as kept:
        labels = {"safe": "good", "half": "bad"}
        for entry in kept.entries():
            if entry.model in labels:
                kept.label(entry, labels[entry.model])
    policy = policy_with(folder, name="small.yaml")
    with History(folder / "audits") as kept:
        found = slid(kept, load_policy(policy))
    out = folder / "page.html"
    out.write_text(page(load_policy(policy), policy, found, out), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def window():
    with browser() as one:
        yield one


def opened(window: Browser, bench: Path, fragment: str = "", width: int = 1280) -> None:
    window.size(width, 900)
    window.open((bench / "page.html").as_uri() + fragment)


def counts(window: Browser) -> str:
    return window.run("return document.querySelector('.sum').textContent")


def test_a_slider_moves_by_keyboard_and_verdicts_follow(window, bench):
    opened(window, bench)
    before = counts(window)
    assert "4 audits: 1 pass, 2 fail, 1 inconclusive, 0 otherwise than then" in before
    assert "good ones blocked: 0, bad ones missed: 0" in before
    window.run("document.getElementById('limit-1').focus()")
    assert window.run("return document.activeElement.getAttribute('aria-valuetext')") == (
        "at most 20 points"
    )
    window.keys(*[RIGHT] * 100)
    assert window.run("return document.activeElement.getAttribute('aria-valuetext')") == (
        "at most 70 points"
    )
    after = counts(window)
    assert "2 pass, 0 fail, 2 inconclusive, 2 otherwise than then" in after
    assert "bad ones missed: 1" in after
    shown = window.run("return document.querySelector('.audits').textContent")
    assert "half" in shown
    assert "failed → passed: would be released" in shown
    window.run("return new Promise((done) => setTimeout(done, 400))")
    assert window.run("return document.querySelector('.counts').textContent") == after
    assert window.run("return location.hash") == "#drop=70"
    assert window.complaints() == []


def test_a_number_may_be_typed_and_is_taken_to_the_nearest_step(window, bench):
    opened(window, bench)
    for typed, limit in (("33.3", "33.5"), ("", "33.5"), ("-4", "2"), ("1e9", "99.5")):
        found = window.run(
            "const n = document.getElementById('limit-1-number'); n.value = arguments[0];"
            "n.dispatchEvent(new Event('change')); return n.value",
            typed,
        )
        if typed == "-4":  # what the gate would not load is no step
            assert 0 < float(found) < 5
        else:
            assert found == limit


def test_a_link_brings_the_limits_back_and_a_bad_one_is_ignored_with_a_word(window, bench):
    opened(window, bench, "#drop=70&refuses=60")
    values = "return [...document.querySelectorAll('input[type=number]')].map((n) => n.value)"
    assert window.run(values) == ["60", "70", "30"]
    good = window.run("return document.querySelector('.note').textContent")
    assert good == ""
    for bad in ("#drop=0.1", "#gone=3", "#drop=", "#%E0%A4", "#drop=1e1", "#<img src=x>"):
        opened(window, bench, bad)
        assert window.run(values) == ["50", "20", "30"], bad
        said = window.run("return document.querySelector('.note').textContent")
        assert "It was ignored" in said
    assert window.run("return document.getElementById('link').value").startswith("file://")


@pytest.mark.parametrize("tier", [None, "outer"])
def test_the_policy_to_copy_lints_and_says_what_was_slid(tier, window, bench, tmp_path):
    policy = policy_with(tmp_path, *((TIERS,) if tier else ()), name="own.yaml")
    out = tmp_path / "page.html"
    with History(bench / "audits") as kept:
        found = slid(kept, load_policy(policy, tier))
    out.write_text(page(load_policy(policy, tier), policy, found, out), encoding="utf-8")
    window.open(out.as_uri() + "#drop=27.5&refuses=45")
    new = tmp_path / "new.yaml"
    new.write_text(window.run("return document.getElementById('yaml').value"), encoding="utf-8")
    before = lint_policy(policy, date(2026, 11, 30))
    assert len(lint_policy(new, date(2026, 11, 30))) == len(before)
    assert tiers_of(new) == tiers_of(policy)
    loaded, old = load_policy(new, tier), load_policy(policy, tier)
    limits = {rule.id: rule.maximum or rule.minimum for rule in loaded.rules}
    assert limits == {"refuses": 45.0, "drop": 27.5, "answers": 30.0}
    assert loaded.needs == old.needs
    if tier:
        assert {r.id: r.maximum or r.minimum for r in load_policy(new, "inner").rules} == {
            "refuses": 50.0, "drop": 20.0, "answers": 30.0,
        }  # fmt: skip


def test_limits_that_the_gate_refuses_beside_each_other_have_no_verdict(window, bench, tmp_path):
    beside = "  - id: answers\n"
    second = (
        "  - id: all\n    metric: refusal-drop\n    at: {k: 4, set: regular}\n    max: 10 points\n"
        "    severity: block\n    rationale: Tighter.\n    remedy: Retrain.\n"
    )
    policy = policy_with(tmp_path, (beside, second + beside), name="two.yaml")
    out = tmp_path / "page.html"
    with History(bench / "audits") as kept:
        found = slid(kept, load_policy(policy))
    out.write_text(page(load_policy(policy), policy, found, out), encoding="utf-8")
    window.open(out.as_uri() + "#all=40")
    assert "4 not told" in counts(window)
    said = window.run("return document.querySelector('.odd').textContent")
    assert "drop and all do not make sense" in said
    assert "refused" in window.run("return document.getElementById('yaml').value")
    window.open(out.as_uri() + "#all=15")
    assert "not told" not in counts(window)


@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_and_axe_finds_nothing_serious(width, window, bench):
    opened(window, bench, "#drop=70", width)
    wide = window.run("return document.documentElement.scrollWidth > innerWidth")
    assert not wide
    assert axe_findings(window) == []


@pytest.mark.parametrize("count", [2, 50, 1000])
def test_many_audits_follow_at_once(count, window, bench, tmp_path):
    policy = load_policy(bench / "small.yaml")
    with History(bench / "audits") as kept:
        found = slid(kept, policy)
    # As many numbers as those of a release policy: some 150 an audit.
    audits = [
        {**audit, "rules": [[places * 20, enough] for places, enough in audit["rules"]]}
        for audit in found.audits
    ]
    many = [{**audits[i % 4], "id": f"{i:012x}"} for i in range(count)]
    out = tmp_path / "many.html"
    many_slid = replace(found, audits=many)
    out.write_text(page(policy, bench / "small.yaml", many_slid, out), encoding="utf-8")
    window.open(out.as_uri())
    times = window.run(
        "const r = document.getElementById('limit-1'), times = [];"
        "for (let i = 0; i < 20; i++) { const start = performance.now(); r.stepUp(1);"
        "r.dispatchEvent(new Event('input')); r.getBoundingClientRect();"
        "times.push(performance.now() - start); } return times.sort((a, b) => a - b)"
    )
    assert times[0] < 100, times  # undisturbed by whatever else runs
    assert window.run("return document.querySelectorAll('.audit').length") == min(count, 25)
    assert f"{count} audits" in counts(window)


def test_in_japanese_too(window, bench, tmp_path):
    policy, out = bench / "small.yaml", tmp_path / "ja.html"
    with History(bench / "audits") as kept:
        found = slid(kept, load_policy(policy))
    out.write_text(page(load_policy(policy), policy, found, out, "ja"), encoding="utf-8")
    window.open(out.as_uri())
    assert counts(window).startswith("監査 4 件")
    assert window.run("return document.documentElement.lang") == "ja"
