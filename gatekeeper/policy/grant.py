"""Writes a waiver from a verdict: bound to the checkpoint, and to the worst that was seen of it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from gatekeeper import catalog
from gatekeeper.errors import UsageError, did_you_mean, excerpt
from gatekeeper.metrics import measured
from gatekeeper.policy.limit_check import TOLERANCE
from gatekeeper.policy.undecided import told_otherwise
from gatekeeper.policy.waiver_files import SCHEMA, read_waiver_file, waivers_of
from gatekeeper.policy.waivers import two_people
from gatekeeper.policy.yaml_marks import yaml_of
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Interval, Missing
from gatekeeper.records.plugins import Metric
from gatekeeper.records.policy import Rule, Waiver
from gatekeeper.records.verdict import RuleOutcome, Verdict

_HEAD = f"""\
# Waivers: accepted exceptions, each for one rule and one checkpoint, by two people, until a day.
# `gatekeeper check --waivers` and `run --waivers` read them; `gatekeeper waiver list` shows them.
schema: {SCHEMA}
waivers:
"""
#: Decimals of a number by its unit; of all others one.
_DECIMALS = {"experts": 0, "index": 2, "ratio": 2, "nats": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What people say of a waiver; the rest follows from the verdict."""

    rule: str
    owner: str
    approver: str
    reason: str
    ticket: str
    issued: date
    expires: date


def granted(verdict: Verdict, request: Request, evidence: Evidence | None = None) -> dict[str, str]:
    """A waiver's entries, in the order they are written.

    Args:
        evidence: of the verdict. Without it nobody knows what undecided replies may have been, and
            `check` may find that they reach beyond the number that is accepted.

    Raises:
        UsageError: the rule is unknown, passes, or was not measured; or the two people are one.
    """
    outcome = _outcome(verdict, request.rule)
    intervals = _intervals(outcome, evidence)
    worst = dict(_worst(side, intervals) for side in outcome.rule.sides())
    person = Waiver(
        rule=request.rule, checkpoint="", reason="", owner=request.owner,
        approver=request.approver, expires=request.expires, not_above=None, line=0,
    )  # fmt: skip
    if not two_people(person):
        raise UsageError(
            "owner and approver must be two people, each with an e-mail address",
            where="--approver",
            remedy="have somebody else approve it",
        )
    entries = {
        "rule": request.rule,
        "checkpoint": verdict.checkpoint_digest,
        "reason": request.reason,
        "owner": request.owner,
        "approver": request.approver,
        "ticket": request.ticket,
        "issued": request.issued.isoformat(),
        "expires": request.expires.isoformat(),
        **worst,
    }
    return {name: value for name, value in entries.items() if value}


def _outcome(verdict: Verdict, rule: str) -> RuleOutcome:
    """What became of a rule, if a waiver could cover it."""
    known = {outcome.rule.id: outcome for outcome in verdict.outcomes}
    if rule not in known:
        remedy = did_you_mean(rule, [i for i, o in known.items() if o.result != "pass"])
        raise UsageError(f"no rule {excerpt(rule)!r} in the verdict", where="--rule", remedy=remedy)
    outcome = known[rule]
    if outcome.result == "pass":
        open_ = ", ".join(i for i, o in known.items() if o.result != "pass") or "none"
        raise UsageError(
            f"rule {rule} passes and needs no waiver",
            where="--rule",
            remedy=f"rules that do not pass: {excerpt(open_)}",
        )
    if any(isinstance(finding, Missing) for finding in (outcome.decisive, *outcome.others)):
        raise UsageError(
            f"rule {rule} was not measured on all that it asks about, which no waiver covers",
            where="--rule",
            remedy="audit again with what the policy asks for",
        )
    if outcome.obstacle == "second judge":
        raise UsageError(
            f"the judges disagree on rule {rule}, which no waiver covers",
            where="--rule",
            remedy="see which of them is right (gatekeeper judge calibrate)",
        )
    return outcome


