"""Every sentence and number format of a report, one file per language.

`report_templates/wording/<lang>.yaml` holds the texts under dotted keys. An entry is a string with
`{names}`, a table `{one: …, other: …}` chosen by `count`, or a list. A new language is a new file
with the same keys. Findings and verdicts are written in English; `wording/retold/<lang>.yaml` tells
them in another language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from gatekeeper.bundled import bundled
from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.finding import Finding, Interval, Missing
from gatekeeper.report.phrases import Phrases
from gatekeeper.report.text import one

#: A text, its singular and plural, or a list of texts.
Text = str | Mapping[str, str] | tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Wording:
    """The texts of one language, called with a key.

    Attributes:
        phrases: sentences of findings and verdicts; in the language these are written in, those
            that are told in plainer words.
        sentences: the same wording, with the texts that a verdict is told in; None in the language
            that verdicts are written in.
    """

    lang: str
    texts: Mapping[str, Text]
    phrases: Phrases | None = None
    sentences: Wording | None = None

    def __call__(self, key: str, /, *, count: int | None = None, **values: object) -> str:
        """The text of `key` with `values` filled in.

        Args:
            key: dotted key.
            count: chooses between singular and plural, and fills `{count}`.

        Raises:
            KeyError: no such key, or a value the text wants is not given.
        """
        text = self.texts[key]
        if isinstance(text, tuple):
            raise KeyError(f"{key} is a list of texts")
        if not isinstance(text, str):
            text = text["one"] if count == 1 and "one" in text else text["other"]
        if count is not None:
            values["count"] = self.number(count, 0)
        return text.format_map(values) if values else text

    def lines(self, key: str) -> tuple[str, ...]:
        """The texts of a list entry."""
        texts = self.texts[key]
        if not isinstance(texts, tuple):
            raise KeyError(f"{key} is not a list of texts")
        return texts

    def told(self, text: str) -> str:
        """A sentence of the evidence or the verdict in this language; unknown ones as they are."""
        return text if self.phrases is None else self.phrases(text)

    def under(self, prefix: str) -> tuple[str, ...]:
        """Names of the entries of a table, in its order."""
        start = f"{prefix}."
        return tuple(key.removeprefix(start) for key in self.texts if key.startswith(start))

    def get(self, key: str) -> str | None:
        """The text of `key` if the language has one; for names that come from data."""
        text = self.texts.get(key)
        return text if isinstance(text, str) else None

    def number(self, value: float, decimals: int = 1) -> str:
        """A number with the language's signs; never a negative zero."""
        text = f"{abs(value):,.{decimals}f}"
        negative = value < 0 and any(c in "123456789" for c in text)
        table = {",": self("number.thousands"), ".": self("number.decimal")}
        text = "".join(table.get(c, c) for c in text)
        return self("number.minus") + text if negative else text

    def amount(self, value: float, unit: str, decimals: int = 1) -> str:
        """A number with its unit, such as `72.5 %`; with as many decimals as the unit takes."""
        key = {"%": "number.percent", "points": "number.points"}.get(unit)
        decimals = {"experts": 0, "index": 2, "ratio": 2, "nats": 3}.get(unit, decimals)
        if key:
            return self(key, value=self.number(value, decimals))
        return self("number.other", value=self.number(value, decimals), unit=self.unit(unit))

    def unit(self, unit: str) -> str:
        """What stands behind a number in a unit that is no share."""
        return self.get(f"unit.{unit}") or unit

    def limit(self, value: float, unit: str) -> str:
        """A limit with its unit, without decimals it does not have."""
        decimals = 0 if value == round(value) else 1 if value * 10 == round(value * 10) else 2
        key = {"%": "number.percent", "points": "number.points"}.get(unit, "number.other")
        text = self(key, value=self.number(value, decimals), unit=self.unit(unit))
        return one(text) if self.lang == "en" else text

    def value(self, finding: Finding) -> str:
        """The measured value with its unit."""
        return self.amount(finding.value, finding.unit)

    def range(self, interval: Interval, decimals: int = 1) -> str:
        """The two ends of an interval, without unit."""
        low, high = (self.number(end, decimals) for end in (interval.low, interval.high))
        return self("number.range", low=low, high=high)

    def spread(self, finding: Finding) -> str:
        """The two ends of a finding's interval; of a census, which has none, that it is one."""
        return self("number.all_asked") if finding.whole else self.range(finding.interval)

    def certainty(self, finding: Finding, decimals: int = 1) -> str:
        """Interval with its level, or that all were asked."""
        if finding.whole:
            return self("number.all_asked")
        return self(
            "number.interval",
            range=self.range(finding.interval, decimals),
            confidence=self.level(finding.interval),
        )

    def level(self, interval: Interval) -> str:
        """Its confidence in percent, to one decimal where it is no whole number."""
        return self.percent(interval.confidence)

    def percent(self, confidence: float) -> str:
        """A confidence in percent, likewise."""
        percent = round(confidence * 100, 1)
        return self.number(percent, 0 if percent == round(percent) else 1)

    def estimate(self, finding: Finding, decimals: int = 1) -> str:
        """Value, interval and n in one phrase, for sentences."""
        return self(
            "number.estimate",
            value=self.amount(finding.value, finding.unit, decimals),
            certainty=self.certainty(finding, decimals),
            n=self.count(finding),
        )

    def count(self, finding: Finding) -> str:
        """How many prompts a finding rests on, and from how many seeds if those are fewer.

        Of how many, where a run stopped early, or where the worst mask was run on a part of them.
        """
        n, seeds = self.number(finding.n, 0), self.number(finding.clusters, 0)
        if "planned" in finding.counts:
            n = self("number.stopped", n=n, planned=self.number(finding.counts["planned"], 0))
        elif (worst := finding.counts.get("worst_n", finding.n)) < finding.n:
            n = self("number.stopped", n=self.number(worst, 0), planned=n)
        return n if finding.clusters >= finding.n else self("number.clustered", n=n, seeds=seeds)

    def measured(self, outcome: Finding | Missing) -> str:
        """The estimate, or why there is none."""
        if isinstance(outcome, Missing):
            return self("number.missing", reason=outcome.reason)
        return self.estimate(outcome)

    def day(self, value: date) -> str:
        """A date."""
        return value.strftime(self("number.date"))

    def moment(self, value: datetime) -> str:
        """A date and time in UTC."""
        return value.strftime(self("number.datetime"))

    def prose(self, sentences: Iterable[str]) -> str:
        """Sentences one after the other."""
        return self("number.gap").join(sentences)

    def enumerate(self, parts: Sequence[str]) -> str:
        """`a, b and c`."""
        if len(parts) < 2:
            return "".join(parts)
        head = self("number.comma").join(parts[:-1])
        return self("number.and", head=head, last=parts[-1])


