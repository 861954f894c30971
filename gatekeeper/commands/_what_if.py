"""What one audit says at other limits, for a report in which a reader moves them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gatekeeper.policy.in_words import languages, wording
from gatekeeper.policy.workbench.audit import Shared, audit_under_limits
from gatekeeper.policy.workbench.page_data import limits_data, page_words
from gatekeeper.report.one_file import embedded
from gatekeeper.report.parts import ReportView

if TYPE_CHECKING:
    from gatekeeper.commands._reporting import Given

#: The language of a panel, where a report's is none that policies are told in.
_ELSE = "en"


def what_if(given: Given, view: ReportView) -> bytes:
    """The verdict's rules at every limit that a slider takes, as JSON.

    It holds what rules of the verdict were measured at, of the same subjects, and nothing that a
    level withholds: no expert, reply or prompt has a part in it.
    """
    lang = view.words.lang if view.words.lang in languages() else _ELSE
    card = None if given.card is None else given.card.card
    before = None if given.asked is None else given.asked.before
    asked = audit_under_limits(given.evidence, given.policy, given.verdict, card, before)
    shared, words = Shared(), wording(lang)
    audit = {**shared.audit(asked, given.verdict.fail_on), "then": given.verdict.headline}
    data = {
        "words": {**page_words(words), **_own(view)},
        **limits_data(given.policy.sized(given.evidence.model.maskable_experts), (), words),
        "audits": [audit],
        "labelled": False,
        **shared.lists,
    }
    return embedded(data).encode()


def _own(view: ReportView) -> Mapping[str, Any]:
    """Words that the report has beside those of the workbench."""
    return {f"what_if_{key}": view.words(f"what_if.{key}") for key in view.words.under("what_if")}
