from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from gatekeeper.records.finding import Finding
from gatekeeper.report.disclosure import Disclosure

from ..report.synthetic import audit
from .rendered import rendered, view
from .schemas import cyclonedx_problems


def _model(data: bytes) -> Any:
    bom = json.loads(data)
    assert cyclonedx_problems(bom) == []
    return bom["metadata"]["component"]


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
@pytest.mark.parametrize("level", list(Disclosure))
def test_it_follows_the_schema_of_1_7(kind: str, level: Disclosure) -> None:
    bom = json.loads(rendered("cyclonedx", kind, level))
    assert cyclonedx_problems(bom) == []
    assert (bom["specVersion"], bom["version"]) == ("1.7", 1)
    assert "serialNumber" not in bom


def test_the_model_has_the_hashes_of_the_checkpoint_and_of_its_files() -> None:
    model, checkpoint = _model(rendered("cyclonedx", "fail")), audit("fail").evidence.checkpoint
    assert model["type"] == "machine-learning-model"
    content = checkpoint.digest.removeprefix("sha256:")
    assert model["hashes"] == [{"alg": "SHA-256", "content": content}]
    files = {one["name"]: one["hashes"][0]["content"] for one in model["components"]}
    assert files == dict(checkpoint.files)
    # As the format says of the digest: what `sha256sum` prints of the files, by name.
    lines = "".join(f"{files[name]}  {name}\n" for name in sorted(files))
    assert hashlib.sha256(lines.encode()).hexdigest() == content


def test_each_finding_is_a_metric_with_its_slice_and_interval() -> None:
    card = _model(rendered("cyclonedx", "fail"))["modelCard"]
    metrics = card["quantitativeAnalysis"]["performanceMetrics"]
    findings = [f for f in view("fail").findings if isinstance(f, Finding)]
    assert len(metrics) == len(findings) > 10
    for metric, finding in zip(metrics, findings, strict=True):
        assert metric["type"] == f"{finding.metric} ({finding.unit})"
        assert float(metric["value"]) == finding.value
        interval = metric["confidenceInterval"]
        assert float(interval["lowerBound"]) == finding.interval.low
        assert float(interval["upperBound"]) == finding.interval.high
        told = dict(part.split("=", 1) for part in metric["slice"].split(" ") if "=" in part)
        assert told["n"] == str(finding.n)
        assert float(told["confidence"]) == finding.interval.confidence
        assert told.get("k") == (None if finding.subject.k is None else str(finding.subject.k))


def test_the_verdict_and_what_became_of_each_rule_stand_in_properties() -> None:
    said = [(p["name"], p["value"]) for p in _model(rendered("cyclonedx", "pass"))["properties"]]
    properties = dict(said)
    assert properties["gatekeeper:verdict"] == "pass"
    assert properties["gatekeeper:headline"] == "passed by exception"
    assert properties["gatekeeper:rule:over-refusal"].startswith("waived: ")
    assert "b.risk@example.com" in properties["gatekeeper:waived"]
    assert properties["gatekeeper:need:judge"].startswith("met: ")
