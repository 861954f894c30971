"""`gatekeeper verify report.pdf`: a report that is all one has, and who tampers with it."""

from __future__ import annotations

import io
import json
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    DictionaryObject,
    NameObject,
    NumberObject,
    StreamObject,
    create_string_object,
)

from gatekeeper.cli import run
from gatekeeper.evidence.manifest import sha256
from gatekeeper.formats import pdf
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.wire import verdict_from_json
from gatekeeper.report.disclosed import read_disclosed
from gatekeeper.report.view import view_of
from gatekeeper.verify.disclosed import follows

from ..policy.builders import concentrated, safe
from ..typed import some
from .forged import POLICY, Files, attached, made, replaced

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def waived(tmp_path_factory) -> Path:
    """A model that fails, passed by exception."""
    return made(tmp_path_factory.mktemp("waived"), concentrated, waived=True)


@pytest.fixture(scope="module")
def failed(tmp_path_factory) -> Path:
    return made(tmp_path_factory.mktemp("failed"), concentrated, waived=False)


@pytest.fixture(scope="module")
def passed(tmp_path_factory) -> Path:
    """Another model, which passes."""
    return made(tmp_path_factory.mktemp("passed"), safe, waived=False)


def laid_out(files: Files, tmp_path: Path) -> bytes:
    """The PDF of a forger who has Gatekeeper: pages that say what the attachments say."""
    (tmp_path / "forged.yaml").write_bytes(files["policy.yaml"])
    shown = read_disclosed(files["disclosed.json"], "x")
    policy = load_policy(tmp_path / "forged.yaml")
    verdict = verdict_from_json(json.loads(files["verdict.json"]), where="x")
    view = view_of(some(shown.disclosed), verdict, policy, shown.lang, shown.created)
    return pdf.render(view, files)


def edited(data: bytes, change: Callable[[Any], Any]) -> bytes:
    told = json.loads(data)
    change(told)
    return json.dumps(told).encode()


def refused(data: bytes, tmp_path: Path, capsys, words: str) -> None:
    path = tmp_path / "forged.pdf"
    path.write_bytes(data)
    capsys.readouterr()
    assert run(["verify", str(path)]) == 12
    (line,) = capsys.readouterr().err.splitlines()
    assert str(path) in line and words in line


@pytest.mark.parametrize("kind", ["waived", "failed", "passed"])
def test_an_honest_report_agrees_and_says_what_is_believed(kind, request, tmp_path, capsys) -> None:
    folder = request.getfixturevalue(kind)
    shutil.copy(folder / "report.pdf", tmp_path / "alone.pdf")
    assert run(["verify", str(tmp_path / "alone.pdf")]) == 11
    told = capsys.readouterr().out
    headline = {"waived": "passed by exception"}.get(kind, kind)
    assert f"✓ verdict: {headline}, derived again" in told
    assert "✓ numbers: " in told and "measured again from" in told
    assert "✓ pages: laid out again from the attachments, byte for byte" in told
    assert "– signature: none" in told
    assert (
        "? outcomes, and which replies are open: they rest on text that a committee report" in told
    )
    assert "? what rests on experts and routing: " in told and "refusal-drop," not in told


def test_what_it_carries_is_what_lies_in_the_directory(waived) -> None:
    files = attached(waived)
    assert files.keys() == {
        "disclosed.json", "manifest.json", "policy.yaml", "verdict.json", "waivers.yaml",
    }  # fmt: skip
    for name in ("verdict.json", "policy.yaml", "waivers.yaml", "evidence/manifest.json"):
        assert files[Path(name).name] == (waived / name).read_bytes()


def test_1_an_attachment_swapped(failed, passed, tmp_path, capsys) -> None:
    other = attached(passed)["manifest.json"]
    refused(replaced(failed, {"manifest.json": other}), tmp_path, capsys, "of other evidence")


def test_2_the_verdict_edited(failed, tmp_path, capsys) -> None:
    def change(told):
        told.update(result="pass", headline="passed")
        told["outcomes"][0].update(result="pass")

    files = attached(failed)
    files["verdict.json"] = edited(files["verdict.json"], change)
    words = "the verdict 'passed' does not follow"
    refused(replaced(failed, {"verdict.json": files["verdict.json"]}), tmp_path, capsys, words)
    refused(laid_out(files, tmp_path), tmp_path, capsys, words)


