"""A ReportView as HTML: what the PDF is laid out from.

Templates are ours, data are not: autoescaping is on, an undefined name is an error, and the markup
that is passed in as such is made by `svg.py` and by this file, which escape what they are given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.analysis.comparison_masks import BY_CAUSE
from gatekeeper.bundled import bundled
from gatekeeper.errors import UsageError, excerpt
from gatekeeper.records.finding import Finding, Missing
from gatekeeper.report.bars import group_axis, group_gauge
from gatekeeper.report.corrected import CORRECTED, card_line, corrected_cells
from gatekeeper.report.curve_parts import Curve, CurveRow
from gatekeeper.report.doses import Doses, step_text
from gatekeeper.report.environment_facts import what_changes
from gatekeeper.report.figures import Figures, drawn
from gatekeeper.report.modes import mask_text, own_mode
from gatekeeper.report.parts import Layout, ReportView, Share
from gatekeeper.report.rules import subject_text
from gatekeeper.report.text import clean, first_few
from gatekeeper.report.unbroken import unbroken
from gatekeeper.report.wording import Wording

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

#: Signs that stand beside the words of a result, so that a grey print tells them apart.
SIGNS = {"pass": "✓", "fail": "×", "inconclusive": "△", "waived": "○"}

#: What is other on letter paper: it is shorter, and has smaller margins so that pages break alike.
_LETTER = {
    "size: A4": "size: letter",
    "297mm": "279.4mm",
    "margin: 24mm 20mm 20mm": "margin: 19mm 20mm 15mm",
    "padding-top: 11mm": "padding-top: 8mm",
    "padding-top: 4mm": "padding-top: 3mm",
    "margin: 19mm 18mm 15mm": "margin: 14mm 18mm 12mm",
    "padding-top: 9mm": "padding-top: 6mm",
}
#: Spaces at which a line must not end: between a number and its unit, and in `n = 120`.
_UNITS = re.compile(r"(?<=\d) (?=%|points\b)|(?<=\b[kn]) (?==)|(?<=\b[kn][ \xa0]=) (?=\d)")


#: Spaces that templates leave between sentences, where a language sets none.
_AFTER_STOP = re.compile(r"(?<=[。：；、）])[ \n]+")

#: The fonts of Chinese, Japanese and Korean.
_CJK_FACES = re.compile(r'@font-face \{ font-family: "Report CJK".*\n')

#: What a template's file name ends in.
_END = ".html.j2"


def templates(folder: Path | None = None) -> tuple[str, ...]:
    """Names of the templates there are: ours, and those of a folder of the user's."""
    folders = [bundled("report_templates"), *([folder] if folder else [])]
    return tuple(sorted({f.name.removesuffix(_END) for d in folders for f in d.glob(f"*{_END}")}))


