"""Jailbreak templates of PyRIT, around harmful requests of the other sources.

Each template is a YAML file with `{{ prompt }}` where the request goes. Only that and `{% raw %}`
are carried out, never a template language: the files are other people's. MIT licence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gatekeeper.errors import UsageError, encodable, excerpt
from gatekeeper.records.importing import Imported, Importer, ImportRequest
from gatekeeper.records.suite import Prompt
from gatekeeper.suites._packages import find_package
from gatekeeper.suites._published import package_source
from gatekeeper.suites._yaml import yaml_mapping
from gatekeeper.suites.split import seeded_hash

_PACKAGE, _TESTED = "pyrit", "1.1.0"
_FOLDER = "pyrit/datasets/jailbreak/templates"
_LICENCE = "MIT"
#: Characters of a template: 9 of 10 are below 4,600, and a longer one fills a short context alone.
_LONGEST = 8_000
#: The templates are English; a request of another language in one would be of neither.
_LANGUAGES = ("en", "und")

_RAW = re.compile(r"\{%-?\s*raw\s*-?%\}(.*?)\{%-?\s*endraw\s*-?%\}", re.DOTALL)
_SLOT = re.compile(r"\{\{-?\s*prompt\s*-?\}\}")
_CODE = re.compile(r"\{\{|\{%|\{#")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """`parts` with the request between each two of them make the prompt."""

    name: str
    parts: tuple[str, ...]

    def around(self, request: str) -> str:
        return request.join(self.parts)


def _read(request: ImportRequest) -> Imported:
    package = find_package(_PACKAGE, "pyrit", _TESTED, request.places)
    texts = package.texts(_FOLDER, ".yaml")
    templates, left_out = _templates(texts)
    if not templates:
        raise UsageError(
            "the package has no templates", where=_FOLDER, remedy=f"use {_PACKAGE} {_TESTED}"
        )
    wrapped = [
        variant
        for prompt in request.requests
        if prompt.language.split("-")[0] in _LANGUAGES
        for variant in _around(prompt, templates, request)
    ]
    prompts = tuple(
        replace(prompt, id=f"{request.name}-{number:04d}")
        for number, prompt in enumerate(wrapped, start=1)
    )
    source = package_source(package, "jailbreak templates", _LICENCE, tuple(texts), len(prompts))
    drawn = (
        f"{request.per_request} of {len(templates)} templates for each English request, seed "
        f"{request.seed}; left out: {left_out or 'none'}"
    )
    return Imported(prompts=prompts, source=replace(source, drawn=drawn))


def _templates(texts: Mapping[str, str]) -> tuple[list[_Template], str]:
    """The templates that can be used, and in words how many cannot and why."""
    usable: list[_Template] = []
    reasons: Counter[str] = Counter()
    for name, text in texts.items():
        value = yaml_mapping(text, name).get("value")
        template = _template(name.removeprefix(f"{_FOLDER}/").removesuffix(".yaml"), value)
        if isinstance(template, str):
            reasons[template] += 1
        else:
            usable.append(template)
    return usable, ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))


def _template(name: str, value: object) -> _Template | str:
    """The template, or why it is left out."""
    if not isinstance(value, str) or not encodable(value) or "\0" in value:
        return "without text"
    if len(value) > _LONGEST:
        return f"longer than {_LONGEST} characters"
    parts = [""]
    for number, piece in enumerate(_RAW.split(value.strip())):
        if number % 2:  # what stood between raw and endraw
            parts[-1] += piece
            continue
        first, *rest = _SLOT.split(piece)
        if any(_CODE.search(part) for part in (first, *rest)):
            return "that need more than a request"
        parts[-1] += first
        parts += rest
    if len(parts) == 1:
        return "without a place for the request"
    if not any(part.strip() for part in parts):
        return "that add nothing"
    return _Template(name=excerpt(name), parts=tuple(parts))


def _around(prompt: Prompt, templates: Sequence[_Template], request: ImportRequest) -> list[Prompt]:
    """The request in as many templates as asked for: for each request its own draw."""
    order = sorted(templates, key=lambda t: seeded_hash(request.seed, prompt.id, t.name))
    licences = dict.fromkeys((prompt.licence, _LICENCE))
    licence = "unknown" if "unknown" in licences else " AND ".join(licences)
    return [
        replace(
            prompt,
            set="jailbreak",
            text=template.around(prompt.text),
            source=f"{prompt.source}; PyRIT template {template.name}",
            wrapper=template.name,
            licence=licence,
        )
        for template in order[: request.per_request]
    ]


IMPORTER = Importer(
    id="jailbreak",
    title="PyRIT's jailbreak templates, around the harmful requests of the other sources",
    read=_read,
    package=_PACKAGE,
    wraps=True,
)
