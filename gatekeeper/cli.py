"""The command group, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import errno
import os
import signal
import sys
import tomllib
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from gatekeeper import __version__, catalog
from gatekeeper.errors import ExitCode, GatekeeperError, UsageError, excerpt

_RESUME = "what was computed is kept: run the same command again to go on"


class _LazyGroup(click.Group):
    """Loads a subcommand's file only when it is asked for, so that --help stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(catalog.names("command"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in catalog.names("command"):
            return None
        command: click.Command = catalog.load("command", cmd_name)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gatekeeper")
def cli() -> None:
    """Release gate for Mixture-of-Experts language models.

    Finds the experts that refusals hang on, proves it by masking them, holds the numbers against a
    YAML policy and answers pass, fail or inconclusive.

    \b
    Exit codes: 0 pass · 2 wrong usage or invalid input · 3 audit could not be carried out
                10 policy failed · 11 inconclusive · 12 evidence does not verify

    Each option can also be set by an environment variable (GATEKEEPER_RUN_POLICY for
    `gatekeeper run --policy`) or in [tool.gatekeeper.run] of pyproject.toml.

    \b
    Example:
      gatekeeper demo
      gatekeeper run ./checkpoint --suite suite/ --policy policies/release.yaml --out evidence/
    """


def _settings() -> dict[str, Any]:
    """[tool.gatekeeper] of the pyproject.toml in the working directory: defaults of options."""
    path = Path("pyproject.toml")
    if not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"not valid TOML: {excerpt(error)}", where=str(path), remedy="mend the file"
        ) from error
    section = table.get("tool", {}).get("gatekeeper", {})
    if not isinstance(section, dict):
        raise UsageError("[tool.gatekeeper] is not a table", where=str(path))
    for name, value in section.items():
        _check_section(name, value, str(path))
    return section


def _check_section(name: str, value: object, where: str) -> None:
    """A misspelt command or option in the settings is an error, not silence."""
    if name not in catalog.names("command") or not isinstance(value, dict):
        known = ", ".join(catalog.names("command"))
        raise UsageError(
            f"[tool.gatekeeper] has unknown entry {excerpt(name)!r}",
            where=where,
            remedy=f"use a table named after a command: {known}",
        )
    command: click.Command = catalog.load("command", name)
    options = {p.name for p in command.params if p.name}
    if isinstance(command, click.Group):
        options |= set(command.commands)
    for key in value:
        if key.replace("-", "_") not in options:
            raise UsageError(
                f"[tool.gatekeeper.{name}] has unknown option {excerpt(key)!r}",
                where=where,
                remedy=f"known: {', '.join(sorted(options))}",
            )


def _on_sigterm(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _fail(message: str, code: int) -> int:
    click.echo(f"gatekeeper: error: {message}", err=True)
    return code


def _os_error(error: OSError) -> str:
    name = f"{excerpt(error.filename)}: " if error.filename else ""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"{name}disk full while writing → free some space; {_RESUME}"
    return f"{name}{excerpt(error.strerror or error)} → check the path and its permissions"


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; prints one line for each expected error."""
    signal.signal(signal.SIGTERM, _on_sigterm)
    try:
        result = cli.main(
            args=arguments,
            prog_name="gatekeeper",
            standalone_mode=False,
            auto_envvar_prefix="GATEKEEPER",
            default_map=_settings(),
        )
    except click.ClickException as error:
        command = (
            error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
        )
        hint = f" → see {command} --help" if command else ""
        return _fail(excerpt(error.format_message()) + hint, ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt):
        return _fail(f"interrupted; {_RESUME}", ExitCode.AUDIT_FAILED)
    except GatekeeperError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing is wrong, nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.PASS
    except OSError as error:
        return _fail(_os_error(error), ExitCode.AUDIT_FAILED)
    return result if isinstance(result, int) else ExitCode.PASS


def main() -> NoReturn:
    """Entry point of the `gatekeeper` script."""
    sys.exit(run())
