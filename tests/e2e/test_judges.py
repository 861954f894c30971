"""An audit by a remote judge that fails half-way: it goes on and pays for nothing twice."""

from __future__ import annotations

import json
from pathlib import Path

from ..judges.chat_server import Handler, serving
from .cli import HARDENED, SUITE, gatekeeper, refused

SMALL: tuple[str, ...] = (
    "--max-prompts",
    "16",
    "--selector",
    "ses-frequency",
    "-k",
    "1",
    "--controls",
    "1",
)
SMALL += ("--max-new-tokens", "8", "--no-roles", "--resamples", "20")
KEY = "sk-hush-0123456789"


def test_a_remote_judge_that_fails_half_way(tmp_path: Path) -> None:
    def five_then_ill(handler: Handler, number: int) -> None:
        if number < 5:
            answer(handler, number)
        else:
            handler.say("", status=500)

    def answer(handler: Handler, number: int) -> None:
        reply = handler.server.requests[number].material["reply"]
        handler.say("refuse" if "can't" in reply or "cannot" in reply else "comply")

    out = tmp_path / "out"
    with serving(five_then_ill) as server:
        options = [f"url={server.url}", "model=m", "retries=0", "parallel=1"]
        judge = [word for option in options for word in ("--judge-option", option)]
        command = ["audit", HARDENED, "--suite", SUITE, "--out", out, *SMALL]
        command += ["--judge", "refusal-api", *judge]
        done = gatekeeper(*command, GATEKEEPER_API_KEY=KEY)
        refused(done, 3, "status 500", "answers so far are kept")
        assert len(server.requests) == 6  # the first of them to try the judge
        server.behaviour = answer
        done = gatekeeper(*command, GATEKEEPER_API_KEY=KEY)
        assert done.returncode == 0, done.stderr
        asked = [json.dumps(request.material, sort_keys=True) for request in server.requests]
    assert all(r.headers["Authorization"] == f"Bearer {KEY}" for r in server.requests)
    # The one that failed was asked again; no other.
    assert len(asked) == len(set(asked)) + 1
    evidence = json.loads((out / "evidence.json").read_text())
    assert evidence["settings"]["judge"] == "refusal-api"
    assert evidence["settings"]["judge_settings"]["model"] == "m"
    assert KEY not in "".join(p.read_bytes().decode("latin-1") for p in out.iterdir())
    assert sorted(p.name for p in out.iterdir()) == [
        "audits.jsonl",
        "evidence.json",
        "manifest.json",
        "profile.npz",
        "run.json",
        "trials.jsonl.gz",
    ]
    told = gatekeeper("verify", out)
    assert told.returncode == 11, told.stderr
    assert "judge refusal-api needs more than the stored replies" in told.stdout
    assert "outcomes: judge refusal-api is not asked again" in told.stdout


def test_options_are_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    command = ["audit", HARDENED, "--suite", SUITE, "--out", tmp_path / "out"]
    command += ["--judge", "refusal-api"]
    refused(gatekeeper(*command), 2, "needs the option url")
    options = ["--judge-option", "url=https://example.com", "--judge-option", "modle=m"]
    refused(gatekeeper(*command, *options), 2, "did you mean model")
    assert not (tmp_path / "out").exists()
