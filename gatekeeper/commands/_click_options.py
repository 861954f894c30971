"""Makes click options of the records of an audit, which define them (records/audit_config.py), for
`audit`, `run` and `estimate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from gatekeeper.commands import _option_kinds as kinds
from gatekeeper.records import option as of
from gatekeeper.records.audit_config import AuditConfig, AuditInputs, Execution

suite_option = click.option(
    "--suite",
    type=click.Path(path_type=Path),
    required=True,
    help="Prompt suite: a directory with suite.json, or a .jsonl file.",
)


def option_named(name: str) -> Callable[..., Any]:
    """One of the options of an audit, for a command that has it too."""
    return next(decorator for field, decorator in _options() if field == name)


def audit_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of an audit but for the suite."""
    return _added(function)


def audit_options_elsewhere(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds them to a command of one process with a --device and --gpu-hour-cost of its own."""
    return _added(function, without=frozenset({"device", "gpu_hour_cost", "parallel"}))


def _added(
    function: Callable[..., Any], without: frozenset[str] = frozenset()
) -> Callable[..., Any]:
    for name, decorator in reversed(list(_options())):
        if name not in without:
            function = decorator(function)
    return function


def _options() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Name and decorator of each option, in the order of the fields."""
    for record in (AuditConfig, AuditInputs, Execution):
        default = {f.name: f.default for f in fields(record)}
        for field, name, option in of.options_of(record):
            yield name, _click_option(name, option, default[field])


def _click_option(name: str, option: of.Option, default: Any) -> Callable[..., Any]:
    """The click decorator of an option; its default is None where leaving it out means more."""
    said = option.help if option.left_out is None else f"{option.help}; default: {option.left_out}."
    shown = option.left_out is None and not option.repeatable and default is not None
    more: dict[str, Any] = {"help": said, "multiple": option.repeatable}
    if shown:
        more |= {"default": default, "show_default": True}
    if option.metavar is not None:
        more["metavar"] = option.metavar
    flag = option.flag
    match option.values:
        case of.Switch():
            flag = f"{flag}/--no-{flag.removeprefix('--')}"
            more["default"] = None if option.left_out else bool(default)
            more["show_default"] = not option.left_out
        case of.Whole(low, high):
            more["type"] = click.IntRange(low, high)
        case of.Number(low, high, inside):
            more["type"] = click.FloatRange(low, high, min_open=inside, max_open=inside)
            more["callback"] = kinds.finite
        case of.OneOf(words):
            more["type"] = kinds.Word(words)
        case of.File():
            more["type"] = click.Path(path_type=Path)
        case of.Rows():
            more |= {"type": kinds.Rows(), "default": "auto", "show_default": True}
        case of.Text(check, pair):
            more |= {"callback": getattr(kinds, check)} if check else {}
            more |= {"nargs": 2, "type": str} if pair else {}
    return click.option(flag, name, **more)
