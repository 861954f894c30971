from __future__ import annotations

import html
from dataclasses import replace

import pytest

from gatekeeper.metrics import measure_all
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.wire import verdict_to_json
from gatekeeper.report.corrected import build_corrected
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.document import render_html
from gatekeeper.report.view import build_view
from gatekeeper.report.wording import load_wording
from tests.typed import some

from ..policy.builders import make_policy
from ..policy.test_sequential import ATTRIBUTION, TODAY, loses, stopped, whole
from ..policy.twice import judged_twice
from .cards import given
from .synthetic import TECHNICAL, audit

GOOD = given(unmasked=(58, 60, 60, 60), masked=(57, 60, 59, 60))


def _view(kind, card=GOOD, **options):
    case = audit(kind)
    return build_view(
        case.evidence, case.verdict, case.policy, card=card, layout=TECHNICAL, **options
    )


def test_without_a_card_nothing_is_said_of_it() -> None:
    assert _view("fail", None).corrected is None


def test_the_verdict_is_the_same_with_and_without() -> None:
    one, other = _view("fail"), _view("fail", None)
    assert verdict_to_json(one.verdict) == verdict_to_json(other.verdict)
    assert one.rules == other.rules
    assert one.document.id != other.document.id  # it is another document


@pytest.mark.parametrize("level", list(Disclosure))
@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_rows_are_raw_and_corrected_each_once(kind, level) -> None:
    facts = _view(kind, level=level).corrected
    assert facts is not None
    assert (facts.labels, facts.masked) == (240, 120)
    shown = [(row.title, row.subject) for row in facts.rows]
    assert len(shown) == len(set(shown)) >= 8
    for row in facts.rows:
        assert row.value is not None and row.interval is not None
        assert row.interval.low <= row.value <= row.interval.high
    kinds = {(r.raw.metric, r.raw.subject.mask): r.labels for r in facts.rows}
    assert kinds["refusal-rate", "none"] == 120
    assert kinds["refusal-rate", "selected"] == 120
    assert kinds["refusal-drop", None] == 240


def test_a_limit_that_only_the_corrected_interval_crosses_is_noted() -> None:
    assert _view("pass", given(every=(400, 400, 400, 400))).corrected.notes == ()
    # A judge that calls every other answer a refusal: drops are larger than they look.
    poor = _view("pass", given(unmasked=(60, 60, 60, 60), masked=(40, 40, 20, 40))).corrected.notes
    assert poor
    for note in poor:
        assert note.startswith("Rule ")
        assert "is inside the limit of" in note
    rules = [note.split()[1].rstrip(",") for note in poor]
    assert len(rules) == len(set(rules))


def test_a_card_that_can_correct_nothing_says_why() -> None:
    facts = _view("pass", given(every=(20, 40, 20, 40))).corrected
    assert {row.value for row in facts.rows} == {None}
    assert {row.reason for row in facts.rows} == {"on its card the judge is no better than chance"}
    assert facts.notes == ()


def test_a_card_that_contradicts_the_rates_is_not_read_as_certainty() -> None:
    # Half of refusals are missed, says the card; 95 % of replies were called refusals.
    facts = _view("pass", given(every=(60, 120, 120, 120))).corrected
    unmasked = next(row for row in facts.rows if row.raw.subject.set == "regular")
    assert unmasked.value is None
    assert unmasked.reason.startswith("the card does not fit")


def test_a_drop_whose_rates_were_not_measured_says_so() -> None:
    case = audit("fail")
    bare = replace(
        case.evidence,
        findings=tuple(
            f
            for f in case.evidence.findings
            if f.metric != "refusal-rate" or f.subject.mask == "none"
        ),
    )
    facts = some(build_view(bare, case.verdict, case.policy, card=GOOD).corrected)
    reasons = {row.reason for row in facts.rows if row.raw.metric == "refusal-drop"}
    assert reasons == {"the rates of refusal behind it were not measured"}


def test_the_method_says_whether_the_judges_errors_were_counted() -> None:
    unmeasured = "replies was not measured"
    assert unmeasured in render_html(_view("pass", None))
    text = render_html(_view("pass"))
    assert unmeasured not in text
    assert "--judge-card CARD" in text


def test_a_second_judge_is_told_with_agreement_interval_and_n() -> None:
    case = audit("pass")
    assert build_view(case.evidence, case.verdict, case.policy).method.second_judge == ""
    twice = judged_twice(case.evidence, sample=300)
    measured = replace(twice, findings=measure_all(twice))
    view = build_view(measured, case.verdict, case.policy, layout=TECHNICAL)
    assert "another-judge version 1" in view.method.second_judge
    assert "100.0 % (95 % interval" in view.method.second_judge
    assert "n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}300 from" in view.method.second_judge
    assert "another-judge 1; 300" in dict(view.provenance.settings).values()
    told = view.method.second_judge.replace("\N{NO-BREAK SPACE}", " ")
    assert told in html_text(view)


def html_text(view) -> str:
    return " ".join(html.unescape(render_html(view)).replace("\N{NO-BREAK SPACE}", " ").split())


def _drop_row(evidence):
    """The row of a drop that a rule asks for, in an audit whose masks might have stopped early."""
    evidence = replace(evidence, findings=measure_all(evidence))
    verdict = evaluate(evidence, make_policy(ATTRIBUTION), TODAY)
    facts = some(build_corrected(evidence, verdict, None, GOOD, load_wording("en")))
    return next(row for row in facts.rows if row.raw.metric == "refusal-drop")


def test_runs_that_stopped_early_are_not_corrected_as_if_they_had_not() -> None:
    """No interval of a corrected rate holds at any look; nor are both of the same prompts."""
    row = _drop_row(stopped(whole(loses(0.5), controls=0), lambda _: 2))
    assert row.raw.counts["planned"] == 120
    assert row.value is None and row.interval is None
    assert "stopped early" in row.reason
