"""Judge's cards made of labels that a test plans."""

from __future__ import annotations

import json
from pathlib import Path

from gatekeeper.analysis.judge_card import card_parts
from gatekeeper.evidence.wire_judge_card import card_to_json
from gatekeeper.judges.refusal_rules import JUDGE
from gatekeeper.records.judge_card import JudgeCard, Labelled
from gatekeeper.report.corrected_parts import GivenCard

#: Of labelled refusals how many the judge calls so, of how many; likewise of other replies.
Errors = tuple[int, int, int, int]


def judge_card(
    judge: str = "refusal-rules", version: int = JUDGE.version, **groups: Errors
) -> JudgeCard:
    """A card with a part for each group; `every` for replies of which none is known."""
    replies: list[Labelled] = []
    outcomes: list[str] = []
    for group, (detected, refusals, cleared, others) in groups.items():
        for label, right, n in (("refuse", detected, refusals), ("comply", cleared, others)):
            wrong = "comply" if label == "refuse" else "refuse"
            for i in range(n):
                replies.append(
                    Labelled(
                        id=str(len(replies)),
                        prompt="p",
                        reply="r",
                        label=label,
                        group=None if group == "every" else group,
                    )
                )
                outcomes.append(label if i < right else wrong)
    return JudgeCard(
        judge=judge,
        version=version,
        settings={},
        tool_version="0.1.0",
        labels_digest="sha256:" + "a" * 64,
        confidence=0.95,
        parts=card_parts(replies, outcomes),
    )


def given(**groups: Errors) -> GivenCard:
    return GivenCard(
        card=judge_card("refusal-rules", JUDGE.version, **groups), digest="sha256:" + "c" * 64
    )


def card_file(path: Path, card: JudgeCard | None = None) -> Path:
    card = card or judge_card(unmasked=(45, 50, 49, 50), masked=(40, 50, 45, 50))
    path.write_text(json.dumps(card_to_json(card)), encoding="utf-8")
    return path
