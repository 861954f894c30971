"""Pointers in the place of files: named by every reader, with what fetches the file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gatekeeper.errors import UsageError
from gatekeeper.pointers import refuse_pointer

from .e2e.cli import HARDENED, SUITE
from .fuzz.driver import command

OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n".encode()
OTHERS = {
    b"version https://hawser.github.com/spec/v1\noid sha256:0\n": "git lfs pull",
    b"\xef\xbb\xbfversion https://git-lfs.github.com/spec/v1\r\n": "git lfs pull",
    b"# xet version 0\nfilesize = 1\nhash = '0'\n": "git xet checkout",
    b"/annex/objects/SHA256E-s12--0\n": "git annex get",
}


@pytest.mark.parametrize("raw", [LFS, *OTHERS])
def test_each_kind_has_its_remedy(raw: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        refuse_pointer(raw, "file", UsageError)
    assert caught.value.remedy == OTHERS.get(raw, "git lfs pull")
    assert "pointer, not the file" in str(caught.value)


@pytest.mark.parametrize("raw", [b"", b"version", b"{}", b'{"text": "version https://git-lfs"}'])
def test_other_files_are_left_alone(raw: bytes) -> None:
    refuse_pointer(raw, "file", UsageError)


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "generation_config.json",
        "chat_template.jinja",
        "spiece.model",
        "model.safetensors.index.json",
    ],
)
def test_in_a_checkpoint(name: str, tmp_path: Path) -> None:
    path = Path(shutil.copytree(HARDENED, tmp_path / "candidate"))
    (path / name).write_bytes(LFS)
    if name.endswith("index.json"):
        (path / "model.safetensors").unlink()
    said = command("inspect", path)
    assert said.code == 3
    assert f"{name}: is a Git LFS pointer, not the file → git lfs pull" in said.err
    if name == "config.json":
        said = command("estimate", path / name, "--suite", SUITE, "--device", "h100")
        assert said.code == 3
        assert "Git LFS pointer" in said.err


def test_in_suites_policies_and_labels(tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.csv", "a.parquet", "policy.yaml", "labels.jsonl"):
        (tmp_path / name).write_bytes(LFS)
    suite = tmp_path / "suite"
    shutil.copytree(SUITE, suite)
    (suite / json.loads((suite / "suite.json").read_text())["files"][0]).write_bytes(LFS)
    importing = ("suite", "import", "--licence", "MIT", "--set", "regular", "--out", tmp_path / "o")
    for arguments in (
        ("suite", "lint", tmp_path / "a.jsonl"),
        ("suite", "lint", suite),
        (*importing, tmp_path / "a.jsonl"),
        (*importing, tmp_path / "a.csv"),
        (*importing, tmp_path / "a.parquet"),
        ("policy", "lint", tmp_path / "policy.yaml"),
        ("judge", "calibrate", "--labels", tmp_path / "labels.jsonl"),
    ):
        said = command(*arguments)
        assert said.code == 2, (arguments, said)
        assert "is a Git LFS pointer, not the file → git lfs pull" in said.out + said.err, arguments


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize(
    ("target", "told"),
    [
        (".git/annex/objects/x", "git-annex link to a file that was not fetched → git annex get"),
        ("../../blobs/x", "is a link to ../../blobs/x, which is not there"),
        (None, "there is only {name}.dvc, DVC's note of it → dvc pull"),
    ],
)
def test_what_only_tells_of_a_file(tmp_path: Path, name: str, target: str, told: str) -> None:
    path = Path(shutil.copytree(HARDENED, tmp_path / "candidate"))
    (path / f"{name}.dvc").write_text("outs: []\n")
    assert command("inspect", path).code == 0
    (path / name).unlink()
    if target is not None:
        (path / name).symlink_to(target)
    said = command("inspect", path)
    assert said.code == 3
    assert f"{name}: " in said.err
    assert told.format(name=name) in said.err
