"""A report that is signed: what `report --pdf-cert` writes, `verify --pdf-trust` reads, and who
tampers with it.
"""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, sign_pdf
from pypdf import PdfReader

from gatekeeper.cli import run
from gatekeeper.evidence.manifest import sha256
from gatekeeper.evidence.pades import PASSPHRASE, PdfSigner, read_pdf_signer

from ..certificates import DAY, Pair, issued, written
from ..policy.builders import concentrated
from .forged import made

pytestmark = pytest.mark.thorough
SECRET = "open sesame"


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory) -> Path:
    return made(tmp_path_factory.mktemp("unsigned"), concentrated, waived=False)


@pytest.fixture(scope="module")
def root() -> Pair:
    return issued("Authority", authority=True)


@pytest.fixture(scope="module")
def signed(unsigned, root, tmp_path_factory) -> Path:
    """An output directory with a signed report, and beside it those who are trusted."""
    folder = tmp_path_factory.mktemp("signed")
    shutil.copytree(unsigned, folder / "out")
    signer = issued("Model risk", by=root)
    written(folder / "signer.p12", signer.pkcs12(SECRET.encode(), (root,)))
    written(folder / "signer.der", signer.certificate.public_bytes(Encoding.DER))
    written(folder / "root.pem", root.pem)
    written(folder / "other.pem", issued("Authority", authority=True).pem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PASSPHRASE, SECRET)
        assert report(folder / "out", "--pdf-cert", str(folder / "signer.p12")) == 0
    return folder


@pytest.fixture
def out(signed, tmp_path) -> Path:
    return Path(shutil.copytree(signed / "out", tmp_path / "out"))


@pytest.fixture(scope="module")
def mallory(tmp_path_factory) -> PdfSigner:
    """Who has a certificate, but one that nobody trusts."""
    path = tmp_path_factory.mktemp("mallory") / "a.p12"
    return read_pdf_signer(written(path, issued("Mallory").pkcs12()), None)


def report(out: Path, *options: str) -> int:
    return run(["report", str(out), "--policy", str(out / "policy.yaml"), *options])


def reseal(out: Path, data: bytes) -> None:
    """Another report, with a statement that says so."""
    (out / "report.pdf").write_bytes(data)
    told = json.loads((out / "outputs.json").read_text())
    subject = next(s for s in told["subject"] if s["name"] == "report.pdf")
    subject["digest"]["sha256"] = sha256(data)
    (out / "outputs.json").write_text(json.dumps(told))


def refused(line: list[str], capsys, words: str, code: int = 12) -> None:
    capsys.readouterr()
    assert run(line) == code
    (error,) = capsys.readouterr().err.splitlines()
    assert words in error


def found(out: Path, capsys, words: str) -> None:
    """In the directory, and where the report is all that one has."""
    refused(["verify", str(out)], capsys, words)
    refused(["verify", str(out / "report.pdf")], capsys, words)


def test_the_report_is_the_unsigned_one_with_a_signature(signed, unsigned) -> None:
    before, after = ((f / "report.pdf").read_bytes() for f in (unsigned, signed / "out"))
    assert after.startswith(before) and len(after) > len(before)
    made_as = json.loads((signed / "out" / "outputs.json").read_text())["predicate"]["reports"]
    assert made_as["report.pdf"]["signer"].startswith("sha256:")


def test_the_directory_tells_who_signed(signed, capsys) -> None:
    assert run(["verify", str(signed / "out")]) == 0
    told = capsys.readouterr().out
    assert (
        "– signature: report.pdf is intact since Model risk signed it (certificate sha256:" in told
    )
    assert "signer not checked against anything you trust: --pdf-trust" in told
    assert "✓ report.pdf: made again, byte for byte (committee, en)" in told
    trusting = ["verify", str(signed / "out"), "--pdf-trust"]
    assert run([*trusting, str(signed / "root.pem")]) == 0
    assert f"trusted by {signed / 'root.pem'}" in capsys.readouterr().out
    refused([*trusting, str(signed / "other.pem")], capsys, "which leads to none that you trust")


def test_so_does_the_report_alone_and_trust_answers_for_the_rest(signed, capsys) -> None:
    line = ["verify", str(signed / "out" / "report.pdf")]
    assert run(line) == 11
    told = capsys.readouterr().out
    assert "– signature: report.pdf is intact since Model risk signed it" in told
    assert "✓ pages: laid out again from the attachments, byte for byte" in told
    assert run([*line, "--pdf-trust", str(signed / "root.pem")]) == 0
    told = capsys.readouterr().out
    assert "✓ signature: " in told and "not checked here, and as it was when it was signed" in told
    assert "\n? " not in told
    other = [*line, "--pdf-trust", str(signed / "other.pem")]
    refused(other, capsys, "which leads to none that you trust")