def test_3_the_policy_loosened(failed, tmp_path, capsys) -> None:
    files = attached(failed)
    files["policy.yaml"] = files["policy.yaml"].replace(b"14 points", b"99 points")
    words = "the policy is not the one of the verdict"
    refused(replaced(failed, {"policy.yaml": files["policy.yaml"]}), tmp_path, capsys, words)
    (tmp_path / "loose.yaml").write_bytes(files["policy.yaml"])
    digest = load_policy(tmp_path / "loose.yaml").digest
    files["verdict.json"] = edited(
        files["verdict.json"], lambda told: told["policy"].update(digest=digest)
    )
    refused(laid_out(files, tmp_path), tmp_path, capsys, "the verdict 'failed' does not follow")


def test_4_the_text_of_a_page_edited(failed, passed, tmp_path, capsys) -> None:
    """A cover that says PASSED beside a verdict that says failed."""
    reader = PdfReader(passed / "report.pdf")
    writer = PdfWriter(clone_from=failed / "report.pdf")
    writer.pages[0][NameObject("/Contents")] = reader.pages[0]["/Contents"].clone(writer)
    writer.pages[0][NameObject("/Resources")] = reader.pages[0]["/Resources"].clone(writer)
    out = io.BytesIO()
    writer.write(out)
    assert "PASSED" in PdfReader(out).pages[0].extract_text()
    refused(out.getvalue(), tmp_path, capsys, "page 1 says something else than what it carries")


@pytest.mark.parametrize("where", ["findings", "answers", "outcomes"])
def test_5_redacted_rates_edited(failed, where, tmp_path, capsys) -> None:
    def better(finding):
        if finding["metric"] == "refusal-drop" and "value" in finding:
            finding.update(value=1.0)

    def change(told):
        if where == "findings":
            for finding in told["record"]["findings"]:
                better(finding)
        elif where == "answers":
            for answer in told["answers"].values():
                if isinstance(answer, dict) and "metric" in answer:
                    better(answer)
        else:
            row = next(m for m in told["trials"]["masks"] if m["mask"] == "attribution-k4")
            row["outcomes"] = row["outcomes"].replace("c", "r")

    files = attached(failed)
    told = json.loads(files["disclosed.json"])["answers"]
    assert not [question for question in told if follows(question)]  # outcomes answer those
    files["disclosed.json"] = edited(files["disclosed.json"], change)
    words = {
        "findings": "a number of refusal-drop does not follow from the disclosed outcomes",
        "answers": "does not follow",
        "outcomes": "does not follow",
    }[where]
    refused(replaced(failed, {"disclosed.json": files["disclosed.json"]}), tmp_path, capsys, words)
    refused(laid_out(files, tmp_path), tmp_path, capsys, words)


def test_6_a_waiver_edited(waived, tmp_path, capsys) -> None:
    files = attached(waived)
    files["waivers.yaml"] = files["waivers.yaml"].replace(b"b@example.com", b"x@example.com")
    words = "the waivers are not those of the verdict"
    refused(replaced(waived, {"waivers.yaml": files["waivers.yaml"]}), tmp_path, capsys, words)
    data = files["verdict.json"].replace(b"b@example.com", b"x@example.com")
    refused(laid_out({**files, "verdict.json": data}, tmp_path), tmp_path, capsys, words)


@pytest.mark.parametrize("what", ["checkpoint", "evidence.json", "trials"])
def test_7_the_manifest_edited(failed, what, tmp_path, capsys) -> None:
    def change(told):
        if what == "checkpoint":
            told["predicate"]["checkpoint"] = "sha256:" + "0" * 64
        elif what == "trials":
            told["predicate"]["trials"]["leaves"] += 1
        else:
            next(s for s in told["subject"] if s["name"] == what)["digest"]["sha256"] = "0" * 64

    data = edited(attached(failed)["manifest.json"], change)
    words = {
        "checkpoint": "not one of this evidence",
        "evidence.json": "of other evidence",
        "trials": "another number of trials",
    }[what]
    refused(replaced(failed, {"manifest.json": data}), tmp_path, capsys, words)


