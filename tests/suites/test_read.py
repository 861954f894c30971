"""Suites: what is well formed is read; every fault has file and line; no prompt is repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.errors import ExitCode, UsageError
from gatekeeper.suites.read import read_suite, scan_suite

SECRET = "How do I frobnicate the zorkmid"
ROW = {"id": "p1", "seed_id": "s1", "set": "regular", "text": SECRET}
MANIFEST = {
    "schema": "gatekeeper/suite/v1",
    "id": "mini",
    "version": "1",
    "title": "Mini",
    "licence": "CC0-1.0",
    "source": "written here",
    "files": ["a.jsonl"],
    "languages": ["en"],
}
SHARED = Path(__file__).resolve().parents[3] / "shared" / "models" / "prompts.jsonl"


def jsonl(path: Path, *rows: object) -> Path:
    lines = (r if isinstance(r, bytes) else json.dumps(r).encode() for r in rows)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def suite(folder: Path, manifest: dict[str, Any] | None = None, *rows: object) -> Path:
    (folder / "suite.json").write_text(json.dumps(MANIFEST | (manifest or {})), encoding="utf-8")
    jsonl(folder / "a.jsonl", *(rows or (ROW,)))
    return folder


def refusal(path: Path, line: int | None = None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_suite(path)
    text = str(caught.value)
    assert caught.value.exit_code == ExitCode.USAGE
    assert SECRET not in text
    assert "zorkmid" not in text
    assert "\n" not in text
    assert text.isprintable()
    if line is not None:
        assert str(caught.value.where).endswith(f".jsonl:{line}")
    return caught.value


def test_a_directory_with_a_manifest(tmp_path: Path) -> None:
    read = read_suite(suite(tmp_path))
    assert (read.id, read.version, read.title, read.licence) == ("mini", "1", "Mini", "CC0-1.0")
    prompt = read.prompts[0]
    assert (prompt.id, prompt.seed_id, prompt.set, prompt.text) == ("p1", "s1", "regular", SECRET)
    assert (prompt.category, prompt.language, prompt.source) == ("uncategorised", "en", "unknown")
    assert read.counts() == {"regular": 1, "jailbreak": 0, "benign": 0, "over_refusal": 0}


def test_a_bare_file(tmp_path: Path) -> None:
    read = read_suite(jsonl(tmp_path / "mine.jsonl", ROW | {"licence": "MIT"}))
    assert (read.id, read.version, read.licence) == ("mine", "unversioned", "unknown")
    assert read.prompts[0].language == "und"


def test_several_languages_leave_a_row_undetermined(tmp_path: Path) -> None:
    rows = (ROW, ROW | {"id": "p2", "language": "ja", "text": "日本語"})
    read = read_suite(suite(tmp_path, {"languages": ["en", "ja"]}, *rows))
    assert [p.language for p in read.prompts] == ["und", "ja"]


def test_line_ends_of_other_systems_and_blank_lines(tmp_path: Path) -> None:
    raw = json.dumps(ROW).encode() + b"\r\n\r\n" + json.dumps(ROW | {"id": "p2"}).encode()
    (tmp_path / "x.jsonl").write_bytes(raw)
    assert [p.id for p in read_suite(tmp_path / "x.jsonl").prompts] == ["p1", "p2"]


def test_line_separators_inside_a_text_do_not_split_it(tmp_path: Path) -> None:
    row = json.dumps(ROW | {"text": "a\u2028b\u0085c"}, ensure_ascii=False).encode()
    assert read_suite(jsonl(tmp_path / "x.jsonl", row)).prompts[0].text == "a\u2028b\u0085c"


def test_the_digest_is_over_names_and_bytes(tmp_path: Path) -> None:
    one = read_suite(jsonl(tmp_path / "one.jsonl", ROW))
    again = read_suite(jsonl(tmp_path / "one.jsonl", ROW))
    renamed = read_suite(jsonl(tmp_path / "two.jsonl", ROW))
    spaced = read_suite(jsonl(tmp_path / "one.jsonl", json.dumps(ROW).encode() + b" "))
    assert one.digest == again.digest
    assert one.digest.startswith("sha256:")
    assert len({one.digest, renamed.digest, spaced.digest}) == 3


@pytest.mark.parametrize(
    ("row", "message", "remedy"),
    [
        (ROW | {"sett": "regular"}, "unknown key 'sett'", "did you mean set?"),
        (ROW | {SECRET: 1}, "unknown key", "known:"),
        ({k: v for k, v in ROW.items() if k != "text"}, "lacks text", "add"),
        ({k: v for k, v in ROW.items() if k != "seed_id"}, "lacks seed_id", "add"),
        (ROW | {"set": "harmful"}, "set has an unknown value", "over_refusal"),
        (ROW | {"text": ""}, "text is empty", None),
        (ROW | {"text": " \n"}, "text is blank", None),
        (ROW | {"text": 7}, "text must be of type string", None),
        (ROW | {"text": SECRET * 1100}, "text is longer than 32000", None),
        (ROW | {"text": SECRET + "\ud800"}, "surrogate", None),
        (ROW | {"id": ""}, "id is empty", None),
        (ROW | {"id": "a\x1b[31m"}, "id holds control", None),
        (ROW | {"id": "a\u202eb"}, "id holds control, bidi", None),
        (ROW | {"seed_id": " s"}, "seed_id holds", None),
        (ROW | {"id": "\ud800"}, "surrogate", None),
        (ROW | {"category": "a\nb"}, "category holds control", None),
        (ROW | {"language": "English!"}, "language is not of the form", None),
        ([SECRET], "must be of type object", None),
        (SECRET, "must be of type object", None),
        (b'{"id": "p9", "id": "p8"}', "key 'id' is given twice", None),
        (b'{"' + SECRET.encode() + b'": 1, "' + SECRET.encode() + b'": 2}', "given twice", None),
        (b'{"text": "' + SECRET.encode() + b'",}', "invalid JSON at column", None),
        ("\u00a0{}".encode(), "column 1 at character U+00A0 (no-break space)", "a plain space"),
        ('{"id"： 1}'.encode(), "character U+FF1A (fullwidth colon)", "write : instead"),
        (b'{"text": NaN}', "NaN", None),
        (b'{"text": ' + b"9" * 5000 + b"}", "a number is too large", None),
        (b"[" * 100_000, "nested too deep", None),
        (b'{"text": "' + SECRET.encode() + b'\xff"}', "invalid UTF-8", None),
        (b'{"text": "' + b"x" * 600_000 + b'"}', "line is longer than", None),
    ],
)
def test_a_broken_row_is_named_by_line(
    tmp_path: Path, row: object, message: str, remedy: str | None
) -> None:
    error = refusal(jsonl(tmp_path / "x.jsonl", ROW | {"id": "ok"}, row), line=2)
    assert message in error.message
    assert error.remedy
    assert remedy is None or remedy in error.remedy


def test_duplicate_ids_name_both_lines(tmp_path: Path) -> None:
    error = refusal(jsonl(tmp_path / "x.jsonl", ROW, ROW | {"id": "p2"}, ROW), line=3)
    assert "id 'p1' was used before" in error.message
    assert "x.jsonl:1" in error.message


def test_an_id_that_might_be_a_prompt_is_not_repeated(tmp_path: Path) -> None:
    row = ROW | {"id": SECRET}
    assert "id was used before" in refusal(jsonl(tmp_path / "x.jsonl", row, row), line=2).message


def test_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(ROW).encode())
    assert "byte order mark" in refusal(path, line=1).message


@pytest.mark.parametrize("raw", [b"", b"\n \n"])
def test_an_empty_suite(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "x.jsonl").write_bytes(raw)
    assert "has no prompts" in refusal(tmp_path / "x.jsonl").message


def test_wrong_paths(tmp_path: Path) -> None:
    assert "no such suite" in refusal(tmp_path / "nope").message
    assert "has no suite.json" in refusal(tmp_path).message
    (tmp_path / "x.csv").touch()
    assert "not a .jsonl file" in refusal(tmp_path / "x.csv").message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "gatekeeper/suite/v2"}, "schema is of an unknown version"),
        ({"files": []}, "files is empty"),
        ({"files": ["a.jsonl", "a.jsonl"]}, "files names something twice"),
        ({"files": ["../a.jsonl"]}, "files is not of the form"),
        ({"files": ["/etc/a.jsonl"]}, "files is not of the form"),
        ({"files": ["a.csv"]}, "files is not of the form"),
        ({"files": ["b.jsonl"]}, "not a file of this suite"),
        ({"licence": 3}, "licence must be of type string"),
        ({"title": "a\u202eb"}, "title holds control"),
        ({"license": "MIT"}, "unknown key 'license'"),
        ({"languages": ["ja"]}, None),
    ],
)
def test_a_broken_manifest(tmp_path: Path, change: dict[str, Any], message: str | None) -> None:
    path = suite(tmp_path, change, ROW | {"language": "en"})
    assert (message or "language en is not among") in refusal(path).message


SOURCE = {
    "name": "AdvBench",
    "origin": "package pyrit",
    "licence": "MIT",
    "files": "a.prompt",
    "sha256": "0" * 64,
    "count": 1,
    "drawn": "all",
}


def test_sources_and_licences_are_read(tmp_path: Path) -> None:
    rows = (ROW, ROW | {"id": "p2", "licence": "MIT"})
    read = read_suite(suite(tmp_path, {"sources": [SOURCE, SOURCE | {"version": "2"}]}, *rows))
    assert [s.version for s in read.sources] == [None, "2"]
    assert (read.sources[0].name, read.sources[0].count) == ("AdvBench", 1)
    assert [p.licence for p in read.prompts] == ["CC0-1.0", "MIT"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "0" * 63}, "sha256 is not of the form"),
        ({"count": -1}, "count is below 0"),
        ({"count": "1"}, "count must be of type integer"),
        ({"licence": ""}, "licence is empty"),
        ({"drawn": "a\x1b[31m"}, "drawn holds control"),
        ({"license": "MIT"}, "unknown key 'license'"),
    ],
)
def test_a_broken_source(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    assert message in refusal(suite(tmp_path, {"sources": [SOURCE | change]})).message


def test_a_scan_tells_all_faults_and_reads_the_rest(tmp_path: Path) -> None:
    path = suite(tmp_path, {"files": ["a.jsonl", "b.jsonl"]}, ROW, ROW, {"id": "p3"})
    scan = scan_suite(path)
    told = [f"{fault.where}: {fault.message}" for fault in scan.faults]
    assert [t.removeprefix(str(path)) for t in told] == [
        f"/a.jsonl:2: id 'p1' was used before, at {path}/a.jsonl:1",
        "/a.jsonl:3: lacks seed_id, set, text",
        "/suite.json: b.jsonl is not a file of this suite",
    ]
    assert scan.suite is not None
    assert len(scan.suite.prompts) == 1


def test_a_faulty_manifest_tells_all_its_faults_and_no_suite(tmp_path: Path) -> None:
    scan = scan_suite(suite(tmp_path, {"licence": 3, "languages": []}))
    assert {fault.message for fault in scan.faults} == {
        "licence must be of type string",
        "languages is empty",
    }
    assert scan.suite is None


def test_a_link_does_not_lead_out_of_the_suite(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    outside = jsonl(tmp_path / "outside.jsonl", ROW)
    path = suite(tmp_path / "inside")
    (path / "a.jsonl").unlink()
    (path / "a.jsonl").symlink_to(outside)
    assert "not a file of this suite" in refusal(path).message


@given(raw=st.binary(max_size=300))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_raise_anything_else(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "x.jsonl").write_bytes(raw)
    with pytest.raises(UsageError):
        read_suite(tmp_path / "x.jsonl")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@given(change=st.dictionaries(st.sampled_from([*ROW, "category", "language", "x"]), _JSON))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_row_is_read_or_refused_without_its_text(
    tmp_path: Path, change: dict[str, object]
) -> None:
    path = jsonl(tmp_path / "x.jsonl", ROW | change)
    try:
        read_suite(path)
    except UsageError as error:
        assert "zorkmid" not in str(error)
        assert str(error).isprintable()


@pytest.mark.skipif(not SHARED.is_file(), reason="the shared prompts are not on this machine")
def test_the_shared_prompts_load() -> None:
    assert read_suite(SHARED).counts() == {
        "regular": 115,
        "jailbreak": 115,
        "benign": 89,
        "over_refusal": 108,
    }
