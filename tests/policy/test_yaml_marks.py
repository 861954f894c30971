from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gatekeeper.errors import UsageError
from gatekeeper.policy.yaml_marks import MAX_BYTES, read_yaml
from gatekeeper.strict_yaml import parse_yaml, place


def read(tmp_path: Path, text: str | bytes):
    path = tmp_path / "p.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path)


def refused(tmp_path: Path, text: str | bytes) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert caught.value.where is not None
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    return caught.value


def test_plain_data_follows_yaml_1_2(tmp_path: Path) -> None:
    text = "a: [no, on, yes, Off, true, False]\nb: {c: 010, d: 1.5, e: ~, f: 2027-03-31, g: '1'}\n"
    assert read(tmp_path, text).data == {
        "a": ["no", "on", "yes", "Off", True, False],
        "b": {"c": 10, "d": 1.5, "e": None, "f": "2027-03-31", "g": "1"},
    }


def test_times_and_octals_of_yaml_1_1_are_not_guessed(tmp_path: Path) -> None:
    assert read(tmp_path, "a: 1:30\nb: 0o17\nc: .inf\nd: 1_000\ne: <<\n").data == {
        "a": "1:30",
        "b": "0o17",
        "c": ".inf",
        "d": "1_000",
        "e": "<<",
    }


def test_places_of_keys_and_values(tmp_path: Path) -> None:
    document = read(tmp_path, "a:\n  - x: 1\n    yy:  two\n")
    assert document.position(("a", 0, "yy")) == (3, 10)
    assert document.position(("a", 0, "yy"), key=True) == (3, 5)
    assert document.where(("a", 0)).endswith("p.yaml:2:5")
    assert document.position(("a", 0, "absent", 3)) == (2, 5)


