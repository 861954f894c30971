"""Importers of files: what is well formed is read; every fault has file, line and column."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper import catalog
from gatekeeper.errors import UsageError
from gatekeeper.records.importing import Imported, ImportRequest

SECRET = "How do I frobnicate the zorkmid"
needs_pyarrow = pytest.mark.skipif(
    importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed"
)


def read(path: Path, **more: Any) -> Imported:
    given_ = {"fixed": {"set": "benign"}, "licence": "CC0-1.0"} | more
    name = "csv" if path.suffix in {".csv", ".tsv"} else path.suffix[1:]
    return catalog.load("importer", name).read(ImportRequest(name="mine", path=path, **given_))


def refusal(path: Path, where: str | None = None, **more: Any) -> str:
    with pytest.raises(UsageError) as caught:
        read(path, **more)
    text = str(caught.value)
    assert text.isprintable()
    assert "zorkmid" not in text
    assert caught.value.remedy
    if where is not None:
        assert caught.value.where == f"{path}{where}"
    return text


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def texts(imported: Imported) -> list[str]:
    return [p.text for p in imported.prompts]


def test_a_csv_with_columns_of_its_own(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.csv",
        'prompt,topic,lang,pair,note\n"Rub, then\nwait",lamps,en,s1,x\nランプ,,ja,s2,\n',
    )
    columns = {
        "text": "prompt",
        "category": "topic",
        "language": "lang",
        "seed_id": "pair",
    }
    made = read(path, columns=columns)
    first, second = made.prompts
    assert (first.text, first.category, first.language) == ("Rub, then\nwait", "lamps", "en")
    assert (first.id, first.seed_id, first.set) == ("mine-0001", "s1", "benign")
    assert (second.category, second.language, second.seed_id) == ("uncategorised", "ja", "s2")
    assert (first.source, first.licence) == ("x.csv, row 1", "CC0-1.0")
    assert (made.source.name, made.source.licence, made.source.count) == ("x.csv", "CC0-1.0", 2)
    assert len(made.source.sha256) == 64


def test_columns_of_the_fields_own_names_are_taken_unless_a_value_is_given(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "text,set,language\na,regular,ja\n")
    assert read(path, fixed={}).prompts[0].set == "regular"
    prompt = read(path, fixed={"set": "benign"}).prompts[0]
    assert (prompt.set, prompt.language) == ("benign", "ja")


@pytest.mark.parametrize("column", ["wrapper", "trick"])
def test_how_a_jailbreak_was_rewritten_is_kept(tmp_path: Path, column: str) -> None:
    """Without it, rules on the worst wrapper can never be met."""
    path = write(tmp_path / "x.csv", f"text,set,{column}\na,jailbreak,story\nb,jailbreak,\n")
    named = {} if column == "wrapper" else {"wrapper": column}
    assert [p.wrapper for p in read(path, fixed={}, columns=named).prompts] == ["story", None]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_dialects_of_csv(tmp_path: Path, delimiter: str, end: str) -> None:
    lines = [["id", "text"], ["1", '"a, b; c"'], ["", ""], ["2", '"say ""hi"" – ｱ"']]
    path = write(tmp_path / "x.csv", end.join(map(delimiter.join, lines)) + end)
    assert texts(read(path)) == ["a, b; c", 'say "hi" – ｱ']


def test_encodings_of_csv(tmp_path: Path) -> None:
    content = "text\r\nランプを磨くには？\r\n"
    path = tmp_path / "x.csv"
    for encoding, named in (
        ("utf-8-sig", "utf-8-sig"),
        ("cp932", "cp932"),
        ("utf-16", "utf-16"),
    ):
        path.write_bytes(content.encode(encoding))
        assert texts(read(path, encoding=named)) == ["ランプを磨くには？"]
    assert "--encoding utf-16" in refusal(write(path, content.encode("utf-16")), ":1:1")
    assert "--encoding utf-32" in refusal(write(path, content.encode("utf-32")), ":1:1")
    path.write_bytes(b"text\nok\nab\xff\n")
    assert "--encoding cp932" in refusal(path, ":3:3")


@pytest.mark.parametrize(
    ("content", "where", "message"),
    [
        ("", "", "is empty"),
        ("\n\n", "", "is empty"),
        ("text\n", "", "has no rows"),
        (f"{SECRET}\nabc\n", "", "has no column 'text'"),
        (f"a,text,a\n1,{SECRET},2\n", ":1", "column 'a' is there twice"),
        (f"n,text\n1,{SECRET}\n2\n", ":3", "has 1 columns, the header 2"),
        (f"n,text\n1,{SECRET}, and more\n", ":2", "has 3 columns, the header 2"),
        (f'n,text\n1,"{SECRET}\n', ":2", "broken CSV"),
        (f'n,text\n1,"{SECRET}"x\n', ":2", "broken CSV"),
        (f'text,n\n"{SECRET}\n\n",1\nok,2\n"{SECRET}" x,3\n', ":6", "broken CSV"),
        (f'n,text\n1,"=HYPERLINK(""{SECRET}"")"\n', ":2:2", "is a spreadsheet formula"),
        ("n,text\n-cmd(),a\n", ":2:1", "is a spreadsheet formula"),
        (f"n,text\n1,{SECRET}\0\n", ":2:2", "control characters"),
        (f"n,text\n1,{SECRET * 1100}\n", ":2:2", "longer than 32000"),
        (f"n,text\n1,{SECRET * 9000}\n", ":2:2", "longer than 32000"),
        (f"n,text\n1,{SECRET * 40000}\n", ":2", "broken CSV: field larger"),
        (f'n,text\n1,"{SECRET}\n' + "x,y\n" * 300_000, ":2", "quote in this cell that is never"),
        (f"sep=;\nn;text\n1;{SECRET};2\n", ":3", "has 3 columns, the header 2"),
        (f"sep=;\na;a\n1;{SECRET}\n", ":2", "column 'a' is there twice"),
        ("sep=;\n", "", "is empty"),
        (f"sep=;\rn;text\r1;2\r;{SECRET};\r", ":4", "has 3 columns"),
        ("n,text\n1,  \n", ":2:2", "text is blank"),
        (f"text,category\n{SECRET},a\u202eb\n", ":2:2", "category holds"),
        (f"text,category\n{SECRET},{'c' * 201}\n", ":2:2", "category is longer"),
        (f"text,language\n{SECRET},English!\n", ":2:2", "language is no language tag"),
    ],
)
def test_a_broken_csv(tmp_path: Path, content: str, where: str, message: str) -> None:
    assert message in refusal(write(tmp_path / "x.csv", content), where)


def test_prompts_that_only_look_like_formulas(tmp_path: Path) -> None:
    lines = ["- first, then second?", "@home or away?", "+1 what?", "a = b?"]
    path = write(tmp_path / "x.csv", "text\n" + "".join(f'"{x}"\n' for x in lines))
    assert texts(read(path)) == lines


@pytest.mark.parametrize("head", ["sep=;\n", '"sep=;"\r\n', "\ufeffsep=;\n", "Sep=;\r", "sep=\t\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_line_that_names_the_delimiter(tmp_path: Path, head: str, encoding: str) -> None:
    """As Excel writes and reads it; a delimiter of the command line goes before it."""
    sign = head.strip('"\r\n')[-1]
    content = f"{head}text{sign}note\na, b, c{sign}1\n"
    path = write(tmp_path / "x.csv", content.encode(encoding))
    assert texts(read(path, encoding="utf-8-sig" if encoding == "utf-8" else encoding)) == [
        "a, b, c"
    ]
    path = write(tmp_path / "x.csv", "sep=;\ntext,n\na;b,1\n")
    assert texts(read(path, delimiter=",")) == ["a;b"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-8"])
def test_byte_order_marks_of_all_encodings_are_passed_over(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "x.csv", "\ufefftext,n\nランプ,1\n".encode(encoding))
    assert texts(read(path, encoding=encoding)) == ["ランプ"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_any_end_and_the_place_of_a_fault(tmp_path: Path, end: str) -> None:
    path = write(tmp_path / "x.csv", end.join(["n;text", "1;a", "2;b", ""]))
    assert texts(read(path)) == ["a", "b"]
    assert "has 1 columns" in refusal(write(path, end.join(["n;text", "1;a", "zorkmid"])), ":3")


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"\x1f\x8b\x08zorkmid", "is a gzip file → unpack it"),
        (b"PK\x03\x04zorkmid", "is a zip file or an Excel workbook → unpack it, or export"),
        (b"\xd0\xcf\x11\xe0zorkmid", "export it as CSV"),
        (b"BZh91zorkmid", "bzip2"),
        (b"\xfd7zXZ\0zorkmid", "xz"),
        (b"\x28\xb5\x2f\xfdzorkmid", "zstandard"),
        (b"PAR1zorkmid", "a Parquet file → name it .parquet"),
        (b"SQLite format 3\0zorkmid", "a database"),
        (b"%PDF-1.7 zorkmid", "a PDF file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_files_of_another_kind(tmp_path: Path, ending: str, raw: bytes, told: str) -> None:
    assert told in refusal(write(tmp_path / f"x.{ending}", raw), "")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_what_is_no_file_or_never_ends(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x.{ending}"
    path.mkdir()
    assert "not a file" in refusal(path, "")
    path.rmdir()
    os.mkfifo(path)
    assert "not a file" in refusal(path, "")
    path.unlink()
    path.symlink_to("/dev/zero")
    assert "not a file" in refusal(path, "")


def test_missing_columns_are_told_with_those_that_are_there(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", f"prompt,{SECRET},topic\n1,2,3\n")
    told = refusal(path)
    assert "has no column 'text' → name one with --text-column; it has prompt, topic" in told
    told = refusal(path, columns={"text": "prompt", "seed_id": "pair"})
    assert "has no column 'pair' → name one with --seed-column" in told


def test_what_must_be_said_of_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "text\na\n")
    assert "licence is not known → add --licence" in refusal(path, licence=None)
    assert "which set" in refusal(path, fixed={})
    path = write(tmp_path / "x.csv", "text,set\na,harmful\n")
    assert "set has an unknown value" in refusal(path, ":2:2", fixed={})
    path = write(tmp_path / "x.csv", "text,set\na,\n")
    assert "set is empty" in refusal(path, ":2:2", fixed={})
    assert "no such file" in refusal(tmp_path / "y.csv")


def test_jsonl(tmp_path: Path) -> None:
    rows = [
        {"prompt": "Rub it", "seed_id": 7, "set": "regular", "scores": [1]},
        {"prompt": "Open\nit", "category": None, "set": "benign", "seed_id": "x"},
    ]
    path = write(tmp_path / "x.jsonl", "\n\n".join(map(json.dumps, rows)))
    made = read(path, columns={"text": "prompt"}, fixed={"language": "en"})
    assert texts(made) == ["Rub it", "Open\nit"]
    assert [p.seed_id for p in made.prompts] == ["7", "x"]
    assert [p.set for p in made.prompts] == ["regular", "benign"]
    assert {p.language for p in made.prompts} == {"en"}


@pytest.mark.parametrize(
    ("content", "where", "message"),
    [
        (b"", "", "is empty"),
        (b"\n \n", "", "has no rows"),
        (b'{"text": "ok"}\n{"text": 7}', ":2", "text is a int"),
        (b'{"text": "ok"}\n{"text": null}', ":2", "text is missing"),
        (b'{"text": "ok"}\n{"txt": "zorkmid"}', ":2", "text is missing"),
        (b'{"txt": "zorkmid"}', "", "has no column 'text'"),
        (b'{"text": ["zorkmid"]}', ":1", "text is a list"),
        (b'{"text": "zorkmid \\ud800"}', ":1", "surrogate"),
        (b'{"text": "zorkmid", "seed_id": true}', ":1", "seed_id is a bool"),
        (b'{"text": "zorkmid", "category": {}}', ":1", "category is a dict"),
        (b'["x"]', ":1", "is no JSON object"),
        (b'{"text": "zorkmid}', ":1", "invalid JSON at column"),
        (b'{"text": "zorkmid\xff"}', ":1", "invalid UTF-8"),
        (b'\xef\xbb\xbf{"text": "zorkmid"}', ":1", "byte order mark"),
        ('{"text": "zorkmid"}'.encode("utf-16"), ":1", "is UTF-16 → save it as UTF-8"),
        ('{"text": "zorkmid"}'.encode("utf-32"), ":1", "is UTF-32 → save it as UTF-8"),
        (b'{"text": "a", "text": "zorkmid"}', ":1", "key 'text' is given twice"),
        (b'{"text": "' + b"x" * 4_000_001 + b'"}', ":1", "longer than 4 MB"),
        (b"[" * 100_000, ":1", "nested too deep"),
    ],
)
def test_a_broken_jsonl(tmp_path: Path, content: bytes, where: str, message: str) -> None:
    assert message in refusal(write(tmp_path / "x.jsonl", content), where)


@given(raw=st.binary(max_size=200) | st.text(alphabet='a,";\n\r=\0"tex', max_size=60))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_no_bytes_raise_anything_else(tmp_path: Path, ending: str, raw: bytes | str) -> None:
    body = raw.encode() if isinstance(raw, str) else raw
    path = write(tmp_path / f"x.{ending}", (b"n,text\n" if ending == "csv" else b"") + body)
    try:
        made = read(path)
    except UsageError as error:
        assert str(error).isprintable()
    else:
        assert all(text.strip() for text in texts(made))


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    told = refusal(write(tmp_path / "x.parquet", b"PAR1"))
    assert "needs pyarrow" in told
    assert "pip install 'moe-gatekeeper[parquet]'" in told


def parquet(path: Path, **columns: Any) -> Path:
    import pyarrow
    from pyarrow import parquet as writer

    writer.write_table(pyarrow.table(columns), path)
    return path


@needs_pyarrow
def test_parquet(tmp_path: Path) -> None:
    import pyarrow

    path = parquet(
        tmp_path / "x.parquet",
        goal=["Rub it", "ランプ"] * 1500,
        topic=pyarrow.array(["lamps", None] * 1500).dictionary_encode(),
        pair=range(3000),
        other=[[1.0]] * 3000,
    )
    made = read(path, columns={"text": "goal", "category": "topic", "seed_id": "pair"})
    assert len(made.prompts) == 3000
    assert made.prompts[1].text == "ランプ"
    assert [p.category for p in made.prompts[:2]] == ["lamps", "uncategorised"]
    assert (made.prompts[2999].seed_id, made.prompts[2999].id) == ("2999", "mine-3000")


@needs_pyarrow
def test_a_broken_parquet(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    assert "is empty" in refusal(write(path, b""))
    assert "no Parquet file that can be read" in refusal(write(path, b"PAR1 zorkmid PAR1"))
    assert "has no column 'text'" in refusal(parquet(path, goal=["zorkmid"]))
    assert "text is a int" in refusal(parquet(path, text=[1]), ": row 1")
    assert "text is missing" in refusal(parquet(path, text=["a", None]), ": row 2")
    assert "text is a bytes" in refusal(parquet(path, text=[b"zorkmid"]), ": row 1")
    assert "has no rows" in refusal(parquet(path, text=["zorkmid"][:0]))
    raw = parquet(path, text=[SECRET] * 50).read_bytes()
    for cut in (8, len(raw) // 2, len(raw) - 6):
        refusal(write(path, raw[:cut]))


@pytest.mark.thorough
@needs_pyarrow
def test_a_small_parquet_that_unpacks_into_a_huge_one(tmp_path: Path) -> None:
    path = parquet(tmp_path / "x.parquet", text=["x" * 31_000] * 9_000)
    assert path.stat().st_size < 1_000_000
    assert "unpacks to more than" in refusal(path)


def stored(path: Path, *values: Any, names: Sequence[str] = ("text",), **more: Any) -> Path:
    """A Parquet file of columns that a mapping cannot hold, or of other encodings."""
    import pyarrow
    from pyarrow import parquet as writer

    table = pyarrow.Table.from_arrays([pyarrow.array(v) for v in values], names=list(names))
    writer.write_table(table, path, **more)
    return path


@needs_pyarrow
def test_a_column_of_a_parquet_file_that_is_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    stored(path, ["a"], ["zorkmid"], names=("text", "text"))
    assert "column 'text' is there twice" in refusal(path, "")
    stored(path, ["a"], [1], ["b"], names=("text", "n", "n"))
    assert "column 'n' is there twice" in refusal(path, "")
    stored(path, ["a"], ["b"], [{"text": "c"}], names=("text", "Text", "more"))
    assert texts(read(path)) == ["a"]


@needs_pyarrow
@pytest.mark.parametrize("rows", [300_000, 3_000_000])
@pytest.mark.parametrize("column", ["text", "category"])
def test_texts_kept_once_are_counted_in_every_row(tmp_path: Path, rows: int, column: str) -> None:
    """Few kB of file, 300 MB and 3 GB of text."""
    import pyarrow

    repeated = pyarrow.DictionaryArray.from_arrays(np.zeros(rows, np.int32), ["x" * 1000])
    arrays = [repeated] if column == "text" else [pyarrow.array(["a"] * rows), repeated]
    names = ["text"] if column == "text" else ["text", column]
    path = stored(tmp_path / "x.parquet", *arrays, names=names)
    assert path.stat().st_size < 1_000_000
    assert "unpacks to more than 256 MB" in refusal(path, "")


@needs_pyarrow
@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY"])
@pytest.mark.parametrize("rows", [1, 30])
def test_one_text_of_many_megabytes(tmp_path: Path, rows: int, encoding: str) -> None:
    texts = ["x" * 30_000_000, *["How do I mend a lamp?"] * (rows - 1)]
    options: dict[str, Any] = {"use_dictionary": False, "column_encoding": {"text": encoding}}
    path = stored(tmp_path / "x.parquet", texts, **options)
    kept_once = rows == 1 or encoding == "PLAIN"
    told = "holds a text of more than 12.8 MB" if kept_once else "text is longer than 32000"
    assert told in refusal(path, "" if kept_once else ": row 1")


@pytest.mark.thorough
@needs_pyarrow
def test_a_text_of_many_megabytes_in_every_row(tmp_path: Path) -> None:
    import pyarrow

    long = pyarrow.DictionaryArray.from_arrays(np.zeros(5000, np.int32), ["x" * 10_000_000])
    assert "unpacks to more" in refusal(stored(tmp_path / "x.parquet", long), "")
    prefixed = ["x" * 31_000 + str(i) for i in range(9000)]
    options: dict[str, Any] = {
        "use_dictionary": False,
        "column_encoding": {"text": "DELTA_BYTE_ARRAY"},
    }
    assert "unpacks to more" in refusal(stored(tmp_path / "x.parquet", prefixed, **options), "")


@needs_pyarrow
@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_other_encodings_and_types_of_text(tmp_path: Path, encoding: str) -> None:
    import pyarrow

    wanted = [f"Rub the lamp {i}" for i in range(3000)]
    for kind in (pyarrow.string(), pyarrow.large_string(), pyarrow.string_view()):
        path = stored(
            tmp_path / "x.parquet",
            pyarrow.array(wanted, kind),
            use_dictionary=False,
            column_encoding={"text": encoding},
        )
        assert texts(read(path)) == wanted


@needs_pyarrow
def test_columns_that_hold_no_text(tmp_path: Path) -> None:
    import pyarrow

    path = tmp_path / "x.parquet"
    for value, kind in (
        ([["zorkmid"]], "list"),
        ([{"zorkmid": "a"}], "struct"),
        (pyarrow.array([[("a", "b")]], pyarrow.map_(pyarrow.string(), pyarrow.string())), "map"),
        (pyarrow.array([2**62], pyarrow.timestamp("us", "Asia/Tokyo")), "timestamp"),
        (pyarrow.array([2**31 - 1], pyarrow.date32()), "date"),
        (pyarrow.array([b"ab"], pyarrow.binary(2)), "fixed_size_binary"),
    ):
        told = refusal(stored(path, value), "")
        assert f"column 'text' holds {kind}, not text" in told
    assert "row 1: text is a bool" in refusal(stored(path, [True]))
    assert "row 1: text is a float" in refusal(stored(path, [1.5]))
    assert "row 2: text is missing" in refusal(stored(path, ["a", None]))


#: A file of one text with one bit of its column's statistics flipped: pyarrow 26 ends the process.
_ENDS_ITS_READER = (
    b"c-l>mzYc;x493faTo_y!dZEb;EL<3Xh>1)t?hY5<;6g6ZLBRw6Jcti$(Z%6wn)d7WOYQ#HBA`N5q2NZM)E$(O%OaPi0"
    b"3a4c5m$#XRa?m9)Svvtp#V$@k;Sur%>^7ZTa+M8+JMFt6%y#TM4l_FtVwo%(WDs%oU-F9N#;vpn=py8Q0Aixx4WO~ej"
    b"IBT!tl%=K1}D~ns2&h-L#|^;+tjphYw#kA8Y"
)


@needs_pyarrow
def test_a_parquet_file_that_ends_its_reader(tmp_path: Path) -> None:
    raw = zlib.decompress(base64.b85decode(_ENDS_ITS_READER))
    told = refusal(write(tmp_path / "x.parquet", raw), "")
    assert "cannot be read: it is damaged, or takes more memory or time" in told


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_more_rows_than_a_suite_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """Here of three: a million would take its time."""
    monkeypatch.setattr("gatekeeper.suites._rows.MOST_PROMPTS", 3)
    monkeypatch.setattr("gatekeeper.suites.importers.jsonl.MOST_PROMPTS", 3)
    path = tmp_path / f"x.{ending}"
    for count in (3, 4):
        if ending == "parquet":
            pytest.importorskip("pyarrow")
            stored(path, ["zorkmid"] * count)
        else:
            line = "zorkmid\n" if ending == "csv" else '{"text": "zorkmid"}\n'
            write(path, ("text\n" if ending == "csv" else "") + line * count)
        if count == 3:
            assert len(texts(read(path))) == 3
        else:
            assert "has more than 3 rows" in refusal(path, "")
