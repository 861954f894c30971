"""Output directories as `run` leaves them, small and made without a model."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

from gatekeeper.bundled import bundled
from gatekeeper.cli import run
from gatekeeper.commands._verdicts import verdict_bytes
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.metrics import with_findings
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.load import load_policy
from gatekeeper.records.model import CheckpointRef

from ..policy.builders import TODAY, concentrated
from ..policy.profiled import profiled_evidence
from ..typed import some

RELEASE = bundled("policies") / "release.yaml"


def output(
    folder: Path, outcome=concentrated, *, model="candidate", finished: date = TODAY
) -> Path:
    """An output directory: a bundle, its verdict under the release policy, and that policy."""
    evidence = profiled_evidence(outcome)
    times = some(evidence.times)
    ended = times.finished.replace(year=finished.year, month=finished.month, day=finished.day)
    files = {**evidence.checkpoint.files, f"{model}.safetensors": "0" * 64}
    evidence = replace(
        evidence,
        checkpoint=CheckpointRef(source=model, revision=None, files=files),
        times=replace(times, started=ended, finished=ended),
    )
    evidence = write_bundle(with_findings(evidence), folder / "evidence")
    verdict = evaluate(evidence, load_policy(RELEASE), max(TODAY, finished))
    (folder / "verdict.json").write_bytes(verdict_bytes(verdict))
    shutil.copy(RELEASE, folder / "policy.yaml")
    return folder


def policy_with(folder: Path, *changes: tuple[str, str], name: str = "new.yaml") -> Path:
    """The release policy with some of its text changed."""
    text = RELEASE.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def told(capsys, *arguments) -> tuple[int, str, str]:
    """Exit code, and what a command said."""
    capsys.readouterr()
    code = run([*map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err
