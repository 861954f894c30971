"""Opens a judge's card that the command line names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.judge_card import LEAST_ANSWERS, JudgeCard

if TYPE_CHECKING:  # numpy is behind them; --help has no use for it
    from gatekeeper.records.evidence import Evidence
    from gatekeeper.report.corrected_parts import GivenCard

card_option = click.option(
    "--judge-card",
    "card_path",
    type=click.Path(path_type=Path),
    help="Card of the judge (`gatekeeper judge calibrate`): rates of refusal are shown corrected "
    "for its errors beside the raw ones. It decides nothing unless the policy demands a card "
    "(evidence.judge_card).",
)


def open_card(path: Path | None) -> GivenCard | None:
    """The card in a file, if one is given.

    Raises:
        UsageError: it is no card.
    """
    if path is None:
        return None
    from gatekeeper.report.corrected_parts import GivenCard
    from gatekeeper.verify.judge_card import read_card

    card, raw = read_card(path)
    return GivenCard(card=card, digest="sha256:" + hashlib.sha256(raw).hexdigest())


def unfit_for_policies(card: JudgeCard) -> str | None:
    """Why no policy that demands a card (`evidence.judge_card`) takes this one, and what to do."""
    if card.checkpoint is None:
        return (
            "labels of no one known checkpoint: no policy that demands a card "
            "(evidence.judge_card) takes it → add --evidence, the bundle that the replies are of"
        )
    parts = {part.name: part.counts["comply"] for part in card.parts}
    answers = {g: sum(parts.get(f"group: {g}", {}).values()) for g in ("masked", "unmasked")}
    if max(answers.values()) >= LEAST_ANSWERS:
        return None
    return (
        f"{answers['masked']} masked and {answers['unmasked']} unmasked replies are labelled "
        f"compliance: a policy that demands a card takes {LEAST_ANSWERS} → label more"
    )


def check_card(
    from_file: GivenCard | None, judge: str, version: int, settings: Mapping[str, str]
) -> None:
    """Refuses a card of another judge than the evidence's.

    Raises:
        UsageError: another name, version, or other settings (model, question, …).
    """
    if from_file is None:
        return
    card = from_file.card
    if (card.judge, card.version) != (judge, version):
        raise UsageError(
            f"the card is of {excerpt(card.judge)} version {card.version}, the evidence was judged "
            f"by {excerpt(judge)} version {version}",
            where="--judge-card",
            remedy="calibrate that judge",
        )
    if dict(card.settings) != dict(settings):
        raise UsageError(
            f"the card is of {excerpt(judge)} with other settings than the evidence's",
            where="--judge-card",
            remedy="calibrate it with the same --judge-option",
        )


def card_for(path: Path | None, evidence: Evidence) -> GivenCard | None:
    """The card in a file, if one is given, which must be of the judge of the evidence.

    Raises:
        UsageError: it is no card, or of another judge.
    """
    from_file, settings = open_card(path), evidence.settings
    check_card(from_file, settings.judge, settings.judge_version, settings.judge_settings)
    return from_file
