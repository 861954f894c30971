"""The command group, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, NoReturn

import click

from gatekeeper import __version__, catalog
from gatekeeper._process import RESUME, catch_signals, leave, outlive_readers
from gatekeeper.commands._project_settings import project_settings
from gatekeeper.errors import (
    ExitCode,
    GatekeeperError,
    UsageError,
    did_you_mean,
    encodable,
    excerpt,
    is_out_of_memory,
    is_panic,
)
from gatekeeper.odd_characters import foreign

_PREFIX = "GATEKEEPER"
#: Errors of a file told beside the first: with it, what a terminal holds.
_MOST_OTHERS = 19
#: Longest complaint of click's that is repeated: with what was meant, and a letter's name.
_USAGE_EXCERPT = 240
#: Commands that keep what they computed; others begin anew.
_KEEPING = frozenset({"audit", "demo", "judge", "run"})
_NO_MEMORY = "not enough memory → free some, or raise its limit (ulimit -v)"


class _LazyGroup(click.Group):
    """Loads a subcommand's file only when it is asked for, so that --help stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(catalog.names("command"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        known = catalog.names("command")
        if cmd_name not in known:
            if meant := did_you_mean(cmd_name, known, ""):
                raise click.UsageError(f"No such command {cmd_name!r}: {meant}", ctx)
            return None
        command: click.Command = catalog.load("command", cmd_name)
        _name_variables(command, f"{_PREFIX}_{_variable(cmd_name)}")
        _check_names(command)
        return command


def _variable(name: str) -> str:
    return name.lstrip("-").replace("-", "_").upper()


def _name_variables(command: click.Command, prefix: str) -> None:
    """Lets each option be set by the variable that is named after it, as the help says.

    One that many commands share may have a name of its own besides.
    """
    for option in command.params:
        shared = getattr(option, "envvar", None)
        if isinstance(option, click.Option) and option.name and not isinstance(shared, list):
            names = [f"{prefix}_{_variable(o)}" for o in option.opts if o.startswith("--")]
            names.append(f"{prefix}_{option.name.upper()}")
            option.envvar = names if shared is None else [*names, shared]
    if isinstance(command, click.Group):
        for name, sub in command.commands.items():
            _name_variables(sub, f"{prefix}_{_variable(name)}")


def _check_names(command: click.Command) -> None:
    """Lets each parameter refuse text that is not UTF-8, in one place for all there are."""
    for parameter in command.params:
        # A checkpoint's own name is looked at with those of its files, see `checkpoint.open`.
        if parameter.name != "checkpoint" and not isinstance(parameter.callback, _Named):
            parameter.callback = _Named(parameter.callback)
    if isinstance(command, click.Group):
        for sub in command.commands.values():
            _check_names(sub)


class _Named:
    """A parameter's callback, after a look at what was given."""

    def __init__(self, then: Callable[[click.Context, click.Parameter, Any], Any] | None) -> None:
        self._then = then

    def __call__(self, context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, str | PurePath) and not encodable(str(one)):
                option = parameter if isinstance(parameter, click.Option) else None
                # An argument that is a text names something too.
                named = option is None or isinstance(option.type, click.Path)
                what = "a name with unprintable characters" if named else "is not UTF-8 text"
                raise UsageError(
                    f"{what}: {excerpt(one)!r}",
                    where=option.opts[0] if option else None,
                    remedy="rename it" if named else "give it in UTF-8",
                )
        return self._then(context, parameter, value) if self._then else value


def _known_variables(command: click.Command) -> set[str]:
    known = {name for p in command.params for name in p.envvar or () if isinstance(p, click.Option)}
    if isinstance(command, click.Group):
        known |= {name for sub in command.commands.values() for name in _known_variables(sub)}
    return known


def _warn_of_variables(name: str) -> None:
    """A misspelt variable would leave an option at its default without a word."""
    command: click.Command = catalog.load("command", name)
    known = _known_variables(command)
    prefix = f"{_PREFIX}_{_variable(name)}_"
    for variable in sorted(v for v in os.environ if v.startswith(prefix) and v not in known):
        meant = did_you_mean(variable, known, "")
        warning = f"{excerpt(variable)} sets no option of {name}{meant and f'; {meant}'}"
        click.echo(f"gatekeeper: warning: {warning}", err=True)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gatekeeper")
