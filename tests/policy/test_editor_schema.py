"""The schema for editors: what there is to choose from, and no policy that loads is marked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from gatekeeper import catalog
from gatekeeper.bundled import bundled, shipped_policies
from gatekeeper.cli import run
from gatekeeper.policy.editor_schema import FILE, as_text, completed
from gatekeeper.policy.schema import validator
from gatekeeper.policy.yaml_marks import read_yaml

CHECK = Draft202012Validator(completed())
POLICIES = [*shipped_policies(), bundled("demo") / "policy.yaml"]
RULE = {"id": "r", "metric": "refusal-drop", "at": {"k": 4}, "max": "10 points"}


def marked(**changes) -> list[str]:
    rule = {key: value for key, value in (RULE | changes).items() if value is not None}
    policy = {
        "schema": "gatekeeper/policy/v1", "id": "p", "version": "1", "title": "P",
        "owner": "a@example.com", "rules": [rule],
    }  # fmt: skip
    return [error.json_path for error in CHECK.iter_errors(policy)]


def test_the_shipped_file_is_up_to_date() -> None:
    told = "run gatekeeper policy schema --out gatekeeper/policy/policy-v1-editor.json"
    assert FILE.read_text(encoding="utf-8") == as_text(), told
    Draft202012Validator.check_schema(completed())
    assert completed()["$id"].endswith("/schemas/policy-v1-editor.json")
    assert completed()["$id"] != json.loads(json.dumps(validator("policy-v1").schema))["$id"]


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_shipped_policy_is_marked(path: Path) -> None:
    assert [error.message for error in CHECK.iter_errors(read_yaml(path).data)] == []


def test_it_knows_what_the_catalog_knows() -> None:
    schema = completed()
    rule, evidence = schema["$defs"]["rule"], schema["$defs"]["evidence"]["properties"]
    assert rule["properties"]["metric"]["enum"] == list(catalog.names("metric"))
    assert all(rule["properties"]["metric"]["markdownEnumDescriptions"])
    assert evidence["selectors"]["items"]["enum"] == list(catalog.names("selector"))
    judges = evidence["settings"]["properties"]["judge"]["enum"]
    assert judges == list(catalog.names("judge"))
    known = {part["if"]["properties"]["metric"]["const"]: part["then"] for part in rule["allOf"]
             if "metric" in part.get("if", {}).get("properties", {})}  # fmt: skip
    for name in catalog.names("metric"):
        metric = catalog.load("metric", name)
        at = known[name]["properties"]["at"]
        assert at["propertyNames"]["enum"] == list(metric.parameters)
        assert metric.unit in known[name]["properties"]["max"]["pattern"]


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 0),
        ({"metric": "refusal-dorp"}, 1),
        ({"max": "10 %"}, 1),
        ({"at": {"k": 4, "loss": 3}}, 1),
        ({"at": None}, 1),
        ({"at": {"set": "regular"}}, 1),
        ({"max": None, "min": "10 points"}, 1),
        ({"metric": "refusal-rate", "at": {"set": "regular"}, "max": "9 %"}, 1),
        ({"metric": "refusal-rate", "at": {"set": "benign"}, "max": "9 %"}, 0),
        ({"metric": "refusal-rate", "at": {"set": "benign"}, "max": None, "min": "9 %"}, 1),
        ({"metric": "refusal-rate", "at": {"set": "jailbreak"}, "max": None, "min": "9 %"}, 0),
    ],
)
def test_it_marks_what_does_not_fit_the_metric(changes, count: int) -> None:
    assert len(marked(**changes)) == count


def test_the_command_prints_and_writes_it(tmp_path: Path, capsys) -> None:
    assert run(["policy", "schema"]) == 0
    assert capsys.readouterr().out == as_text()
    assert run(["policy", "schema", "--out", str(tmp_path / "s.json")]) == 0
    assert (tmp_path / "s.json").read_text(encoding="utf-8") == as_text()
    assert run(["policy", "schema", "--out", str(tmp_path / "no" / "s.json")]) == 2
