"""A report in another language has no sentence of the tool's own in English."""

from __future__ import annotations

import ast
import html
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

import gatekeeper
from gatekeeper import catalog
from gatekeeper.bundled import bundled
from gatekeeper.formats import console, markdown
from gatekeeper.records.finding import Finding, Missing, Subject
from gatekeeper.records.policy import Waiver
from gatekeeper.records.verdict import RuleOutcome, Verdict
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.document import render_html
from gatekeeper.report.phrases import Phrases
from gatekeeper.report.retold import retold
from gatekeeper.report.rules import subject_text
from gatekeeper.report.view import build_view
from gatekeeper.report.wording import languages, load_wording
from tests.typed import only

from .synthetic import Audit, audit

JA = load_wording("ja")
OTHERS = [lang for lang in languages() if lang != "en"]
#: Three words of Latin letters: a sentence, not a name.
_ENGLISH = re.compile(r"[A-Za-z]+ [A-Za-z]+ [a-z]+")


#: Written in two pieces that meet between words, and what older bundles hold.
_SEAMS = {
    "{0} measured of different text ({1} in all), {2} needed",
    "{0} seeds of regular prompts select in each fold, {1} needed",
    "experts that are not chosen can be masked without a trace",
    "Regular and benign prompts are compared within seeds (benign twins).",
    "Regular and benign prompts are compared as groups: no benign twins.",
}


def _english(markup: str, case: Audit) -> list[str]:
    """Runs of English that neither the policy's nor the suite's author, nor a reply, brought."""
    rules, suite = case.policy.rules, case.evidence.suite
    theirs = {case.policy.title, suite.title, *(rule.remedy for rule in rules)}
    theirs |= {rule.rationale for rule in rules} | {w.reason for w in case.policy.waivers}
    texts = re.findall(r">([^<]+)<", markup) + re.findall(
        r'(?:title|alt|content)="([^"]+)"', markup
    )
    theirs |= {
        "masked experts receive no tokens",
        "an empty mask changes no logit",
        "hooks are gone after detaching",
    }
    known = "|".join(re.escape(" ".join(t.split())) for t in sorted(theirs, key=len)[::-1] if t)
    known += "|Synthetic [^。]*|gatekeeper [^「」]*"
    plain = (" ".join(html.unescape(text).split()) for text in texts)
    return [text for text in plain if _ENGLISH.search(re.sub(known, "", text))]


@pytest.mark.parametrize("lang", OTHERS)
@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_no_sentence_of_the_tool_stays_in_english(kind: str, lang: str) -> None:
    case = audit(kind)
    for level in Disclosure:
        view = build_view(case.evidence, case.verdict, case.policy, level, lang)
        assert _english(render_html(view), case) == []
        for data in (console.render(view, {}), markdown.render(view, {})):
            assert _english(f">{data.decode()}<", case) == []


@pytest.mark.parametrize("lang", OTHERS)
def test_every_metric_and_judge_has_a_name_in_each_language(lang: str) -> None:
    words = load_wording(lang)
    for kind in ("metric", "judge"):
        for name in catalog.names(kind):
            title = catalog.load(kind, name).title
            assert words.told(title) != title, title


def test_the_verdict_is_told_with_the_same_results_and_numbers() -> None:
    for kind in ("fail", "pass", "inconclusive"):
        verdict = audit(kind).verdict
        told = retold(verdict, JA)
        assert told.headline == verdict.headline
        assert [o.result for o in told.outcomes] == [o.result for o in verdict.outcomes]
        for outcome, before in zip(told.outcomes, verdict.outcomes, strict=True):
            finding = only(Finding, before.decisive)
            assert outcome.decisive == finding
            assert JA.estimate(finding) in outcome.explanation
        assert retold(verdict, load_wording("en")) is verdict


def _told(verdict: Verdict, **changes: object) -> str:
    outcome = replace(verdict.outcomes[0], **changes)  # type: ignore[arg-type]
    return retold(replace(verdict, outcomes=(outcome,)), JA).outcomes[0].explanation


def test_why_a_rule_is_open_is_told() -> None:
    verdict = audit("inconclusive").verdict
    assert "どちら側にあるかを判定できません" in _told(verdict)
    assert "ノイズフロア" in _told(verdict, obstacle="noise")
    assert "第二の判定器" in _told(verdict, obstacle="second judge")
    assert "判定できない応答" in _told(verdict, obstacle="undecided")
    assert "必要な水準" in _told(audit("fail").verdict, result="inconclusive")
    finding = only(Finding, verdict.outcomes[0].decisive)
    reason = "the mask was not run on the set jailbreak"
    missing = Missing(metric="refusal-drop", version=1, subject=finding.subject, reason=reason)
    told = _told(verdict, decisive=missing, others=())
    assert "測定できませんでした：ジェイルブレイクではこのマスクを測定していません。" in told


def test_a_number_beside_its_limit_is_not_printed_as_the_limit() -> None:
    verdict = audit("inconclusive").verdict
    finding = replace(only(Finding, verdict.outcomes[0].decisive), value=14.03)
    assert "14.03ポイント" in _told(verdict, decisive=finding)


