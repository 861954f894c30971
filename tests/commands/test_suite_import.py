"""`gatekeeper suite import` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatekeeper import catalog
from gatekeeper.bundled import bundled
from gatekeeper.cli import run
from gatekeeper.records.suite import SETS
from gatekeeper.suites import write
from gatekeeper.suites.read import read_suite
from tests.suites.fake_packages import make_garak, make_pyrit, make_strongreject

CORE = str(bundled("suites") / "core")
OWN = ("--set", "benign", "--licence", "CC0-1.0", "--language", "en")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    root = tmp_path / "packages"
    for make in (make_pyrit, make_garak, make_strongreject):
        make(root)
    return root


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "My prompts!.csv"
    path.write_text("text\nHow do I frobnicate the zorkmid?\nWho sings?\n", encoding="utf-8")
    return path


def imported(*arguments: object) -> int:
    return run(["suite", "import", *map(str, arguments)])


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


def test_everything_at_once(
    tmp_path: Path, packages: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "all"
    sources = ("jailbreak", CORE, "advbench", "harmbench", "strongreject", table)
    assert imported(*sources, "--from", packages, "--jailbreaks", 2, *OWN, "--out", out) == 0
    told = capsys.readouterr().out
    assert "zorkmid" not in told
    assert "source   3 of AdvBench, package pyrit 9.1.0, MIT, sha256 " in told
    assert "warnings: " in told
    read = read_suite(out)
    assert (read.id, read.licence) == ("all", "Apache-2.0 AND MIT AND CC0-1.0")
    assert [s.name for s in read.sources] == [
        "core",
        "AdvBench",
        "HarmBench",
        "StrongREJECT",
        "My prompts!.csv",
        "jailbreak templates",
    ]
    # One request of StrongREJECT repeats one of AdvBench; those of 287 seeds are English.
    assert [s.count for s in read.sources] == [1680, 3, 2, 2, 2, 2 * (280 + 3 + 2 + 2)]
    assert sum(s.count for s in read.sources) == len(read.prompts)
    own = [p for p in read.prompts if p.licence == "CC0-1.0"]
    assert [p.id for p in own] == ["my-prompts-0001", "my-prompts-0002"]
    requests = {p.seed_id: p.text for p in read.prompts if p.set == "regular"}
    for prompt in read.prompts:
        if prompt.set == "jailbreak":
            assert requests[prompt.seed_id] in prompt.text
    assert run(["suite", "lint", str(out), "--json"]) == 0
    sources_told = json.loads(capsys.readouterr().out)["sources"]
    assert sources_told[1]["version"] == "9.1.0"


def test_the_same_call_gives_the_same_bytes(tmp_path: Path, packages: Path) -> None:
    call = (CORE, "advbench", "jailbreak", "--from", packages, "--count", 2, "--id", "x")
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert imported(*call, "--seed", seed, "--out", tmp_path / name) == 0
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert tree(tmp_path / "a") != tree(tmp_path / "c")
    counts = read_suite(tmp_path / "a").counts()
    assert counts == {"regular": 4, "jailbreak": 4, "benign": 2, "over_refusal": 2}


def test_a_suite_in_is_the_suite_out(tmp_path: Path) -> None:
    assert imported(CORE, "--out", tmp_path / "core", "--id", "core") == 0
    old, new = read_suite(Path(CORE)), read_suite(tmp_path / "core")
    assert new.prompts == old.prompts
    assert new.sources[0].sha256 == old.digest.removeprefix("sha256:")


def test_overwriting(tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    out.mkdir()  # an empty directory is taken
    assert imported(table, *OWN, "--out", out) == 0
    before = tree(out)
    assert imported(table, *OWN, "--title", "New", "--out", out) == 2
    assert "holds a suite → choose another --out, or add --overwrite" in capsys.readouterr().err
    assert tree(out) == before
    assert imported(table, *OWN, "--title", "New", "--out", out, "--overwrite") == 0
    assert read_suite(out).title == "New"
    (out / "notes.md").write_text("mine")
    assert imported(table, *OWN, "--out", out, "--overwrite") == 2
    assert "not a suite of this command" in capsys.readouterr().err
    assert {p.name for p in tmp_path.iterdir()} == {"out", table.name}


def test_a_source_of_the_import_can_be_replaced_by_it(tmp_path: Path, table: Path) -> None:
    out = tmp_path / "out"
    assert imported(table, *OWN, "--out", out) == 0
    assert imported(out, CORE, "--out", out, "--overwrite") == 0
    assert len(read_suite(out).prompts) == 1682


def test_other_places_are_refused(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = tmp_path / "link"
    (tmp_path / "real").mkdir()
    link.symlink_to(tmp_path / "real")
    for out in (table, table / "below", link):
        assert imported(table, *OWN, "--out", out, "--overwrite") == 2
        assert "not a directory" in capsys.readouterr().err


def test_nothing_is_left_of_an_import_that_fails(
    tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert imported(table, *OWN, "--out", out) == 0
    before = tree(out)

    def stopped(_new: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(write, "read_suite", stopped)
        assert imported(CORE, "--out", out, "--overwrite") == 3
    table.write_text("text\n=cmd()\n")
    assert imported(table, *OWN, "--out", out, "--overwrite") == 2
    assert imported(table, *OWN, "--out", tmp_path / "other") == 2
    assert tree(out) == before
    assert {p.name for p in tmp_path.iterdir()} == {"out", table.name}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["advbenhc"], "advbenhc: is no known source"),
        (["x.txt"], "is no known source → a suite directory, a file (.csv,"),
        (["x.csv", *OWN], "x.csv: no such file"),
        (["jailbreak"], "no English harmful requests to wrap"),
        ([CORE, "--set", "benign"], "are for files"),
        ([CORE, "--text-column", "x"], "are for files"),
        ([CORE, "--jailbreaks", "2"], "--jailbreaks needs the source jailbreak"),
        ([CORE, "--count", "0"], "--count"),
        ([CORE, "--encoding", "rot13"], "no encoding of text"),
        ([CORE, "--encoding", "klingon"], "no encoding of text"),
        ([CORE, "--encoding", "zip"], "no encoding of text"),
        ([CORE, "--encoding", "undefined"], "no encoding of text"),
        ([CORE, "--delimiter", "ab"], "one character"),
        ([CORE, "--id", "Not An Id"], "id is not of the form"),
        ([CORE, "--title", "a\x1b[31m"], "printable"),
        ([CORE, "--title", " "], "printable"),
        ([CORE, "--suite-version", "1" * 65], "version is longer than 64"),
        ([], "SOURCE"),
    ],
)
def test_wrong_calls_are_one_line_and_leave_nothing(
    tmp_path: Path, packages: Path, arguments: list[str], message: str, capsys, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    assert imported(*arguments, "--from", packages, "--out", "deep/out") == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert set(tmp_path.iterdir()) == before


def test_the_page_names_every_option_importer_key_and_set() -> None:
    page = (Path(__file__).parents[2] / "docs" / "suites.md").read_text(encoding="utf-8")
    options = catalog.load("command", "suite").commands["import"].params
    flags = {flag for option in options for flag in option.opts if flag.startswith("--")}
    assert {flag for flag in flags if f"`{flag}" not in page and f"{flag} " not in page} == set()
    for name in catalog.names("importer"):
        importer = catalog.load("importer", name)
        for shown in importer.suffixes or (importer.package or "suite",):
            assert f"`{shown}`" in page or f"`*{shown}`" in page or shown == "suite"
    for file in ("suite-v1.json", "prompt-v1.json"):
        schema = json.loads((Path(write.__file__).parent / file).read_text(encoding="utf-8"))
        for key in schema["properties"]:
            assert f"| `{key}` |" in page, key
        for key in schema["properties"].get("sources", {}).get("items", {}).get("properties", ()):
            assert f"| `{key}` |" in page, key
    assert all(f"| `{name}` |" in page for name in SETS)


def test_every_importer_is_reachable_and_says_what_it_reads() -> None:
    for name in catalog.names("importer"):
        importer = catalog.load("importer", name)
        assert importer.title
        assert bool(importer.suffixes) + bool(importer.package) + (name == "suite") == 1
