"""Carries out `suite import`: from names on the command line to a suite on disk."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.errors import UsageError, excerpt

if TYPE_CHECKING:
    from gatekeeper.records.importing import Imported, Importer, ImportRequest
    from gatekeeper.records.suite import Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """Options of `suite import`, as given on the command line."""

    sources: tuple[str, ...]
    out: Path
    places: tuple[Path, ...]
    columns: Mapping[str, str]
    fixed: Mapping[str, str]
    licence: str | None
    delimiter: str | None
    encoding: str
    count: int | None
    seed: int
    per_request: int
    suite_id: str | None
    title: str | None
    version: str
    overwrite: bool


def import_suite(options: ImportOptions) -> None:
    """Reads all sources, joins them and writes the suite.

    Raises:
        UsageError: a source or an option cannot be used.
        OSError: the suite cannot be written.
    """
    from gatekeeper.suites.assemble import assemble, manifest, row
    from gatekeeper.suites.write import check_place, write_suite

    check_place(options.out, overwrite=options.overwrite)
    suite_id = options.suite_id or _slug(options.out.resolve().name)
    suite = assemble(_read_all(options))
    title = options.title or f"Imported: {', '.join(s.name for s in suite.sources)}"[:200].strip()
    described = manifest(suite, suite_id=suite_id, title=title, version=options.version)
    write_suite(options.out, described, map(row, suite.prompts), overwrite=options.overwrite)


def _read_all(options: ImportOptions) -> list[Imported]:
    """Reads sources with prompts of their own, then those that wrap harmful requests of these."""
    from gatekeeper.suites.assemble import assemble, draw

    importers = [_importer(source) for source in options.sources]
    names = _names(importers)
    _check_used(options, [importer for importer, _ in importers])
    read: list[Imported] = []
    for (importer, path), name in zip(importers, names, strict=True):
        if not importer.wraps:
            imported = importer.read(_request(options, name, path, ()))
            read.append(draw(imported, options.count, options.seed))
    requests = tuple(p for p in assemble(read).prompts if p.set == "regular") if read else ()
    for (importer, path), name in zip(importers, names, strict=True):
        if not importer.wraps:
            continue
        imported = importer.read(_request(options, name, path, requests))
        if not imported.prompts:
            raise UsageError(
                f"{importer.id} has no English harmful requests to wrap",
                remedy="name a source of them too, such as advbench",
            )
        read.append(draw(imported, options.count, options.seed))
    return read


def _importer(source: str) -> tuple[Importer, Path | None]:
    """The importer of a source, and the path it reads if it reads one.

    Raises:
        UsageError: neither the name of a package's importer nor a file of a known kind.
    """
    from gatekeeper import catalog

    known: dict[str, Importer] = {
        name: catalog.load("importer", name) for name in catalog.names("importer")
    }
    if source in known and known[source].package:
        return known[source], None
    path = Path(source)
    if path.is_dir():
        return known["suite"], path
    for importer in known.values():
        if path.suffix.lower() in importer.suffixes:
            return importer, path
    endings = sorted(end for importer in known.values() for end in importer.suffixes)
    packages = [name for name, importer in known.items() if importer.package]
    raise UsageError(
        "is no known source",
        where=excerpt(source),
        remedy=f"a suite directory, a file ({', '.join(endings)}), or {', '.join(packages)}",
    )


def _names(importers: Sequence[tuple[Importer, Path | None]]) -> list[str]:
    """A prefix for the ids of each source, different from all others."""
    wanted = [_slug(path.stem) if path else importer.id for importer, path in importers]
    seen: Counter[str] = Counter()
    names = []
    for name in wanted:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return names


def _slug(name: str) -> str:
    """A name, reduced to characters that an id may hold."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:48] or "imported"


def _check_used(options: ImportOptions, importers: Sequence[Importer]) -> None:
    """Refuses an option that no source takes."""
    if (options.columns or options.fixed) and not any(i.suffixes for i in importers):
        raise UsageError(
            "columns, --set, --category and --language are for files",
            remedy="name a file, or leave them out",
        )
    if options.per_request > 1 and not any(importer.wraps for importer in importers):
        raise UsageError("--jailbreaks needs the source jailbreak", remedy="name it too")


def _request(
    options: ImportOptions, name: str, path: Path | None, requests: tuple[Prompt, ...]
) -> ImportRequest:
    from gatekeeper.records.importing import ImportRequest

    return ImportRequest(
        name=name,
        path=path,
        places=options.places,
        columns=options.columns,
        fixed=options.fixed,
        licence=options.licence,
        delimiter=options.delimiter,
        encoding=options.encoding,
        requests=requests,
        per_request=options.per_request,
        seed=options.seed,
    )
