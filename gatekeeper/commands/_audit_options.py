"""The options that `audit`, `run` and `estimate` share, made from the records of an audit."""

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
    return next(made for found, made in _options() if found == name)


def audit_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of an audit but for the suite."""
    return _added(function)


def audit_options_elsewhere(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command with a --device and a --gpu-hour-cost of its own, in one process."""
    return _added(function, without=frozenset({"device", "gpu_hour_cost", "parallel"}))


def _added(
    function: Callable[..., Any], without: frozenset[str] = frozenset()
) -> Callable[..., Any]:
    for name, made in reversed(list(_options())):
        if name not in without:
            function = made(function)
    return function


def _options() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Name and decorator of each option, in the order of the fields."""
    for record in (AuditConfig, AuditInputs, Execution):
        default = {one.name: one.default for one in fields(record)}
        for field, name, asked in of.options_of(record):
            yield name, _made(name, asked, default[field])


def _made(name: str, asked: of.Option, default: Any) -> Callable[..., Any]:
    """What click makes of an option; where leaving it out means something else, it says None."""
    said = asked.help if asked.left_out is None else f"{asked.help}; default: {asked.left_out}."
    shown = asked.left_out is None and not asked.repeatable and default is not None
    more: dict[str, Any] = {"help": said, "multiple": asked.repeatable}
    if shown:
        more |= {"default": default, "show_default": True}
    if asked.metavar is not None:
        more["metavar"] = asked.metavar
    flag = asked.flag
    match asked.values:
        case of.Switch():
            flag = f"{flag}/--no-{flag.removeprefix('--')}"
            more["default"] = None if asked.left_out else bool(default)
            more["show_default"] = not asked.left_out
        case of.Whole(low, high):
            more["type"] = click.IntRange(low, high)
        case of.Number(low, high, inside):
            more["type"] = click.FloatRange(low, high, min_open=inside, max_open=inside)
            more["callback"] = kinds.finite
        case of.OneOf(words):
            more["type"] = click.Choice(words)
        case of.File():
            more["type"] = click.Path(path_type=Path)
        case of.Rows():
            more |= {"type": kinds.Rows(), "default": "auto", "show_default": True}
        case of.Text(check, pair):
            more |= {"callback": getattr(kinds, check)} if check else {}
            more |= {"nargs": 2, "type": str} if pair else {}
    return click.option(flag, name, **more)
