from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from jsonschema import Draft202012Validator

from gatekeeper.formats import in_toto

from ..report.synthetic import audit
from .rendered import attachments, rendered, view

PREDICATE = json.loads(Path(in_toto.__file__).with_name("in-toto-verdict-v1.json").read_text())


def _statement(data: bytes) -> Any:
    statement = json.loads(data)
    # The framework has no JSON Schema; this is spec/v1/statement.md.
    assert set(statement) == {"_type", "subject", "predicateType", "predicate"}
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    Draft202012Validator.check_schema(PREDICATE)
    Draft202012Validator(PREDICATE).validate(statement["predicate"])
    return statement


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_it_is_a_statement_about_the_checkpoint(kind: str) -> None:
    statement, verdict = _statement(rendered("in-toto", kind)), audit(kind).verdict
    digest = verdict.checkpoint_digest.removeprefix("sha256:")
    assert statement["subject"] == [{"name": "synthetic-moe-chat", "digest": {"sha256": digest}}]
    predicate = statement["predicate"]
    assert (predicate["result"], predicate["headline"]) == (verdict.result, verdict.headline)
    assert {r["id"]: r["result"] for r in predicate["rules"]} == {
        o.rule.id: o.result for o in verdict.outcomes
    }
    assert {r["id"] for r in predicate["rules"] if r["blocks"]} == {
        o.rule.id for o in verdict.outcomes if verdict.blocks(o)
    }


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_nobody_elses_words_for_passed_are_used(kind: str) -> None:
    """Neither SLSA's VSA nor test-result has a word for a gate that could not tell."""
    text = rendered("in-toto", kind).decode()
    assert json.loads(text)["predicateType"] == "https://moe-gatekeeper.github.io/verdict/v1"
    for word in ("PASSED", "WARNED", "FAILED", "verificationResult", "slsa.dev"):
        assert word not in text


def test_it_names_what_the_verdict_rests_on_by_digest() -> None:
    basis = {
        file["name"]: file["digest"]["sha256"]
        for file in _statement(rendered("in-toto", "fail"))["predicate"]["basis"]
    }
    stored = attachments("fail")["verdict.json"]
    assert basis["verdict.json"] == hashlib.sha256(stored).hexdigest()
    assert basis["evidence.json"] == audit("fail").verdict.evidence_digest.removeprefix("sha256:")
    bare = _statement(in_toto.render(view("fail"), {}))["predicate"]["basis"]
    assert [file["name"] for file in bare] == ["evidence.json"]


def test_it_is_canonical_so_that_a_signature_is_of_the_same_bytes() -> None:
    data = rendered("in-toto", "fail")
    assert rfc8785.dumps(json.loads(data)) + b"\n" == data