def test_an_unsigned_report_is_not_trusted(unsigned, signed, capsys) -> None:
    trust = ["--pdf-trust", str(signed / "root.pem")]
    refused(["verify", str(unsigned), *trust], capsys, "report.pdf: not signed")
    refused(["verify", str(unsigned / "report.pdf"), *trust], capsys, "report.pdf: not signed")
    refused(["verify", str(unsigned / "evidence"), *trust], capsys, "no report.pdf that outputs")


@pytest.mark.parametrize("where", ["page", "title", "certificate", "time"])
def test_an_altered_byte_is_found(out, signed, where, capsys) -> None:
    data = (out / "report.pdf").read_bytes()
    # That of the authority is there to help, and not signed.
    certificate = (signed / "signer.der").read_bytes().hex().encode()
    start = len(data) - 3000
    at = {
        "page": data.index(b"stream\n") + 60,
        "title": data.rindex(b"obj", 0, start) - 40,
        "certificate": data.lower().index(certificate) + 201,
        "time": data.index(b"/M (D") + 9,
    }[where]
    altered = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    (out / "report.pdf").write_bytes(altered)
    refused(["verify", str(out)], capsys, "altered, or another one")
    reseal(out, altered)
    found(out, capsys, "report.pdf: ")


def test_an_update_appended_after_signing_is_found(out, capsys) -> None:
    data = appended((out / "report.pdf").read_bytes())
    assert "PASSED" in PdfReader(io.BytesIO(data)).pages[0].extract_text()
    reseal(out, data)
    found(out, capsys, "an update that was appended after it was signed")


def test_so_is_one_appended_to_an_unsigned_report(unsigned, tmp_path, capsys) -> None:
    out = Path(shutil.copytree(unsigned, tmp_path / "out"))
    reseal(out, appended((out / "report.pdf").read_bytes()))
    found(out, capsys, "an update that was appended to it")


def test_a_signature_taken_out_is_found(out, unsigned, capsys) -> None:
    """By who knows where the signed report begins; alone, it is an unsigned report like others."""
    reseal(out, (unsigned / "report.pdf").read_bytes())
    refused(["verify", str(out)], capsys, "its signature was taken out: outputs.json says that")
    assert run(["verify", str(out / "report.pdf")]) == 11


def test_another_signer_is_found(out, signed, unsigned, mallory, capsys) -> None:
    reseal(out, mallory.sign((unsigned / "report.pdf").read_bytes()))
    refused(["verify", str(out)], capsys, "signed by Mallory (certificate sha256:")
    line = ["verify", str(out / "report.pdf")]
    assert run(line) == 11
    assert "since Mallory signed it" in capsys.readouterr().out
    trusting = [*line, "--pdf-trust", str(signed / "root.pem")]
    refused(trusting, capsys, "signed by Mallory (certificate sha256:")


def test_a_signature_that_nobody_stated_is_found(unsigned, mallory, tmp_path, capsys) -> None:
    out = Path(shutil.copytree(unsigned, tmp_path / "out"))
    reseal(out, mallory.sign((out / "report.pdf").read_bytes()))
    refused(["verify", str(out)], capsys, "and not with the certificate that outputs.json names")


def test_pages_altered_before_they_are_signed_are_found(out, unsigned, mallory, capsys) -> None:
    data = mallory.sign(appended((unsigned / "report.pdf").read_bytes()))
    (out / "report.pdf").write_bytes(data)
    words = "a signature that is not the one thing that was appended to it"
    refused(["verify", str(out / "report.pdf")], capsys, words)


@pytest.mark.parametrize("what", ["/Contents", "/Metadata", "a second page of it", "/Reason"])
def test_more_than_a_signature_in_its_update_is_found(out, unsigned, mallory, what, capsys) -> None:
    """As whoever has a key can write it, and other tools do (/Metadata, /Reason)."""
    writer = IncrementalPdfFileWriter(io.BytesIO((unsigned / "report.pdf").read_bytes()))
    told = PdfSignatureMetadata(
        field_name="Signature",
        subfilter=SigSeedSubFilter.PADES,
        reason="Passed" if what == "/Reason" else None,
    )
    if what != "/Metadata":
        writer._update_meta = lambda: None
        writer.register_extension = lambda ext: None
        writer.ensure_output_version = lambda version: None
    if what == "/Contents":
        draw(writer)
    if what == "a second page of it":
        pages = writer.root["/Pages"]
        pages["/Kids"].append(pages["/Kids"].raw_get(0))
        writer.update_container(pages)
    signer = mallory._signer()
    reseal(out, sign_pdf(writer, told, signer).getvalue())
    words = "a change that was appended with its signature, of /"
    if what == "/Reason":
        words = "a form (/AcroForm) that is more than one invisible signature"
    found(out, capsys, words)