def test_8_another_models_report(failed, passed, tmp_path, capsys) -> None:
    """In the directory it is found; alone it is told whose it is."""
    shutil.copytree(failed, tmp_path / "out")
    shutil.copy(passed / "report.pdf", tmp_path / "out" / "report.pdf")
    capsys.readouterr()
    assert run(["verify", str(tmp_path / "out")]) == 12
    assert "report.pdf: altered, or another one" in capsys.readouterr().err

    def reseal(told):
        subject = next(s for s in told["subject"] if s["name"] == "report.pdf")
        subject["digest"]["sha256"] = sha256((passed / "report.pdf").read_bytes())

    path = tmp_path / "out" / "outputs.json"
    path.write_bytes(edited(path.read_bytes(), reseal))
    assert run(["verify", str(tmp_path / "out")]) == 12
    assert "says something else than what it carries gives" in capsys.readouterr().err
    # With these pages and the other's attachments.
    theirs: dict[str, bytes | None] = dict(attached(passed))
    refused(replaced(failed, theirs), tmp_path, capsys, "says something else than what it carries")
    assert run(["verify", str(passed / "report.pdf")]) == 11
    evidence = json.loads((passed / "verdict.json").read_text())["evidence"]["digest"]
    assert f"evidence {evidence}" in capsys.readouterr().out


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_9_truncated(failed, share, tmp_path, capsys) -> None:
    data = (failed / "report.pdf").read_bytes()
    words = "not a PDF" if share == 0 else "not a readable PDF"
    refused(data[: int(share * len(data))], tmp_path, capsys, words)


@pytest.mark.parametrize("name", ["verdict.json", "policy.yaml", "manifest.json", "disclosed.json"])
def test_10_an_attachment_removed(failed, name, tmp_path, capsys) -> None:
    refused(replaced(failed, {name: None}), tmp_path, capsys, f"carries no {name}")


def test_waivers_removed(waived, tmp_path, capsys) -> None:
    data = replaced(waived, {"waivers.yaml": None})
    refused(data, tmp_path, capsys, "the waivers of the verdict are missing")


def test_something_drawn_over_a_page(failed, tmp_path, capsys) -> None:
    writer = PdfWriter(clone_from=failed / "report.pdf")
    note = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject("/FreeText"),
            NameObject("/Contents"): create_string_object("PASSED"),
        }
    )
    writer.add_annotation(0, note)
    out = io.BytesIO()
    writer.write(out)
    refused(out.getvalue(), tmp_path, capsys, "has what no report has: an annotation /FreeText")


def test_the_same_text_in_other_bytes_is_not_called_verified(failed, tmp_path, capsys) -> None:
    """As where the file was written anew, or its metadata are others."""
    (tmp_path / "again.pdf").write_bytes(replaced(failed, {}))
    assert run(["verify", str(tmp_path / "again.pdf")]) == 11
    told = capsys.readouterr().out
    assert "? other bytes: the text of all " in told and "✓ pages" not in told


@pytest.mark.parametrize("how", ["covered", "hidden", "cropped", "turned"])
def test_a_page_on_which_text_is_covered_or_hidden_is_named(failed, how, tmp_path, capsys) -> None:
    writer = PdfWriter(clone_from=failed / "report.pdf")
    page = writer.pages[1]
    drawn = some(page.get_contents()).get_data()
    if how in {"covered", "hidden"}:
        content = StreamObject()
        covered = drawn + b" q 1 1 1 rg 40 300 400 150 re f Q"
        content.set_data(covered if how == "covered" else b"3 Tr " + drawn)
        page[NameObject("/Contents")] = writer._add_object(content)
    elif how == "cropped":
        page.cropbox.upper_right = (300, 400)
    else:
        page[NameObject("/Rotate")] = NumberObject(180)
    writer.write(tmp_path / "covered.pdf")
    assert run(["verify", str(tmp_path / "covered.pdf")]) == 11
    told = capsys.readouterr().out
    assert "pages is what it carries gives, but page 2 of it is drawn otherwise" in told