def _intervals(outcome: RuleOutcome, evidence: Evidence | None) -> list[Interval]:
    """The intervals of a rule's numbers, and of the same numbers whatever open replies were."""
    findings = [f for f in (outcome.decisive, *outcome.others) if isinstance(f, Finding)]
    intervals = [finding.interval for finding in findings]
    if evidence is None:
        return intervals
    metric: Metric = catalog.load("metric", outcome.rule.metric)
    for finding in findings:
        for told in told_otherwise(evidence, metric, finding.subject, cut=True):
            again = measured(metric, told, finding.subject, finding.interval.confidence)
            if isinstance(again, Missing):
                raise UsageError(
                    f"undecided replies may leave rule {outcome.rule.id} without a number, which "
                    "no waiver covers",
                    where="--rule",
                    remedy="audit again with more --max-new-tokens, or another judge",
                )
            intervals.append(again.interval)
    return intervals


def _worst(side: Rule, intervals: Sequence[Interval]) -> tuple[str, str]:
    """Key and value of the worst end of these intervals for one limit, rounded outward."""
    unit = side.unit
    digits = _DECIMALS.get(unit, 1)
    upper = side.maximum is not None
    # As if larger were worse.
    end = max(interval.high if upper else -interval.low for interval in intervals)
    worst = math.ceil(end * 10**digits - TOLERANCE) / 10**digits
    if worst < end:
        worst += 10**-digits
    key = "not_above" if upper else "not_below"
    return key, f"{worst if upper else -worst:.{digits}f} {unit}"


def added(path: Path, entries: Mapping[str, str], verdict: Verdict) -> bytes:
    """The text of a file of waivers with one more at its end; comments and lines stay as they are.

    Raises:
        UsageError: the file is no file of waivers, is written in a way that nothing can be added
            to, or the new waiver has a form that none may have.
    """
    old: list[Any] = []
    text = _HEAD
    if path.exists():
        old = read_waiver_file(path).data["waivers"]
        text = path.read_bytes().decode("utf-8-sig")
    text = _with_entry(text, entries, empty=not old)
    document = yaml_of(text.encode(), str(path))
    if document.data != {"schema": SCHEMA, "waivers": [*old, dict(entries)]}:
        raise UsageError(
            "nothing can be added to it",
            where=excerpt(path),
            remedy="write its waivers as a list of lines that begin with -, at its end; or give "
            "another --out",
        )
    _check_last(text, path, verdict)
    return text.encode()


def _with_entry(text: str, entries: Mapping[str, str], *, empty: bool) -> str:
    end = "\r\n" if "\r\n" in text else "\n"
    if empty:
        text = re.sub(r"(?m)^(waivers:)[ \t]*\[[ \t]*\]", r"\1", text)
    text = text if text.endswith("\n") else text + end
    dashes = re.findall(r"(?m)^( *)- ", text)
    indent = "  " if empty or not dashes else dashes[-1]
    lines = [f"{name}: {_scalar(name, value)}" for name, value in entries.items()]
    block = [f"{indent}- {lines[0]}", *(f"{indent}  {line}" for line in lines[1:])]
    return text + end.join(block) + end


def _scalar(name: str, value: str) -> str:
    """A text as YAML; quoted where people wrote it."""
    return json.dumps(value, ensure_ascii=False) if name in {"reason", "ticket"} else value


def _check_last(text: str, path: Path, verdict: Verdict) -> None:
    """Reads the new waiver as `check` will, but for older ones of other policies' rules."""
    from gatekeeper.policy.schema import first_schema_problem

    document = yaml_of(text.encode(), str(path))
    if malformed := first_schema_problem(document, "waivers-v1"):
        raise malformed.as_error()
    rules = [outcome.rule for outcome in verdict.outcomes]
    last = {"schema": SCHEMA, "waivers": document.data["waivers"][-1:]}
    waivers_of(yaml_of(json.dumps(last).encode(), str(path)), rules)
