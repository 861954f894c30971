"""The report as a PDF with the evidence attached, laid out by WeasyPrint."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from gatekeeper.errors import AuditError, excerpt
from gatekeeper.records.bundle_files import PDF
from gatekeeper.records.plugins import Format
from gatekeeper.report.disclosure import permitted_attachments
from gatekeeper.report.document import render_html, stylesheet
from gatekeeper.report.fonts import fit, font_files, lacking, needs_cjk, scripts
from gatekeeper.report.parts import ReportView

_APT = "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"

#: PDF/UA identification, and the extension schema without which PDF/A forbids it (ISO 14289-1, 5;
#: ISO 19005-3, 6.6.2.3). WeasyPrint writes the one standard or the other.
_PDF_UA = b"""<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">\
<pdfuaid:part>1</pdfuaid:part></rdf:Description>\
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" \
xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" \
xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">\
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">\
<pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema>\
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>\
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>\
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">\
<pdfaProperty:name>part</pdfaProperty:name>\
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>\
<pdfaProperty:category>internal</pdfaProperty:category>\
<pdfaProperty:description>Part of ISO 14289 followed</pdfaProperty:description>\
</rdf:li></rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas>\
</rdf:Description>"""


def load_weasyprint() -> Any:
    """WeasyPrint, imported when needed: it takes a second and wants system libraries.

    Raises:
        AuditError: it, or a library it needs, is not there.
    """
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        raise AuditError(
            f"no PDF can be made here: {excerpt(error)}", remedy=f"install the libraries: {_APT}"
        ) from error
    if weasyprint.text.ffi.harfbuzz_subset is None:
        raise AuditError("no PDF can be made here: libharfbuzz-subset is missing", remedy=_APT)
    return weasyprint


def render(view: object, attachments: Mapping[str, bytes]) -> bytes:
    """Lay out the view; the same view and attachments give the same bytes.

    Raises:
        AuditError: system libraries are missing, or WeasyPrint reports an error.
    """
    assert isinstance(view, ReportView)  # noqa: S101 - narrows the plugin interface
    permitted = permitted_attachments(attachments, view.level)
    weasyprint = load_weasyprint()
    when = view.document.created
    with _errors_are_fatal():
        files = [
            weasyprint.Attachment(
                string=data,
                name=name,
                relationship="Data",
                created=when,
                modified=when,
                url_fetcher=_fetcher(weasyprint),
            )
            for name, data in sorted(permitted.items())
        ]
        result: bytes = layout(view, tuple(sorted(permitted))).write_pdf(
            finisher=_finish, pdf_variant="pdf/a-3a", attachments=files, custom_metadata=False
        )
    return result


def lacks(view: object) -> str | None:
    """Tells of letters that no font has: a committee would read `[U+5927]` in a title."""
    assert isinstance(view, ReportView)  # noqa: S101 - narrows the plugin interface
    letters = lacking(render_html(view))
    if not letters:
        return None
    return (
        f"the fonts have no letters of {', '.join(scripts(letters))}: in titles, names or reasons "
        f"{letters[0]!r} is written as {fit(letters[0])}, and so are all of them → read summary.md "
        "or the JSON, or write those in another script"
    )


def layout(view: ReportView, attached: Sequence[str] = ()) -> Any:
    """The pages, as a WeasyPrint document.

    Args:
        attached: names of the files that the report is to say are attached.

    Raises:
        AuditError: as `load_weasyprint`.
    """
    weasyprint = load_weasyprint()
    fetcher = _fetcher(weasyprint)
    fonts = weasyprint.text.fonts.FontConfiguration()
    markup = fit(render_html(view, attached))
    style = stylesheet(view.layout.paper, cjk=needs_cjk(markup))
    css = weasyprint.CSS(string=style, font_config=fonts, url_fetcher=fetcher)
    html = weasyprint.HTML(string=markup, base_url=None, url_fetcher=fetcher)
    return html.render(stylesheets=[css], font_config=fonts, pdf_variant="pdf/a-3a")


def _fetcher(weasyprint: Any) -> Any:
    """Serves the vendored fonts and nothing else, whatever the HTML asks for."""
    allowed = {f"gatekeeper:fonts/{name}": data for name, data in font_files().items()}
    urls = weasyprint.urls

    class Fetcher(urls.URLFetcher):  # type: ignore[misc, name-defined]
        def fetch(self, url: str, headers: Any = None) -> Any:
            if url not in allowed:
                raise urls.FatalURLFetchingError(f"the report asked for {excerpt(url)}")
            kind = {"Content-Type": f"font/{url[-3:]}"}
            return urls.URLFetcherResponse(url, allowed[url], kind)

    return Fetcher()


class _Collector(logging.Handler):
    """Keeps what WeasyPrint reports as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def _errors_are_fatal() -> Iterator[None]:
    """A figure that WeasyPrint drops is reported in its log only: then there is no report at all.

    Raises:
        AuditError: an error was logged, or a forbidden address was asked for.
    """
    from weasyprint.urls import FatalURLFetchingError

    collector, logger = _Collector(), logging.getLogger("weasyprint")
    logger.addHandler(collector)
    try:
        yield
    except FatalURLFetchingError as error:
        raise AuditError(f"the PDF was not made: {excerpt(error)}") from error
    finally:
        logger.removeHandler(collector)
    if collector.messages:
        raise AuditError(
            f"the PDF was not made: {excerpt(collector.messages[0])}",
            remedy="this is a fault of the report templates: please report it",
        )


def _finish(_document: Any, pdf: Any) -> None:
    """Add the PDF/UA identification; list each attachment once (WeasyPrint 70 lists them twice)."""
    associated = pdf.catalog.get("AF")
    if associated:
        once = list(dict.fromkeys(associated))
        associated.clear()
        associated.extend(once)
    for item in pdf.objects:
        extra = getattr(item, "extra", None)
        if extra and extra.get("Type") == "/Metadata" and item.stream:
            item.stream[:] = [
                b.replace(b"</rdf:RDF>", _PDF_UA + b"</rdf:RDF>") for b in item.stream
            ]


FORMAT = Format(
    id="pdf",
    title="PDF for a committee, with its evidence attached",
    filename=PDF,
    render=render,
    lacks=lacks,
    attaches=True,
)
