"""Keys and certificates of signers of PDFs, as an authority would issue them, and worse ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)
_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


@dataclass(frozen=True)
class Pair:
    key: Any
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def pkcs12(self, secret: bytes | None = None, above: tuple[Pair, ...] = ()) -> bytes:
        how = BestAvailableEncryption(secret) if secret else NoEncryption()
        others = [one.certificate for one in above]
        return pkcs12.serialize_key_and_certificates(b"x", self.key, self.certificate, others, how)

    def key_pem(self, secret: bytes | None = None) -> bytes:
        how = BestAvailableEncryption(secret) if secret else NoEncryption()
        told: bytes = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)
        return told


def new_key(kind: str) -> Any:
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    return ec.generate_private_key(ec.SECP256R1())


def issued(
    name: str = "Release gate",
    *,
    kind: str = "ec",
    by: Pair | None = None,
    usages: tuple[str, ...] = ("digital_signature", "content_commitment"),
    purposes: tuple[str, ...] = (),
    authority: bool = False,
    since: timedelta = -DAY,
    until: timedelta = 365 * DAY,
) -> Pair:
    """A certificate of this name, signed by an authority or by itself."""
    key, now = new_key(kind), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = subject if by is None else by.certificate.subject
    if authority:
        usages = ("key_cert_sign", "crl_sign")
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + since)
        .not_valid_after(now + until)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**{one: one in usages for one in _USAGES}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if purposes:
        named = [getattr(ExtendedKeyUsageOID, one) for one in purposes]
        builder = builder.add_extension(x509.ExtendedKeyUsage(named), critical=False)
    signing = key if by is None else by.key
    algorithm = None if isinstance(signing, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Pair(key, builder.sign(signing, algorithm))


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
