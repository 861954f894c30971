"""The HTML report as commands write it: limits to move, `verify`, and what a level withholds."""

from __future__ import annotations

import json
import random
import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.cli import run
from gatekeeper.commands._gate import write_verdict
from gatekeeper.commands._judged import judge
from gatekeeper.commands._reporting import Given
from gatekeeper.commands._what_if import what_if
from gatekeeper.evidence.bundle import read_bundle
from gatekeeper.evidence.manifest import sha256
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.workbench.grid import sliders, with_limit
from gatekeeper.records.finding import Finding
from gatekeeper.records.model import ExpertId
from gatekeeper.report.disclosure import Disclosure

from ..browser.driver import Browser, axe_findings, browser
from ..history.made import half, output, policy_with
from ..policy.builders import TODAY

#: As nothing else in evidence or wording.
EXPERT, REPLY = 73317331, "ZEBRAQUARTZ"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """What `run` leaves, with the page beside it."""
    folder = output(tmp_path_factory.mktemp("made"), half)
    policy = load_policy(folder / "policy.yaml")
    evidence = read_bundle(folder / "evidence")
    write_verdict(evidence, evaluate(evidence, policy, TODAY), policy, folder)
    assert report(folder) == 0
    return folder


@pytest.fixture(scope="module")
def window():
    with browser() as one:
        yield one


@pytest.fixture
def out(made, tmp_path) -> Path:
    return shutil.copytree(made, tmp_path / "out")


def report(folder: Path, *more: str) -> int:
    own = ("--policy", f"{folder}/policy.yaml", "--as-of", f"{TODAY}", "--format", "html")
    return run(["report", str(folder), *own, *more])


def data_of(page: Path) -> dict[str, Any]:
    (text,) = re.findall(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    data: dict[str, Any] = json.loads(text)
    return data


# -- as a file


def test_it_is_made_again_and_verifies(out, capsys) -> None:
    assert run(["verify", str(out)]) == 0
    assert "✓ report.html: made again, byte for byte (committee, en)" in capsys.readouterr().out
    before = (out / "report.html").read_bytes()
    assert report(out) == 0
    assert (out / "report.html").read_bytes() == before


def test_an_altered_page_is_named(out, capsys) -> None:
    page = out / "report.html"
    page.write_bytes(page.read_bytes().replace(b"FAILED", b"PASSED"))
    assert run(["verify", str(out)]) == 12
    assert "report.html: altered" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["word", "table"])
def test_who_alters_page_and_statement_together_is_found(what, out, capsys) -> None:
    page, statement = out / "report.html", out / "outputs.json"
    old, new = {"word": ("FAILED", "PASSED"), "table": ('"b",', '"p",')}[what]
    text = page.read_text(encoding="utf-8")
    assert old in text
    digest = sha256(page.read_bytes())
    page.write_text(text.replace(old, new), encoding="utf-8")
    told = statement.read_text(encoding="utf-8")
    assert digest in told
    statement.write_text(told.replace(digest, sha256(page.read_bytes())), encoding="utf-8")
    assert run(["verify", str(out)]) == 12
    error = capsys.readouterr().err
    assert "report.html" in error and "not the report that this evidence gives" in error


@pytest.mark.parametrize("level", list(Disclosure))
def test_the_table_of_limits_shows_no_expert_and_no_reply_at_any_level(level, made) -> None:
    evidence, policy = read_bundle(made / "evidence"), load_policy(made / "policy.yaml")
    planted = replace(
        evidence,
        masks=tuple(
            replace(m, experts=(ExpertId(0, EXPERT),) if m.k else ()) for m in evidence.masks
        ),
        trials=tuple(replace(t, completion=f"{REPLY} {t.outcome}") for t in evidence.trials),
    )
    verdict, asked = judge(planted, policy, TODAY)
    given = Given(planted, verdict, policy, made / "evidence", level, "en", None, None, asked)
    told = what_if(given, given.view).decode()
    assert str(EXPERT) not in told and REPLY not in told
    prompts = {p.id for p in planted.suite.prompts}
    assert not any(f'"{prompt}"' in told for prompt in prompts)
    # Nothing but numbers that rules of the verdict rest on.
    data = json.loads(told)
    found = (f for o in verdict.outcomes for f in (o.decisive, *o.others))
    values = {round(f.value, 6) for f in found if isinstance(f, Finding)}
    assert {round(number[0], 6) for number in data["number"]} <= values


# -- on a screen


def opened(window: Browser, page: Path, width: int = 1280) -> None:
    window.size(width, 900)
    window.open(page.as_uri())


def outcome(window: Browser) -> str:
    return str(window.run("return document.querySelector('.outcome strong').textContent"))


def moved(window: Browser, index: int, limit: float) -> None:
    window.run(
        "const n = document.getElementById(`limit-${arguments[0]}-number`);"
        "n.value = arguments[1]; n.dispatchEvent(new Event('change'))", index, limit,
    )  # fmt: skip


