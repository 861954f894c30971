"""n alone misleads where prompts share seeds: every place that shows n tells the seeds."""

from __future__ import annotations

from dataclasses import replace

from gatekeeper.policy.wording import finding_text
from gatekeeper.report.wording import load_wording

from ..evidence.whole import whole_evidence
from .builders import make_rule


def _finding():
    return next(f for f in whole_evidence().findings if f.metric == "refusal-drop")


def test_fewer_seeds_than_prompts_are_told():
    finding, words = _finding(), load_wording("en")
    assert finding.clusters == finding.n
    shared = replace(finding, n=44, clusters=19)
    assert words.count(shared) == "44 from 19 seeds"
    assert words.estimate(shared).endswith("44 from 19 seeds)")
    assert "n = 44 from 19 seeds)" in finding_text(shared, make_rule())
    assert "seeds" not in words.estimate(finding) + finding_text(finding, make_rule())
