"""The model and what was measured of it as a CycloneDX 1.7 ML-BOM.

A performance metric of CycloneDX has a type, a value, a slice and an interval, all of them texts:
the unit stands in the type, n and the level of confidence in the slice. CycloneDX has no word for
a verdict; it stands in the properties of the model, under `gatekeeper:`.

Spec: cyclonedx.org/docs/1.7/json, ECMA-424.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gatekeeper.records.finding import Finding
from gatekeeper.records.plugins import Format
from gatekeeper.report.parts import ReportView
from gatekeeper.report.properties import digest_hex, verdict_properties
from gatekeeper.report.text import clean

SCHEMA = "http://cyclonedx.org/schema/bom-1.7.schema.json"


def render(view: object, attachments: Mapping[str, bytes]) -> bytes:
    """The BOM without a serial number, which would be another one each time."""
    assert isinstance(view, ReportView)  # noqa: S101 - narrows the plugin interface
    bom = {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "version": 1,
        "metadata": {
            "timestamp": view.document.created.isoformat(),
            "tools": {
                "components": [
                    {
                        "type": "application",
                        "name": "moe-gatekeeper",
                        "version": view.document.tool_version,
                    }
                ]
            },
            "component": _model(view),
        },
    }
    return (json.dumps(bom, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


def _model(view: ReportView) -> dict[str, Any]:
    """The checkpoint as a component, its files inside it."""
    digest = digest_hex(view.model.digest)
    version = {} if view.model.revision is None else {"version": view.model.revision}
    return {
        "type": "machine-learning-model",
        "bom-ref": f"checkpoint-{digest}",
        "name": view.model.name,
        **version,
        "description": view.model.shape,
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "components": [
            {
                "type": "file",
                "bom-ref": f"checkpoint-{digest}-file-{place}",
                "name": name,
                "hashes": [{"alg": "SHA-256", "content": content}],
            }
            for place, (name, content) in enumerate(view.provenance.files)
        ],
        "modelCard": {"quantitativeAnalysis": {"performanceMetrics": list(_metrics(view))}},
        "properties": list(_properties(view)),
    }


def _metrics(view: ReportView) -> Iterator[dict[str, Any]]:
    for finding in view.findings:
        if isinstance(finding, Finding):
            low, high = finding.interval.low, finding.interval.high
            yield {
                "type": f"{clean(finding.metric, 80)} ({clean(finding.unit, 20)})",
                "value": _number(finding.value),
                "slice": _slice(finding),
                "confidenceInterval": {"lowerBound": _number(low), "upperBound": _number(high)},
            }


def _number(value: float) -> str:
    """A number as text that reads back the same: a point, no thousands, no language."""
    return repr(float(value))


def _slice(finding: Finding) -> str:
    """What a number is of, in the keys of a policy's `at`, with n and the level of confidence."""
    parts = [f"{key}={clean(value, 60)}" for key, value in finding.subject.items()]
    parts += [f"n={finding.n}", f"seeds={finding.clusters}"]
    parts.append(f"confidence={finding.interval.confidence:g}")
    return " ".join([*parts, f"version={finding.version}"])


def _properties(view: ReportView) -> Iterator[dict[str, str]]:
    """The verdict, then what became of each rule and need; a name may come more than once."""
    for name, value in verdict_properties(view):
        yield {"name": f"gatekeeper:{name}", "value": value}
    suite = f"{view.provenance.suite_id} {view.provenance.suite_digest}"
    yield {"name": "gatekeeper:suite", "value": suite}
    # The digest is of a list of files and their hashes, not of one file's bytes.
    yield {"name": "gatekeeper:checkpoint_digest_of", "value": "sha256sum of all files, by name"}
    for row in view.rules:
        yield {"name": f"gatekeeper:rule:{row.id}", "value": f"{row.result}: {row.explanation}"}
    for need in view.requirements:
        state = "met" if need.met else "unmet"
        value = f"{state}: {clean(need.detail, 400)}"
        yield {"name": f"gatekeeper:need:{clean(need.name, 120)}", "value": value}


FORMAT = Format(
    id="cyclonedx", title="CycloneDX 1.7 ML-BOM with what was measured",
    filename="bom.cdx.json", render=render,
)  # fmt: skip