def draw(writer: IncrementalPdfFileWriter) -> None:
    """Another first page."""
    page = writer.root["/Pages"]["/Kids"][0]
    names = {"Type": "Font", "Subtype": "Type1", "BaseFont": "Helvetica"}
    font = generic.DictionaryObject(
        {generic.pdf_name(f"/{key}"): generic.pdf_name(f"/{name}") for key, name in names.items()}
    )
    fonts = generic.DictionaryObject({generic.pdf_name("/F"): font})
    page["/Resources"] = generic.DictionaryObject({generic.pdf_name("/Font"): fonts})
    text = generic.StreamObject(stream_data=b"BT /F 40 Tf 50 700 Td (PASSED) Tj ET")
    page["/Contents"] = writer.add_object(text)
    writer.update_container(page)


def appended(data: bytes) -> bytes:
    """With an update that draws another first page."""
    writer, out = IncrementalPdfFileWriter(io.BytesIO(data)), io.BytesIO()
    draw(writer)
    writer.write(out)
    return out.getvalue()


def test_without_the_library_one_line_says_what_to_do(out, signed, monkeypatch, capsys) -> None:
    monkeypatch.setattr("gatekeeper.evidence.certificates.has_pyhanko", lambda: False)
    pip = "needs pyHanko, which is not installed → pip install 'moe-gatekeeper[pades]'"
    line = ["report", str(out), "--policy", str(out / "policy.yaml"), "--pdf-cert"]
    refused([*line, str(signed / "signer.p12")], capsys, pip, 2)
    refused(["verify", str(out), "--pdf-trust", str(signed / "root.pem")], capsys, pip, 2)
    for path in (out, out / "report.pdf"):
        assert run(["verify", str(path)]) == 11
        told = capsys.readouterr().out
        assert "? the signature in report.pdf: needs pyHanko (pip install 'moe-gate" in told
        assert "byte for byte" in told


@pytest.mark.parametrize("command", ["report", "run"])
def test_who_cannot_sign_is_told_before_the_work(out, signed, command, capsys, tmp_path) -> None:
    begin = ["report", str(out)]
    if command == "run":
        begin = ["run", str(tmp_path / "none"), "--suite", str(tmp_path), "--out", str(tmp_path)]
    begin += ["--policy", str(out / "policy.yaml")]
    before = (out / "report.pdf").read_bytes()
    p12 = str(signed / "signer.p12")
    old = str(written(tmp_path / "old.p12", issued(since=-9 * DAY, until=-DAY).pkcs12()))
    for options, words in (
        (["--pdf-key", p12], "--pdf-key: needs the certificate of the key"),
        (["--pdf-cert", p12, "--format", "json"], "--pdf-cert: no PDF is written"),
        (["--pdf-cert", p12], "set GATEKEEPER_PDF_PASSPHRASE"),
        (["--pdf-cert", old], "the certificate of Release gate expired on "),
    ):
        refused([*begin, *options], capsys, words, 2)
    assert (out / "report.pdf").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"\xff\xfe none", b"-----BEGIN CERTIFICATE-----"])
def test_what_is_no_certificate_trusts_nobody(out, content, tmp_path, capsys) -> None:
    path = written(tmp_path / "trust.pem", content)
    for one in (out, out / "report.pdf"):
        line = ["verify", str(one), "--pdf-trust", str(path)]
        refused(line, capsys, "no readable certificate in PEM", 2)


def test_the_passphrase_is_in_no_output(unsigned, signed, tmp_path, monkeypatch, capsys) -> None:
    out = Path(shutil.copytree(unsigned, tmp_path / "out"))
    monkeypatch.setenv(PASSPHRASE, SECRET)
    log = tmp_path / "log.jsonl"
    line = ["--pdf-cert", str(signed / "signer.p12"), "--audit-log", str(log)]
    assert report(out, *line) == 0
    told = capsys.readouterr()
    texts = [told.out, told.err, log.read_text(), (out / "outputs.json").read_text()]
    assert not any(SECRET in text for text in texts)
    assert "signed: report.pdf by Model risk, certificate sha256:" in told.out


def test_a_report_written_elsewhere_is_signed_too(unsigned, signed, tmp_path, monkeypatch) -> None:
    out = Path(shutil.copytree(unsigned, tmp_path / "out"))
    monkeypatch.setenv(PASSPHRASE, SECRET)
    cert = ["--pdf-cert", str(signed / "signer.p12"), "--out", str(tmp_path / "elsewhere")]
    assert report(out, *cert) == 0
    line = ["verify", str(tmp_path / "elsewhere" / "report.pdf")]
    assert run([*line, "--pdf-trust", str(signed / "root.pem")]) == 0


def test_a_report_made_anew_without_a_key_is_unsigned_and_stated_so(out, capsys) -> None:
    assert report(out) == 0
    assert run(["verify", str(out)]) == 0
    assert "report.pdf is intact since" not in capsys.readouterr().out
