"""The charts of a report, each drawn when a template asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from gatekeeper.report.bars import rule_gauge, set_rates
from gatekeeper.report.charts import refusal_curve
from gatekeeper.report.dose_chart import dose_response
from gatekeeper.report.expert_map import expert_map
from gatekeeper.report.parts import ReportView

if TYPE_CHECKING:
    from markupsafe import Markup


def drawn(figure: str) -> Markup:
    """A chart as markup; `svg.py` has escaped every text in it."""
    from markupsafe import Markup

    return Markup(figure)  # noqa: S704


class Figures:
    """The charts of a report, each drawn when a template asks for it."""

    def __init__(self, view: ReportView) -> None:
        self._view = view

    @cached_property
    def curve(self) -> Markup | str:
        """Refusal rate against mask size."""
        view = self._view
        return drawn(refusal_curve(view.curve, view.words)) if view.curve else ""

    @cached_property
    def doses(self) -> Markup | str:
        """Refusals lost against how strongly experts are disturbed."""
        view = self._view
        return drawn(dose_response(view.doses, view.words)) if view.doses else ""

    @cached_property
    def sets(self) -> Markup | str:
        """Refusal rate of each prompt set."""
        view = self._view
        return drawn(set_rates(view.sets, view.words)) if view.sets else ""

    @cached_property
    def maps(self) -> Mapping[str, Markup]:
        """Where safety sits, by selector."""
        return {
            facts.name: drawn(expert_map(facts, self._view.words))
            for facts in self._view.selectors
            if any(row.probabilities for row in facts.layers)
        }

    @cached_property
    def gauges(self) -> Mapping[str, Markup]:
        """Interval and limit of each rule, by id."""
        return {row.id: drawn(rule_gauge(row, self._view.words)) for row in self._view.rules}
