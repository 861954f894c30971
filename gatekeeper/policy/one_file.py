"""A policy that was put together from several files, written as one that stands alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from gatekeeper.strict_yaml import SCALARS, YAML_TAG

_HEAD = (
    "# A whole policy, put together by Gatekeeper: a tier of it, or what it says over others.\n"
    "# Change the files that it was made of, not this one. They are:\n"
)


class _Dumper(yaml.SafeDumper):
    """Writes what `strict_yaml` reads back as it was: quotes all that it would not take as text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _name, _pattern in SCALARS.items():
    _Dumper.add_implicit_resolver(YAML_TAG + _name, _pattern, None)


def one_file(data: Mapping[str, Any], files: Iterable[tuple[str, str]]) -> bytes:
    """The bytes of a file that says the same; the same for the same data and files.

    Args:
        files: id and digest of each that it was put together from.
    """
    names = "".join(f"#   {name} {digest}\n" for name, digest in files)
    text = yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return f"{_HEAD}{names}{text}".encode()
