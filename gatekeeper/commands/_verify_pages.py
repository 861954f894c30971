"""Lays the pages of a report out again from what it carries, and compares."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

import click

from gatekeeper.errors import AuditError, EvidenceError, UsageError, excerpt
from gatekeeper.formats import pdf
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.disclosed import DisclosedFile
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.document import check_template
from gatekeeper.report.headline import build_headline
from gatekeeper.report.tool import tool
from gatekeeper.report.view import view_of
from gatekeeper.report.wording import load_wording
from gatekeeper.verify.pdf_file import PdfContent, read_pdf

_REMEDY = "do not trust this report; get it again from where it was written"


def check_pages(
    data: bytes,
    content: PdfContent,
    shown: DisclosedFile,
    verdict: Verdict,
    policy: Policy,
    where: str,
) -> Iterator[str]:
    """Compares the pages with what this version lays out.

    Yields:
        What of them could not be compared, in words.

    Raises:
        EvidenceError: they say something else.
    """
    again = _laid_out(content, shown, verdict, policy)
    if isinstance(again, str):
        _hold_cover(data, shown, verdict, where)
        yield f"pages: {again}; of their text, only the decision on the cover was compared"
        return
    if shown.tool != tool():
        _hold_cover(data, shown, verdict, where)
        how = _other(data, again, where)
        yield f"pages: made by {excerpt(shown.tool)}, this is {tool()}; {how}"
        return
    why = compare_pages(data, again, where)
    if why is None:
        click.echo("✓ pages: laid out again from the attachments, byte for byte")
    else:
        yield why


def compare_pages(data: bytes, again: bytes, where: str) -> str | None:
    """Compares a PDF with one that was made again; what could not be compared, or None.

    Other libraries give other bytes for the same pages, so that only text can tell then.

    Raises:
        EvidenceError: the text of a page is another.
    """
    if data == again:
        return None
    content = read_pdf(data, where, text=True)
    made = read_pdf(again, where, text=True)
    theirs, ours = content.pages, made.pages
    hold_odd(content, where)
    pairs = enumerate(zip(theirs, ours, strict=False), start=1)
    wrong = next((number for number, (a, b) in pairs if a != b), None)
    if wrong is not None or len(theirs) != len(ours):
        what = f"page {wrong} says" if wrong else f"its {len(theirs)} pages say"
        raise EvidenceError(
            f"{what} something else than what it carries gives", where=where, remedy=_REMEDY
        )
    pairs = enumerate(zip(content.drawn, made.drawn, strict=True), start=1)
    if drawn := [str(number) for number, (a, b) in pairs if a != b]:
        return (
            f"drawings: the text of all {len(theirs)} pages is what it carries gives, but page "
            f"{', '.join(drawn)} of it is drawn otherwise: something covers or hides text there, "
            "or the libraries that lay it out are other ones here"
        )
    return (
        f"other bytes: the text of all {len(theirs)} pages and what they are drawn with are what "
        "it carries gives; its metadata, bookmarks or the order of the file are not"
    )


def _other(data: bytes, again: bytes, where: str) -> str:
    """How the pages of another version differ from those of this one, which proves nothing."""
    theirs, ours = (read_pdf(one, where, text=True).pages for one in (data, again))
    pairs = enumerate(zip_longest(theirs, ours), start=1)
    wrong = [str(number) for number, (a, b) in pairs if a != b]
    if not wrong:
        return f"the text of all {len(theirs)} pages is what this one lays out, drawings may differ"
    return (
        f"its {len(theirs)} pages say otherwise than the {len(ours)} of this one on page "
        f"{', '.join(wrong)}: other words of that version, or altered; compare the numbers there, "
        "or verify it with that version"
    )


def hold_odd(content: PdfContent, where: str) -> None:
    """Refuses a PDF with what no report has.

    Raises:
        EvidenceError: names it.
    """
    if content.odd:
        raise EvidenceError(
            f"has what no report has: {excerpt(', '.join(content.odd))}",
            where=where,
            remedy=_REMEDY,
        )


def _laid_out(
    content: PdfContent, shown: DisclosedFile, verdict: Verdict, policy: Policy
) -> bytes | str:
    """The report made again, or why it cannot be."""
    if shown.disclosed is None or shown.level is not Disclosure.COMMITTEE:
        return f"a {shown.level} report does not carry all that its pages show"
    if shown.layout is None:
        return "not laid out again: by a template that is not here"
    try:
        check_template(shown.layout)
        view = view_of(
            shown.disclosed,
            verdict,
            policy,
            shown.lang,
            shown.created,
            shown.card,
            shown.layout,
            shown.compared,
        )
        return pdf.render(view, content.files)
    except (AuditError, UsageError) as error:
        return f"not laid out again: {excerpt(error)}"


def _hold_cover(data: bytes, shown: DisclosedFile, verdict: Verdict, where: str) -> None:
    """Holds the decision on the first page against the verdict."""
    pages = read_pdf(data, where, text=True).pages
    try:
        word = build_headline(verdict, load_wording(shown.lang)).word
    except UsageError:
        return  # a language of a newer version
    if not pages or " ".join(word.split()) not in pages[0]:
        raise EvidenceError(
            f"the cover does not say {word!r}, as the verdict does", where=where, remedy=_REMEDY
        )
