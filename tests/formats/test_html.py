"""The page for a screen: whole without scripts, closed to the network, and text is text in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from gatekeeper.formats.html import WHAT_IF
from gatekeeper.formats.html import render as render_page
from gatekeeper.report.disclosure import Disclosure

from .rendered import rendered, view
from .test_machine_hostile import HOSTILE, rendered_hostile

_VOID = {"meta", "br", "col", "input", "img", "link", "hr", "circle", "path", "line"}
#: What one audit says at other limits, as hostile as it can be.
SLID = json.dumps(
    {"words": {"title": "</script><script>alert(1)</script>"}, "sliders": []}
).encode()


class Page(HTMLParser):
    """Elements in order, each with its attributes; nesting is held to be sound."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)
        if tag in {"script", "style"}:
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside in {"script", "style"}:
            self.texts[inside][-1] += data
        else:
            self.texts.setdefault("text", []).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts["text"]).split())


@cache
def page(kind: str, level: Disclosure = Disclosure.COMMITTEE, lang: str = "en") -> Page:
    return Page(rendered("html", kind, level, lang).decode())


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_without_scripts_it_says_all_that_the_view_holds(kind: str, lang: str) -> None:
    shown, text = view(kind, Disclosure.COMMITTEE, lang), page(kind, lang=lang).text
    plain = text.replace("\N{NO-BREAK SPACE}", " ")

    def told(said: str) -> bool:
        return " ".join(said.replace("\N{NO-BREAK SPACE}", " ").split()) in plain

    assert shown.headline.word in text and shown.document.id in text
    for row in shown.rules:
        for said in (row.title, row.id, row.limit, row.measured, row.interval, row.n, row.remedy):
            assert told(said), said
        assert told(row.explanation) or lang == "ja"  # no space follows a full stop there
    assert all(told(need.detail) for need in shown.requirements)
    assert all(digest in text for _, digest in shown.provenance.files)
    for term in shown.words.under("glossary.term"):
        assert told(shown.words(f"glossary.term.{term}"))
    assert ("html", {"lang": lang}) in page(kind, lang=lang).elements


def test_every_link_leads_to_a_part_of_the_page_and_ids_stand_once() -> None:
    elements = page("fail").elements
    ids = Counter(a["id"] for _, a in elements if "id" in a)
    links = [a["href"] or "" for tag, a in elements if tag == "a"]
    assert max(ids.values()) == 1
    assert len(links) > 10 and {link.removeprefix("#") for link in links} <= set(ids)


def test_headings_skip_no_level() -> None:
    levels = [int(tag[1]) for tag, _ in page("fail").elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_nothing_may_run_or_be_loaded_but_what_is_in_it() -> None:
    found = Page(render_page(view("fail"), {WHAT_IF: SLID}).decode())
    (rules,) = (
        a["content"] or ""
        for tag, a in found.elements
        if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    rest = dict(part.split(" ", 1) for part in rules.split("; "))
    assert rest["default-src"] == rest["base-uri"] == rest["form-action"] == "'none'"
    scripts = [text for text in found.texts["script"] if not text.startswith("{")]
    assert len(scripts) == 2 and len(found.texts["script"]) == 3
    for key, texts in (("script-src", scripts), ("style-src", found.texts["style"])):
        digests = [base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in texts]
        assert rest[key].split() == [f"'sha256-{digest}'" for digest in digests]
    for tag, attributes in found.elements:
        assert tag not in {"img", "link", "iframe", "object", "embed", "form", "base"}
        for name, value in attributes.items():
            assert not name.startswith("on") and name not in {"style", "src"}
            assert name != "href" or (value or "").startswith("#")
    code = "".join((*scripts, *found.texts["style"])).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|@import|url\(|fetch\(|XMLHttp|innerHTML|eval\(", code)


@pytest.mark.parametrize("panel", [{}, {WHAT_IF: SLID}], ids=["page", "panel"])
def test_hostile_text_is_text(panel: dict[str, bytes]) -> None:
    data = rendered_hostile("html") if not panel else render_page(view("fail"), panel)
    found = Page(data.decode())
    assert "alert(1)" in (found.text if not panel else found.texts["script"][0])
    assert "49" not in found.text.split("alert(1)")[-1][:80]
    data_element, *scripts = sorted(found.texts["script"], key=lambda t: not t.startswith("{"))
    assert json.loads(data_element)["maps"] is not None
    assert not any("alert(1)" in script for script in scripts)
    assert not any("alert" in (v or "") for t, a in found.elements for n, v in a.items()
                   if n not in {"content", "aria-label"})  # fmt: skip
    for sign in ("\N{RIGHT-TO-LEFT OVERRIDE}", "\x00", "\x1b"):
        assert sign in HOSTILE and sign not in found.text


def test_the_same_view_gives_the_same_bytes() -> None:
    assert rendered("html", "fail") == render_page(view("fail"), {})


def test_the_map_names_experts_at_the_restricted_level_only() -> None:
    for level, maps, named in (
        ("public", 0, None),
        ("committee", 1, False),
        ("restricted", 1, True),
    ):
        found = page("fail", Disclosure(level))
        told = json.loads(next(t for t in found.texts["script"] if t.startswith("{")))["maps"]
        assert bool(told) is bool(maps)
        assert all(one["named"] is named for one in told)
        drawn = [a for tag, a in found.elements if tag == "figure" and a.get("class") == "map"]
        assert len(drawn) == len(told)
        facts = [f for f in view("fail", Disclosure(level)).selectors if f.layers]
        for one, selector in zip(told, facts, strict=True):
            for (layer, stable, runs), row in zip(one["layers"], selector.layers, strict=True):
                values = [value / 100 for value, length in runs for _ in range(length)]
                assert (layer, stable) == (row.layer, sum(row.stable))
                assert values == pytest.approx(row.probabilities, abs=0.00501)
