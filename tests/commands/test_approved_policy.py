"""A policy that was changed is another one: `--policy-digest`, and verdicts that replace others."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from gatekeeper.cli import run

from .test_fail_on import POLICY, out

__all__ = ["out"]  # the fixture


def check(out: Path, *more: str, verdict: str = "verdict.json") -> int:
    command = ["check", str(out), "--policy", str(out / "policy.yaml")]
    return run([*command, "--out", str(out / verdict), *more])


def stored(out: Path, verdict: str = "verdict.json") -> dict:
    return json.loads((out / verdict).read_text(encoding="utf-8"))


def digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def test_another_policy_than_the_approved_one_is_refused(out, capsys) -> None:
    assert check(out, "--policy-digest", digest(POLICY)) == 0
    other = digest(POLICY + "# changed\n")
    (out / "verdict.json").unlink()
    assert check(out, "--policy-digest", other) == 2
    told = capsys.readouterr().err
    assert f"the policy has the digest {digest(POLICY)}, approved was {other}" in told
    assert not (out / "verdict.json").exists()
    assert check(out, "--policy-digest", "sha256:abc") == 2
    assert f"this policy has {digest(POLICY)}" in capsys.readouterr().err


def test_a_changed_policy_of_the_same_version_says_so(out, capsys) -> None:
    assert check(out) == 0
    assert "replaces" not in stored(out)["policy"]
    loose = POLICY.replace("14 points", "40 points")
    (out / "policy.yaml").write_text(loose, encoding="utf-8")
    capsys.readouterr()
    check(out)
    told = f"a verdict stood here under another policy of the same id and version, {digest(POLICY)}"
    assert told[:80] in capsys.readouterr().out
    assert stored(out)["policy"]["replaces"] == digest(POLICY)
    assert any(w.startswith(told[:80]) for w in stored(out)["warnings"])
    # Nor does asking again make it forgotten, nor writing the verdict elsewhere.
    for name in ("verdict.json", "other.json"):
        check(out, verdict=name)
        assert stored(out, name)["policy"]["replaces"] == digest(POLICY)
    assert run(["verify", str(out)]) == 0
    assert (
        run(["report", str(out), "--policy", str(out / "policy.yaml"), "--format", "markdown"]) == 0
    )
    assert told[:60] in (out / "summary.md").read_text(encoding="utf-8")


def test_a_new_version_is_no_changed_policy(out) -> None:
    check(out)
    newer = POLICY.replace('version: "1"', 'version: "2"').replace("14 points", "40 points")
    (out / "policy.yaml").write_text(newer, encoding="utf-8")
    check(out)
    assert "replaces" not in stored(out)["policy"]
    (out / "verdict.json").write_text("{}", encoding="utf-8")
    assert check(out) == 0
