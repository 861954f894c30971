from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections import Counter
from dataclasses import fields, replace

import numpy as np
import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.errors import EvidenceError, ExitCode, GatekeeperError
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.evidence.profile_io import profile_to_bytes
from gatekeeper.records.bundle_files import BUNDLE_FILES, MANIFEST
from gatekeeper.verify.verify import recheck
from tests.evidence.sealing import reseal
from tests.evidence.whole import whole_evidence
from tests.typed import some


@pytest.fixture(scope="module")
def evidence():
    return whole_evidence()


@pytest.fixture
def bundle(evidence, tmp_path):
    write_bundle(evidence, tmp_path / "bundle")
    return tmp_path / "bundle"


def test_round_trip_keeps_everything(evidence, bundle):
    read = read_bundle(bundle)
    for field in fields(evidence):
        if field.name in {"digest", "profile"}:
            continue
        assert getattr(read, field.name) == getattr(evidence, field.name), field.name
    for window, counts in evidence.profile.counts.items():
        assert np.array_equal(some(read.profile).counts[window], counts)
    assert np.array_equal(
        some(some(read.profile).attribution),
        some(some(evidence.profile).attribution),
        equal_nan=True,
    )
    assert read.digest.startswith("sha256:")


def test_equal_evidence_gives_equal_bytes(evidence, bundle, tmp_path):
    write_bundle(evidence, tmp_path / "again")
    for name in BUNDLE_FILES:
        assert (bundle / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_the_manifest_is_an_in_toto_statement(bundle):
    statement = json.loads((bundle / MANIFEST).read_bytes())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert {s["name"] for s in statement["subject"]} == set(BUNDLE_FILES) - {MANIFEST}


@pytest.mark.parametrize("name", BUNDLE_FILES)
@pytest.mark.parametrize("place", [0, 0.5, -1])
def test_one_changed_byte_is_found_and_the_file_named(bundle, name, place):
    data = bytearray((bundle / name).read_bytes())
    at = int(place * (len(data) - 1)) if place != -1 else -2
    data[at] ^= 1
    (bundle / name).write_bytes(bytes(data))
    with pytest.raises(EvidenceError) as caught:
        read_bundle(bundle)
    assert caught.value.exit_code == ExitCode.NOT_VERIFIED


@pytest.mark.parametrize("name", BUNDLE_FILES)
def test_a_missing_file_is_named(bundle, name):
    (bundle / name).unlink()
    with pytest.raises(EvidenceError, match="missing") as caught:
        read_bundle(bundle)
    assert name in some(caught.value.where)


def change(bundle, edit):
    data = json.loads((bundle / "evidence.json").read_bytes())
    edit(data)
    (bundle / "evidence.json").write_bytes(rfc8785.dumps(data))
    reseal(bundle)


def test_a_newer_schema_is_refused_with_a_remedy(bundle):
    change(bundle, lambda d: d.update(schema="gatekeeper/evidence/v2"))
    with pytest.raises(EvidenceError, match="newer one"):
        read_bundle(bundle)


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.update(surprise=1),
        lambda d: d["model"].update(layers=-1),
        lambda d: d["suite"].update(title="a\u202eb"),
        lambda d: d["findings"].append({"metric": "refusal-drop"}),
        lambda d: d["checkpoint"]["files"].update(more="1" * 64),
        lambda d: d["trials"].update(count=1),
    ],
)
def test_a_resealed_forgery_that_does_not_fit_is_refused(bundle, edit):
    change(bundle, edit)
    with pytest.raises(EvidenceError):
        read_bundle(bundle)


def test_a_resealed_finding_that_does_not_follow_is_refused(bundle):
    def flatter(data):
        for finding in data["findings"]:
            if finding["metric"] == "refusal-drop" and finding["value"] > 50:
                finding["value"] = 1.0

    change(bundle, flatter)
    with pytest.raises(EvidenceError, match="does not follow"):
        recheck(read_bundle(bundle))


def test_findings_of_an_unaltered_bundle_follow(bundle, evidence):
    assert recheck(read_bundle(bundle)).compared == len(evidence.findings) > 20


def retell(bundle, edit):
    """Rows of trials.jsonl.gz after `edit`, with a summary and a manifest that fit them."""
    rows = gzip.decompress((bundle / "trials.jsonl.gz").read_bytes()).decode().splitlines()
    rows = [row if isinstance(row, str) else json.dumps(row) for row in edit(rows)]
    (bundle / "trials.jsonl.gz").write_bytes(gzip.compress(("\n".join(rows) + "\n").encode()))
    outcomes: Counter[str] = Counter()
    for row in rows:
        outcomes.update(re.findall(r'"outcome": "(\w+)"', row))
    change(bundle, lambda d: d["trials"].update(count=len(rows), outcomes=dict(outcomes)))


def first(rows, **changes):
    return [{**json.loads(rows[0]), **changes}, *rows[1:]]


