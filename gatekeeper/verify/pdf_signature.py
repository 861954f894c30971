"""Checks the signature of a report: that it is of these bytes, whose it is, and whom that leads to.

Works without the network: no certificate, time stamp or list of revoked certificates is fetched.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from gatekeeper.errors import EvidenceError, excerpt
from gatekeeper.evidence.certificates import certificate_digest, not_valid_on, signer_name, unfit
from gatekeeper.verify.pdf_file import PdfSignature

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_REMEDY = "do not trust this report; get it again from where it was signed"
_DIGESTS = {"sha256", "sha384", "sha512"}
#: Certificates in a signature: paths through more than a few take long to search.
_MOST_CERTIFICATES = 8
_TIME = re.compile(r"D:([0-9]{14})(?:Z|([+-][0-9]{2})'?([0-9]{2})'?)?")
#: How far the clock of a signer may be ahead.
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSignature:
    """A signature that is of these bytes.

    Attributes:
        name: of the signer, ready to print; `digest`: of the certificate.
        when: on which it says that it was made; nobody else says so.
        expired: why the certificate, or one above it, is not valid any more, if it is not.
    """

    name: str
    digest: str
    when: datetime
    expired: str | None = None


def check_pdf_signature(
    data: bytes, signature: PdfSignature, trusted: Sequence[Certificate] | None, where: str
) -> CheckedSignature:
    """Checks a signature against the bytes of its PDF, and its certificate against those trusted.

    Args:
        trusted: certificates of authorities, or of signers themselves; None: nothing is asked.

    Raises:
        EvidenceError: bytes were altered since, it is not a signature of its certificate, or the
            certificate is not for documents or leads to none of those trusted.
    """
    with _told_in_a_line(where):
        when = _time(signature.when)
        told = _signed_data(signature)
        now = datetime.now(UTC)
        digest = _digest(data, signature, told)
        certificate, leads = _validate(told, digest, trusted or (), now, where)
        # Expired since, but not when it says that it was made: only a time stamp could tell.
        led = leads or (bool(trusted) and _validate(told, digest, trusted or (), when, where)[1])
        name, fingerprint = signer_name(certificate), certificate_digest(certificate)
        if when > now + _AHEAD:
            raise EvidenceError("says that it was signed in the future", where=where)
        if why := unfit(certificate) or not_valid_on(certificate, when):
            raise EvidenceError(f"the certificate of {name} {why}", where=where, remedy=_REMEDY)
        expired = not_valid_on(certificate, now)
    if trusted is not None and not led:
        raise EvidenceError(
            f"signed by {name} (certificate {fingerprint}), which leads to none that you trust",
            where=where,
            remedy="name the signer's certificate, or the authority's above it, with --pdf-trust, "
            "or do not trust the report",
        )
    if expired is None and led and not leads:
        expired = "was issued by one that has expired"
    return CheckedSignature(name=name, digest=fingerprint, when=when, expired=expired)


@contextmanager
def _told_in_a_line(where: str) -> Iterator[None]:
    """What libraries raise, warn of and log about bytes that anybody may have written.

    Raises:
        EvidenceError: of whatever they raise.
    """
    loggers = [logging.getLogger(name) for name in ("pyhanko", "pyhanko_certvalidator")]
    levels = [logger.level for logger in loggers]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for logger in loggers:
                logger.setLevel(logging.CRITICAL + 1)
            yield
    except EvidenceError:
        raise
    except Exception as error:
        raise EvidenceError(
            f"not a readable signature ({excerpt(type(error).__name__)})",
            where=where,
            remedy=_REMEDY,
        ) from error
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _signed_data(signature: PdfSignature) -> Any:
    """The signature as CMS has it, with one signer, whose attributes are signed.

    Raises:
        ValueError: it is none.
    """
    from asn1crypto import cms

    # What is left of the room that was kept for it is zeros.
    raw = bytes.fromhex(signature.contents)
    info = cms.ContentInfo.load(raw)
    if info["content_type"].native != "signed_data" or raw[len(info.dump()) :].strip(b"\0"):
        raise ValueError("no signature, or more than one")
    told = info["content"]
    (signer,) = told["signer_infos"]
    if len(told["certificates"]) > _MOST_CERTIFICATES or not len(signer["signed_attrs"]):
        raise ValueError("too many certificates, or no attributes")
    used = {signer["digest_algorithm"]["algorithm"].native}
    with suppress(ValueError):  # one that takes the digest of the above
        used.add(signer["signature_algorithm"].hash_algo)
    if not used <= _DIGESTS:
        raise ValueError("a digest that is too weak, or unknown")
    return told


def _validate(
    told: Any, digest: bytes, trusted: Sequence[Certificate], moment: datetime, where: str
) -> tuple[Certificate, bool]:
    """The signer's certificate, and whether it leads to one that is trusted at a moment.

    Raises:
        EvidenceError: the signature is not of these bytes, or not one of its certificate.
    """
    from asn1crypto import x509
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_der_x509_certificate
    from pyhanko.sign.validation.generic_cms import cms_basic_validation
    from pyhanko.sign.validation.settings import KeyUsageConstraints
    from pyhanko_certvalidator import ValidationContext

    roots = [x509.Certificate.load(one.public_bytes(Encoding.DER)) for one in trusted]
    context = ValidationContext(trust_roots=roots, allow_fetching=False, moment=moment)
    usage = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"})
    status = asyncio.run(cms_basic_validation(told, digest, context, key_usage_settings=usage))
    if not status["intact"]:
        raise EvidenceError("altered since it was signed", where=where, remedy=_REMEDY)
    if not status["valid"]:
        raise EvidenceError("not signed with the key of its certificate", where=where)
    certificate = load_der_x509_certificate(status["signing_cert"].dump())
    if certificate in trusted:  # what was given itself needs nobody above it
        return certificate, not_valid_on(certificate, moment) is None
    by_path = status["trust_problem_indic"] is None and status["validation_path"] is not None
    return certificate, by_path


def _digest(data: bytes, signature: PdfSignature, told: Any) -> bytes:
    """Of all bytes but the signature and the two signs around it."""
    (signer,) = told["signer_infos"]
    digest = hashlib.new(signer["digest_algorithm"]["algorithm"].native)
    digest.update(data[: signature.start])
    digest.update(data[signature.end :])
    return digest.digest()


def _time(text: str) -> datetime:
    """A time as a PDF writes it.

    Raises:
        ValueError: it is none.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError("no time")
    offset = timezone(timedelta(hours=int(match[2] or 0), minutes=int(match[3] or 0)))
    return datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=offset)
