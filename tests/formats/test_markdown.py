from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gatekeeper.formats import markdown
from gatekeeper.records.verdict import Requirement
from gatekeeper.report.view import build_view

from ..report.synthetic import audit
from .rendered import rendered, view

HOSTILE = (
    "<img src=x onerror=alert(1)> | **bold** `code` [a](javascript:x) @org/team $x$ "
    "https://evil.example www.evil.example ::error::pwned ##[error] \n| --- |\n# Head"
)


def test_it_says_verdict_rules_and_remedy() -> None:
    text = rendered("markdown", "fail").decode()
    assert text.startswith("## × Gatekeeper: FAILED\n")
    for row in view("fail").rules:
        assert row.id in text and row.measured in text and row.interval in text
    assert "Retrain with expert dropout" in text
    assert "| Rule | Limit | Measured | Interval | n | Result |" in text


def _hostile_text() -> str:
    case = audit("fail")
    evidence = replace(case.evidence, checkpoint=replace(case.evidence.checkpoint, source=HOSTILE))
    policy = replace(case.policy, id=HOSTILE, title=HOSTILE)
    need = Requirement(name=HOSTILE, met=False, detail=HOSTILE)
    outcomes = tuple(
        replace(o, explanation=HOSTILE, rule=replace(o.rule, id=HOSTILE + str(i), remedy=HOSTILE))
        for i, o in enumerate(case.verdict.outcomes)
    )
    verdict = replace(
        case.verdict,
        summary=HOSTILE,
        requirements=(need,),
        outcomes=outcomes,
        warnings=(HOSTILE,),
    )
    return markdown.render(build_view(evidence, verdict, policy), {}).decode()


def test_hostile_texts_stay_text() -> None:
    text = _hostile_text()
    assert set(re.findall(r"<[^>]*>", text)) == {"<br>"}
    assert not re.search(r"(?<!\\)\[a", text)
    assert "https://" not in text and "www." not in text and "::" not in text
    assert not re.search(r"@\w", text)
    assert not re.search(r"(?<!\\)\$", text)
    for line in text.splitlines():
        assert not line.startswith(("# ", "::", "##["))
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 7


def test_a_renderer_of_markdown_finds_no_link_no_image_and_no_html_in_them() -> None:
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(_hostile_text())
    parts = [inner for token in tokens for inner in (token, *(token.children or ()))]
    kinds = {part.type for part in parts}
    assert {"table_open", "heading_open", "strong_open"} <= kinds
    assert not kinds & {"link_open", "image", "html_block", "em_open", "s_open", "fence"}
    assert {part.content for part in parts if part.type == "html_inline"} == {"<br>"}
    assert any("alert(1)" in part.content for part in parts if part.type == "text")


@given(st.text(max_size=80))
def test_escaping_leaves_no_active_sign(value: str) -> None:
    text = markdown.escape(value)
    assert "\n" not in text and "<" not in text and "@" not in text and "::" not in text
    plain = re.sub(r"&#?\w+;", "", text)
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_~|\[\]$#]", plain)


def test_it_is_cut_before_github_would_drop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "LIMIT", 900)
    data = markdown.render(view("fail"), {})
    assert len(data) <= 900
    assert data.decode().rstrip().endswith(view("fail").words("markdown.truncated"))


def test_a_thousand_rules_stay_below_a_mebibyte() -> None:
    case = audit("fail")
    outcomes = tuple(
        replace(o, explanation="x" * 500, rule=replace(o.rule, id=f"{o.rule.id}-{i}"))
        for i in range(1200)
        for o in case.verdict.outcomes
    )
    verdict = replace(case.verdict, outcomes=outcomes)
    data = markdown.render(build_view(case.evidence, verdict, case.policy), {})
    assert 500_000 < len(data) <= 1024 * 1024
    assert b"was cut to fit" in data
