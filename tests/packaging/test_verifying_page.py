"""What docs/verifying.md tells an auditor to paste: each line runs, in the page's order."""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gatekeeper.cli import run
from gatekeeper.evidence.bundle import write_bundle

from ..certificates import issued
from ..policy.builders import concentrated
from ..policy.profiled import profiled_evidence
from ..typed import some
from .test_policies_page import POLICY

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "verifying.md").read_text(encoding="utf-8")
LINES = [
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line
]


@pytest.mark.thorough
def test_every_line_runs_as_the_page_says(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    evidence = profiled_evidence(concentrated)
    times = replace(some(evidence.times), secret="5" * 64)
    write_bundle(replace(evidence, times=times), tmp_path / "out" / "evidence")
    for name in ("out/policy.yaml", "approved.yaml"):
        Path(name).write_text(POLICY, encoding="utf-8")
    policy = ["--policy", "approved.yaml"]
    assert run(["check", "out", *policy, "--out", "out/verdict.json"]) == 10
    assert run(["report", "out", *policy]) == 0
    shutil.copy("out/report.pdf", "report.pdf")
    signer = issued()
    Path("signer.pem").write_bytes(signer.pem)
    Path("signer.p12").write_bytes(signer.pkcs12())
    assert run(["report", "out", *policy, "--out", "signed", "--pdf-cert", "signer.p12"]) == 0
    shutil.move("signed/report.pdf", "signed.pdf")
    assert len(LINES) >= 5
    for line in LINES:
        command, _, comment = line.partition("  #")
        said = re.search(r"exit code ([0-9]+)", comment)
        capsys.readouterr()
        code = run(shlex.split(command)[1:])
        assert code == (int(said[1]) if said else 0), (line, capsys.readouterr())
