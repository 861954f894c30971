"""Forms and texts that people outside are met with: valid, and of things that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from gatekeeper import catalog

from .linters import ROOT, check, tool

GITHUB = ROOT / ".github"
FORMS = sorted(p for p in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if p.name != "config.yml")
CONFIG = GITHUB / "ISSUE_TEMPLATE/config.yml"
PULL_REQUEST = GITHUB / "pull_request_template.md"
SECURITY = ROOT / "SECURITY.md"
PRIVATE = "https://github.com/moe-gatekeeper/gatekeeper/security/advisories/new"


@pytest.mark.parametrize(
    ("schema", "files"),
    [("vendor.github-issue-forms", FORMS), ("vendor.github-issue-config", [CONFIG])],
)
def test_forms_meet_githubs_schemas(schema: str, files: list[Path]) -> None:
    assert files
    check(tool("check-jsonschema"), "--builtin-schema", schema, *map(str, files))


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_a_form_warns_of_what_is_restricted_and_asks_for_the_version(path: Path) -> None:
    body = yaml.safe_load(path.read_text("utf-8"))["body"]
    assert body[0]["type"] == "markdown"
    assert "Leave out prompts, completions, expert ids" in body[0]["attributes"]["value"]
    fields = {field["id"]: field for field in body if "id" in field}
    assert len(fields) == len(body) - 1
    assert "gatekeeper --version" in fields["machine"]["attributes"]["label"]
    (promise,) = fields["clean"]["attributes"]["options"]
    assert promise["required"] is True
    asked = [field for name, field in fields.items() if name != "clean"]
    assert all(field["validations"]["required"] for field in asked)


def test_a_weakness_is_never_sent_to_an_open_issue() -> None:
    config = yaml.safe_load(CONFIG.read_text("utf-8"))
    assert config["blank_issues_enabled"] is False
    assert [link["url"] for link in config["contact_links"]] == [PRIVATE]
    assert PRIVATE in SECURITY.read_text("utf-8")


@pytest.mark.parametrize(
    "path", [SECURITY, PULL_REQUEST, CONFIG, *FORMS], ids=lambda path: path.name
)
def test_commands_targets_and_files_that_are_named_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    commands = re.findall(r"`gatekeeper ([a-z]\S*?)[` ]", text)
    assert set(commands) <= set(catalog.names("command"))
    targets = set(re.findall(r"`make ([a-z-]+)", text))
    declared = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert declared is not None
    assert targets <= set(declared[1].split())
    files = re.findall(r"\b(?:docs/)?[\w-]+\.md\b", text)
    assert [name for name in files if not (ROOT / name).is_file()] == []


def test_the_pull_request_template_asks_for_what_contributing_asks_for() -> None:
    text = PULL_REQUEST.read_text("utf-8")
    assert {"`make test`", "`make test-all`", "`CHANGELOG.md`"} <= set(re.findall(r"`.+?`", text))
    assert len(re.findall(r"^- \[ \] ", text, re.MULTILINE)) >= 4