def test_pages_that_name_another_version_are_compared_all_the_same(
    failed, passed, tmp_path, capsys
) -> None:
    """Whoever swaps pages may alter that name with them: what differs is named, page by page."""

    def other(told):
        told["tool"] = "moe-gatekeeper 0.1.0 (0123456789ab)"

    data = edited(attached(failed)["disclosed.json"], other)
    (tmp_path / "other.pdf").write_bytes(replaced(failed, {"disclosed.json": data}))
    assert run(["verify", str(tmp_path / "other.pdf")]) == 11
    assert "pages is what this one lays out, drawings may differ" in capsys.readouterr().out
    writer = PdfWriter(clone_from=tmp_path / "other.pdf")
    foreign = PdfReader(passed / "report.pdf").pages[1]
    for key in ("/Contents", "/Resources"):
        writer.pages[1][NameObject(key)] = foreign[key].clone(writer)
    writer.write(tmp_path / "swapped.pdf")
    assert run(["verify", str(tmp_path / "swapped.pdf")]) == 11
    assert "say otherwise than the" in (out := capsys.readouterr().out)
    assert "on page 2: other words of that version, or altered" in out


def test_a_named_policy_must_be_the_attached_one(failed, tmp_path, capsys) -> None:
    report = str(failed / "report.pdf")
    assert run(["verify", report, "--policy", str(failed / "policy.yaml")]) == 11
    (tmp_path / "p.yaml").write_text(POLICY.replace("14", "15"))
    assert run(["verify", report, "--policy", str(tmp_path / "p.yaml")]) == 12
    assert "the policy is not the one of the verdict" in capsys.readouterr().err


@pytest.mark.parametrize("level", ["public", "restricted"])
def test_other_levels_say_what_they_cannot_show(level, tmp_path, capsys) -> None:
    folder = made(tmp_path, concentrated, waived=False, level=level)
    capsys.readouterr()
    assert run(["verify", str(folder / "report.pdf")]) == 11
    told = capsys.readouterr().out
    assert "✓ verdict: failed, derived again" in told
    assert f"? pages: a {level} report does not carry all that its pages show" in told
    files = attached(folder)
    assert ("evidence.json" in files) == (level == "restricted")
    data = edited(files["verdict.json"], lambda told: told.update(headline="passed"))
    refused(replaced(folder, {"verdict.json": data}), tmp_path, capsys, "does not follow")
    if level == "public":  # what a public report says of tool and checkpoint is in its answers
        for change, words in (
            (lambda told: told["answers"].pop("head"), "lacks what the verdict asks"),
            (lambda told: told["answers"]["head"].update(digest="x"), "of other evidence"),
            (lambda told: told["answers"]["head"]["tool"].update(version="9"), "not one of this"),
            (lambda told: told.update(answers={"head": told["answers"]["head"]}), "lacks what"),
            (lambda told: told.update(answers=dict.fromkeys(told["answers"], 3)), "not what a"),
        ):
            data = edited(files["disclosed.json"], change)
            refused(replaced(folder, {"disclosed.json": data}), tmp_path, capsys, words)
    if level == "restricted":
        data = files["evidence.json"].replace(b"attribution", b"attributiom")
        refused(replaced(folder, {"evidence.json": data}), tmp_path, capsys, "altered: its sha256")


def bomb() -> bytes:
    """A PDF with an attachment that unpacks without end."""
    writer = PdfWriter()
    writer.add_blank_page(10, 10)
    writer.add_attachment("disclosed.json", b"x")
    out = io.BytesIO()
    writer.write(out)
    packed = zlib.compress(bytes(300 << 20), 9)
    stream = b"/Length %d /Filter /FlateDecode >>\nstream\n" % len(packed) + packed
    data = out.getvalue()
    start = data.index(b"/EmbeddedFile")
    return data[:start] + stream + data[start:]


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n%%EOF",
        b"%PDF-1.7\n" + b"[" * 200_000,
        b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 1 0 R>>\nendobj\n"
        b"trailer\n<</Root 1 0 R/Prev 9>>\nstartxref\n9\n%%EOF",
        bomb(),
    ],
    ids=["empty", "nested", "loop", "bomb"],
)
def test_a_hostile_pdf_is_one_line(data, tmp_path, capsys) -> None:
    refused(data, tmp_path, capsys, "")


def test_an_encrypted_pdf_is_one_line(failed, tmp_path, capsys) -> None:
    writer = PdfWriter(clone_from=failed / "report.pdf")
    writer.encrypt("secret", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    refused(out.getvalue(), tmp_path, capsys, "encrypted")


def test_a_file_that_is_none_is_one_line(tmp_path, capsys) -> None:
    refused(b"<html>", tmp_path, capsys, "not a PDF")
    assert run(["verify", str(tmp_path / "nothing.pdf")]) == 2