def _waived(outcome: RuleOutcome) -> RuleOutcome:
    waiver = Waiver(
        rule=outcome.rule.id, checkpoint="sha256:0", reason="Because.", owner="a@example.com",
        approver="b@example.com", expires=date(2027, 1, 31), ticket="RISK-7", not_above=None,
        line=1,
    )  # fmt: skip
    return replace(outcome, result="waived", waiver=waiver)


def test_a_waiver_is_told_with_who_until_when_and_why() -> None:
    verdict = audit("inconclusive").verdict
    outcomes = tuple(_waived(outcome) for outcome in verdict.outcomes)
    told = retold(replace(verdict, result="pass", outcomes=outcomes), JA)
    for part in ("2027-01-31", "b@example.com（RISK-7）", "Because."):
        assert part in told.outcomes[0].explanation
    assert told.summary.startswith("免除付き合格：")
    assert "b@example.com" in told.summary and "2027-01-31" in told.summary


def test_what_a_number_is_about_is_told() -> None:
    assert subject_text(Subject(set="regular", each="category"), JA) == "有害な依頼、分類ごと"
    assert subject_text(Subject(dimension="system prompt"), JA) == "システムプロンプト"


def test_values_are_kept_and_told_too_where_they_are_known() -> None:
    assert JA.told("prompts: over_refusal") == "プロンプト：過剰拒否"
    assert JA.told("1,150 measured, 265 needed") == "1,150 件を測定、必要 265 件"
    assert JA.told("not run: the mask was not run") == "未実行：このマスクを測定していません"
    assert JA.told("the positive control, the roles of experts") == "陽性対照、エキスパートの役割"
    assert JA.told("no such sentence; no review date") == "no such sentence；見直し期限がありません"
    assert JA.told("no such sentence") == "no such sentence"
    assert load_wording("en").told("the mask was not run") == "the mask was not run"


def test_a_long_or_hostile_text_takes_no_time_and_is_no_template() -> None:
    phrases = Phrases({"of {0} {1} replies {2} so": "{2} {1} {0}"})
    assert phrases("of {1} {0} replies {2} so") == "{2} {0} {1}"
    text = "of " + "a " * 100_000
    assert JA.told(text) == text


def _pieces() -> str:
    """Every piece of text in the package's code, in one string."""
    found = []
    for path in sorted(Path(gatekeeper.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\0".join(found)


@pytest.mark.parametrize("lang", languages())
def test_every_phrase_is_one_that_the_code_still_writes(lang: str) -> None:
    phrases, code = load_wording(lang).phrases, _pieces()
    assert phrases is not None and len(phrases.known) > (300 if lang in OTHERS else 5)
    # Code makes some of pieces, which meet at a sign or at a value: the longest tells.
    longest = {t: max(re.split(r"\{\d\}|[;,:()—.]", t), key=len).strip() for t in phrases.known}
    lost = [text for text, part in longest.items() if part not in code and text not in _SEAMS]
    assert lost == []


@pytest.mark.parametrize("lang", languages())
def test_slots_are_the_same_on_both_sides(lang: str) -> None:
    phrases = load_wording(lang).phrases
    assert phrases is not None
    for text, told in phrases.known.items():
        assert set(re.findall(r"\{(\d)(?::,)?\}", told)) <= set(re.findall(r"\{(\d)\}", text))
        assert told.count("{") == len(re.findall(r"\{\d(?::,)?\}", told)), text


def test_a_language_is_retold_by_a_file_of_its_own() -> None:
    folder = bundled("report_templates") / "wording" / "retold"
    assert sorted(file.stem for file in folder.glob("*.yaml")) == list(languages())


@pytest.mark.parametrize("lang", languages())
def test_counts_in_what_a_verdict_says_are_written_like_all_numbers(lang: str) -> None:
    words = load_wording(lang)
    said = "18 of 101520 replies are undecided (18 unclear-turn): a number passes or fails only if "
    told = words.told(said + "it does whatever they were")
    assert "101,520" in told and "101520" not in told and "whatever" not in told
    # No count, no sign: a digest or a seed keeps its digits.
    assert Phrases({"seed {0}": "{0}"})("seed 101520") == "101520"
    assert Phrases({"{0} left": "{0:,}"}, thousands=".")("1234567 left") == "1.234.567"


def test_one_point_is_singular_in_english_and_the_verdict_keeps_its_words() -> None:
    verdict = audit("fail").verdict
    said = "Lost: 1.0 points; the limit is at most 1 points."
    outcome = replace(verdict.outcomes[0], explanation=said)
    told = retold(replace(verdict, outcomes=(outcome,), summary=said), load_wording("en"))
    right = "Lost: 1.0 points; the limit is at most 1 point."
    assert told.summary == told.outcomes[0].explanation == right
    assert outcome.explanation == said
    assert load_wording("en").limit(1.0, "points") == "1 point"
    assert load_wording("en").limit(11.0, "points") == "11 points"
    assert JA.limit(1.0, "points") == "1ポイント"
