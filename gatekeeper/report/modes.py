"""What masks did to experts in this audit, in words."""

from __future__ import annotations

from gatekeeper.errors import UsageError
from gatekeeper.records.evidence import AuditSettings
from gatekeeper.records.trial import MODE, split_mode
from gatekeeper.report.text import clean
from gatekeeper.report.wording import Wording


def own_mode(settings: AuditSettings) -> str | None:
    """Mode and phase of the audit's masks as a subject has them: None for what rules speak of."""
    how = settings.mode if settings.phase == "both" else f"{settings.mode} in {settings.phase}"
    return None if how == MODE else how


def read_mode(mode: str) -> tuple[str, float] | None:
    """Kind and amount; None of a mode that only another version knows."""
    try:
        return split_mode(mode)
    except UsageError:
        return None


def amount_text(kind: str, amount: float, words: Wording) -> str:
    """A factor as a share of the contribution, sigma as a plain number; with no idle decimals."""
    value = round(100 * amount if kind == "scale" else amount, 10)
    decimals = f"{value:f}".rstrip("0").partition(".")[2]
    text = words.number(value, len(decimals))
    return words("number.percent", value=text) if kind == "scale" else text


def mask_text(settings: AuditSettings, words: Wording) -> str:
    """What a mask does and when; where rules speak of something else, that they do."""
    kind, amount = read_mode(settings.mode) or ("other", 0.0)
    sentences = [
        words(f"mode.{kind}", amount=amount_text(kind, amount, words), mode=clean(settings.mode))
    ]
    if settings.phase != "both":
        sentences.append(words(f"mode.{settings.phase}"))
    if own_mode(settings) is not None:
        sentences.append(words("mode.no_rules"))
    return words.prose(sentences)
