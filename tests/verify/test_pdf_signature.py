"""The signature in a PDF, alone: whose it is, whom it leads to, and what is no signature."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.errors import EvidenceError
from gatekeeper.verify import pdf_signature
from gatekeeper.verify.pdf_file import PdfContent, read_pdf
from gatekeeper.verify.pdf_signature import check_pdf_signature

from ..certificates import DAY, issued
from ..evidence.test_pades import blank, signed_by
from ..typed import some

#: Made by version 0.1.0, to be read by every later one.
KEPT = Path(__file__).parents[1] / "evidence" / "signed"


def check(data: bytes, trusted=None):
    return check_pdf_signature(data, some(found(data).signature), trusted, "here")


def found(data: bytes) -> PdfContent:
    return read_pdf(data, "here")


def test_signatures_of_earlier_versions_are_taken() -> None:
    data = (KEPT / "report.pdf").read_bytes()
    certificate = load_pem_x509_certificate((KEPT / "signer.pem").read_bytes())
    assert found(data).odd == ()
    checked = check(data, [certificate])
    assert (checked.name, checked.expired) == ("Kept signer", None)
    assert checked.when.date().isoformat() == "2026-12-01"
    unsigned = data[: some(found(data).signature).unsigned]
    assert unsigned == blank()
    with pytest.raises(EvidenceError, match="leads to none that you trust"):
        check(data, [issued("Kept signer").certificate])


def test_it_leads_to_its_authority_and_to_no_other_of_the_name(tmp_path: Path) -> None:
    root = issued("Authority", authority=True)
    between = issued("Between", authority=True, by=root)
    signer = issued(by=between)
    data = signed_by(signer, tmp_path, between)
    for one in (root, between, signer):
        assert check(data, [one.certificate]).expired is None
    same_name = issued("Authority", authority=True)
    for trusted in ([], [same_name.certificate]):
        with pytest.raises(EvidenceError, match="leads to none that you trust"):
            check(data, trusted)


def test_a_signers_certificate_is_no_authority(tmp_path: Path) -> None:
    """Whoever has a certificate for documents could issue more with its key."""
    root = issued("Authority", authority=True)
    signer = issued("Clerk", by=root)
    data = signed_by(issued("President", by=signer), tmp_path, signer)
    with pytest.raises(EvidenceError, match="leads to none that you trust"):
        check(data, [root.certificate])


class Later(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(days=400)


@pytest.mark.parametrize("pinned", [True, False])
def test_an_expired_certificate_is_told_and_neither_trusted_nor_called_forged(
    tmp_path: Path, monkeypatch, pinned: bool
) -> None:
    root = issued("Authority", authority=True, until=3650 * DAY)
    signer = issued(by=root)
    data = signed_by(signer, tmp_path, root)
    monkeypatch.setattr(pdf_signature, "datetime", Later)
    trusted = signer if pinned else root
    assert some(check(data, [trusted.certificate]).expired).startswith("expired on ")
    with pytest.raises(EvidenceError, match="leads to none that you trust"):
        check(data, [issued().certificate])


@pytest.mark.parametrize(
    ("since", "now", "words"),
    [(-DAY, -30 * DAY, "signed in the future"), (-DAY / 2, timedelta(), None)],
)
def test_a_time_in_the_future_is_refused(tmp_path: Path, monkeypatch, since, now, words) -> None:
    data = signed_by(issued(since=since), tmp_path)

    class Moved(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + now

    monkeypatch.setattr(pdf_signature, "datetime", Moved)
    if words is None:
        check(data)
        return
    with pytest.raises(EvidenceError, match=words):
        check(data)


@settings(max_examples=40)
@given(share=st.floats(0, 0.999), bit=st.integers(0, 7))
def test_no_flipped_bit_is_taken(share: float, bit: int) -> None:
    kept = (KEPT / "report.pdf").read_bytes()
    data = bytearray(kept)
    at = int(share * len(data))
    data[at] ^= 1 << bit
    try:
        content = found(bytes(data))
        if content.odd:
            return
        told = check(bytes(data))
    except EvidenceError:
        return
    # CMS says some things twice, and signs one of them; a digit may be a capital.
    signature = some(content.signature)
    assert signature.start <= at < signature.end
    assert told == check(kept)


def test_a_report_that_is_not_signed_has_no_signature() -> None:
    assert (found(blank()).signature, found(blank()).odd) == (None, ())