def languages() -> tuple[str, ...]:
    """Languages there is a wording file for."""
    return tuple(sorted(f.stem for f in (bundled("report_templates") / "wording").glob("*.yaml")))


@cache
def load_wording(lang: str) -> Wording:
    """The wording of a language.

    Raises:
        UsageError: there is no such language.
    """
    if lang not in languages():
        raise UsageError(
            f"no report wording for language {excerpt(lang)!r}",
            remedy=f"use one of: {', '.join(languages())}",
        )
    folder = bundled("report_templates") / "wording"
    words, retold = read_wording(folder / f"{lang}.yaml"), folder / "retold" / f"{lang}.yaml"
    if not retold.is_file():
        return words
    again = read_wording(retold)
    start = "phrases."
    known = {
        key.removeprefix(start): str(text)
        for key, text in again.texts.items()
        if key.startswith(start)
    }
    signs = (words(f"number.{name}") for name in ("comma", "semicolon", "thousands"))
    words = replace(words, phrases=Phrases(known, *signs))
    if len(known) == len(again.texts):  # the language that verdicts are written in
        return words
    return replace(words, sentences=replace(words, texts={**words.texts, **again.texts}))


def read_wording(path: Path) -> Wording:
    """The wording in a file, named after its language."""
    texts: dict[str, Text] = {}
    # libyaml, where PyYAML was built with it, reads ten times as fast; both are safe loaders.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    _flatten(yaml.load(path.read_text(encoding="utf-8"), loader), "", texts)  # noqa: S506
    return Wording(path.stem, texts)


def _flatten(node: Any, prefix: str, into: dict[str, Text]) -> None:
    for key, value in node.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and not set(value) <= {"one", "other"}:
            _flatten(value, f"{name}.", into)
        else:
            into[name] = tuple(value) if isinstance(value, list) else value
