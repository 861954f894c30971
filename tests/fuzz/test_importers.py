"""Damaged files and packages, through `suite import`."""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
from pathlib import Path

import pytest

from tests.fuzz.driver import command, fuzz
from tests.suites.fake_packages import (
    ADVBENCH,
    HARMBENCH,
    STRONGREJECT,
    TEMPLATES,
    make_garak,
    make_pyrit,
    make_strongreject,
    wheel,
)

CSV = 'text,category,language,seed_id,note\n"Rub, ""then""\nwait",lamps,en,s1,x\nランプ,,ja,s2,\n'
ROWS = [
    {"text": "Rub it", "seed_id": 7, "category": None, "language": "en", "scores": [1, {}]},
    {"text": "ランプ", "seed_id": "x", "category": "lamps", "language": "ja", "scores": []},
]


def parquet(**options: object) -> bytes:
    import pyarrow
    from pyarrow import parquet as writer

    columns = {name: [row[name] for row in ROWS] * 20 for name in ("text", "category", "language")}
    file = io.BytesIO()
    writer.write_table(pyarrow.table(columns), file, **options)
    return file.getvalue()


def imported(source: object, out: Path, *more: object) -> int:
    """An import either writes a suite that can be read, or nothing."""
    answer = command("suite", "import", source, "--out", out, *more)
    assert out.exists() == (answer.code == 0), answer
    shutil.rmtree(out, ignore_errors=True)
    return answer.code


OWN = ("--set", "benign", "--licence", "CC0-1.0")


def test_damaged_files(tmp_path: Path) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    seeds = {
        "x.csv": CSV.encode(),
        "wide.csv": CSV.replace(",", "\t").encode("utf-16"),
        "sep.csv": ("sep=;\r\n" + CSV.replace(",", ";")).encode("utf-8-sig"),
        "x.jsonl": lines.encode(),
    }

    def check(which: str, data: bytes) -> int:
        path = tmp_path / which
        path.write_bytes(data)
        wide = ("--encoding", "utf-16") if which == "wide.csv" else ()
        return imported(path, tmp_path / "out", *OWN, *wide)

    assert fuzz("files", seeds, check).cases


def test_damaged_parquet(tmp_path: Path) -> None:
    if importlib.util.find_spec("pyarrow") is None:
        pytest.skip("pyarrow is not installed")
    seeds = {
        "plain": parquet(use_dictionary=False, compression="none"),
        "kept once": parquet(compression="zstd"),
        "delta": parquet(
            use_dictionary=False, column_encoding=dict.fromkeys(("text",), "DELTA_BYTE_ARRAY")
        ),
    }

    def check(_: str, data: bytes) -> int:
        path = tmp_path / "x.parquet"
        path.write_bytes(data)
        return imported(path, tmp_path / "out", *OWN)

    assert fuzz("parquet", seeds, check).cases


def test_damaged_packages(tmp_path: Path) -> None:
    trees = {
        "advbench": (make_pyrit(tmp_path / "pyrit"), ADVBENCH),
        "jailbreak": (make_pyrit(tmp_path / "pyrit2"), f"{TEMPLATES}/plain.yaml"),
        "harmbench": (make_garak(tmp_path / "garak"), HARMBENCH),
        "strongreject": (make_strongreject(tmp_path / "strong"), STRONGREJECT),
    }
    # As people write it, besides the JSON of the small trees.
    block = "name: x\nvalue: >\n  You are a parrot.\n  {{ prompt }}\n\ndata: [1, 2.5, null]\n"
    seeds = {name: (tree / member).read_bytes() for name, (tree, member) in trees.items()}

    def check(which: str, data: bytes) -> int:
        tree, member = trees[which]
        (tree / member).write_bytes(data)
        places = ("--from", tree)
        if which == "jailbreak":
            return imported(
                trees["harmbench"][0].parent / "good.jsonl",
                tmp_path / "out",
                *("jailbreak", "--set", "regular", "--language", "en", "--licence", "CC0-1.0"),
                *places,
            )
        return imported(which, tmp_path / "out", *places)

    (tmp_path / "good.jsonl").write_text('{"text": "Rub it"}\n')
    seeds["jailbreak"] = block.encode()
    assert fuzz("packages", seeds, check).cases


def test_damaged_wheels(tmp_path: Path) -> None:
    whole = wheel(make_pyrit(tmp_path / "tree"), tmp_path / "w.whl").read_bytes()
    place = tmp_path / "pyrit-9.1.0-py3-none-any.whl"

    def check(_: str, data: bytes) -> int:
        place.write_bytes(data)
        return imported("advbench", tmp_path / "out", "--from", place)

    assert fuzz("wheels", {"wheel": whole}, check).cases
