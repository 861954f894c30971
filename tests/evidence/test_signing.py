"""A signature is of one statement and one key, and another tool finds it right too."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.errors import EvidenceError, UsageError
from gatekeeper.evidence.signing import (
    check_signature,
    new_key,
    read_private,
    read_public,
    signature_of,
    signers,
)

STATEMENT = b'{"_type":"https://in-toto.io/Statement/v1"}\n'
#: Made by version 0.1.0, to be read by every later one.
KEPT = Path(__file__).parent / "signed"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("keys")
    secret, public, _ = new_key()
    (folder / "key.pem").write_bytes(secret)
    (folder / "key.pub.pem").write_bytes(public)
    return folder / "key.pem", folder / "key.pub.pem"


def test_signed_and_found_right(pair: tuple[Path, Path]) -> None:
    signature = signature_of(STATEMENT, read_private(pair[0]))
    key = read_public(pair[1])
    check_signature(signature, STATEMENT, key, "here")
    assert signers(signature, "here") == (key.keyid,)
    assert signature == signature_of(STATEMENT, read_private(pair[0]))


def test_right_by_the_words_of_the_specification(pair: tuple[Path, Path]) -> None:
    """DSSE v1.0: the signature is over its pre-authentication encoding of type and payload."""
    told = json.loads(signature_of(STATEMENT, read_private(pair[0])))
    kind, payload = told["payloadType"].encode(), base64.b64decode(told["payload"])
    encoded = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    public = load_pem_public_key(pair[1].read_bytes())
    assert isinstance(public, Ed25519PublicKey)
    public.verify(base64.b64decode(told["signatures"][0]["sig"]), encoded)
    assert payload == STATEMENT


def test_another_statement_or_key_is_found(pair: tuple[Path, Path], tmp_path: Path) -> None:
    signature = signature_of(STATEMENT, read_private(pair[0]))
    with pytest.raises(EvidenceError, match="something else"):
        check_signature(signature, STATEMENT + b" ", read_public(pair[1]), "here")
    (tmp_path / "other.pem").write_bytes(new_key()[1])
    with pytest.raises(EvidenceError, match="not signed with the key"):
        check_signature(signature, STATEMENT, read_public(tmp_path / "other.pem"), "here")


@given(data=st.data())
def test_no_changed_byte_is_taken(pair: tuple[Path, Path], data: st.DataObject) -> None:
    signature = bytearray(signature_of(STATEMENT, read_private(pair[0])))
    at = data.draw(st.integers(0, len(signature) - 2))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != signature[at]))
    signature[at] = byte
    key = read_public(pair[1])
    try:
        check_signature(bytes(signature), STATEMENT, key, "here")
    except EvidenceError:
        return
    # Letters between the groups of base64 and JSON's white space say nothing: it is the same.
    told = json.loads(bytes(signature))
    assert base64.b64decode(told["payload"]) == STATEMENT


@pytest.mark.parametrize("content", [b"", b"secret words", b"\xff\xfe", None])
def test_what_is_no_key_is_not_repeated(tmp_path: Path, pair, content: bytes | None) -> None:
    """A public key in the place of a private one, and the other way round, too."""
    for read, other in ((read_private, pair[1]), (read_public, pair[0])):
        path = tmp_path / "key"
        path.write_bytes(other.read_bytes() if content is None else content)
        with pytest.raises(UsageError, match="Ed25519") as error:
            read(path)
        assert "secret words" not in str(error.value)


def test_signatures_of_earlier_versions_are_taken() -> None:
    key = read_public(KEPT / "key.pub.pem")
    statement = (KEPT / "manifest.json").read_bytes()
    signature = (KEPT / "manifest.dsse.json").read_bytes()
    check_signature(signature, statement, key, "kept")
