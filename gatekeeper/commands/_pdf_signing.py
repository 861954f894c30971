"""The options `--pdf-cert`, `--pdf-key` and `--pdf-trust`: signatures inside the report in PDF."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.plain_files import read_plain
from gatekeeper.records.bundle_files import OUTPUTS, PDF

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from gatekeeper.evidence.outputs import MadeReport
    from gatekeeper.evidence.pades import PdfSigner
    from gatekeeper.verify.pdf_file import PdfSignature
    from gatekeeper.verify.pdf_signature import CheckedSignature

F = TypeVar("F", bound=Callable[..., Any])
#: Of certificates that are trusted: those of some hundred authorities.
_MOST_BYTES = 4_000_000
_REMEDY = "do not trust this report; get it again from where it was signed"


@dataclass(frozen=True, slots=True)
class Trust:
    """Certificates that a signature must lead to, and the file that they were read from."""

    certificates: Sequence[Certificate]
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSignature:
    """What was told of the signature of a report.

    Attributes:
        data: the report as it was before it was signed.
        trusted: whether the signature is of somebody who is trusted.
        unsure: what could not be checked, in words.
    """

    data: bytes
    trusted: bool = False
    unsure: str | None = None


def pdf_signing_options(command: F) -> F:
    """Adds the options, whose values `pdf_signer_of` takes."""
    key = click.option(
        "--pdf-key",
        type=click.Path(path_type=Path),
        help="Private key (PEM) of a --pdf-cert in PEM; leave it out if that file holds it too.",
    )
    cert = click.option(
        "--pdf-cert",
        type=click.Path(path_type=Path),
        help="Sign the PDF (PAdES) with this certificate: PKCS#12, or PEM. A passphrase is taken "
        "from GATEKEEPER_PDF_PASSPHRASE.",
    )
    return cert(key(command))


def pdf_signer_of(cert: Path | None, key: Path | None, formats: Sequence[str]) -> PdfSigner | None:
    """What signs the PDF; read before the work begins, and not after hours of it.

    Raises:
        UsageError: no certificate and key that can sign, pyHanko is missing, or no PDF is written.
    """
    from gatekeeper.evidence.certificates import require_pyhanko
    from gatekeeper.evidence.pades import read_pdf_signer

    if cert is None:
        if key is not None:
            raise UsageError(
                "needs the certificate of the key",
                where="--pdf-key",
                remedy="name it with --pdf-cert",
            )
        return None
    if "pdf" not in formats:
        raise UsageError(
            "no PDF is written that could be signed", where="--pdf-cert", remedy="add --format pdf"
        )
    for option, path in (("--pdf-cert", cert), ("--pdf-key", key)):
        if path is not None and not path.exists():
            raise UsageError("no such file", where=f"{option} {excerpt(path)}")
    require_pyhanko("--pdf-cert")
    return read_pdf_signer(cert, key)


def tell_pdf_signer(signer: PdfSigner | None) -> None:
    """Prints a line about who signed the report."""
    if signer is not None:
        click.echo(f"signed: {PDF} by {signer.name}, certificate {signer.digest}")


def _trust(_: click.Context, option: click.Parameter, path: Path | None) -> Trust | None:
    """Reads the certificates before the command begins."""
    from gatekeeper.evidence.certificates import require_pyhanko
    from gatekeeper.evidence.pades import read_certificates

    if path is None:
        return None
    if not path.exists():
        raise UsageError("no such file", where=f"{option.opts[0]} {excerpt(path)}")
    require_pyhanko(option.opts[0])
    where = excerpt(path)
    return Trust(read_certificates(read_plain(path, where, UsageError, _MOST_BYTES), where), path)


pdf_trust_option = click.option(
    "--pdf-trust",
    type=click.Path(path_type=Path),
    callback=_trust,
    help="Certificates (PEM) of the signer of the PDF, or of authorities above; a PDF that is not "
    "signed by one of them exits with 12.",
)


def tell_pdf_signature(
    data: bytes,
    signature: PdfSignature | None,
    trust: Trust | None,
    where: str,
    stated: MadeReport | None = None,
) -> ToldSignature:
    """Prints a line about the signature of a report.

    Args:
        signature: what `read_pdf` found.
        stated: what the statement of outputs says of the report, if there is one.

    Raises:
        EvidenceError: it is not as it should be, or there is none and there should be one.
    """
    from gatekeeper.evidence.certificates import EXTRA, has_pyhanko

    if signature is None:
        _allow_unsigned(trust, where, stated)
        return ToldSignature(data=data)
    unsigned = data[: signature.unsigned]
    if not has_pyhanko():
        return ToldSignature(
            data=unsigned, unsure=f"the signature in {PDF}: needs pyHanko ({EXTRA})"
        )
    from gatekeeper.verify.pdf_signature import check_pdf_signature

    trusted = None if trust is None else trust.certificates
    checked = check_pdf_signature(data, signature, trusted, where)
    if stated is not None and checked.digest != stated.signer:
        raise EvidenceError(
            f"signed by {checked.name} (certificate {checked.digest}), and not with the "
            f"certificate that {OUTPUTS} names",
            where=where,
            remedy=_REMEDY,
        )
    return _told(checked, trust, unsigned)


def _told(checked: CheckedSignature, trust: Trust | None, unsigned: bytes) -> ToldSignature:
    """Prints the line about a signature that is intact."""
    told = (
        f"{PDF} is intact since {checked.name} signed it (certificate {checked.digest}), on "
        f"{checked.when:%Y-%m-%d} as the signature says"
    )
    if trust is None:
        click.echo(
            f"– signature: {told}; signer not checked against anything you trust: --pdf-trust"
        )
        return ToldSignature(data=unsigned)
    if checked.expired:
        click.echo(f"– signature: {told}")
        return ToldSignature(
            data=unsigned,
            unsure=f"the signature in {PDF}: its certificate {checked.expired}, and no time stamp "
            "shows that it was signed before",
        )
    click.echo(f"✓ signature: {told}, trusted by {excerpt(trust.path)}")
    return ToldSignature(data=unsigned, trusted=True)


def _allow_unsigned(trust: Trust | None, where: str, stated: MadeReport | None) -> None:
    """Lets a report be unsigned where nobody says that it is signed.

    Raises:
        EvidenceError: it should be signed.
    """
    if stated is not None and stated.signer is not None:
        raise EvidenceError(
            f"its signature was taken out: {OUTPUTS} says that it is signed",
            where=where,
            remedy=_REMEDY,
        )
    if trust is not None:
        raise EvidenceError(
            "not signed",
            where=where,
            remedy="sign it where it is made (--pdf-cert), or verify it without --pdf-trust",
        )
