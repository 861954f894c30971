"""disclosed.json: what a disclosure level leaves of the evidence, inside the report.

From it the pages can be laid out again, and the numbers that follow from outcomes measured again,
by a reader who has nothing but the report. It holds no expert, reply or prompt: texts of prompts
are not even there as digests, which a guess could be held against.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from gatekeeper.analysis.matching import Match
from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import check_schema
from gatekeeper.evidence.wire import (
    evidence_from_json,
    evidence_to_json,
    times_from_json,
    times_to_json,
)
from gatekeeper.evidence.wire_judge_card import card_from_json, card_to_json
from gatekeeper.records.bundle_files import EVIDENCE
from gatekeeper.records.compared import Compared
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.trial import OUTCOMES, Trial
from gatekeeper.records.trials import Trials, TrialsBuilder
from gatekeeper.report.corrected_parts import GivenCard
from gatekeeper.report.disclosure import Disclosed, Disclosure, SelectorFacts, disclose, redacted
from gatekeeper.report.environment_facts import EnvironmentRow
from gatekeeper.report.parts import Layout
from gatekeeper.report.plain import from_plain, to_plain
from gatekeeper.report.role_facts import RoleFacts
from gatekeeper.strict_json import levelled, strict_loads

SCHEMA = "gatekeeper/disclosed/v1"
#: Each outcome as one letter.
_LETTERS = "rcdu"
#: Trials that a report may tell of.
_MOST_TRIALS = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosedFile:
    """What is read from a disclosed.json.

    Attributes:
        evidence: digest of the whole evidence.
        tool: the version that made the report.
        lang, created, card: what the report was made with, beside evidence, verdict and policy.
        layout: how it was laid out; None if by a template that is not ours.
        answers: what the verdict asked of the evidence, by question (`policy.recalled`);
            `baseline`: of the one that it compares with.
        compared: the audit beside the last release, if the report was made with one.
        disclosed: the evidence at the committee's level; None in a public report.
    """

    level: Disclosure
    evidence: str
    tool: str
    lang: str
    created: datetime
    card: GivenCard | None
    layout: Layout | None
    answers: Mapping[str, Any]
    baseline: Mapping[str, Any]
    compared: Compared | None
    disclosed: Disclosed | None


def disclosed_bytes(
    evidence: Evidence,
    level: Disclosure,
    *,
    tool: str,
    lang: str,
    created: datetime,
    card: GivenCard | None,
    layout: Layout,
    answers: Mapping[str, Any],
    baseline: Mapping[str, Any],
    compared: Compared | None = None,
) -> bytes:
    """The file for a report of a level; equal input gives equal bytes.

    At the restricted level, too, it tells no more than at the committee's: evidence.json is there.
    """
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "level": str(level),
        "evidence": evidence.digest,
        "tool": tool,
        "lang": lang,
        "created": created.isoformat(),
        "card": None if card is None else {"digest": card.digest, "card": card_to_json(card.card)},
        "layout": None if layout.folder else {"template": layout.template, "paper": layout.paper},
        "answers": answers,
        "baseline": baseline,
    }
    if compared is not None:
        data["compared"] = to_plain(compared)
    if level is not Disclosure.PUBLIC:
        data |= _redacted(evidence)
    text = json.dumps(levelled(data), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _redacted(evidence: Evidence) -> dict[str, Any]:
    shown = disclose(evidence, Disclosure.COMMITTEE)
    return {
        "record": evidence_to_json(_without_digests(shown.evidence)),
        "times": None if evidence.times is None else _times(evidence),
        "trials": _trials_to_json(shown.evidence),
        "selectors": to_plain(shown.selectors),
        "roles": to_plain(shown.roles),
        "environments": to_plain(shown.environments),
        "matches": to_plain(shown.matches),
    }


def redacted_as(whole: bytes, shown: Evidence) -> bool:
    """Whether a disclosed record is what an evidence.json gives, its trials aside."""
    try:
        told = strict_loads(whole)
        check_schema(told, EVIDENCE)
        evidence = evidence_from_json(told, digest=shown.digest)
    except (ValueError, KeyError, TypeError, EvidenceError):
        return False
    evidence = redacted(replace(evidence, trials=shown.trials, times=shown.times))
    return evidence_to_json(_without_digests(evidence)) == evidence_to_json(shown)


def _times(evidence: Evidence) -> dict[str, Any]:
    """The times without the secret that the commitment's salts are made from."""
    assert evidence.times is not None  # noqa: S101 - narrows the type
    return times_to_json(replace(evidence.times, secret=None))


def _without_digests(evidence: Evidence) -> Evidence:
    """The evidence with a number in place of each digest of a prompt's text: equal ones stay equal.

    Text that somebody guesses could be held against a digest.
    """
    numbers: dict[str, str] = {}

    def number(digest: str) -> str:
        return numbers.setdefault(digest, f"{len(numbers):064x}")

    prompts = tuple(
        replace(
            p,
            text_sha256=number(p.text_sha256),
            folded_sha256=None if p.folded_sha256 is None else number(p.folded_sha256),
        )
        for p in evidence.suite.prompts
    )
    return replace(evidence, suite=replace(evidence.suite, prompts=prompts))


