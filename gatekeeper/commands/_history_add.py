"""Verifies a bundle and puts it into a history."""

from __future__ import annotations

import contextlib
import io
from datetime import UTC, date, datetime
from pathlib import Path

from gatekeeper.commands._history_lines import line_of
from gatekeeper.commands._verdicts import bundle_of
from gatekeeper.commands.verify import tell_verified
from gatekeeper.errors import EvidenceError, ExitCode, excerpt
from gatekeeper.evidence.bundle import read_bundle
from gatekeeper.evidence.wire_judge_card import card_from_json
from gatekeeper.history.keep import keep
from gatekeeper.history.past import Past, Pasts
from gatekeeper.history.remember import ask_ahead, code_digest
from gatekeeper.history.store import History
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.recalled import Memory
from gatekeeper.policy.wire import verdict_from_json
from gatekeeper.records.bundle_files import BUNDLE, POLICY, VERDICT
from gatekeeper.records.verdict import Verdict
from gatekeeper.strict_json import strict_loads


def add_one(kept: History, path: Path, *, model: str | None, label: str, link: bool) -> str:
    """Verifies and keeps one bundle; what to say of it."""

    bundle, beside, verdict = bundle_of(path), path / VERDICT, None
    if bundle != path and beside.is_file():
        verdict = verdict_from_json(strict_loads(beside.read_bytes()), where=excerpt(beside))
    baseline = _baseline(kept, beside, verdict)
    evidence = read_bundle(bundle)
    memory = Memory({}, lambda: evidence, short=True)
    open_ = _verified(path, memory, baseline)
    today = datetime.now(UTC).date()
    entry, new = keep(
        kept, bundle, evidence, verdict, today=today, model=model, label=label, link=link
    )
    if not new:
        said = f"already in the history: {line_of(entry)}"
        if label and label != entry.label:
            kept.label(entry, label)
            said += f"; labelled {label}"
        return said
    _remember(kept, Pasts(kept).of(entry), path, memory, today)
    return f"added: {line_of(entry)}{open_}"


def _remember(kept: History, past: Past, path: Path, memory: Memory, today: date) -> None:
    """Asks a bundle what its own policy asks, whatever its limits are, so that a replay need not.

    What other policies ask beyond that, the first replay of one remembers, and the first workbench
    the tables that it shows: they take longer than all else.

    Args:
        memory: of the bundle, with what it was asked when its verdict was verified.
    """
    baseline = past.baseline
    if past.entry.brief is not None:
        own = past.waived(load_policy(path / POLICY, earlier=True))
        card = None if past.entry.card is None else card_from_json(past.entry.card, path / VERDICT)
        ask_ahead(memory, [own], today, card, baseline)
    asked = [(past.entry.digest, memory.new)]
    if baseline is not None:
        asked.append((past.entry.baseline, baseline.new))
    kept.remember(code_digest(), asked)


def _baseline(kept: History, beside: Path, verdict: Verdict | None) -> Path | None:
    """The bundle that a verdict compares with: it must be in the history already.

    Raises:
        EvidenceError: it is not.
    """
    if verdict is None or verdict.baseline is None:
        return None
    entry = kept.find(verdict.baseline)
    if entry is None:
        raise EvidenceError(
            f"the verdict compares with {excerpt(verdict.baseline)}, which is not in the history",
            where=excerpt(beside),
            remedy="add that evidence first",
        )
    return kept.home(entry) / BUNDLE


def _verified(path: Path, memory: Memory, baseline: Path | None) -> str:
    """Verifies a bundle as `gatekeeper verify` does; what it left open, in words.

    Args:
        memory: of the bundle; keeps what the verdict asks.

    Raises:
        EvidenceError: it does not verify.
        UsageError: there is nothing at that path.
    """

    # A baseline that is read from its files answers no question that is remembered.
    evidence = memory.evidence() if baseline is None else memory.whole
    with contextlib.redirect_stdout(io.StringIO()) as told:
        code = tell_verified(path, memory.whole, evidence, baseline_path=baseline)
    if code == ExitCode.PASS:
        return ""
    open_ = [line[2:] for line in told.getvalue().splitlines() if line.startswith("? ")]
    return f"; not all of it could be derived again: {'; '.join(open_)}"
