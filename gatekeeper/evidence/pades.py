"""Signs a report in PDF with a certificate: one invisible PAdES signature (ETSI EN 319 142-1, B-B),
appended to bytes that stay as they are. Made by pyHanko.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatekeeper.errors import AuditError, UsageError, excerpt
from gatekeeper.evidence.certificates import certificate_digest, not_valid_on, signer_name, unfit
from gatekeeper.plain_files import read_plain

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

#: Holds what opens the key: an argument would stand in lists of processes.
PASSPHRASE = "GATEKEEPER_PDF_PASSPHRASE"  # noqa: S105 - the name of a variable
FIELD = "Signature"
#: Of a key or a certificate with those above it.
_MOST_BYTES = 1_000_000
_PEM = b"-----BEGIN "
_PEM_KEY = b"PRIVATE KEY-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfSigner:
    """A key, its certificate, and the certificates above that one."""

    key: Any
    certificate: Certificate
    above: tuple[Certificate, ...] = ()

    @property
    def name(self) -> str:
        """Who signs, ready to print."""
        return signer_name(self.certificate)

    @property
    def digest(self) -> str:
        """Of the certificate."""
        return certificate_digest(self.certificate)

    def sign(self, pdf: bytes) -> bytes:
        """The PDF with a signature appended: its first bytes are those that were given.

        Raises:
            UsageError: the certificate has expired by now.
            AuditError: pyHanko cannot sign with this key.
        """
        from pyhanko.pdf_utils.misc import PdfError
        from pyhanko.sign.fields import SigSeedSubFilter
        from pyhanko.sign.general import SigningError
        from pyhanko.sign.signers import PdfSignatureMetadata, sign_pdf

        if why := not_valid_on(self.certificate, datetime.now(UTC)):
            raise UsageError(f"the certificate {why}", where="--pdf-cert")
        told = PdfSignatureMetadata(field_name=FIELD, subfilter=SigSeedSubFilter.PADES)
        try:
            signed: bytes = sign_pdf(_quiet_writer(pdf), told, self._signer()).getvalue()
        except (PdfError, SigningError, ValueError) as error:
            raise AuditError(
                f"the PDF was not signed: {excerpt(error)}", where="--pdf-cert"
            ) from error
        if not signed.startswith(pdf):
            raise AuditError("the PDF was not signed: its own bytes would change")
        return signed

    def _signer(self) -> Any:
        from asn1crypto import keys, x509
        from cryptography.hazmat.primitives.serialization import (
            Encoding,
            NoEncryption,
            PrivateFormat,
        )
        from pyhanko.sign.signers import SimpleSigner
        from pyhanko_certvalidator.registry import SimpleCertificateStore

        der = self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        mine, *above = (
            x509.Certificate.load(one.public_bytes(Encoding.DER))
            for one in (self.certificate, *self.above)
        )
        store = SimpleCertificateStore()
        store.register_multiple(above)
        key = keys.PrivateKeyInfo.load(der)
        return SimpleSigner(signing_cert=mine, signing_key=key, cert_registry=store)


def _quiet_writer(pdf: bytes) -> Any:
    """Appends to a PDF, and leaves its metadata, version and list of extensions as they are.

    Titles and dates stand twice in a PDF/A and must stay equal; and whoever verifies a report finds
    that a signature is all that was added to it.
    """
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    class Quiet(IncrementalPdfFileWriter):  # type: ignore[misc]
        def _update_meta(self) -> None:
            pass

        def ensure_output_version(self, version: Any) -> None:
            pass

        def register_extension(self, ext: Any) -> None:
            pass

    return Quiet(io.BytesIO(pdf))


def read_pdf_signer(cert_path: Path, key_path: Path | None) -> PdfSigner:
    """What signs with a certificate and its key: a PKCS#12 file, or both in PEM.

    The passphrase is taken out of the environment: no process that is started later has it.

    Raises:
        UsageError: no readable pair of both, or one that is not for documents, or not valid now;
            content is never repeated.
        OSError: a file cannot be read.
    """
    where = excerpt(cert_path)
    secret = os.environ.pop(PASSPHRASE, "").encode("utf-8", "surrogateescape") or None
    data = read_plain(cert_path, where, UsageError, _MOST_BYTES)
    if _PEM not in data:
        if key_path is not None:
            raise UsageError(
                "no certificate in PEM; a PKCS#12 file holds its key itself",
                where=where,
                remedy="leave --pdf-key out, or give the certificate in PEM",
            )
        key, certificates = _of_pkcs12(data, secret, where)
    else:
        named = excerpt(key_path or cert_path)
        pem = read_plain(key_path, named, UsageError, _MOST_BYTES) if key_path else data
        key, certificates = _pem_key(pem, secret, named), read_certificates(data, where)
    mine = [one for one in certificates if _belong(one, key)]
    if not mine:
        raise UsageError("the key belongs to none of the certificates", where=where)
    if why := unfit(mine[0]) or not_valid_on(mine[0], datetime.now(UTC)):
        raise UsageError(
            f"the certificate of {signer_name(mine[0])} {why}",
            where=where,
            remedy="give one that is for signing documents, and valid",
        )
    above = tuple(one for one in certificates if one != mine[0])
    return PdfSigner(key=key, certificate=mine[0], above=above)


def read_certificates(data: bytes, where: str) -> list[Certificate]:
    """Certificates in PEM, one or more.

    Raises:
        UsageError: there is none, or one that cannot be read.
    """
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(data)
    except ValueError as error:
        raise UsageError(
            "no readable certificate in PEM",
            where=where,
            remedy="give a file with -----BEGIN CERTIFICATE-----",
        ) from error


def _of_pkcs12(data: bytes, secret: bytes | None, where: str) -> tuple[Any, list[Certificate]]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

    try:
        held = load_pkcs12(data, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError(
            "no certificate in PEM, and no PKCS#12 file that opens with the passphrase in "
            f"{PASSPHRASE}",
            where=where,
            remedy=f"set {PASSPHRASE}, or give another file",
        ) from error
    first = [] if held.cert is None else [held.cert.certificate]
    if held.key is None or not first:
        raise UsageError("holds no key with its certificate", where=where)
    return held.key, [*first, *(one.certificate for one in held.additional_certs)]


def _pem_key(pem: bytes, secret: bytes | None, where: str) -> Any:
    """A private key in PEM."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    # A passphrase for a key that has none is no fault: it may be set for all jobs.
    sealed = b"ENCRYPTED" in pem
    start = pem.rfind(_PEM, 0, max(pem.find(_PEM_KEY), 0))
    try:
        return load_pem_private_key(pem[max(start, 0) :], secret if sealed else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        what = f"that opens with the passphrase in {PASSPHRASE}" if sealed else "in PEM"
        raise UsageError(
            f"no private key {what}",
            where=where,
            remedy=f"set {PASSPHRASE}" if sealed else "name the file of the key with --pdf-key",
        ) from error


def _belong(certificate: Certificate, key: Any) -> bool:
    """Whether a certificate is of this key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    def plain(public: Any) -> bytes:
        told: bytes = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return told

    try:
        return plain(certificate.public_key()) == plain(key.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return False
