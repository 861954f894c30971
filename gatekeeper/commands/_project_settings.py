"""Reads defaults of options from [tool.gatekeeper] of pyproject.toml in the working directory.

A misspelt command or option, or a value of another kind, is an error and not silence: the gate
would run with a default that nobody chose.
"""

from __future__ import annotations

import re
import reprlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import click

from gatekeeper import catalog
from gatekeeper.errors import UsageError, did_you_mean, excerpt
from gatekeeper.plain_files import read_plain

_FILE = "pyproject.toml"
_TABLE = "tool.gatekeeper"
_MOST_BYTES = 1_000_000
#: A key of more than a hundred parts, which tomllib reads in the square of their number.
_LONG_KEY = re.compile(
    rb"""(?<![\w.-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){100}"""
)


def project_settings() -> dict[str, Any]:
    """Defaults by command and parameter, as click takes them.

    Raises:
        UsageError: names the file and the key that is wrong; or the directory is gone, with which
            relative paths lead nowhere and torch ends without a word.
    """
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise UsageError(
            "the working directory was removed", remedy="change to one that is there"
        ) from error
    path = Path(_FILE)
    if not path.is_file():
        return {}
    try:
        raw = read_plain(path, _FILE, UsageError, _MOST_BYTES)
        _refuse_long_keys(raw)
        table = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:  # of TOML, UTF-8, and numbers of 5,000 digits
        raise UsageError(
            f"not valid TOML: {excerpt(error)}", where=_FILE, remedy="mend the file"
        ) from error
    tools = table.get("tool", {})
    section = tools.get("gatekeeper", {}) if isinstance(tools, dict) else {}
    if not isinstance(section, dict):
        raise UsageError(
            f"[{_TABLE}] is not a table",
            where=_FILE,
            remedy=f"give options in tables such as [{_TABLE}.run]",
        )
    names = catalog.names("command")
    for name, value in section.items():
        if name not in names or not isinstance(value, dict):
            raise UsageError(
                f"[{_TABLE}] has unknown entry {excerpt(name)!r}",
                where=_FILE,
                remedy=f"use a table named after a command: {', '.join(names)}",
            )
    return {
        name: _defaults(catalog.load("command", name), value, f"{_TABLE}.{name}")
        for name, value in section.items()
    }


def _refuse_long_keys(raw: bytes) -> None:
    if _LONG_KEY.search(raw):
        raise ValueError("a key has more than 100 parts")


def _defaults(command: click.Command, said: Mapping[str, Any], table: str) -> dict[str, Any]:
    """A command's defaults, and those of its own commands."""
    parameters = _parameters(command)
    commands = command.commands if isinstance(command, click.Group) else {}
    values: dict[str, Any] = {}
    for key, value in said.items():
        parameter = parameters.get(key.replace("_", "-"))
        if key in commands:
            if not isinstance(value, dict):
                raise UsageError(
                    f"[{table}] {key} is a command, not an option",
                    where=_FILE,
                    remedy=f"give its options in [{table}.{key}]",
                )
            values[key] = _defaults(commands[key], value, f"{table}.{key}")
        elif parameter is None or parameter.name is None:
            raise UsageError(
                f"[{table}] has unknown option {excerpt(key)!r}",
                where=_FILE,
                remedy=_meant(key, [*parameters, *commands], table),
            )
        elif parameter.name in values:
            raise UsageError(
                f"[{table}] sets {excerpt(key)!r} under two names",
                where=_FILE,
                remedy="remove one of them",
            )
        else:
            values[parameter.name] = _value(command, parameter, value, f"[{table}] {excerpt(key)}")
    return values


def _meant(key: str, known: list[str], table: str) -> str:
    command = table.removeprefix("tool.").replace(".", " ")
    return did_you_mean(key.replace("_", "-"), known, f"see `{command} --help` for its options")


def _parameters(command: click.Command) -> dict[str, click.Parameter]:
    """A command's parameters, by each name of the option and by that of its variable."""
    by_name: dict[str, click.Parameter] = {}
    for parameter in command.params:
        names = [name.lstrip("-") for name in parameter.opts]
        for name in (*names, (parameter.name or "").replace("_", "-")):
            by_name[name] = parameter
    return by_name


def _value(command: click.Command, parameter: click.Parameter, value: Any, where: str) -> Any:
    """The value as it would have been typed, after a look at whether it could have been."""
    many = bool(parameter.multiple) or parameter.nargs != 1
    if getattr(parameter, "is_flag", False):
        if not isinstance(value, bool):
            _refuse(value, where, "true or false")
        return value
    if not many:
        typed: Any = _text(value, where)
    else:
        typed = [
            [_text(v, where) for v in each] if isinstance(each, list) else _text(each, where)
            for each in (value if isinstance(value, list) else [value])
        ]
    try:
        parameter.type_cast_value(click.Context(command), typed)
    except (click.ClickException, TypeError, ValueError) as error:
        said = error.format_message() if isinstance(error, click.ClickException) else error
        raise UsageError(
            f"{where} is {_shown(value)}: {excerpt(said)}",
            where=_FILE,
            remedy="mend it",
        ) from error
    return typed


def _text(value: Any, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        _refuse(value, where, "text or a number")
    try:
        text = str(value)
    except ValueError:  # an integer in hexadecimal may have any length
        _refuse(value, where, "one that can be used")
    if "\0" in text:
        _refuse(value, where, "text without NUL characters")
    return text


def _shown(value: Any) -> str:
    try:
        return excerpt(reprlib.repr(value))
    except ValueError:
        return "a number of thousands of digits"


def _refuse(value: Any, where: str, wanted: str) -> NoReturn:
    raise UsageError(f"{where} is {_shown(value)}, not {wanted}", where=_FILE, remedy="mend it")
