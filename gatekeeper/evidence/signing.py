"""Signs statements about files with Ed25519 keys, and checks such signatures.

A signature is a DSSE envelope (github.com/secure-systems-lab/dsse) with the whole statement inside,
made and checked by securesystemslib, so that other tools read it too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.plain_files import read_plain
from gatekeeper.strict_json import strict_loads

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner, SSlibKey

#: Of in-toto Statements, as the DSSE envelopes of in-toto name it.
PAYLOAD_TYPE = "application/vnd.in-toto+json"
_ED25519 = "ed25519"
#: Of a key: some hundred bytes.
_MOST_KEY = 1_000_000


def new_key() -> tuple[bytes, bytes, str]:
    """A new Ed25519 key pair: private and public part as PEM, and the id of the key."""
    from cryptography.hazmat.primitives import serialization
    from securesystemslib.signer import CryptoSigner

    signer = CryptoSigner.generate_ed25519()
    public = serialization.load_pem_private_key(signer.private_bytes, None).public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return signer.private_bytes, pem, signer.public_key.keyid


def read_private(path: Path) -> CryptoSigner:
    """What signs with the private key of a PEM file.

    Raises:
        UsageError: no readable Ed25519 private key; its content is never repeated.
        OSError: it cannot be read.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner

    try:
        key = load_pem_private_key(read_plain(path, excerpt(path), UsageError, _MOST_KEY), None)
    except (ValueError, TypeError) as error:  # TypeError: it wants a passphrase
        raise _no_key(path, "private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "private")
    return CryptoSigner(key)


def read_public(path: Path) -> SSlibKey:
    """The public key of a PEM file.

    Raises:
        UsageError: no readable Ed25519 public key.
        OSError: it cannot be read.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey

    try:
        pem = read_plain(path, excerpt(path), UsageError, _MOST_KEY)
        key = SSlibKey.from_crypto(load_pem_public_key(pem))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "public") from error
    if key.keytype != _ED25519:
        raise _no_key(path, "public")
    return key


def _no_key(path: Path, part: str) -> UsageError:
    return UsageError(
        f"not the {part} part of an Ed25519 key in PEM, without a passphrase",
        where=excerpt(path),
        remedy="make one with `gatekeeper keys new`",
    )


def signature_of(statement: bytes, signer: CryptoSigner) -> bytes:
    """The envelope of a statement, signed: JSON, the same bytes for the same key and statement."""
    from securesystemslib.dsse import Envelope

    envelope = Envelope(statement, PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return json.dumps(envelope.to_dict(), sort_keys=True).encode() + b"\n"


def signers(signature: bytes, where: str) -> tuple[str, ...]:
    """Ids of the keys that an envelope says it was signed with; nothing is checked.

    Raises:
        EvidenceError: it is no envelope.
    """
    return tuple(sorted(_envelope(signature, where).signatures))


def check_signature(signature: bytes, statement: bytes, key: SSlibKey, where: str) -> None:
    """Checks that this statement was signed with this key.

    Raises:
        EvidenceError: it was not: another key, another statement, or no envelope at all.
    """
    from securesystemslib.exceptions import VerificationError

    envelope = _envelope(signature, where)
    if (envelope.payload, envelope.payload_type) != (statement, PAYLOAD_TYPE):
        raise EvidenceError(
            "a signature of something else than the files here",
            where=where,
            remedy="do not trust them; get files and signature again from where they were signed",
        )
    try:
        envelope.verify([key], 1)
    except VerificationError as error:
        raise EvidenceError(
            f"not signed with the key {key.keyid[:16]}",
            where=where,
            remedy="give the signer's public key, or do not trust the files",
        ) from error


def _envelope(signature: bytes, where: str) -> Envelope:
    """An envelope, read.

    Raises:
        EvidenceError: it is none.
    """
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import Error

    try:
        data: Any = strict_loads(signature)
        return Envelope.from_dict(data)
    except (ValueError, KeyError, TypeError, AttributeError, Error) as error:
        raise EvidenceError(
            "not a readable signature",
            where=where,
            remedy="get it again from where it was signed",
        ) from error
