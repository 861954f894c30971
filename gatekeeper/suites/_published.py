"""What importers of published sets of harmful requests share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatekeeper.errors import UsageError
from gatekeeper.records.importing import ImportRequest
from gatekeeper.records.suite import Prompt, Source
from gatekeeper.suites._packages import PackageFiles, digest
from gatekeeper.suites._rows import Row, cell_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One entry as found, unchecked: anything may stand where a text is expected."""

    text: object
    category: object
    licence: str


def published(
    entries: Sequence[Published], title: str, member: str, request: ImportRequest
) -> tuple[Prompt, ...]:
    """Harmful English requests, each a seed of its own; ids follow the order of the file.

    Raises:
        UsageError: there is none, or one is no text.
    """
    prompts = []
    for number, entry in enumerate(entries, start=1):
        row = Row(
            number=number,
            where=f"{member}: entry {number}",
            cells={"text": entry.text, "category": entry.category},
        )
        prompt_id = f"{request.name}-{number:04d}"
        prompts.append(
            Prompt(
                id=prompt_id,
                seed_id=prompt_id,
                set="regular",
                category=cell_text(row, "category", "category", 200) or "uncategorised",
                language="en",
                text=cell_text(row, "text", "text", 32_000),
                source=f"{title} {number}",
                licence=entry.licence,
            )
        )
    if not prompts:
        raise UsageError(
            "holds no prompts", where=member, remedy="use the version that docs/suites.md names"
        )
    return tuple(prompts)


def package_source(
    package: PackageFiles, name: str, licence: str, members: Sequence[str], count: int
) -> Source:
    """The source record of prompts from a package, with the digest of the files."""
    return Source(
        name=name,
        version=package.version,
        origin=f"package {package.name}",
        licence=licence,
        files=members[0] if len(members) == 1 else f"{len(members)} files",
        sha256=digest([(member, package.read(member)) for member in members]),
        count=count,
        drawn="all",
    )