def test_the_panel_says_what_the_gate_says_at_other_limits(window, made) -> None:
    evidence, policy = read_bundle(made / "evidence"), load_policy(made / "policy.yaml")
    opened(window, made / "report.html")
    assert outcome(window) == evaluate(evidence, policy, TODAY).headline
    found, dice, told = sliders(policy), random.Random(7), set()
    for _ in range(12):
        rules = {rule.id: rule for rule in policy.rules}
        for i, slider in enumerate(found):
            first, last = data_of(made / "report.html")["sliders"][i]["allowed"]
            limit = slider.values[dice.randint(first, last)]
            moved(window, i, limit)
            rules[slider.rule.id] = with_limit(rules[slider.rule.id], limit)
        verdict = evaluate(evidence, replace(policy, rules=tuple(rules.values())), TODAY)
        assert outcome(window) == verdict.headline
        told.add(verdict.headline)
        signs = window.run(
            "const told = [...document.querySelectorAll('.what-if-rules .tally')];"
            "return told.map((text) => text.textContent[0])"
        )
        by_result = {"pass": "✓", "fail": "×", "inconclusive": "△"}
        assert signs == [by_result[one.result] for one in verdict.outcomes]
    assert len(told) > 1
    window.run("document.querySelector('.outcome button').click()")
    assert outcome(window) == evaluate(evidence, policy, TODAY).headline
    assert "This is a calculation, not a verdict." in window.run("return document.body.innerText")
    assert window.complaints() == []


def test_a_slider_moves_by_keyboard_and_is_read_aloud_when_it_rests(window, made) -> None:
    opened(window, made / "report.html")
    window.run("document.getElementById('limit-1').focus()")
    window.keys(*["\ue014"] * 90)
    assert window.run("return document.activeElement.getAttribute('aria-valuetext')") == (
        "at most 65 points"
    )
    window.run("return new Promise((done) => setTimeout(done, 400))")
    aloud = window.run("return document.querySelector('.outcome [role=status]').textContent")
    assert aloud == window.run("return document.querySelector('.outcome p').textContent")


def rules_shown(window: Browser) -> list[str]:
    script = "return [...document.getElementById('rule-table').tBodies].filter((r) => !r.hidden)"
    shown: list[str] = window.run(f"{script}.map((r) => r.querySelector('code').textContent)")
    return shown


def test_rules_are_searched_chosen_and_sorted(window, made) -> None:
    opened(window, made / "report.html")
    assert rules_shown(window) == ["refuses", "drop", "answers"]
    window.run("document.getElementById('search').focus()")
    window.keys(*"lost DROP")
    assert rules_shown(window) == ["drop"]
    assert window.run("return document.getElementById('found').textContent") == "1 of 3 rules"
    window.run(
        "search.value = ''; search.dispatchEvent(new Event('input'));"
        "const show = document.getElementById('show'); show.value = 'fail';"
        "show.dispatchEvent(new Event('change'))"
    )
    assert rules_shown(window) == ["drop"]
    opened(window, made / "report.html")
    orders = []
    for _ in range(3):
        window.run("document.querySelector('[data-key=measured] button').click()")
        state = window.run(
            "return document.querySelector('[data-key=measured]').getAttribute('aria-sort')"
        )
        orders.append((state, rules_shown(window)))
    up = ["answers", "drop", "refuses"]
    assert orders == [
        ("ascending", up), ("descending", up[::-1]), ("none", ["refuses", "drop", "answers"]),
    ]  # fmt: skip
    assert window.complaints() == []


def test_the_map_is_read_by_keyboard(window, made) -> None:
    opened(window, made / "report.html")
    window.run("document.querySelector('figure.map .scroll').focus()")
    window.keys("\ue015", "\ue014")  # down, right
    said = window.run("return document.querySelector('figure.map output').textContent")
    layer = data_of(made / "report.html")["maps"][0]["layers"][1]
    assert re.match(rf"Layer {layer[0]}, place 2 from the most often selected: π = \d\.\d\d", said)


def test_with_scripts_off_nothing_is_missing_and_no_tool_is_offered(window, made) -> None:
    window.scripts(on=False)
    try:
        opened(window, made / "report.html")
        shown = window.run("return document.body.innerText")
        closed = window.run(
            "return [...document.querySelectorAll('details')].map((d) => d.textContent).join(' ')"
        )
        assert "Limits can be moved with JavaScript on" in shown
        assert window.run("return document.getElementById('choose').hidden")
        assert window.run("return document.querySelectorAll('button').length") == 0
        assert all(rule in shown for rule in ("refuses", "drop", "answers"))
        assert "Few experts must not carry the refusals." in closed
    finally:
        window.scripts(on=True)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("lang", ["en", "ja"])
def test_it_fits_and_axe_finds_nothing_serious(lang, width, window, made, tmp_path) -> None:
    assert report(made, "--lang", lang, "--level", "restricted", "--out", str(tmp_path)) == 0
    opened(window, tmp_path / "report.html", width)
    window.run("for (const d of document.querySelectorAll('details')) d.open = true")
    assert not window.run("return document.documentElement.scrollWidth > innerWidth")
    assert window.complaints() == []
    assert axe_findings(window) == []


def test_a_waiver_that_hangs_on_the_limit_is_not_guessed(out, window, tmp_path) -> None:
    """Where the logic cannot tell, the panel says so and shows no outcome."""
    page = out / "report.html"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace('"fixed":false', '"fixed":true'), encoding="utf-8")
    opened(window, page)
    moved(window, 1, 60)
    said = window.run("return document.querySelector('.outcome p').textContent")
    assert "not told here" in said
    assert window.run("return document.querySelector('.outcome strong')") is None


def test_a_policy_with_other_limits_has_its_own_table(out, tmp_path) -> None:
    other = policy_with(tmp_path, ("max: 20 points", "max: 30 points"))
    assert run(["report", str(out), "--policy", str(other), "--as-of", f"{date(2026, 11, 30)}",
                "--format", "html", "--out", str(tmp_path)]) == 0  # fmt: skip
    slider = data_of(tmp_path / "report.html")["sliders"][1]
    assert slider["values"][slider["start"]] == 30
