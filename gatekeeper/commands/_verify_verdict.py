"""Derives a stored verdict again from the evidence and policy that it was given on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatekeeper import catalog
from gatekeeper.commands._baseline import baseline_of
from gatekeeper.commands._beside import policy_of
from gatekeeper.commands._judged import Asked, judge
from gatekeeper.commands._verdicts import hold_day
from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.plain_files import read_plain
from gatekeeper.policy.earlier import is_earlier, with_earlier_warnings, without_sentences
from gatekeeper.policy.wire import verdict_from_json, verdict_to_json
from gatekeeper.records.bundle_files import COMPARED
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import Verdict
from gatekeeper.strict_json import strict_loads
from gatekeeper.verify.same import same_data

#: Of a verdict: its findings name each expert that something is said of.
_MOST_BYTES = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """A verdict that was derived again.

    Attributes:
        policy: with the waivers that it was given with.
        asked: what it asked of the evidence.
        told: the headline and what was compared.
    """

    verdict: Verdict
    policy: Policy
    asked: Asked
    baseline: Evidence | None
    told: str


def derive_verdict(
    evidence: Evidence,
    path: Path,
    named: Policy | None,
    waivers: Path | None,
    baseline_path: Path | None,
) -> Derivation:
    """Derives the verdict on its own day and compares it word for word, number for number.

    Of one that was written before verdicts had a headline, results and numbers: its sentences were
    other ones.

    Raises:
        EvidenceError: it is not the verdict of this evidence and policy.
    """
    try:
        raw = read_plain(path, excerpt(path), EvidenceError, _MOST_BYTES)
        stored = strict_loads(raw)
        read = verdict_from_json(stored, where=excerpt(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvidenceError(
            "not a readable verdict",
            where=excerpt(path),
            remedy="make it again with gatekeeper check",
        ) from error
    hold_day(evidence, read.judged_on, path)
    beside = path.with_name(COMPARED).is_file()
    baseline = baseline_of(read.baseline, baseline_path, compared=beside)
    policy = policy_of(stored, path, named, waivers)
    earlier, experts = is_earlier(stored), evidence.model.maskable_experts
    for then in (False, True):  # as `check` gives it now, or gave it when the bundle was not old
        again, asked = judge(
            evidence,
            policy,
            read.judged_on,
            fail_on=read.fail_on,
            card=read.card,
            earlier=then,
            replaces=read.replaces,
            baseline=baseline,
        )
        derived = json.loads(json.dumps(verdict_to_json(again)))
        then_said = with_earlier_warnings(derived, policy.sized(experts), read.judged_on)
        same = same_data(
            *(without_sentences if earlier else _as_they_are)(stored, derived)
        ) or same_data(stored, then_said)
        if same:
            break
    _refuse_other_versions(stored, derived, str(path))
    if not same:
        _refuse_other_judge(evidence, str(path))
        key = "result" if earlier or stored["result"] != derived["result"] else "headline"
        stated, due = (excerpt(v[key]) for v in (stored, derived))
        raise EvidenceError(
            f"the verdict {stated!r} does not follow from evidence and policy, which give "
            + (f"{due!r}" if stated != due else "the same result with other details"),
            where=str(path),
            remedy="do not trust it; `gatekeeper check` gives the right one",
        )
    believed = "" if read.card is None else (
        "; the judge's card in it is believed: the labels that it counts are not here"
    )  # fmt: skip
    if not earlier:
        waived = policy.waivers_digest is not None
        sources = "evidence, policy and waivers" if waived else "evidence and policy"
        told = f"{again.headline}, derived again from {sources}{believed}"
        return Derivation(verdict=again, policy=policy, asked=asked, baseline=baseline, told=told)
    told = (
        f"{again.headline}, its results and numbers derived again from evidence and policy; it was "
        f"written before verdicts had a headline, so its sentences were not compared{believed}"
    )
    return Derivation(verdict=again, policy=policy, asked=asked, baseline=baseline, told=told)


def _as_they_are(
    stored: Mapping[str, Any], derived: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return stored, derived


def _refuse_other_judge(evidence: Evidence, where: str) -> None:
    """Refuses to call a verdict wrong for replies judged by a version no new verdict may rest on.

    Raises:
        EvidenceError: the judge is of another version than this Gatekeeper's.
    """

    name, version = evidence.settings.judge, evidence.settings.judge_version
    ours = catalog.load("judge", name).version if name in catalog.names("judge") else version
    if version != ours:
        raise EvidenceError(
            f"the verdict rests on replies judged by {name} version {version}, this Gatekeeper "
            f"has version {ours}",
            where=where,
            remedy="verify it with the version that made it, or audit again",
        )


def _refuse_other_versions(
    stored: Mapping[str, Any], derived: Mapping[str, Any], where: str
) -> None:
    """Refuses a verdict by other definitions, which is neither confirmed nor called a forgery.

    Raises:
        EvidenceError: a metric is of another version than this Gatekeeper's.
    """
    then, now = (
        {(o["decisive"]["metric"], o["decisive"]["version"]) for o in data["outcomes"]}
        for data in (stored, derived)
    )
    ours = dict(now)
    for metric, version in sorted(then - now):
        if metric in ours:
            raise EvidenceError(
                f"the verdict rests on {excerpt(metric)} version {version}, this Gatekeeper has "
                f"version {ours[metric]}",
                where=where,
                remedy="verify it with the version that made it, or judge again with check",
            )
