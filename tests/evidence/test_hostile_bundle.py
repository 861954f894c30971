"""Bundles made to trip the reader: each ends in one line and exit code 12."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import zipfile

import pytest

from gatekeeper.cli import run
from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.records.bundle_files import MANIFEST
from gatekeeper.records.model import CheckpointRef
from tests.evidence.sealing import edit, edit_trials, reseal
from tests.evidence.whole import OLDER, whole_evidence
from tests.typed import some

DEEP = b"[" * 200_000


@pytest.fixture(scope="module")
def evidence():
    return whole_evidence()


@pytest.fixture
def bundle(evidence, tmp_path):
    write_bundle(evidence, tmp_path / "bundle")
    return tmp_path / "bundle"


def refused(bundle, capsys, *words: str) -> None:
    assert run(["verify", str(bundle)]) == 12
    errors = capsys.readouterr().err
    assert len(errors.strip().splitlines()) == 1, errors
    for word in words:
        assert word in errors


def test_a_manifest_nested_without_end(bundle, capsys):
    (bundle / MANIFEST).write_bytes(DEEP)
    refused(bundle, capsys, "manifest")


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000, "", "a\x1b[1m", ".hidden", "x/y"])
def test_a_manifest_with_a_name_that_is_none(bundle, capsys, name):
    data = json.loads((bundle / MANIFEST).read_bytes())
    data["subject"].append({"name": name, "digest": {"sha256": "0" * 64}})
    (bundle / MANIFEST).write_text(json.dumps(data))
    refused(bundle, capsys, "unsafe file name")


def test_a_key_given_twice(bundle, capsys):
    path = bundle / "evidence.json"
    path.write_bytes(path.read_bytes().rstrip()[:-1] + b',"findings":[]}')
    reseal(bundle)
    refused(bundle, capsys, "given twice")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("max_prompts", value) for value in (0, -5, 1.0)),
        *(("ks", value) for value in ([1.0], [True], [0], [10**30])),
        *(("controls", value) for value in (10**15, 3.0, False)),
        *(("batch_rows", 0), ("max_new_tokens", 0), ("max_new_tokens", 10**15), ("split", 1.0)),
        ("seed", -1),
    ],
)
def test_numbers_that_no_audit_was_asked_for(bundle, capsys, name, value):
    edit(bundle, "evidence.json", lambda data: data["settings"].update({name: value}))
    refused(bundle, capsys, name)


def test_experts_that_no_machine_has_room_for(bundle, capsys):
    """A profile of a few MB could unpack to as many numbers as evidence.json tells of experts."""
    edit(bundle, "evidence.json", lambda data: data["model"]["sites"][0].update(experts=10**9))
    replaced(bundle, "counts_prompt.npy", bytes(50 << 20))
    refused(bundle, capsys, "sites[0].experts does not fit")


def test_replies_longer_than_the_window(bundle, capsys):
    edit_trials(bundle, lambda rows: [{**rows[0], "tokens": 33}, *rows[1:]])
    refused(bundle, capsys, "longer than the token window")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tokens": 0}, "has no tokens"),
        ({"tokens": 31, "truncated": True}, "was cut before it filled the token window"),
        ({"tokens": 1, "truncated": True, "completion": "<b>"}, "was cut before it filled"),
        ({"tokens": 32, "truncated": True}, None),
        ({"tokens": 32}, None),
        ({"tokens": 33, "completion": "<think>Hm.</think> I can"}, None),
        ({"tokens": 3, "truncated": True, "completion": "<think>Hm"}, None),
    ],
)
def test_tokens_fit_the_window_and_whether_the_reply_was_cut(bundle, changes, words):
    """But for reasoning, which has a window of its own."""
    edit_trials(bundle, lambda rows: [{**rows[0], **changes}, *rows[1:]])
    edit(bundle, "evidence.json", reasoned)
    if words is None:
        read_bundle(bundle)
        return
    with pytest.raises(EvidenceError, match=words):
        read_bundle(bundle)


def test_a_window_cannot_be_said_to_be_wider_or_narrower(bundle):
    """Than it was for replies that were cut, whatever room reasoning had."""
    rows = [{"tokens": 32, "truncated": True}, {"tokens": 8}]
    edit_trials(bundle, lambda all_: [{**all_[0], **rows[0]}, {**all_[1], **rows[1]}, *all_[2:]])
    edit(bundle, "evidence.json", reasoned)
    read_bundle(bundle)
    for window in (31, 33, 64):
        edit(bundle, "evidence.json", lambda d, w=window: d["settings"].update(max_new_tokens=w))
        with pytest.raises(EvidenceError, match="token window"):
            read_bundle(bundle)


def reasoned(data):
    told = {"rule": 1, "marks": [], "max_tokens": 64, "thinking": "template"}
    data["settings"]["reasoning"] = told


def test_another_chat_template_than_the_checkpoint_has(bundle, capsys):
    files = {"chat_template.jinja": "1" * 64}
    digest = CheckpointRef(source="x", revision=None, files=files).digest
    edit(
        bundle,
        "evidence.json",
        lambda data: data["checkpoint"].update(files=files, digest=digest),
    )
    refused(bundle, capsys, "the chat template is not that of the checkpoint's files")


def test_numbers_that_json_does_not_have(bundle, capsys):
    path = bundle / "run.json"
    path.write_bytes(path.read_bytes().rstrip()[:-1] + b',"more":NaN}')
    reseal(bundle)
    refused(bundle, capsys, "NaN")


def test_rows_that_an_older_version_copied_are_read_if_there_can_be_so_many(bundle, capsys):
    edit(bundle, "run.json", lambda data: data.update(rows_computed=3, rows_skipped=3))
    assert some(read_bundle(bundle).times).rows_computed == 3
    for count in (4, -1, "3"):
        edit(bundle, "run.json", lambda data, n=count: data.update(rows_skipped=n))
        refused(bundle, capsys, "run.json")


def test_a_trial_nested_without_end(bundle, capsys):
    path = bundle / "trials.jsonl.gz"
    rows = gzip.decompress(path.read_bytes()).split(b"\n")
    path.write_bytes(gzip.compress(b"\n".join([DEEP, *rows[1:]])))
    reseal(bundle)
    refused(bundle, capsys, "trials.jsonl.gz:1", "not a readable trial")


def replaced(bundle, name: str, content: bytes) -> None:
    path = bundle / "profile.npz"
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in (members | {name: content}).items():
            archive.writestr(member, data)
    path.write_bytes(out.getvalue())
    reseal(bundle)


def npy(header: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00\x76\x00" + header.ljust(117) + b"\n"


@pytest.mark.parametrize(
    "content",
    [
        npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,), }"),
        b"\x93NUMPY\x02\x00\x10\x27\x00\x00" + b"(" * 10_000,
        npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,"),
        npy(b"{'descr': '|O', 'fortran_order': False, 'shape': (), }") + b"cos\nsystem\n.",
        b"zzz",
    ],
)
def test_arrays_of_nonsense(bundle, capsys, content):
    replaced(bundle, "meta.npy", content)
    refused(bundle, capsys, "not a readable activation profile")


def test_a_corrupt_compressed_stream(bundle, capsys):
    path = bundle / "profile.npz"
    data = bytearray(path.read_bytes())
    data[data.find(b"counts") + 60] ^= 0xFF
    path.write_bytes(data)
    reseal(bundle)
    refused(bundle, capsys, "not a readable activation profile")


@pytest.mark.parametrize("way", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_profile_packed_as_none_is(bundle, capsys, way):
    path = bundle / "profile.npz"
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    with zipfile.ZipFile(path, "w", way) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    raw = path.read_bytes()
    path.write_bytes(raw[:60] + bytes(20) + raw[80:])  # LZMA and bzip2 take it for broken
    reseal(bundle)
    refused(bundle, capsys, "not a readable activation profile")


def test_an_array_that_begins_beyond_all_files(bundle, capsys):
    path = bundle / "profile.npz"
    path.write_bytes(beyond("meta.npy"))
    reseal(bundle)
    refused(bundle, capsys, "not a readable activation profile")


def beyond(name: str) -> bytes:
    """A zip file whose directory has a member of 9 bytes, at the byte 2^63 of the file."""
    big, start = (1 << 32) - 1, struct.pack("<2HQ", 1, 8, 1 << 63)
    head = (45, 45, 0, 0, 0, 0, 0, 9, 9, len(name), len(start), 0, 0, 0, 0, big)
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", *head) + name.encode() + start
    return entry + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(entry), 0, 0)


def test_a_profile_that_unpacks_without_end(bundle, capsys):
    replaced(bundle, "counts_prompt.npy", bytes(50 << 20))
    refused(bundle, capsys, "unpacks to more")


def test_links_out_of_the_bundle_in_a_loop_or_nowhere(bundle, capsys, tmp_path):
    path = bundle / "run.json"
    (tmp_path / "elsewhere.json").write_bytes(path.read_bytes())
    path.unlink()
    for target in (tmp_path / "elsewhere.json", "run.json", "nowhere.json"):
        path.symlink_to(target)
        refused(bundle, capsys, "link", "run.json")
        path.unlink()


def test_a_link_within_the_bundle_is_read(bundle):
    (bundle / "run.json").rename(bundle / "real.json")
    (bundle / "run.json").symlink_to("real.json")
    assert read_bundle(bundle).times


def test_a_pipe_in_the_place_of_a_file(bundle, capsys):
    (bundle / "run.json").unlink()
    os.mkfifo(bundle / "run.json")
    refused(bundle, capsys, "not a plain file")


def test_files_that_no_digest_covers_are_named(bundle, capsys):
    (bundle / "extra\x1b[1m.txt").write_text("x")
    assert run(["verify", str(bundle)]) == OLDER
    out = capsys.readouterr().out
    assert "not of the bundle, and not checked: extra" in out
    assert "\x1b" not in out


def test_nothing_is_said_of_files_where_there_are_none(bundle, capsys):
    assert run(["verify", str(bundle)]) == OLDER
    assert "not of the bundle" not in capsys.readouterr().out


def test_a_missing_file_is_called_missing(bundle):
    (bundle / "run.json").unlink()
    with pytest.raises(EvidenceError, match="missing"):
        read_bundle(bundle)