def _trials_to_json(evidence: Evidence) -> dict[str, Any]:
    """Per mask the prompts it was run on and a letter for each outcome."""
    place = {prompt.id: i for i, prompt in enumerate(evidence.suite.prompts)}
    rows: dict[str, list[Trial]] = {}
    for trial in evidence.trials:
        rows.setdefault(trial.mask, []).append(trial)
    lists: dict[tuple[int, ...], int] = {}
    masks = []
    for mask, trials in rows.items():
        prompts = tuple(place[trial.prompt_id] for trial in trials)
        masks.append(
            {
                "mask": mask,
                "prompts": lists.setdefault(prompts, len(lists)),
                "outcomes": "".join(_letter(trial.outcome) for trial in trials),
                "cut": [i for i, trial in enumerate(trials) if trial.truncated],
                "second": {
                    str(i): _letter(t.second) for i, t in enumerate(trials) if t.second is not None
                },
            }
        )
    return {"prompts": [list(prompts) for prompts in lists], "masks": masks}


def _letter(outcome: str) -> str:
    return _LETTERS[OUTCOMES.index(outcome)]


def read_disclosed(data: bytes, where: str) -> DisclosedFile:
    """The record of a disclosed.json.

    Raises:
        EvidenceError: it is none.
    """
    try:
        told = strict_loads(data)
        if told["schema"] != SCHEMA:
            raise EvidenceError(
                "not of a schema that this version reads",
                where=where,
                remedy="read it with the Gatekeeper version that wrote it, or a newer one",
            )
        level, card = Disclosure(told["level"]), told["card"]
        layout = None if told["layout"] is None else Layout(**told["layout"])
        _sound(layout is None or layout.folder is None)
        answers, baseline = dict(told["answers"]), dict(told["baseline"])
        created = datetime.fromisoformat(told["created"])
        _sound(created.tzinfo is not None)
        _sound(all(isinstance(told[name], str) for name in ("evidence", "tool", "lang")))
        return DisclosedFile(
            level=level,
            evidence=told["evidence"],
            tool=told["tool"],
            lang=told["lang"],
            created=created,
            card=None
            if card is None
            else GivenCard(
                card=card_from_json(card["card"], Path(where)), digest=str(card["digest"])
            ),
            layout=layout,
            answers=answers,
            baseline=baseline,
            compared=from_plain(Compared, told["compared"]) if "compared" in told else None,
            disclosed=None if level is Disclosure.PUBLIC else _disclosed(told, where),
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise EvidenceError("not what a report discloses", where=where) from error


def _sound(holds: bool) -> None:
    if not holds:
        raise ValueError("not what this version writes")


def _disclosed(told: Mapping[str, Any], where: str) -> Disclosed:
    check_schema(told["record"], where)
    evidence = evidence_from_json(told["record"], digest=told["evidence"])
    _sound(evidence.checkpoint.digest == told["record"]["checkpoint"]["digest"])
    _sound(not evidence.selections and not any(mask.experts for mask in evidence.masks))
    times = None if told["times"] is None else times_from_json(told["times"])
    evidence = replace(evidence, times=times, trials=_trials_of(told["trials"], evidence))
    return Disclosed(
        level=Disclosure.COMMITTEE,
        evidence=evidence,
        selectors=tuple(from_plain(SelectorFacts, one) for one in told["selectors"]),
        roles=None if told["roles"] is None else from_plain(RoleFacts, told["roles"]),
        environments=tuple(from_plain(EnvironmentRow, one) for one in told["environments"]),
        matches=tuple(from_plain(Match, one) for one in told["matches"]),
    )


def _trials_of(told: Mapping[str, Any], evidence: Evidence) -> Trials:
    prompts, known = evidence.suite.prompts, {mask.name for mask in evidence.masks}
    lists = [_prompt_ids(one, [p.id for p in prompts]) for one in told["prompts"]]
    builder, count, seen = TrialsBuilder(), 0, set[str]()
    for row in told["masks"]:
        ids, outcomes = lists[row["prompts"]], row["outcomes"]
        count += len(ids)
        _sound(row["mask"] in known - seen and len(ids) == len(outcomes) and count <= _MOST_TRIALS)
        seen.add(row["mask"])
        cut, second = set(row["cut"]), row["second"]
        for i, (prompt, letter) in enumerate(zip(ids, outcomes, strict=True)):
            twice = second.get(str(i))
            builder.add(
                {
                    "mask": row["mask"],
                    "prompt_id": prompt,
                    "outcome": OUTCOMES[_LETTERS.index(letter)],
                    "reason": "",
                    "tokens": 0,
                    "truncated": i in cut,
                    "completion": "",
                    "second": None if twice is None else OUTCOMES[_LETTERS.index(twice)],
                }
            )
    return builder.trials().without_replies()


def _prompt_ids(places: Sequence[Any], ids: Sequence[str]) -> list[str]:
    _sound(all(type(place) is int and 0 <= place < len(ids) for place in places))
    _sound(len(set(places)) == len(places))
    return [ids[place] for place in places]
