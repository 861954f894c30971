"""A signature of a PDF is appended, another tool finds it right, and not every certificate does."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from asn1crypto import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DEFAULT_DIFF_POLICY
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pypdf import PdfWriter

from gatekeeper.errors import UsageError
from gatekeeper.evidence.pades import PASSPHRASE, read_pdf_signer

from ..certificates import DAY, Pair, issued, written

SECRET = "open sesame"


def blank() -> bytes:
    writer, out = PdfWriter(), io.BytesIO()
    writer.add_blank_page(200, 200)
    writer.add_metadata({"/Title": "A report", "/ModDate": "D:20261101000000Z"})
    writer.write(out)
    return out.getvalue()


def signed_by(pair: Pair, folder: Path, *above: Pair) -> bytes:
    path = written(folder / "signer.p12", pair.pkcs12(above=above))
    return read_pdf_signer(path, None).sign(blank())


def validated(pdf: bytes, root: Pair):
    """By pyHanko's own validator, which reads the PDF itself."""
    reader = PdfFileReader(io.BytesIO(pdf), strict=True)
    (signature,) = reader.embedded_signatures
    anchor = x509.Certificate.load(root.certificate.public_bytes(Encoding.DER))
    context = ValidationContext(trust_roots=[anchor], allow_fetching=False)
    return validate_pdf_signature(signature, context, diff_policy=DEFAULT_DIFF_POLICY)


@pytest.mark.parametrize("kind", ["ec", "rsa2048", "ed25519"])
def test_another_tool_finds_it_intact_and_whose_it_is(tmp_path: Path, kind: str) -> None:
    root = issued("Authority", authority=True)
    signer = issued("Model risk", kind=kind, by=root)
    pdf = signed_by(signer, tmp_path, root)
    assert pdf.startswith(blank())
    status = validated(pdf, root)
    assert status.bottom_line and status.coverage.name == "ENTIRE_FILE"
    assert status.signing_cert.subject.native["common_name"] == "Model risk"
    assert not validated(pdf, issued("Another", authority=True)).trusted
    assert not validated(pdf.replace(b"A report", b"B report"), root).intact
    assert b"/ETSI.CAdES.detached" in pdf


def test_nothing_but_the_signature_is_appended(tmp_path: Path) -> None:
    appended = signed_by(issued(), tmp_path)[len(blank()) :]
    for other in (b"/Title", b"/Producer", b"/Extensions", b"/Version", b"/Metadata", b"/AP"):
        assert other not in appended


@pytest.mark.parametrize("form", ["p12", "pem", "one file", "chain first"])
def test_keys_come_in_the_forms_that_people_have(tmp_path: Path, monkeypatch, form: str) -> None:
    root = issued("Authority", authority=True)
    pair, key = issued(by=root), None
    secret = SECRET.encode()
    monkeypatch.setenv(PASSPHRASE, SECRET)
    if form == "p12":
        path = written(tmp_path / "a.p12", pair.pkcs12(secret, (root,)))
    elif form == "one file":
        path = written(tmp_path / "a.pem", pair.pem + pair.key_pem(secret) + root.pem)
    else:
        both = root.pem + pair.pem if form == "chain first" else pair.pem + root.pem
        path = written(tmp_path / "a.pem", both)
        key = written(tmp_path / "a.key", pair.key_pem(secret))
    signer = read_pdf_signer(path, key)
    assert PASSPHRASE not in os.environ
    assert (signer.certificate, signer.above) == (pair.certificate, (root.certificate,))
    assert validated(signer.sign(blank()), root).bottom_line


BAD = {
    "expired": (lambda: issued(since=-9 * DAY, until=-2 * DAY), "expired on "),
    "not yet valid": (lambda: issued(since=2 * DAY), "is not valid before "),
    "a server's": (lambda: issued(purposes=("SERVER_AUTH", "CLIENT_AUTH")), "is for servers"),
    "a time stamp's": (lambda: issued(purposes=("TIME_STAMPING",)), "is for servers or time"),
    "an authority's": (lambda: issued(authority=True), "is not for signatures"),
    "for encryption": (lambda: issued(usages=("key_encipherment",)), "is not for signatures"),
    "weak": (lambda: issued(kind="rsa1024"), "an RSA key of 1024 bits, 2048 are needed"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_certificate_that_is_not_for_this_is_told(tmp_path: Path, name: str) -> None:
    make, words = BAD[name]
    with pytest.raises(UsageError, match=words) as error:
        signed_by(make(), tmp_path)
    assert "signer.p12: the certificate of Release gate" in str(error.value)


def test_a_certificate_for_documents_may_be_for_more(tmp_path: Path) -> None:
    signed_by(issued(purposes=("CLIENT_AUTH", "EMAIL_PROTECTION")), tmp_path)


@pytest.mark.parametrize("secret", [None, "wrong"])
@pytest.mark.parametrize("form", ["p12", "pem", "garbage", "certificate only", "another's key"])
def test_what_cannot_be_read_is_one_line(tmp_path: Path, monkeypatch, form, secret) -> None:
    pair, key = issued(), None
    monkeypatch.delenv(PASSPHRASE, raising=False)
    if secret:
        monkeypatch.setenv(PASSPHRASE, secret)
    sealed = pair.key_pem(SECRET.encode())
    data = {
        "p12": pair.pkcs12(SECRET.encode()),
        "pem": pair.pem,
        "garbage": b"\0 not a certificate",
        "certificate only": pair.pem,
        "another's key": pair.pem,
    }[form]
    if form == "pem":
        key = written(tmp_path / "a.key", sealed)
    if form == "another's key":
        key = written(tmp_path / "a.key", issued().key_pem())
    with pytest.raises(UsageError) as error:
        read_pdf_signer(written(tmp_path / "a", data), key)
    told = str(error.value)
    assert str(tmp_path) in told and "\n" not in told and "wrong" not in told
    if form in {"p12", "pem"}:
        assert told.endswith(f"set {PASSPHRASE}") or f"set {PASSPHRASE}, or" in told
