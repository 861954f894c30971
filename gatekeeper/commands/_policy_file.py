"""A policy on the command line: its file, or the name of a shipped one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class PolicyFile(click.Path):
    """The path of a policy; where nothing lies there, a shipped policy's name stands for it."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from gatekeeper.bundled import shipped_policy

        path = super().convert(value, param, ctx)
        return shipped_policy(str(path)) or path
