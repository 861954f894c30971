"""AdvBench: 520 harmful behaviours (Zou et al. 2023, arXiv:2307.15043), as PyRIT carries them.

PyRIT added categories; the first one of each behaviour is taken. Both are under the MIT licence.
"""

from __future__ import annotations

from typing import Any

from gatekeeper.records.importing import Imported, Importer, ImportRequest
from gatekeeper.suites._packages import find_package
from gatekeeper.suites._published import Published, package_source, published
from gatekeeper.suites._yaml import yaml_mapping

_PACKAGE, _TESTED = "pyrit", "1.1.0"
_FILE = "pyrit/datasets/seed_datasets/local/adv_bench.prompt"
_LICENCE = "MIT"


def _read(request: ImportRequest) -> Imported:
    package = find_package(_PACKAGE, "pyrit", _TESTED, request.places)
    seeds = yaml_mapping(package.text(_FILE), _FILE).get("seeds")
    texts = [_published(seed) for seed in seeds] if isinstance(seeds, list) else []
    prompts = published(texts, "AdvBench", _FILE, request)
    source = package_source(package, "AdvBench", _LICENCE, [_FILE], len(prompts))
    return Imported(prompts=prompts, source=source)


def _published(seed: Any) -> Published:
    entry = seed if isinstance(seed, dict) else {}
    categories = entry.get("harm_categories")
    first = categories[0] if isinstance(categories, list) and categories else None
    return Published(text=entry.get("value"), category=first, licence=_LICENCE)


IMPORTER = Importer(
    id="advbench", title="AdvBench, 520 harmful requests", read=_read, package=_PACKAGE
)
