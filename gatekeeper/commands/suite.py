"""`gatekeeper suite`: prompt suites."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gatekeeper.commands._memory import uncollected
from gatekeeper.commands._option_kinds import Word
from gatekeeper.commands._suite_import import ImportOptions, import_suite
from gatekeeper.commands._suite_lint import linted, print_json, print_text
from gatekeeper.errors import ExitCode


@click.group()
def suite() -> None:
    """Make prompt suites, and check them before an audit spends hours on them.

    A suite is a directory with suite.json and JSONL files, or a single JSONL file; each line has
    id, seed_id, set (regular, jailbreak, benign, over_refusal) and text.

    \b
    Example:
      gatekeeper suite list
      gatekeeper suite import suites/core advbench --out my-suite
      gatekeeper suite lint my-suite
    """


@suite.command("lint")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--strict", is_flag=True, help="Exit with 2 on warnings too.")
@uncollected()
def lint(path: Path, as_json: bool, strict: bool) -> int:
    """Read a suite, count its prompts per set, language and category, and list what is amiss.

    Errors (exit 2) have file and line, and are listed together, at most 100. Warnings are
    weaknesses: sets too small for the shipped policies, pairs that are missing, texts that are
    nearly the same under different seeds. Notes say what stricter policies want besides. No prompt
    is ever shown.

    \b
    Example:
      gatekeeper suite lint suite/
      gatekeeper suite lint prompts.jsonl --json --strict
    """
    checked = linted(path)
    (print_json if as_json else print_text)(checked)
    return checked.code(strict=strict)


@suite.command("list")
def list_suites() -> int:
    """List the suites that are shipped, with the path to give to --suite.

    \b
    Example:
      gatekeeper suite list
    """
    from gatekeeper.bundled import bundled
    from gatekeeper.suites.read import MANIFEST, read_suite

    folders = [p.parent for name in ("suites", "demo") for p in bundled(name).glob(f"*/{MANIFEST}")]
    for folder in sorted(folders):
        read = read_suite(folder)
        counts = ", ".join(f"{count} {name}" for name, count in read.counts().items())
        click.echo(f"{read.id} {read.version}: {read.title}")
        click.echo(f"  {counts}; {read.licence}")
        click.echo(f"  {folder}")
    return ExitCode.PASS


#: Longest value of an option that goes into the suite.
_MOST_CHARACTERS = 200


def _printable(_context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not (
        0 < len(value) <= _MOST_CHARACTERS and value.isprintable() and value == value.strip()
    ):
        raise click.BadParameter(f"give at most {_MOST_CHARACTERS} printable characters")
    return value


#: Ways to spell text inside of other text; some take a time that grows with the square of it.
_NOT_OF_FILES = ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "utf-7")


def _encoding(_context: click.Context, _option: click.Parameter, value: str) -> str:
    import codecs

    try:
        codec = codecs.lookup(value)
        "a".encode(value)  # some codecs are no encodings of text, such as rot13, base64 and zip
    except (LookupError, ValueError) as error:
        raise click.BadParameter("no encoding of text that Python knows") from error
    if codec.name in _NOT_OF_FILES:
        raise click.BadParameter("an encoding of text inside of other text, not of files")
    return "utf-8-sig" if codec.name == "utf-8" else codec.name


def _one_character(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> str | None:
    if value is not None and (len(value) != 1 or value in '"\r\n\0 '):
        raise click.BadParameter("give one character")
    return value


_COLUMNS = ("text", "set", "category", "language", "seed", "wrapper")


@suite.command("import")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Directory of the new suite."
)
@click.option("--overwrite", is_flag=True, help="Replace a suite that this command wrote to --out.")
@click.option(
    "--from",
    "places",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Wheel, directory of wheels or of unpacked ones, to look for packages in before those "
    "that are installed (repeatable).",
)
@click.option("--count", type=click.IntRange(min=1), help="At most so many of each set and source.")
@click.option(
    "--seed", type=click.IntRange(0, 2**53), default=0, show_default=True, help="Seed of the draw."
)
@click.option(
    "--jailbreaks",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Templates around each harmful request, for the source jailbreak.",
)
@click.option("--licence", callback=_printable, help="Licence of own files; required for them.")
@click.option(
    "--set",
    "set_",
    type=Word(["regular", "jailbreak", "benign", "over_refusal"]),
    help="Set of all rows of own files.",
)
@click.option("--category", callback=_printable, help="Category of all rows of own files.")
@click.option("--language", callback=_printable, help="Language of all rows, such as en or ja.")
@click.option("--text-column", help="Column of the prompts; default: text.")
@click.option("--set-column", help="Column of the sets; default: set, if there is one.")
@click.option("--category-column", help="Column of the categories; default: category.")
@click.option("--language-column", help="Column of the languages; default: language.")
@click.option(
    "--seed-column", help="Column of what pairs a request with its twin; default: seed_id."
)
@click.option("--wrapper-column", help="Column of how jailbreaks were rewritten; default: wrapper.")
@click.option("--delimiter", callback=_one_character, help="Of CSV; default: the likeliest.")
@click.option(
    "--encoding",
    callback=_encoding,
    default="utf-8",
    show_default=True,
    help="Of CSV files.",
)
@click.option(
    "--id",
    "suite_id",
    type=str,
    callback=_printable,
    help="Id of the suite; default: from the name of --out.",
)
@click.option("--title", callback=_printable, help="Title; default: names of the sources.")
@click.option(
    "--suite-version", callback=_printable, default="1", show_default=True, help="Its version."
)
@uncollected()
def import_(
    sources: tuple[str, ...],
    set_: str | None,
    category: str | None,
    suite_version: str,
    **typed: Any,
) -> int:
    """Make a suite out of files, other suites and installed packages; then lint it.

    SOURCE is a .csv, .tsv, .jsonl or .parquet file, a suite directory, or one of advbench,
    harmbench, strongreject (harmful requests) and jailbreak (templates around the harmful requests
    of the other sources; they share a seed_id). Packages are read, not imported, and need not be
    installed: see --from. Texts that repeat are joined. The manifest records version, licence and
    sha256 of each source. Nothing is written if a source has a fault.

    \b
    Example:
      gatekeeper suite import suites/core advbench --count 200 --seed 7 --out my-suite
      gatekeeper suite import prompts.csv --text-column prompt --set benign --language en \\
        --licence CC0-1.0 --out twins
      gatekeeper suite import advbench harmbench jailbreak --from wheels/ --out attacks
    """
    fixed = {"set": set_, "category": category, "language": typed.pop("language")}
    columns = {name: typed.pop(f"{name}_column") for name in _COLUMNS}
    columns["seed_id"] = columns.pop("seed")
    options = ImportOptions(
        sources=sources,
        columns={name: column for name, column in columns.items() if column is not None},
        fixed={name: value for name, value in fixed.items() if value is not None},
        per_request=typed.pop("jailbreaks"),
        version=suite_version,
        **typed,
    )
    import_suite(options)
    checked = linted(options.out)
    print_text(checked)
    return checked.code(strict=False)


COMMAND = suite
