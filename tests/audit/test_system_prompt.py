"""Files of system prompts, and files that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper.audit.system_prompt import own_system_prompt_of, system_prompt_of
from gatekeeper.errors import UsageError


@pytest.mark.parametrize("text", ["Be kind.", "", "Sei höflich: 「はい」\n\n\tand brief 🙂"])
def test_the_text_as_it_stands(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.txt").write_text(f"\n {text} \r\n", encoding="utf-8", newline="")
    assert system_prompt_of(tmp_path / "s.txt") == text
    assert system_prompt_of(None) is None


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("Be kind.".encode("utf-8-sig"), "s.txt:1: the system prompt holds a byte order mark"),
        ("Be\nkind.\ufeff".encode(), "s.txt:2: the system prompt holds a byte order mark"),
        ("Be kind.".encode("utf-16"), "not in UTF-8 (byte 1)"),
        ("Be kind.".encode("utf-16-le"), "control character (U+0000)"),
        ("Sei höflich.".encode("latin-1"), "not in UTF-8 (byte 6)"),
        ("はい".encode("shift_jis"), "not in UTF-8"),
        ("はい".encode("iso2022_jp"), "control character (U+001B)"),
        (b"Be \xed\xa0\x80 kind.", "not in UTF-8 (byte 4)"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
            "is a Git LFS pointer, not the file → git lfs pull",
        ),
        (b"a" * 4_000_001, "more than"),
    ],
)
def test_what_is_no_prompt(tmp_path: Path, raw: bytes, told: str) -> None:
    (tmp_path / "s.txt").write_bytes(raw)
    with pytest.raises(UsageError) as caught:
        system_prompt_of(tmp_path / "s.txt")
    assert told in str(caught.value)
    assert "kind" not in str(caught.value)


@pytest.mark.parametrize("text", ["", " \n"])
def test_that_of_the_audit_itself_has_a_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.txt").write_text(text)
    with pytest.raises(UsageError, match=r"s.txt: the system prompt holds no text"):
        own_system_prompt_of(tmp_path / "s.txt")
    assert own_system_prompt_of(None) is None


@pytest.mark.parametrize("name", ["none.txt", ".", "/dev/zero"])
def test_what_is_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"system prompt|not a file"):
        system_prompt_of(tmp_path / name)
