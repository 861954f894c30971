"""The machine formats as validators of others see them, where `make validators` has got those."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from gatekeeper import catalog
from gatekeeper.report.view import build_view

from ..policy.random_cases import random_case
from .rendered import rendered
from .test_machine_hostile import rendered_hostile

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "validators" / "bin" / "python"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.exists(), reason="`make validators` was not run"),
]


def _told(kind: str, files: list[Path]) -> list[str]:
    """What the validator says of the files."""
    script = Path(__file__).parent / "outside" / "check.py"
    command = [str(part) for part in (PYTHON, script, kind, *files)]
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=250, env={"PATH": "/usr/bin:/bin"}
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    *problems, count = ran.stdout.splitlines()
    assert count == f"{len(files)} read"
    return problems


@pytest.mark.parametrize("kind", ["oscal", "cyclonedx", "in-toto"])
def test_validators_of_others_find_nothing(kind: str, tmp_path: Path) -> None:
    fmt = catalog.load("format", kind)
    made = {name: rendered(kind, name) for name in ("fail", "pass", "inconclusive")}
    made["hostile"] = rendered_hostile(kind)
    for seed in range(0, 200, 10):
        case = random_case(seed)
        view = build_view(case.evidence, case.verdict, case.policy)
        made[str(seed)] = fmt.render(view, {"verdict.json": b"{}"})
    for name, data in made.items():
        (tmp_path / f"{name}.json").write_bytes(data)
    assert _told(kind, sorted(tmp_path.iterdir())) == []


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [("oscal", "uuid", "1"), ("cyclonedx", "bomFormat", "SPDX"), ("in-toto", "subjects", [])],
)
def test_they_find_what_is_wrong(kind: str, key: str, value: object, tmp_path: Path) -> None:
    document = json.loads(rendered(kind, "fail"))
    (document["assessment-results"] if kind == "oscal" else document)[key] = value
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert len(_told(kind, [path])) == 1