@click.pass_context
def cli(context: click.Context) -> None:
    """Release gate for Mixture-of-Experts language models.

    Finds the experts that refusals hang on, proves it by masking them, holds the numbers against a
    YAML policy and answers pass, fail or inconclusive.

    \b
    Exit codes: 0 pass, also by exception · 2 wrong usage or invalid input
                3 audit could not be carried out · 10 policy failed
                11 inconclusive · 12 evidence does not verify

    Each option can also be set by an environment variable (GATEKEEPER_RUN_POLICY for
    `gatekeeper run --policy`) or in [tool.gatekeeper.run] of pyproject.toml.

    \b
    Example:
      gatekeeper demo
      gatekeeper run ./checkpoint --suite suite/ --policy policies/release.yaml --out out/
    """
    if context.invoked_subcommand:
        _warn_of_variables(context.invoked_subcommand)


def _fail(message: str, code: int, error: BaseException | None = None) -> int:
    notes = getattr(error, "__notes__", [])
    click.echo("; ".join([f"gatekeeper: error: {message}", *notes]), err=True)
    return code


def _fail_all(error: GatekeeperError) -> int:
    """One line for each error, and how many there are beyond those that a terminal holds."""
    code = _fail(str(error), error.exit_code, error)
    for other in error.others[:_MOST_OTHERS]:
        _fail(str(other), code)
    if (more := len(error.others) - _MOST_OTHERS) > 0:
        _fail(f"and {more} more in the same file", code)
    return code


def _again(arguments: list[str] | None) -> str:
    """What to do after an end that was no fault of what was typed."""
    typed = sys.argv[1:] if arguments is None else arguments
    command = next((word for word in typed if not word.startswith("-")), "")
    return RESUME if command in _KEEPING else "run the same command again"


def _os_error(error: OSError, again: str) -> str:
    name = f"{excerpt(error.filename)}: " if error.filename else ""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"{name}disk full while writing → free some space; {again}"
    if error.errno == errno.EFBIG:
        return f"{name}a limit of file size is hit while writing → raise it (ulimit -f); {again}"
    if error.errno == errno.ENOMEM:
        return f"{name}{_NO_MEMORY}"
    if error.errno == errno.EIO:
        return f"{name}the disk fails: {excerpt(error.strerror)} → use another; {again}"
    return f"{name}{excerpt(error.strerror or error)} → check the path and its permissions"


def _given_up(error: BaseException) -> str | None:
    """What to say where the machine or a library can't go on; None for a fault of ours."""
    if is_out_of_memory(error):
        return _NO_MEMORY
    if is_panic(error):
        return f"a library gave up: {excerpt(error)} → look at the tokenizer and the weights"
    return None


def _wrong_usage(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.ctx.get_help())
        return ExitCode.USAGE
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
    hint = f" → see {command} --help" if command else ""
    letter = foreign(error.option_name) if isinstance(error, click.NoSuchOption) else ""
    message = f"{excerpt(error.format_message(), _USAGE_EXCERPT)} {letter}".rstrip()
    return _fail(message + hint, ExitCode.USAGE)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; prints one line for each expected error."""
    try:
        result = cli.main(
            args=arguments,
            prog_name="gatekeeper",
            standalone_mode=False,
            auto_envvar_prefix=_PREFIX,
            default_map=project_settings(),
        )
    except click.ClickException as error:
        return _wrong_usage(error)
    except (click.Abort, KeyboardInterrupt) as error:
        message = f"interrupted; {_again(arguments)}"
        return _fail(message, ExitCode.AUDIT_FAILED, error.__cause__ or error)
    except GatekeeperError as error:
        return _fail_all(error)
    except OSError as error:
        # There is nothing at a path that is too long, which is wrong usage (docs/adr/0002).
        typed = error.errno == errno.ENAMETOOLONG
        message = _os_error(error, _again(arguments))
        return _fail(message, ExitCode.USAGE if typed else ExitCode.AUDIT_FAILED, error)
    except BaseException as error:
        given_up = _given_up(error)
        if given_up is None:
            raise
        return _fail(given_up, ExitCode.AUDIT_FAILED, error)
    return result if isinstance(result, int) else ExitCode.PASS


def main() -> NoReturn:
    """Entry point of the `gatekeeper` script."""
    outlive_readers()
    try:
        catch_signals()
        code = run()
    except KeyboardInterrupt:  # before or after what `run` guards
        code = _fail(f"interrupted; {_again(None)}", ExitCode.AUDIT_FAILED)
    leave(code)
