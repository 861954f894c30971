"""What a gate reads before its hours of work is what it writes down after them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gatekeeper.commands._gate import same_bytes
from gatekeeper.errors import UsageError
from gatekeeper.policy.load import load_policy
from tests.e2e.cli import DEMO_POLICY


def test_the_policy_is_kept_as_it_was_read(tmp_path: Path) -> None:
    policy, path = load_policy(DEMO_POLICY), tmp_path / "p.yaml"
    shutil.copy(DEMO_POLICY, path)
    assert same_bytes(policy.digest, path) == DEMO_POLICY.read_bytes()
    path.write_bytes(DEMO_POLICY.read_bytes() + b"# more\n")
    with pytest.raises(UsageError, match="a second time"):
        same_bytes(policy.digest, path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UsageError, match="a second time"):
        same_bytes(policy.digest, path)
