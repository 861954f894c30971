"""Makes one suite of several sources: draws prompts, joins repeated ones, writes the manifest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace

from gatekeeper.analysis.clusters import folded_sha256, prompt_clusters
from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.importing import Imported
from gatekeeper.records.suite import Prompt, Source
from gatekeeper.suites._strict import plain
from gatekeeper.suites.split import limit

_FIELDS = tuple(field.name for field in fields(Prompt))
#: As suite-v1.json and prompt-v1.json allow.
_MOST_LICENCE, _MOST_SOURCE, _MOST_DRAWN, _MOST_ID = 200, 2000, 400, 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """Prompts in the order of their sources, and those sources with their final counts."""

    prompts: tuple[Prompt, ...]
    sources: tuple[Source, ...]


def draw(imported: Imported, count: int | None, seed: int) -> Imported:
    """At most `count` prompts of each set, drawn as `split.limit` does: seeds stay together."""
    prompts = limit(imported.prompts, count, seed)
    if len(prompts) == len(imported.prompts):
        return imported
    drawn = f"{len(prompts)} of {len(imported.prompts)}, at most {count} a set, seed {seed}"
    if imported.source.drawn != "all":
        drawn += f"; {imported.source.drawn}"
    return Imported(prompts=prompts, source=replace(imported.source, drawn=drawn[:_MOST_DRAWN]))


def assemble(imports: Sequence[Imported]) -> Assembled:
    """Joins sources.

    Prompts that repeat a text (as `suite lint` folds it) become one, the first; it names the
    sources of all. Their seeds become one seed. Ids that another source has used get a number.

    Raises:
        UsageError: a text stands in two sets: it is either harmful or not.
    """
    renamed = _unlike_ids(imports)
    cluster = prompt_clusters([prompt for group in renamed for prompt in group])
    first: dict[str, Prompt] = {}
    also: dict[str, list[str]] = defaultdict(list)
    groups: list[list[Prompt]] = []
    for group in renamed:
        groups.append([])
        for prompt in group:
            key = folded_sha256(prompt.text)
            earlier = first.setdefault(key, prompt)
            if earlier is prompt:
                groups[-1].append(replace(prompt, seed_id=cluster[prompt.id]))
            elif earlier.set != prompt.set:
                raise _in_two_sets(earlier, prompt)
            else:
                also[earlier.id].append(prompt.source)
    prompts = tuple(_with_sources(p, also[p.id]) for group in groups for p in group)
    sources = tuple(
        _counted(imported.source, len(group), len(imported.prompts))
        for imported, group in zip(imports, groups, strict=True)
    )
    return Assembled(prompts=prompts, sources=sources)


def manifest(suite: Assembled, *, suite_id: str, title: str, version: str) -> dict[str, object]:
    """What `suite.json` says of it, but for the files."""
    languages = sorted({p.language for p in suite.prompts} - {"und"}) or ["und"]
    names = ", ".join(source.name for source in suite.sources)
    return {
        "schema": "gatekeeper/suite/v1",
        "id": suite_id,
        "version": version,
        "title": title,
        "licence": _licence(suite.prompts),
        "source": f"Imported by gatekeeper suite import: {names}"[:_MOST_SOURCE].strip(),
        "sources": [
            {key: value for key, value in asdict(source).items() if value is not None}
            for source in suite.sources
        ],
        "languages": languages,
    }


def row(prompt: Prompt) -> Mapping[str, str]:
    """A line of the suite, as prompt-v1.json describes it."""
    values = {name: getattr(prompt, name) for name in _FIELDS}
    return {name: value for name, value in values.items() if value is not None}


def _unlike_ids(imports: Sequence[Imported]) -> list[list[Prompt]]:
    taken: set[str] = set()
    renamed: list[list[Prompt]] = []
    for imported in imports:
        group = []
        for prompt in imported.prompts:
            name, number = prompt.id, 2
            while name in taken:
                end = f"-{number}"
                name, number = prompt.id[: _MOST_ID - len(end)] + end, number + 1
            taken.add(name)
            group.append(prompt if name == prompt.id else replace(prompt, id=name))
        renamed.append(group)
    return renamed


def _in_two_sets(earlier: Prompt, later: Prompt) -> UsageError:
    return UsageError(
        f"prompts{plain(earlier.id)} and{plain(later.id)} have one text, and the sets "
        f"{earlier.set} and {later.set}",
        where=f"{excerpt(earlier.source)} and {excerpt(later.source)}",
        remedy="remove it from one of the sources",
    )


def _with_sources(prompt: Prompt, others: Sequence[str]) -> Prompt:
    joined = "; ".join(dict.fromkeys((prompt.source, *others)))
    return replace(prompt, source=joined[:_MOST_SOURCE].strip())


def _counted(source: Source, count: int, drawn: int) -> Source:
    joined = drawn - count
    if joined:
        end = f"; {joined} joined with earlier ones of the same text"
        source = replace(source, drawn=source.drawn[: _MOST_DRAWN - len(end)] + end)
    return replace(source, count=count)


def _licence(prompts: Sequence[Prompt]) -> str:
    """All licences that occur; `suite lint` counts prompts whose licence is unknown."""
    terms = [term for p in prompts for term in p.licence.split(" AND ")]
    known = " AND ".join(dict.fromkeys(term for term in terms if term != "unknown"))
    if len(known) > _MOST_LICENCE:
        return "several: see the prompts"
    return known or "unknown"
