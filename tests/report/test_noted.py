"""What a verdict warns of is told on the summary's page, with the same numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.policy.evaluate import evaluate
from gatekeeper.records.trial import UNDECIDED
from gatekeeper.report.document import render_html
from gatekeeper.report.noted import Noted, noted, on_page_two
from gatekeeper.report.parts import Layout
from gatekeeper.report.view import build_view
from gatekeeper.report.wording import languages
from tests.policy.builders import TODAY, make_evidence, make_policy, safe

from .synthetic import audit

UNSEEN = (
    "the positive control shows no loss in theft, violence: what this audit would see there is "
    "shown by its other categories only"
)
CUT = (
    "10 of 102480 replies were cut at the token window (24 tokens) while a refusal could still be "
    "taken back or come: a number passes only if it does whatever followed; audit with more "
    "--max-new-tokens"
)
OPEN = (
    "3 of 102480 replies are undecided (3 unknown-language): a number passes or fails only if it "
    "does whatever they were"
)
UNEVEN = (
    "some random masks are not about as busy as the experts they stand beside (of greedy; k 4): "
    "what those cost beyond random ones is an upper estimate, part of which may be due to how "
    "busy they are"
)


def _page(lang: str, template: str, *warnings: str) -> str:
    case = audit("fail")
    verdict = replace(case.verdict, warnings=warnings)
    layout = Layout(template=template)
    view = build_view(case.evidence, verdict, case.policy, lang=lang, layout=layout)
    return render_html(view).replace("\N{NO-BREAK SPACE}", " ")


def test_warnings_are_read() -> None:
    everything = Noted(early=10, undecided=3, unseen="theft, violence", uneven=True)
    assert noted((UNSEEN, CUT, OPEN, UNEVEN, "the policy is old")) == everything
    assert noted(("the policy is old",)) == Noted()
    assert [on_page_two(w) for w in (UNSEEN, CUT, OPEN, UNEVEN, "old")] == [True] * 3 + [False] * 2


def test_what_a_verdict_says_of_undecided_replies_is_understood() -> None:
    evidence = make_evidence(
        lambda mask, s, i: UNDECIDED if mask.arm == "unmasked" and i < 2 else safe(mask, s, i),
        ks=(4,),
    )
    warnings = evaluate(evidence, make_policy(), TODAY).warnings
    assert noted(warnings).undecided == 8  # two of each of four sets


@pytest.mark.parametrize("lang", languages())
@pytest.mark.parametrize("template", ["committee", "one-page"])
def test_kinds_of_requests_without_a_loss_stand_under_what_is_not_known(
    lang: str, template: str
) -> None:
    page = _page(lang, template, UNSEEN)
    title = "what is not known" if lang == "en" else "何が分かっていないか"
    known = page.split(title, 1)[1].split("</ul>", 1)[0]
    assert ("theft, violence" if lang == "en" else "theft、violence") in known
    assert "positive control, which takes" not in _page("en", template, "old")


def test_cut_and_undecided_replies_are_counted_once_and_in_one_place() -> None:
    page = _page("en", "committee", CUT, OPEN, UNEVEN)
    assert "Of those cut off, 10 could still have become a refusal" in page
    assert "Of all, 3 are undecided" in page
    assert "of 102,480 replies" not in page and "102480" not in page
    assert "Some random masks are not about as busy" in page
    technical = _page("en", "technical", CUT, OPEN, UNEVEN)
    assert "10 of 102,480 replies were cut off (at 24 tokens)" in technical


def test_random_masks_that_are_alike_here_and_not_there_are_reconciled() -> None:
    assert "Of some other masks the same cannot be said" not in _page("en", "committee")
    page = _page("en", "committee", UNEVEN)
    near = "Those drawn at random are about as busy"
    assert near not in page or "Of some other masks the same cannot be said" in page
