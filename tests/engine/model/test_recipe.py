"""The recipe for a new model family in CONTRIBUTING.md, followed to the letter."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[3]


def check(package_in: Path) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.recipe_check"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(package_in), "PYTHONSAFEPATH": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_recipe_makes_a_new_family_auditable(tmp_path):
    shutil.copytree(ROOT / "gatekeeper", tmp_path / "gatekeeper")
    shutil.copytree(ROOT / "tests", tmp_path / "tests")
    before = check(tmp_path)
    assert before == {"sites": [], "checks": {}}  # not found: refused, not audited wrongly
    recipe = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", recipe, re.DOTALL)
    folder = tmp_path / "gatekeeper" / "engine" / "model" / "architectures"
    (folder / "toynull.py").write_text(textwrap.dedent(code), encoding="utf-8")
    after = check(tmp_path)
    assert after["sites"] == [[0, 6, 2, 7], [1, 6, 2, 7]]
    assert {"counts", "masking", "rows", "ablation", "restoration"} <= set(after["checks"])
    assert all(after["checks"].values())
