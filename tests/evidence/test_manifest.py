"""A manifest that fits its files, and says something else: each is refused in one line."""

from __future__ import annotations

import hashlib
import json

import pytest

from gatekeeper.cli import run
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.records.bundle_files import MANIFEST

from .whole import OLDER, whole_evidence


@pytest.fixture
def bundle(tmp_path):
    write_bundle(whole_evidence(), tmp_path / "bundle")
    return tmp_path / "bundle"


def empty(bundle, name):
    (bundle / name).write_bytes(b"")
    return {"name": name, "digest": {"sha256": hashlib.sha256(b"").hexdigest()}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s, _: s["predicate"].update(tool="someone else 9"), "another tool or checkpoint"),
        (lambda s, _: s["predicate"].update(checkpoint="sha256:" + "0" * 64), "another tool or"),
        (lambda s, _: s["predicate"].pop("checkpoint"), "another tool or checkpoint"),
        (lambda s, _: s["predicate"].update(more=1), "or says more"),
        (lambda s, _: s.update(predicate=None), "another tool or checkpoint"),
        (lambda s, _: s.update(more=1), "or says more"),
        (lambda s, _: s["subject"][0].update(uri="https://example.com"), "or says more"),
        (lambda s, _: s["subject"][0]["digest"].update(sha512="0" * 128), "or says more"),
        (lambda s, _: s["subject"].append(s["subject"][0]), "names a file twice"),
        (lambda s, _: s["subject"].pop(), "does not name trials.jsonl.gz"),
        (lambda s, b: s["subject"].append(empty(b, "more.json")), "no bundle has, more.json"),
        (lambda s, _: s["subject"][0].update(name="/etc/passwd"), "unsafe file name"),
        (lambda s, _: s["subject"][0].update(name="../evidence.json"), "unsafe file name"),
        (lambda s, _: s["subject"][0].update(digest={"md5": "0" * 32}), "not a readable manifest"),
        (lambda s, _: s["subject"][0]["digest"].update(sha256="0" * 63), "no sha256"),
        (lambda s, _: s["subject"][0]["digest"].update(sha256=5), "no sha256"),
        (lambda s, _: s.update(_type="https://in-toto.io/Statement/v2"), "not a manifest that"),
        (lambda s, _: s.update(predicateType="x"), "not a manifest that"),
    ],
)
def test_what_it_says_is_held_against_the_bundle(bundle, capsys, change, words):
    statement = json.loads((bundle / MANIFEST).read_bytes())
    change(statement, bundle)
    (bundle / MANIFEST).write_text(json.dumps(statement))
    assert run(["verify", str(bundle)]) == 12
    error = capsys.readouterr().err
    assert words in error
    assert len(error.strip().splitlines()) == 1


def test_the_order_of_its_files_and_its_spaces_mean_nothing(bundle):
    statement = json.loads((bundle / MANIFEST).read_bytes())
    statement["subject"].reverse()
    (bundle / MANIFEST).write_text(json.dumps(statement, indent=2))
    assert run(["verify", str(bundle)]) == OLDER