@cache
def _environment(folder: Path | None) -> Environment:
    """Templates are found in a folder of the user's before ours, and reach no file elsewhere.

    Those of others run in a sandbox: they see the report's data and nothing of this program.
    """
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([*([folder] if folder else []), bundled("report_templates")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clean"] = clean
    return environment


def check_template(layout: Layout) -> None:
    """Reads a template and finds what is wrong with its language, before anything is rendered.

    Raises:
        UsageError: it cannot be read, or is no template.
    """
    with _told():
        _environment(layout.folder).get_template(f"{layout.template}{_END}")


@contextmanager
def _told() -> Iterator[None]:
    """Tells what is wrong with a template in one line, with its file and line.

    Raises:
        UsageError: see above.
    """
    from jinja2 import TemplateError, TemplateNotFound, TemplateSyntaxError

    try:
        yield
    except TemplateSyntaxError as error:
        raise UsageError(
            f"not a template: {excerpt(error.message)}",
            where=f"{excerpt(error.filename or error.name)}:{error.lineno}",
            remedy="mend the template",
        ) from error
    except (TemplateError, OSError, UnicodeDecodeError) as error:
        kind = (
            "there is no template" if isinstance(error, TemplateNotFound) else "the template fails"
        )
        raise UsageError(f"{kind}: {excerpt(error)}", remedy="mend the template") from error


def stylesheet(paper: str = "a4", *, cjk: bool = True) -> str:
    """The CSS of the report; its fonts are named by `gatekeeper:` addresses.

    Args:
        cjk: whether there is any Chinese, Japanese or Korean, whose fonts take long to read.
    """
    css = (bundled("report_templates") / "report.css").read_text(encoding="utf-8")
    css = css if cjk else _CJK_FACES.sub("", css)
    for of_a4, of_letter in _LETTER.items() if paper == "letter" else ():
        css = css.replace(of_a4, of_letter)
    return css


def render_html(view: ReportView, attached: Sequence[str] = ()) -> str:
    """The report as one HTML document.

    Args:
        attached: names of the files that will be attached to it.

    Raises:
        UsageError: the template is the user's, and fails.
    """
    return render_template(view, view.layout.folder, view.layout.template, attached=attached)


def render_template(
    view: ReportView,
    folder: Path | None,
    name: str,
    *,
    attached: Sequence[str] = (),
    **more: object,
) -> str:
    """One template of ours or of a folder, with the report's data.

    Args:
        more: what this template sees beside that.

    Raises:
        UsageError: see `render_html`.
    """
    words = view.words
    audit = view.provenance.audit
    page = words("document.page", page="\0", pages="\1")
    with _told():
        template = _environment(folder).get_template(f"{name}{_END}")
        html = template.render(
            v=view,
            w=words,
            figures=Figures(view),
            brief=False,
            sign=SIGNS,
            is_missing=lambda finding: isinstance(finding, Missing),
            is_finding=lambda finding: isinstance(finding, Finding),
            subject=lambda finding: subject_text(finding.subject, words),
            share=lambda share: _share(share, view),
            first_few=first_few,
            gauge=lambda row: drawn(group_gauge(row, words)),
            gauge_axis=drawn(group_axis(words)),
            whole=unbroken([*(row.id for row in view.rules), *audit.selectors]),
            notes=_notes(view),
            other_notes=tuple(n for n in _notes(view) if n not in view.summed_up),
            environments_lead=_environments_lead(view),
            selector_notes=_selector_notes(view),
            limits=_limits(view.curve, words) if view.curve else "",
            **_corrected(view),
            mode_note=mask_text(audit, words) if own_mode(audit) is not None else "",
            beside=lambda row: _beside(row, words),
            dose_step=lambda step: step_text(step, words),
            dose_notes=_dose_notes(view.doses, words) if view.doses else (),
            attached=attached,
            page_line=_page_line(page),
            **{"screen": False, **more},
        )
    html = _UNITS.sub("\N{NO-BREAK SPACE}", html)
    return html if words("number.gap") else _AFTER_STOP.sub("", html)


def _corrected(view: ReportView) -> dict[str, object]:
    """The table of corrected rates, if a judge's card was given."""
    facts, words = view.corrected, view.words
    return {
        "corrected_columns": CORRECTED,
        "corrected": [corrected_cells(row, words) for row in facts.rows] if facts else [],
        "card_line": card_line(facts, words) if facts else "",
    }


def _page_line(line: str) -> Markup:
    """`Page {page} of {pages}` with the numbers left to the layout."""
    from markupsafe import Markup, escape

    counters = {
        "\0": Markup('<span class="page-number"></span>'),
        "\1": Markup('<span class="page-count"></span>'),
    }
    return Markup("").join(counters.get(character, escape(character)) for character in line)


def _limits(curve: Curve, words: Wording) -> str:
    """The policy limit by mask size, sizes of equal limits together: `87.5 % at k = 1 and 2`."""
    sizes: dict[str, list[str]] = {}
    for step in curve.limits:
        sizes.setdefault(words.amount(step.level, "%"), []).append(words.number(step.k, 0))
    return words.enumerate(
        [
            words("curve.note_limit_point", level=level, ks=words.enumerate(ks))
            for level, ks in sizes.items()
        ]
    )


def _dose_notes(doses: Doses, words: Wording) -> list[str]:
    """How to read the dose–response."""
    levels = sorted({words.level(drop.interval) for drop in doses.measured})
    notes = [words("doses.note", confidence=words.enumerate(levels))]
    if any(step.kind == "reroute" for step in doses.steps):
        notes.append(words("doses.note_reroute"))
    if doses.phase != "both":
        notes.append(words(f"doses.note_{doses.phase}"))
    return notes


def _beside(row: CurveRow, words: Wording) -> str:
    """Whose experts a mask beside the selected ones takes out."""
    selector, _, group = row.selector.partition("/")
    if not group:
        return words.get(f"beside.{selector}") or clean(selector, 40)
    template = words.get(f"beside.{'cause' if selector == BY_CAUSE else 'ranking'}-{group}")
    return template.format(selector=clean(selector, 40)) if template else clean(row.selector, 60)


def _share(share: Share | None, view: ReportView) -> tuple[str, str]:
    """Value and interval of a share; the reason in place of the interval if there is none."""
    words = view.words
    if share is None or not share.n:
        return words("number.none"), ""
    value = words.amount(share.value, "%")
    if share.interval is None:
        return value, words("breakdown.too_few", reason=words.told(share.reason))
    return value, words.range(share.interval)


def _selector_notes(view: ReportView) -> tuple[tuple[str, str], ...]:
    """What each selector looks for, in plain words, and what it presumes."""
    by_selector = []
    for facts in view.selectors:
        looks_for = view.words.get(f"selector_note.{facts.selector}")
        notes = [looks_for] if looks_for else []
        notes += [clean(view.words.told(note), 700) for note in facts.notes]
        if any("N_e" in note for note in facts.notes):
            notes.append(view.words("map.symbols"))
        if notes:
            by_selector.append((clean(facts.name, 40), view.words.prose(notes)))
    return tuple(by_selector)


def _environments_lead(view: ReportView) -> str:
    """The sentence that names the environments which change the selection."""
    words = view.words
    changes = [
        words(
            "environments.change_value" if change.value else "environments.change",
            dimension=words(f"dimension.{change.dimension}"),
            value=clean(change.value, 40),
            selector=clean(change.selector, 40),
        )
        for change in what_changes(view.environments)
    ]
    if not changes:
        return words("environments.same")
    return words("environments.changed", changes=words.enumerate(list(dict.fromkeys(changes))))


def _notes(view: ReportView) -> tuple[str, ...]:
    """Warnings that the table of rules does not show: of the policy, and of waivers."""
    rules = {row.outcome.rule.id for row in view.rules}
    pairs = zip(view.verdict.warnings, view.warnings, strict=True)
    return tuple(text for warning, text in pairs if warning not in rules)