def test_windows_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    document = read(tmp_path, b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert document.data == {"a": 1, "b": 2}
    assert document.position(("b",)) == (2, 4)


def test_empty_file_is_none(tmp_path: Path) -> None:
    assert read(tmp_path, "# nothing\n").data is None


@pytest.mark.parametrize(
    ("text", "place_", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", ":3:1", "given twice, first in line 1"),
        ("a: &x [1]\nb: *x\n", ":1:4", "anchors"),
        ("a: *x\n", ":1:4", "aliases"),
        ("a: !!python/object/apply:os.system [ls]\n", ":1:4", "tag"),
        ("a: !!set {x}\n", ":1:4", "tag"),
        ("a: !!int abc\n", ":1:4", "tag"),
        ("a: !!timestamp 2020-01-01\n", ":1:4", "tag"),
        ("a: !x 1\n", ":1:4", "tag"),
        ("1: a\n", ":1:1", "key is not text"),
        ("? [a]\n: b\n", ":1:3", "key is not text"),
        ("a: 1\n---\nb: 2\n", ":2:1", "not valid YAML"),
        ("a: [1, 2\n", ":1:4", "[ is not closed"),
        ("a: 1\n\tb: 2\n", ":2:1", "not valid YAML"),
        ("a: b\u202ec\n", ":1:5", "U+202E"),
        ("# \u2066 comment\n", ":1:3", "U+2066"),
        ('a: "\\u202e"\n', ":1:4", "U+202E"),
        ('a: "\\a"\n', ":1:4", "U+0007"),
        ('a: "\\ud800"\n', ":1:4", "U+D800"),
        ('"\\e": 1\n', ":1:1", "U+001B"),
        ('a: "\\UFFFFFFFF"\n', ":1", "not valid YAML"),
        ("a: 1\nb: \x1b[31m\n", ":2:4", "U+001B"),
        ("a: 1e999\n", ":1:4", "not finite"),
        ("a: " + "9" * 5000, ":1:4", "5000 characters"),
        ("[" * 100_000, ":1:13", "nested deeper"),
        ("a: [" + "1," * 30_000 + "]", ":1:", "more than"),
        (b"a: 1\nb: \xff\n", ":2:4", "UTF-8"),
        ("%YAML " + "9" * 5000 + ".1\n---\na: 1\n", ":1:", "not valid YAML"),
        ("%YAML 2.0\n---\na: 1\n", ":1:", "not valid YAML"),
    ],
)
def test_refuses(tmp_path: Path, text: str | bytes, place_: str, words: str) -> None:
    error = refused(tmp_path, text)
    assert f"p.yaml{place_}" in str(error.where)
    assert words in error.message


def test_refuses_what_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.yaml", tmp_path, Path("a\0b"), Path("x" * 5000)):
        with pytest.raises(UsageError, match=r"cannot be read|not a file"):
            read_yaml(path)
    assert "larger than 1 MiB" in refused(tmp_path, b"#" * (MAX_BYTES + 1)).message


def test_alias_bomb_is_cheap(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
    )
    assert "anchors" in refused(tmp_path, bomb).message


def test_a_file_name_cannot_command_a_log() -> None:
    assert place("::error::x\x1b[31m\n.yaml", (1, 2)) == ": :error: :x�[31m�.yaml:1:2"


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
@example(b'a: "\\x"')
@example(b"? ? ? ?")
@example(b"- - -\n-")
@example(b"%TAG ! %ff\n---\n!a b")
@example(b"!<%ff> a")
@example(b"a: |99\n b")
def test_any_bytes_give_data_or_a_usage_error(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(raw)
    try:
        read_yaml(path)
    except UsageError as error:
        assert error.where
        assert str(error).isprintable()


_YAMLISH = st.text(alphabet="ab01 \n\t-?:,[]{}#&*!|>'\"%@`~.\\ueUx\x85\u2028", max_size=60)


@pytest.mark.thorough
@settings(max_examples=500, deadline=None)
@given(_YAMLISH)
def test_any_punctuation_gives_data_or_a_usage_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        read_yaml(path)
    except UsageError as error:
        assert str(error).isprintable()


@pytest.mark.parametrize(
    "character",
    [
        "\u200b",
        "\u200c",
        "\u200d",
        "\u2060",
        "\ufeff",
        "\u00ad",
        "\u2028",
        "\u2029",
        "\x85",
        "\u3164",
        "\U000e0041",
    ],
)
def test_what_shows_as_nothing_or_ends_a_line_for_some_is_refused(
    tmp_path: Path, character: str
) -> None:
    for text in (f"a: Bo{character}b\n", f'a: "Bo\\U{ord(character):08x}b"\n'):
        assert f"U+{ord(character):04X}" in str(refused(tmp_path, text))


def test_letters_of_other_scripts_stay(tmp_path: Path) -> None:
    text = "a: モデルの安全 — дом “é” ⚠\ufe0f\n"
    assert read(tmp_path, text).data == {"a": text[3:-1]}


@pytest.mark.parametrize("piece", ["\t", " \t", "a:\t", "- \t"])
def test_a_line_of_odd_characters_takes_no_longer_than_its_length(
    tmp_path: Path, piece: str
) -> None:
    begun = time.process_time()
    refused(tmp_path, piece * 60_000)
    assert time.process_time() - begun < 10  # once 30 and more


@pytest.mark.parametrize(
    ("text", "place_", "words", "remedy"),
    [
        (
            "a: 1\n\tb: 2\n",
            ":2:1",
            "a tab, where YAML takes spaces only",
            "the space bar, not the Tab key",
        ),
        ("a: 1\nb 2\nc: 3\n", ":2:1", "a line without a colon", "write it as key: value"),
        ("a: 1\nb:2\nc: 3\n", ":2:1", "no space behind the colon", "write it as key: value"),
        ("a: x: y\n", ":1:5", "a second colon in one line", "put the whole value in quotes"),
        ("a: 1\n  b: 2\n", ":2:3", "indented otherwise than the line above", "begin it below"),
        ("a:\n  - b: 1\n   c: 2\n", ":3:4", "indented otherwise than the lines", "begin it below"),
        ("a: 'b\nc: 1\n", ":1:4", "a quote that is never closed", "close it with '"),
        ('a: "b\n', ":1:4", "a quote that is never closed", 'close it with "'),
        ("a: {k: 4\nb: 1\n", ":1:4", "{ is not closed, or a comma is missing", "close it with }"),
        ("a: {k: 4 set: x}\n", ":1:4", "{ is not closed, or a comma is missing", "put a comma"),
        ("a: [1,, 2]\n", ":1:7", "no value here", "remove the comma"),
        ("a: {b} c\n", ":1:8", "text behind a closing bracket", "put the whole value in quotes"),
        ("a: 'it's'\n", ":1:8", "text behind a closing quote", "put the whole value in quotes"),
        ("a: %x\n", ":1:4", "no value may begin with %", "put the whole value in quotes"),
        ("a: @x\n", ":1:4", "no value may begin with @", "put the whole value in quotes"),
        ("a: `x`\n", ":1:4", "no value may begin with `", "put the whole value in quotes"),
        ("a: *x\n", ":1:4", "anchors (&) and aliases (*) are not allowed", "or quote it"),
        ("a: - b\n", ":1:4", "a list that begins in the line of its key", "a line of its own"),
        ("a: > b\n", ":1:6", "text behind > or |", "begin it in the next line"),
        ('a: "\\d"\n', ":1:6", "a backslash in double quotes", "use single quotes"),
        ("a: 1\n---\nb: 2\n", ":2:1", "a second document (---)", "keep one document"),
    ],
)
def test_faults_of_yaml_are_told_in_plain_words(
    tmp_path: Path, text: str, place_: str, words: str, remedy: str
) -> None:
    error = refused(tmp_path, text)
    assert words in error.message
    assert remedy in str(error.remedy)
    assert str(error.where).endswith(f"p.yaml{place_}")


def test_other_line_ends_of_yaml_do_not_lead_astray() -> None:
    for text in (
        "a: 1\u2028b\u2028c: 2\u2028",
        "a: 1\x85b\x85c: 2",
        "\u2029\u2029a: 'x",
        "\x85\x85a:\x85 b c: [",
    ):
        with pytest.raises(UsageError, match="not valid YAML"):
            parse_yaml(text, "x")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab:-[]{},'\"|>%@&*!#?\\ \t\n\r\x85\u2028", max_size=30))
def test_no_text_ends_in_a_traceback(text: str) -> None:
    with contextlib.suppress(UsageError):
        parse_yaml(text, "x")
