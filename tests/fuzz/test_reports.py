"""Damaged reports, statements of outputs and opened trials: each is one line, or verifies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatekeeper.cli import run
from tests.commands.forged import attached, made, replaced
from tests.fuzz.driver import Damage, command, fuzz
from tests.fuzz.values import changed_file
from tests.policy.builders import concentrated

DAMAGES = pytest.mark.parametrize("damage", [None, changed_file], ids=["bytes", "values"])


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = made(tmp_path_factory.mktemp("out"), concentrated, waived=False)
    (folder / "alone.pdf").write_bytes((folder / "report.pdf").read_bytes())
    return folder


@DAMAGES
def test_damaged_statements(out: Path, damage: Damage | None) -> None:
    path = out / "outputs.json"
    data = path.read_bytes()

    def check(_: str, told: bytes) -> int:
        path.write_bytes(told)
        (out / "report.pdf").unlink(missing_ok=True)  # quick: it would be made again
        return command("verify", out).code

    name = "statements of other values" if damage else "statements"
    assert fuzz(name, {"outputs.json": data}, check, damage=damage).cases
    path.write_bytes(data)


@DAMAGES
def test_damaged_openings(out: Path, damage: Damage | None) -> None:
    path, bundle = out / "opened.json", out / "evidence"
    assert run(["disclose", str(bundle), "--trial", "unmasked/regular-20", "--out", str(path)]) == 0
    data = path.read_bytes()

    def check(_: str, told: bytes) -> int:
        path.write_bytes(told)
        code = command("verify", bundle, "--opened", path).code
        assert code != 0 or json.loads(told) == json.loads(data)
        return code

    name = "openings of other values" if damage else "openings"
    assert fuzz(name, {"opened.json": data}, check, damage=damage).cases


@DAMAGES
def test_damaged_attachments(out: Path, damage: Damage | None) -> None:
    (out / "report.pdf").write_bytes((out / "alone.pdf").read_bytes())
    path, files = out / "forged.pdf", attached(out)

    def check(name: str, told: bytes) -> int:
        path.write_bytes(replaced(out, {name: told}))
        return command("verify", path).code

    name = "attachments of other values" if damage else "attachments"
    told = {n: data for n, data in files.items() if n.endswith(".json")}
    assert fuzz(name, told, check, damage=damage).cases


def test_damaged_pdfs(out: Path) -> None:
    path = out / "forged.pdf"

    def check(_: str, told: bytes) -> int:
        path.write_bytes(told)
        return command("verify", path).code

    assert fuzz("PDFs", {"report.pdf": (out / "alone.pdf").read_bytes()}, check).cases
