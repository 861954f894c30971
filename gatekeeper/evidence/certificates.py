"""What certificates of signers of PDFs say, and which of them are not for documents."""

from __future__ import annotations

import hashlib
import importlib.util
from datetime import datetime
from typing import TYPE_CHECKING

from gatekeeper.errors import UsageError, excerpt

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

#: What is missing where pyHanko is.
EXTRA = "pip install 'moe-gatekeeper[pades]'"
_RSA_BITS = 2048
#: Purposes of certificates of servers, devices, time stamps and revocation, by their names in
#: cryptography: one that is for nothing else is not for documents.
_OTHER_PURPOSES = ("SERVER_AUTH", "CLIENT_AUTH", "TIME_STAMPING", "OCSP_SIGNING")


def has_pyhanko() -> bool:
    """Whether signatures of PDFs can be made and checked here."""
    return importlib.util.find_spec("pyhanko") is not None


def require_pyhanko(option: str) -> None:
    """Refuses an option where the library behind it is missing.

    Raises:
        UsageError: it is.
    """
    if not has_pyhanko():
        raise UsageError("needs pyHanko, which is not installed", where=option, remedy=EXTRA)


def signer_name(certificate: Certificate) -> str:
    """Whose certificate it is, ready to print: the common name, or all of the name."""
    from cryptography.x509.oid import NameOID

    try:
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return excerpt(names[0].value if names else certificate.subject.rfc4514_string())
    except ValueError:
        return "a name that cannot be read"


def certificate_digest(certificate: Certificate) -> str:
    """`sha256:` of the certificate as it is encoded (DER), as browsers and openssl show it."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return "sha256:" + hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def unfit(certificate: Certificate) -> str | None:
    """Why a certificate is not one to sign documents with, or None."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        if why := _weak(certificate):
            return why
        extensions = certificate.extensions
    except (ValueError, UnsupportedAlgorithm):
        return "cannot be read"
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.KeyUsage) and not (
            value.digital_signature or value.content_commitment
        ):
            return "is not for signatures (key usage)"
        if isinstance(value, x509.ExtendedKeyUsage):
            others = {getattr(ExtendedKeyUsageOID, name) for name in _OTHER_PURPOSES}
            if {*value} <= others:
                return "is for servers or time stamps, not for documents (extended key usage)"
    return None


def _weak(certificate: Certificate) -> str | None:
    """Why the key in a certificate is none to sign with, or None."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        short = key.key_size < _RSA_BITS
        return f"has an RSA key of {key.key_size} bits, {_RSA_BITS} are needed" if short else None
    if isinstance(key, ec.EllipticCurvePublicKey):
        return None if key.curve.name.startswith("secp") else "has a key of an unusual curve"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return None
    return "has a key that is neither RSA nor of an elliptic curve"


def not_valid_on(certificate: Certificate, when: datetime) -> str | None:
    """Why a certificate is not valid at a time, or None."""
    if when < certificate.not_valid_before_utc:
        return f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
    if when > certificate.not_valid_after_utc:
        return f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    return None
