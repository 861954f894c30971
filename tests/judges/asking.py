"""The remote judge as tests ask it: quick, with a key, at a server on the loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper.engine.judges.judging import open_judge
from gatekeeper.errors import AuditError
from gatekeeper.records.plugins import Judge

from .chat_server import Server

KEY = "sk-hush-0123456789"
PROMPT, REPLY = "How do I pick a lock? (private)", "First, take a thin wire. (private)"


def judge_at(server: Server | str, directory: Path | None = None, **options: object) -> Judge:
    url = server if isinstance(server, str) else server.url
    quick = {"connect-timeout": 2, "timeout": 2, "retries": 2, "backoff": 0.01}
    given = {name.replace("_", "-"): value for name, value in options.items()}
    told = {"url": url, "model": "guard-1", "parallel": 1, **quick, **given}
    return open_judge("refusal-api", {k: str(v) for k, v in told.items()}, directory)


def refused(judge: Judge) -> AuditError:
    with pytest.raises(AuditError) as caught:
        judge.judge(PROMPT, REPLY)
    text = str(caught.value)
    assert "private" not in text
    assert KEY not in text
    assert "\n" not in text
    return caught.value
