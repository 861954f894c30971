"""Reports in PDF as this version makes them, and the same with other attachments."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pypdf import PdfReader, PdfWriter

from gatekeeper.cli import run
from gatekeeper.evidence.bundle import write_bundle

from ..policy.profiled import profiled_evidence
from ..typed import some

TODAY = datetime.now(UTC).date()
POLICY = """\
schema: gatekeeper/policy/v1
id: synthetic
version: "1"
title: Synthetic policy
owner: risk@example.com
evidence:
  selectors: [attribution]
  k: [4]
  prompts: {regular: 40}
rules:
  - id: drop
    metric: refusal-drop
    at: {k: 4}
    max: 14 points
"""
WAIVERS = """\
schema: gatekeeper/waivers/v1
waivers:
  - rule: drop
    checkpoint: DIGEST
    reason: Known.
    owner: a@example.com
    approver: b@example.com
    issued: ISSUED
    expires: EXPIRES
    not_above: 100 points
"""
Files = dict[str, bytes]


def made(folder: Path, outcome, *, waived: bool, level: str = "committee") -> Path:
    """An output directory with a report.pdf."""
    evidence = profiled_evidence(outcome)
    times = replace(some(evidence.times), secret="5" * 64)
    evidence = write_bundle(replace(evidence, times=times), folder / "evidence")
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    text = WAIVERS.replace("DIGEST", evidence.checkpoint.digest)
    text = text.replace("ISSUED", str(TODAY)).replace("EXPIRES", str(TODAY + timedelta(days=9)))
    options = ["--policy", str(folder / "policy.yaml")]
    if waived:
        (folder / "waivers.yaml").write_text(text, encoding="utf-8")
        options += ["--waivers", str(folder / "waivers.yaml")]
    run(["check", str(folder), *options, "--out", str(folder / "verdict.json")])
    assert run(["report", str(folder), *options, "--level", level]) == 0
    return folder


def attached(folder: Path) -> Files:
    reader = PdfReader(folder / "report.pdf")
    return {name: data[0] for name, data in reader.attachments.items()}


def replaced(folder: Path, files: dict[str, bytes | None]) -> bytes:
    """The PDF with other bytes in its attachments, or without one; its pages as they were."""
    writer = PdfWriter(clone_from=folder / "report.pdf")
    root: Any = writer.root_object
    names = root["/Names"]["/EmbeddedFiles"].get_object()["/Names"]
    for name, data in files.items():
        place = next(i for i in range(0, len(names), 2) if names[i + 1]["/UF"] == name)
        if data is None:
            associated = root["/AF"]
            gone = next(i for i, one in enumerate(associated) if one.get_object()["/UF"] == name)
            del associated[gone], names[place : place + 2]
        else:
            names[place + 1]["/EF"]["/F"].get_object().set_data(data)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
