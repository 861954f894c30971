"""The options `--template`, `--templates` and `--paper`: how a report is laid out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gatekeeper.commands._option_kinds import Word
from gatekeeper.errors import UsageError, did_you_mean, excerpt

if TYPE_CHECKING:
    from gatekeeper.report.parts import Layout

F = TypeVar("F", bound=Callable[..., Any])
_PAPERS = ("a4", "letter")


def layout_options(command: F) -> F:
    """Adds the options, whose values `layout_of` takes by the same names."""
    for option in reversed(
        (
            click.option(
                "--template",
                default="committee",
                show_default=True,
                help="Layout of the PDF: one-page, committee, technical, or one of --templates.",
            ),
            click.option(
                "--templates",
                "templates_path",
                type=click.Path(path_type=Path),
                help="Directory of templates of your own (NAME.html.j2, Jinja).",
            ),
            click.option(
                "--paper", type=Word(_PAPERS), default="a4", show_default=True, help="Paper size."
            ),
        )
    ):
        command = option(command)
    return command


def layout_of(template: str, templates_path: Path | None, paper: str) -> Layout:
    """The layout that the options ask for.

    Raises:
        UsageError: there is no such directory or template, or a template of the user's cannot be
            read.
    """
    from gatekeeper.report.document import check_template, templates
    from gatekeeper.report.parts import Layout

    if templates_path is not None and not templates_path.is_dir():
        raise UsageError(
            "not a directory" if templates_path.exists() else "no such directory",
            where=excerpt(templates_path),
            remedy="give a directory of templates, NAME.html.j2",
        )
    names = templates(templates_path)
    if template not in names:
        raise UsageError(
            f"no template {excerpt(template)!r}",
            where="--template",
            remedy=did_you_mean(template, names),
        )
    layout = Layout(template=template, paper=paper, folder=templates_path)
    check_template(layout)
    return layout
