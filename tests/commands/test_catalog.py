"""`gatekeeper catalog`: everything that can be chosen, and nothing that needs torch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gatekeeper import catalog
from gatekeeper.cli import run

KINDS = ("metric", "selector", "judge", "format", "importer", "architecture")


def test_lists_every_entry(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalog", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["schema"] == "gatekeeper/catalog/v1"
    listed = [(e["kind"], e["id"]) for e in result["entries"]]
    assert listed == [(kind, name) for kind in KINDS for name in catalog.names(kind)]
    assert all(e["title"] for e in result["entries"])
    assert ("judge", "refusal-rules") in listed


def test_the_id_is_the_file_name(capsys: pytest.CaptureFixture[str]) -> None:
    """A policy names an entry by its file, evidence by its id: they must be one."""
    for kind in ("metric", "selector", "judge", "format", "importer"):
        for name in catalog.names(kind):
            assert catalog.load(kind, name).id == name


def test_one_kind_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalog", "selector"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["selector", name] for name in catalog.names("selector")
    ]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["catalog", "selectors"], "selector"),
        (["report", "x", "--level", "restrict"], "restricted"),
        (["audit", "x", "--phase", "prefil"], "prefill"),
    ],
)
def test_a_misspelt_choice_is_answered_with_the_near_one(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    assert f"did you mean {meant}?" in capsys.readouterr().err


def test_judges_are_listed_with_their_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalog", "judge"]) == 0
    out = capsys.readouterr().out
    version = catalog.load("judge", "refusal-rules").version
    assert out.splitlines()[-1].split() == [
        "judge",
        "refusal-rules",
        f"v{version}",
        "Refusal",
        "phrases",
    ]
    for name in catalog.names("judge"):
        for option in catalog.load("judge", name).options:
            assert f"    {option.name} " in out
            assert option.title in out


@pytest.mark.parametrize("name", catalog.names("metric"))
def test_a_metric_is_told_on_one_screen(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalog", "metric", name]) == 0
    out = capsys.readouterr().out
    metric = catalog.load("metric", name)
    assert out.startswith(f"{metric.title} ({name}, version {metric.version})\n")
    assert "direction   " in out and f"unit        {metric.unit} (" in out
    assert metric.takes and metric.takes.split()[0] in out
    assert all(f"  {key} " in out for key in metric.parameters)
    assert len(out.splitlines()) <= 40
    assert all(len(line) <= 100 for line in out.splitlines())
    assert run(["catalog", "metric", name, "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["entries"]
    assert (entry["id"], entry["takes"], entry["unit"]) == (name, metric.takes, metric.unit)


def test_a_misspelt_name_is_answered_with_the_near_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for more in ([], ["--json"]):
        assert run(["catalog", "metric", "refusal-dorp", *more]) == 2
        assert "did you mean refusal-drop?" in capsys.readouterr().err


def test_an_unknown_kind_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalog", "metrics"]) == 2
    assert "metrics" in capsys.readouterr().err


def test_torch_is_not_needed() -> None:
    code = (
        "import sys; from gatekeeper.cli import run; code = run(['catalog']);"
        "sys.exit(code or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "architecture" in done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, for files of others in it."""
    place = tmp_path_factory.mktemp("package")
    shutil.copytree(Path(catalog.__file__).parent, place / "gatekeeper")
    return place


@pytest.mark.parametrize(
    ("kind", "folder", "constant"),
    [
        ("metric", "metrics", "METRIC"),
        ("judge", "judges", "JUDGE"),
        ("format", "formats", "FORMAT"),
        ("architecture", "engine/model/architectures", "ARCHITECTURE"),
    ],
)
@pytest.mark.parametrize(
    ("text", "told"),
    [("MINE = 1\n", "has no {}"), ("def x(:\n", "fails (SyntaxError: "), ("1 / 0\n", "")],
)
def test_a_broken_file_is_named_in_a_line(
    package: Path, kind: str, folder: str, constant: str, text: str, told: str
) -> None:
    file = package / "gatekeeper" / folder / "mine.py"
    file.write_text(text)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "gatekeeper", "catalog", kind],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=package,
            env=os.environ | {"PYTHONPATH": str(package), "PYTHONSAFEPATH": "1"},
        )
    finally:
        file.unlink()
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    start = f"gatekeeper: error: gatekeeper/{folder}/mine.py: the {kind}'s file "
    assert line.startswith(start + told.format(constant))
    assert "→ mend it" in line
