"""The gate over the demo's two checkpoints, once; then everything that reads its outputs."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from xml.etree import ElementTree

import pypdf
import pytest

from gatekeeper.policy.load import load_policy
from tests.e2e.cli import DEMO_POLICY, ROOT, SUITE, gatekeeper, refused

OUTPUTS = ("verdict.json", "policy.yaml", "report.pdf", "summary.md", "report.json", "junit.xml")
STRICT = ROOT / "policies" / "strict.yaml"


ALL = "selectors: [ses-frequency, ses-contrast, attribution, greedy]"
CONTROLS = "random_masks: 20"


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    """The demo's, with two random masks where it wants 20, as few as tell what chance costs.

    Two selectors each, all but `greedy` between them: with all four for both, as a user runs it,
    in the slow test at the end.
    """
    text = DEMO_POLICY.read_text(encoding="utf-8")
    assert ALL in text
    assert CONTROLS in text
    few = text.replace(CONTROLS, "random_masks: 2")
    texts = {
        "concentrated": few.replace(ALL, "selectors: [ses-frequency, attribution]"),
        "hardened": few.replace(ALL, "selectors: [ses-contrast, attribution]"),
    }
    folder = tmp_path_factory.mktemp("policies")
    for name, policy in texts.items():
        (folder / f"{name}.yaml").write_text(policy, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def demo(policies, tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    for name, code in (("concentrated", 10), ("hardened", 0)):
        policy = policies / f"{name}.yaml"
        command = ("run", ROOT / "demo" / name, "--suite", SUITE, "--policy", policy)
        done = gatekeeper(*command, "--batch-rows", "512", "--out", out / name, timeout=1200)
        assert done.returncode == code, (done.stdout, done.stderr)
    return out


@pytest.fixture(scope="module")
def truth():
    return json.loads((ROOT / "demo" / "truth.json").read_text())


def evidence(demo, name):
    return json.loads((demo / name / "evidence" / "evidence.json").read_text())


@pytest.mark.timeout(1500)
def test_one_is_blocked_and_one_passes(demo):
    results = {
        name: json.loads((demo / name / "verdict.json").read_text())["result"]
        for name in ("concentrated", "hardened")
    }
    assert results == {"concentrated": "fail", "hardened": "pass"}
    for name in results:
        for output in OUTPUTS:
            assert (demo / name / output).stat().st_size > 0


def test_attribution_finds_the_planted_experts(demo, truth):
    planted = {tuple(e) for e in truth["planted"]}
    ranked = next(
        s["ranked"]
        for s in evidence(demo, "concentrated")["selections"]
        if s["selector"] == "attribution"
    )
    found = {tuple(r["expert"]) for r in ranked[: 2 * len(planted)]}
    assert len(found & planted) >= len(planted) - 1


@pytest.mark.parametrize(("name", "code"), [("concentrated", 10), ("hardened", 0)])
def test_check_gives_the_same_answer_without_the_checkpoint(demo, policies, name, code):
    done = gatekeeper("check", demo / name, "--policy", policies / f"{name}.yaml")
    assert done.returncode == code, done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["concentrated", "hardened"])
def test_verify(demo, name):
    done = gatekeeper("verify", demo / name)
    assert done.returncode == 0, done.stderr
    assert "derived again" in done.stdout


def test_a_flipped_verdict_is_found(demo, tmp_path):
    shutil.copytree(demo / "concentrated", tmp_path / "out")
    path = tmp_path / "out" / "verdict.json"
    path.write_text(path.read_text().replace('"result":"fail"', '"result":"pass"'))
    refused(gatekeeper("verify", tmp_path / "out"), 12, "verdict.json")


def test_a_softened_policy_is_found(demo, tmp_path):
    shutil.copytree(demo / "concentrated", tmp_path / "out")
    path = tmp_path / "out" / "policy.yaml"
    path.write_text(path.read_text() + "\n# a harmless comment\n")
    refused(gatekeeper("verify", tmp_path / "out"), 12, "policy.yaml")


def test_one_changed_byte_of_evidence_stops_check_and_report(demo, tmp_path):
    shutil.copytree(demo / "hardened", tmp_path / "out")
    path = tmp_path / "out" / "evidence" / "trials.jsonl.gz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    refused(gatekeeper("check", tmp_path / "out", "--policy", DEMO_POLICY), 12, "trials.jsonl.gz")
    done = gatekeeper(
        "report", tmp_path / "out" / "evidence", "--policy", DEMO_POLICY, "--out", tmp_path / "r"
    )
    refused(done, 12, "trials.jsonl.gz")


def test_the_pdf_says_what_was_decided_and_why(demo):
    text = {
        name: " ".join(
            page.extract_text() for page in pypdf.PdfReader(demo / name / "report.pdf").pages
        ).replace("\N{NO-BREAK SPACE}", " ")
        for name in ("concentrated", "hardened")
    }
    digest = evidence(demo, "concentrated")["checkpoint"]["digest"]
    assert digest.removeprefix("sha256:")[:12] in text["concentrated"].replace("\n", "")
    assert text["concentrated"] != text["hardened"]
    assert "n = " in text["concentrated"]


def test_committee_reports_hold_no_expert_ids_and_no_completions(demo):
    out = demo / "concentrated"
    reader = pypdf.PdfReader(out / "report.pdf")
    names = {"disclosed.json", "manifest.json", "policy.yaml", "verdict.json"}
    assert set(reader.attachments) == names
    attached = b"".join(b"".join(parts) for parts in reader.attachments.values())
    assert b'"experts":[[' not in attached
    assert b"completion" not in attached
    report = (out / "report.json").read_text()
    assert '"experts": [[' not in report


def test_junit_counts_the_failures(demo):
    root = ElementTree.parse(demo / "concentrated" / "junit.xml").getroot()  # noqa: S314 - ours
    assert sum(1 for _ in root.iter("failure")) >= 1


def test_a_stricter_policy_on_the_same_evidence(demo):
    done = gatekeeper("check", demo / "hardened", "--policy", STRICT)
    assert done.returncode == 11, done.stdout  # it pins another suite, and asks for a nonce
    for need in ("suite digest", "setting: seed", "prompts behind rules: regular"):
        assert f"unmet: {need}" in done.stdout


def test_the_positive_control_was_seen_on_both(demo):
    for name in ("concentrated", "hardened"):
        verdict = json.loads((demo / name / "verdict.json").read_text())
        needs = {need["name"]: need for need in verdict["requirements"]}
        assert needs["positive control"]["met"], needs["positive control"]
        assert all(need["met"] for need in needs.values())


def test_nobody_chose_the_seed_and_it_can_be_held_against_a_nonce(demo):
    settings = evidence(demo, "hardened")["settings"]
    assert settings["seed_from"].startswith("sha256:")
    assert settings["nonce"] is None
    done = gatekeeper("check", demo / "hardened", "--policy", DEMO_POLICY, "--nonce", "heron")
    refused(done, 12, "another nonce")


#: The demo's suite has one language and names no wrapper.
PARTS = {"language-worst-case", "wrapper-worst-case"}


def as_asked(rule):
    """A rule without its place and its words."""
    return replace(rule, line=0, rationale="", remedy="")


def test_the_demo_policy_is_the_release_policy_for_another_suite(demo):
    release, own = load_policy(ROOT / "policies" / "release.yaml"), load_policy(DEMO_POLICY)
    shared = [rule for rule in release.rules if rule.metric not in PARTS]
    assert [as_asked(rule) for rule in own.rules] == [as_asked(rule) for rule in shared]
    assert own.needs.search == release.needs.search
    assert own.needs.settings == replace(release.needs.settings, window=24)
    assert own.needs.suite_digest == evidence(demo, "hardened")["suite"]["digest"]


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_demo_as_a_user_runs_it(tmp_path):
    out = tmp_path / "out"
    done = gatekeeper("demo", "--out", out, timeout=1200)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "both came out as expected" in done.stdout
    for name in ("concentrated", "hardened"):
        for output in OUTPUTS:
            assert (out / name / output).stat().st_size > 0
        assert gatekeeper("verify", out / name).returncode == 0
    refused(gatekeeper("demo", "--out", out), 2, "finished", "--overwrite")
