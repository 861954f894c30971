"""What docs/formats.md tells: every format, commands that exist, filters that do as it says."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from gatekeeper import catalog

from ..formats.rendered import rendered

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
FILTERS = re.findall(r"jq (?:-r )?'(.*?)'", PAGE, re.DOTALL)


def _jq(program: str, data: bytes) -> str:
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("no jq on PATH")
    ran = subprocess.run([jq, "-r", program], input=data, capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.decode()


def test_every_format_is_in_the_table_with_its_file() -> None:
    rows = dict(re.findall(r"^\| `([a-z][a-z-]*)` \| `?([^`|]+)`? \|", PAGE, re.MULTILINE))
    files = {name: catalog.load("format", name).filename for name in catalog.names("format")}
    assert {name: row.strip() for name, row in rows.items()} == {**files, "console": "(terminal)"}


def test_commands_name_formats_and_options_there_are() -> None:
    commands = re.findall(r"^\s*-? ?gatekeeper (report|check) (.*)$", PAGE, re.MULTILINE)
    assert len(commands) >= 5
    for name, words in commands:
        command = catalog.load("command", name)
        options = {flag for p in command.params for flag in p.opts}
        assert set(re.findall(r"--[a-z-]+", words)) <= options
        assert set(re.findall(r"--format ([a-z-]+)", words)) <= set(catalog.names("format"))


def test_yaml_that_is_to_be_pasted_is_yaml() -> None:
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL):
        assert yaml.safe_load(block)


@pytest.mark.parametrize("kind", ["fail", "pass", "inconclusive"])
def test_what_goes_to_github_is_neither_passed_nor_waived(kind: str) -> None:
    (program,) = (f for f in FILTERS if "suppressions" in f)
    log = json.loads(rendered("sarif", kind))
    kept = json.loads(_jq(program, rendered("sarif", kind)))["runs"][0]["results"]
    wanted = [
        r
        for r in log["runs"][0]["results"]
        if r["kind"] in {"fail", "open"} and not r["suppressions"]
    ]
    assert kept == wanted
    assert bool(kept) is (kind != "pass")


def test_the_list_of_files_in_the_bom_has_the_digest_of_the_statement() -> None:
    (program,) = (f for f in FILTERS if "components" in f)
    listed = _jq(program, rendered("cyclonedx", "fail"))
    (subject,) = json.loads(rendered("in-toto", "fail"))["subject"]
    assert hashlib.sha256(listed.encode()).hexdigest() == subject["digest"]["sha256"]
