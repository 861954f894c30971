"""Characters that look like others: named at their own place where they break a policy, and left
alone in prose.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.cli import run
from gatekeeper.errors import UsageError
from gatekeeper.odd_characters import first_odd, named, remedy, replacement
from gatekeeper.policy.load import load_policy

POLICY = """\
# a comment, that says something
schema: gatekeeper/policy/v1
id: p
version: "1"
title: Release of it
owner: risk@example.com
evidence:
  selectors: [attribution, greedy]
  k: [1, 4, {share: 0.2 %}]
  prompts: {regular: 20}
rules:
  - id: drop
    metric: refusal-drop
    at: {k: 4}
    max: 10 points
    severity: block
    rationale: >
      Some folded prose - of two
      lines.
  - id: rate
    metric: refusal-rate
    at:
      set: regular
      mask: none
    min: 80 %
    controls: [EU-AI-Act:Art-15]
    rationale: Plain prose - of several
      lines, too.
"""
#: Of the lines above, those that hold prose.
PROSE = {1, 5, 18, 19, 27, 28}
NBSP = "\u00a0"


def refused(path: Path, text: str) -> UsageError | None:
    path.write_text(text, encoding="utf-8")
    try:
        load_policy(path)
    except UsageError as error:
        assert str(error).isprintable()
        return error
    return None


@pytest.mark.parametrize(
    ("word", "alike"),
    [
        ("metric: refusal-drop", "metric: refus\u0430l-drop"),
        ("max: 10 points", "m\u0430x: 10 points"),
        ("set: regular", "set: regul\u0430r"),
        ("[attribution, greedy]", "[\u0430ttribution, greedy]"),
    ],
)
def test_a_letter_that_looks_like_another_is_named(tmp_path: Path, word: str, alike: str) -> None:
    error = refused(tmp_path / "p.yaml", POLICY.replace(word, alike))
    assert error is not None
    place = alike.index("\u0430") - max(alike.rfind(c, 0, alike.index("\u0430")) for c in " [")
    told = f" what is there has character U+0430 (cyrillic small letter a) at place {place}"
    assert told in str(error)


def test_it_is_named_on_the_command_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    letter = "has character U+043E (cyrillic small letter o) at place"
    assert run(["check", "x", "--p\u043elicy", "y"]) == 2
    assert f"{letter} 4 → see" in capsys.readouterr().err
    assert run(["d\u043ector"]) == 2
    assert f"did you mean doctor? what is there {letter} 2" in capsys.readouterr().err
    assert run(["catalog", "f\u043ermat"]) == 2
    assert f"{letter} 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("character", "stands_for"),
    [(NBSP, " "), ("\u3000", " "), ("\uff1a", ":"), ("\uff0d", "-"), ("\u2212", "-")],
)
def test_wherever_it_stands(tmp_path: Path, character: str, stands_for: str) -> None:
    """Each space or sign in turn: it is named where it stands, unless it is a letter of prose."""
    path, told = tmp_path / "p.yaml", 0
    for at, meant in enumerate(POLICY):
        if meant != stands_for:
            continue
        line, column = POLICY.count("\n", 0, at) + 1, at - POLICY.rfind("\n", 0, at)
        error = refused(path, POLICY[:at] + character + POLICY[at + 1 :])
        if error is None:
            assert line in PROSE, (line, column)
        else:
            assert error.where == f"{path}:{line}:{column}"
            assert named(character) in error.message
            told += 1
    assert told >= 7


@pytest.mark.parametrize(
    ("good", "bad", "place", "words"),
    [
        (
            "80 %",
            "８0 %",
            ":25:10",
            "U+FF18 (fullwidth digit eight) is not what it looks like → write 8",
        ),
        (
            "80 %",
            "80 ％",
            ":25:13",
            "U+FF05 (fullwidth percent sign) is not what it looks like → write %",
        ),
        ("80 %", "'80\u202f%'", ":25:13", "U+202F (narrow no-break space)"),
        ("80 %", "80\t%", ":25:12", "not valid YAML"),
        ("80 %", '"80\\u00a0%"', ":25:10", "80"),
        ("k: 4}", "k: ４}", ":14:13", "U+FF14"),
        ("k: 4}", "k： 4}", ":14:11", "U+FF1A (fullwidth colon)"),
        ("k: 4}", "k: 4｝", "", "not valid YAML"),
        ("id: drop", "id: “drop”", ":12:9", "U+201C (left double quotation mark)"),
        ("id: drop", "id: a\u2011b", ":12:10", "U+2011 (non-breaking hyphen)"),
        ("    max", "\u2003   max", ":15:1", "U+2003 (em space)"),
        ("    max", "    \u3000max", ":15:5", "U+3000 (ideographic space)"),
        ("    max", "\tmax", ":15:1", "a tab, where YAML takes spaces only"),
        ("max: 10", "max:\u200b10", ":15:9", "U+200B (zero width space) hides"),
        ("max: 10", "max: \ufeff10", ":15:10", "U+FEFF (zero width no-break space) hides"),
        ("max: 10", "max: 10\u2028", ":15:12", "U+2028 (line separator) hides"),
        ("max: 10", "max: \u221210", ":15:10", "U+2212 (minus sign)"),
        ("severity: block", "severity: block\u00a0# why", ":16:20", "U+00A0 (no-break space)"),
        ("risk@", "“risk”@", None, ""),
        ("Release of it", "“Release” 100\u00a0％", None, ""),
        ("Some folded", "\u3000Some－folded：", None, ""),
    ],
)
def test_at_its_own_place(
    tmp_path: Path, good: str, bad: str, place: str | None, words: str
) -> None:
    path = tmp_path / "p.yaml"
    assert POLICY.count(good) == 1
    error = refused(path, POLICY.replace(good, bad))
    if place is None:
        assert error is None
    else:
        assert error is not None
        assert place in str(error.where)
        assert words in str(error)


def test_prose_is_not_blamed_for_a_fault_of_another_kind(tmp_path: Path) -> None:
    text = POLICY.replace("Release of it", "“Release”").replace("Some folded", "\u3000Some：folded")
    path = tmp_path / "p.yaml"
    error = refused(path, text.replace("    min: 80 %", "   min: 80 %"))
    assert error is not None
    assert error.where == f"{path}:25:4"
    assert "U+" not in error.message
    error = refused(path, POLICY.replace("Plain prose", "100\u00a0％ prose " * 200))
    assert error is not None
    assert "too long" in error.message


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_they_may(tmp_path: Path, end: str) -> None:
    path = tmp_path / "p.yaml"
    text = POLICY.replace("80 %", f"80{NBSP}%").replace("\n", end)
    path.write_bytes(text.encode())
    with pytest.raises(UsageError) as caught:
        load_policy(path)
    assert caught.value.where == f"{path}:25:12"


def test_lines_pasted_whole(tmp_path: Path) -> None:
    """Every indentation of a rule out of no-break spaces: the first of them is told."""
    lines = POLICY.splitlines()
    for number in range(20, 26):
        indented = lines[number].lstrip(" ")
        lines[number] = NBSP * (len(lines[number]) - len(indented)) + indented
    path = tmp_path / "p.yaml"
    error = refused(path, "\n".join(lines))
    assert error is not None
    assert error.where == f"{path}:21:1"
    assert "U+00A0 (no-break space)" in error.message


@pytest.mark.parametrize("command", ["lint", "explain"])
def test_every_command_tells_it_in_one_line(tmp_path: Path, command: str, capsys) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(POLICY.replace("80 %", f"80{NBSP}%"), encoding="utf-8")
    assert run(["policy", command, str(path)]) == 2
    said = capsys.readouterr()
    told = [line for line in (said.out + said.err).splitlines() if "U+00A0" in line]
    assert len(told) == 1
    assert f"{path}:25:12" in told[0]


@given(st.characters())
def test_what_is_meant_is_plain(character: str) -> None:
    meant = replacement(character)
    if meant is not None:
        assert meant.isascii()
        assert meant.isprintable()
        assert first_odd(f"a{character}") == 1
        assert named(character).startswith("character U+")
        assert remedy(character).startswith("write ")
    elif character.isascii():
        assert first_odd(character) is None
