"""Verifies a bundle and puts it into a history."""

from __future__ import annotations

import contextlib
import io
from datetime import UTC, datetime
from pathlib import Path

from gatekeeper.commands._history_lines import line_of
from gatekeeper.commands._verdicts import bundle_of
from gatekeeper.errors import ExitCode, excerpt
from gatekeeper.evidence.bundle import read_bundle
from gatekeeper.history.keep import keep
from gatekeeper.history.remember import ask_ahead, code_digest
from gatekeeper.history.store import History
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.recalled import Memory
from gatekeeper.policy.wire import verdict_from_json
from gatekeeper.records.bundle_files import POLICY, VERDICT
from gatekeeper.strict_json import strict_loads


def add_one(kept: History, path: Path, *, model: str | None, label: str, link: bool) -> str:
    """Verifies and keeps one bundle; what to say of it."""

    bundle, open_ = bundle_of(path), _verified(path)
    evidence, verdict, policies = read_bundle(bundle), None, []
    beside = path / VERDICT
    if bundle != path and beside.is_file():
        verdict = verdict_from_json(strict_loads(beside.read_bytes()), where=excerpt(beside))
        policies.append(load_policy(path / POLICY, earlier=True))
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
    memory = Memory({}, lambda: evidence)
    ask_ahead(memory, policies, today, None if verdict is None else verdict.card)
    kept.remember(code_digest(), [(entry.digest, memory.new)])
    return f"added: {line_of(entry)}{open_}"


def _verified(path: Path) -> str:
    """Verifies a bundle as `gatekeeper verify` does; what it left open, in words.

    Raises:
        EvidenceError: it does not verify.
        UsageError: there is nothing at that path.
    """

    from gatekeeper.commands.verify import COMMAND as VERIFY

    with contextlib.redirect_stdout(io.StringIO()) as told:
        code = VERIFY.main(["--", str(path)], prog_name="verify", standalone_mode=False)
    if code == ExitCode.PASS:
        return ""
    open_ = [line[2:] for line in told.getvalue().splitlines() if line.startswith("? ")]
    return f"; not all of it could be derived again: {'; '.join(open_)}"
