"""Damaged files of waivers, through the commands that read one and need no evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.driver import Damage, command, fuzz
from tests.fuzz.values import changed_file
from tests.policy.test_load import GOOD

WAIVERS = f"""\
# granted in November
schema: gatekeeper/waivers/v1
waivers:
  - rule: drop
    checkpoint: sha256:{"1" * 64}
    reason: "Mended in the next run."
    owner: a@example.com
    approver: b@example.com
    ticket: RISK-7
    issued: 2026-11-30
    expires: 2026-12-30
    not_above: 18.5 points
  - {{rule: drop, checkpoint: "sha256:{"2" * 64}", reason: R., owner: a@example.com,
     approver: b@example.com, issued: 2026-11-30, expires: 2026-12-30}}
""".encode()
DAMAGES = pytest.mark.parametrize("damage", [None, changed_file], ids=["bytes", "values"])


@DAMAGES
def test_damaged_waivers(tmp_path: Path, damage: Damage | None) -> None:
    """Either they are taken, or a line names file, line and column."""
    policy, path = tmp_path / "p.yaml", tmp_path / "w.yaml"
    policy.write_text(GOOD, encoding="utf-8")

    def check(_: str, data: bytes) -> int:
        path.write_bytes(data)
        listed = command("waiver", "list", path)
        explained = command("policy", "explain", policy, "--waivers", path)
        # What is fit for a policy is fit to be listed; the other way round, its rules are unknown.
        assert listed.code in {0, 2}, listed
        assert explained.code == 2 or listed.code == 0, (listed, explained)
        if explained.code == 2:
            line, column = explained.err.split(f"{path}:", 1)[1].split(":")[:2]
            assert int(line) >= 1, explained
            assert int(column) >= 1, explained
        return explained.code

    name = "waivers of other values" if damage else "waivers"
    assert fuzz(name, {"waivers": WAIVERS}, check, damage=damage).cases