@pytest.mark.parametrize(
    "edit",
    [
        lambda rows: first(rows, completion=5),
        lambda rows: first(rows, tokens=float("nan")),
        lambda rows: first(rows, tokens=2.5),
        lambda rows: first(rows, tokens=True),
        lambda rows: first(rows, tokens=-1),
        lambda rows: first(rows, truncated=0),
        lambda rows: first(rows, mask=["unmasked"]),
        lambda rows: first(rows, prompt_id={}),
        lambda rows: first(rows, reason=None),
        lambda rows: first(rows, outcome=["refuse"]),
        lambda rows: first(rows, outcome="nice"),
        lambda rows: first(rows, mask="another"),
        lambda rows: first(rows, prompt_id="another"),
        lambda rows: [*rows, rows[0]],
        lambda rows: [rows[0], rows[0], *rows[2:]],
        lambda rows: ["[" * 100_000, *rows[1:]],
        lambda rows: ["null", *rows[1:]],
    ],
)
def test_a_resealed_trial_that_makes_no_sense_is_refused(bundle, edit):
    retell(bundle, lambda rows: rows)
    read_bundle(bundle)
    retell(bundle, edit)
    with pytest.raises(EvidenceError):
        read_bundle(bundle)


def test_names_that_stand_for_two_things_are_refused(bundle):
    for part in ("masks", "prompts"):
        before = (bundle / "evidence.json").read_bytes()

        def twice(data, part=part):
            entries = data["suite"]["prompts"] if part == "prompts" else data["masks"]
            entries.append(entries[0])

        change(bundle, twice)
        with pytest.raises(EvidenceError, match="twice"):
            read_bundle(bundle)
        (bundle / "evidence.json").write_bytes(before)


def test_a_profile_of_another_model_is_refused(evidence, bundle):
    other = replace(evidence.profile, sites=evidence.profile.sites[:1])
    (bundle / "profile.npz").write_bytes(profile_to_bytes(other))
    reseal(bundle)
    with pytest.raises(EvidenceError, match="not one of this model"):
        read_bundle(bundle)


def test_a_bundle_of_before_folded_digests_is_read(bundle, evidence):
    assert evidence.suite.prompts[0].folded_sha256 is None
    text = "0" * 64
    change(bundle, lambda d: d["suite"]["prompts"][0].update(folded_sha256=text))
    assert read_bundle(bundle).suite.prompts[0].folded_sha256 == text


def test_a_manifest_cannot_point_outside(bundle):
    text = (bundle / MANIFEST).read_text().replace("run.json", "../run.json")
    (bundle / MANIFEST).write_text(text)
    with pytest.raises(EvidenceError, match="unsafe"):
        read_bundle(bundle)


@pytest.mark.parametrize("name", ["a\x00b", "a" * 5000, "", "a\nb", ".hidden", "..", "a\u202eb"])
def test_a_manifest_names_plain_files_only(bundle, name):
    statement = json.loads((bundle / MANIFEST).read_text())
    statement["subject"].append({"name": name, "digest": {"sha256": "0" * 64}})
    (bundle / MANIFEST).write_text(json.dumps(statement))
    with pytest.raises(EvidenceError, match="unsafe"):
        read_bundle(bundle)


def test_a_manifest_nested_beyond_reason(bundle):
    (bundle / MANIFEST).write_text("[" * 200_000)
    with pytest.raises(EvidenceError, match="not a readable manifest"):
        read_bundle(bundle)


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,), }".ljust(117)
        + b"\n",
        b"(" * 10_000,
        b"{'descr': '|O', 'fortran_order': False, 'shape': (), }".ljust(117) + b"\n",
    ],
)
def test_an_array_that_is_none_is_refused(bundle, header):
    size = len(header).to_bytes(4, "little")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("meta.npy", b"\x93NUMPY\x02\x00" + size + header)
    (bundle / "profile.npz").write_bytes(packed.getvalue())
    reseal(bundle)
    with pytest.raises(EvidenceError, match="not a readable activation profile"):
        read_bundle(bundle)


def test_hostile_strings_do_not_get_into_evidence(evidence, tmp_path):
    hostile = replace(evidence, checkpoint=replace(evidence.checkpoint, source="a\x1b[31m"))
    with pytest.raises(EvidenceError, match="source"):
        write_bundle(hostile, tmp_path / "x")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_garbage_never_gives_anything_but_our_errors(bundle, data):
    name = data.draw(st.sampled_from(BUNDLE_FILES))
    content = data.draw(
        st.binary(max_size=200)
        | st.recursive(
            st.none() | st.integers() | st.text(max_size=9),
            lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=9), c, max_size=3),
        ).map(lambda v: json.dumps(v).encode())
    )
    before = (bundle / name).read_bytes()
    manifest_before = (bundle / MANIFEST).read_bytes()
    try:
        (bundle / name).write_bytes(content)
        if name != MANIFEST:
            reseal(bundle)
        with pytest.raises(GatekeeperError):
            read_bundle(bundle)
    finally:
        (bundle / name).write_bytes(before)
        (bundle / MANIFEST).write_bytes(manifest_before)
