from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace

import pytest

from gatekeeper.cli import run
from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.evidence.merkle import commit, leaf_hash, path_to, root_from, salt_of
from gatekeeper.evidence.trials_io import trial_lines

from ..policy.profiled import profiled_evidence
from ..typed import some
from .sealing import edit, reseal

SECRET = bytes(range(32))


def by_definition(hashes: list[bytes]) -> bytes:
    """RFC 6962, 2.1, as it stands there."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    left, right = by_definition(hashes[:k]), by_definition(hashes[k:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("count", [*range(18), 31, 32, 33, 100])
def test_root_and_paths_are_those_of_rfc_6962(count: int) -> None:
    rows = [f"row {i}".encode() for i in range(count)]
    hashes = [leaf_hash(salt_of(SECRET, i), row) for i, row in enumerate(rows)]
    made = commit(SECRET, rows)
    assert made.leaves == count and made.root == by_definition(hashes).hex()
    for i, leaf in enumerate(hashes):
        path = path_to(hashes, i)
        assert some(root_from(leaf, i, count, path)).hex() == made.root
        assert root_from(leaf, i, count, [*path, b""]) is None
        if count > 1:
            other = root_from(leaf, (i + 1) % count, count, path)
            assert other is None or other.hex() != made.root


def test_the_leaf_and_node_hashes_are_those_of_the_rfc() -> None:
    """Vectors of the certificate transparency project: leaves of no bytes, and of one zero byte."""
    empty = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert leaf_hash(b"", b"").hex() == empty
    zero = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
    assert leaf_hash(b"", b"\x00").hex() == zero
    both = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert some(root_from(bytes.fromhex(empty), 0, 2, [bytes.fromhex(zero)])).hex() == both


def test_equal_rows_have_unequal_leaves() -> None:
    """A reply that is one of a few cannot be told from its hash, nor from those of others."""
    hashes = {leaf_hash(salt_of(SECRET, i), b"the same") for i in range(10)}
    assert len(hashes) == 10
    assert commit(SECRET, [b"a"]) != commit(bytes(32), [b"a"])


@pytest.fixture
def bundle(tmp_path):
    evidence = profiled_evidence()
    times = replace(some(evidence.times), secret=SECRET.hex())
    write_bundle(replace(evidence, times=times), tmp_path)
    return tmp_path


def test_a_bundle_commits_to_its_trials(bundle) -> None:
    predicate = json.loads((bundle / "manifest.json").read_text())["predicate"]
    lines = gzip.decompress((bundle / "trials.jsonl.gz").read_bytes()).splitlines()
    made = commit(SECRET, lines)
    assert predicate["trials"] == {"merkle_root": made.root, "leaves": len(lines)}
    evidence = read_bundle(bundle)
    assert list(trial_lines(evidence.trials)) == lines
    assert some(evidence.times).secret == SECRET.hex()
    assert SECRET.hex() not in repr(evidence.times)


def test_a_bundle_of_before_has_none_and_is_read(tmp_path) -> None:
    write_bundle(profiled_evidence(), tmp_path)
    assert "trials" not in json.loads((tmp_path / "manifest.json").read_text())["predicate"]
    assert run(["verify", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda trials: trials.update(merkle_root="0" * 64),
        lambda trials: trials.update(leaves=3),
        lambda trials: trials.update(more=3),
        dict.clear,
    ],
)
def test_another_commitment_is_refused(bundle, change) -> None:
    data = json.loads((bundle / "manifest.json").read_text())
    change(data["predicate"]["trials"])
    (bundle / "manifest.json").write_text(json.dumps(data))
    with pytest.raises(EvidenceError, match="commits to other trials"):
        read_bundle(bundle)


def test_a_commitment_that_was_taken_out_is_missed(bundle) -> None:
    reseal(bundle)
    with pytest.raises(EvidenceError, match="commits to other trials"):
        read_bundle(bundle)


@pytest.mark.parametrize("secret", [None, 3, "", "00", "G" * 64, "A" * 64])
def test_a_secret_is_64_digits(bundle, secret) -> None:
    edit(bundle, "run.json", lambda data: data.update(secret=secret))
    with pytest.raises(EvidenceError, match="not a run record"):
        read_bundle(bundle)
