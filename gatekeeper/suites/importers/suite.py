"""Another suite, as it is: to join the shipped one with prompts drawn from elsewhere."""

from __future__ import annotations

from gatekeeper.errors import excerpt
from gatekeeper.records.importing import Imported, Importer, ImportRequest
from gatekeeper.records.suite import Source
from gatekeeper.suites._rows import require_path
from gatekeeper.suites.read import read_suite


def _read(request: ImportRequest) -> Imported:
    path = require_path(request)
    suite = read_suite(path)
    return Imported(
        prompts=suite.prompts,
        source=Source(
            name=suite.id,
            version=suite.version,
            origin=f"suite: {suite.title}",
            licence=suite.licence,
            files=excerpt(path.resolve().name).strip(),
            sha256=suite.digest.removeprefix("sha256:"),
            count=len(suite.prompts),
            drawn="all",
        ),
    )


IMPORTER = Importer(id="suite", title="another suite, ids and seeds as they are", read=_read)
