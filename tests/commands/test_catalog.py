"""`gatekeeper catalog`: everything that can be chosen, and nothing that needs torch."""

from __future__ import annotations

import json
import subprocess
import sys

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
