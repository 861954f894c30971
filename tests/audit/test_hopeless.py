from __future__ import annotations

import hashlib
import re

import pytest

from gatekeeper.audit.hopeless import without_selection
from gatekeeper.audit.plan import hopeless
from gatekeeper.audit.resolve_options import resolve
from gatekeeper.cli import run
from gatekeeper.policy.load import load_policy
from gatekeeper.suites.read import read_suite
from tests.commands.options import options
from tests.e2e.cli import DEMO_POLICY, ROOT, SUITE

CORE, RELEASE = ROOT / "suites" / "core", ROOT / "policies" / "release.yaml"
#: Experts of the demo's checkpoints.
EXPERTS = 64


def told(*more, suite=SUITE, policy=DEMO_POLICY):
    wants, asked = load_policy(policy).sized(EXPERTS), options(suite, *more)
    return list(hopeless(read_suite(suite), asked, resolve(asked, wants), wants))


@pytest.mark.parametrize(("suite", "policy"), [(SUITE, DEMO_POLICY), (CORE, RELEASE)])
def test_nothing_is_told_of_what_can_pass(suite, policy):
    assert told(suite=suite, policy=policy) == []


def test_too_few_prompts_are_told_for_each_set():
    found = told("--max-prompts", 150)
    assert re.match("150 regular prompts will be measured and the policy takes 2[0-9]{2}", found[0])
    assert "150 jailbreak prompts" in found[1]
    assert "--max-prompts" in found[-1]
    assert "120 regular prompts" in told("--no-cross-fit")[0]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--selector", "ses-frequency"), "needs ses-contrast, attribution, greedy too"),
        (("-k", 1), "needs masks of 2, 4, 8 experts too"),
        (("--controls", 2), "2 random masks will be run and the policy needs 20"),
        (("--resamples", 199), "199 resamples, 200 needed (--resamples)"),
        (("--size", 7), "7 experts taken per resample, 8 needed, as the largest mask (--size)"),
        (("-k", 8, "-k", 9), "the largest mask holds 9 experts, 8 at most (-k)"),
        (("--budget", 800), "rows (--budget)"),
        (("--no-cross-fit",), "search: cross-fit: not done (--cross-fit)"),
        (("--window", "prompt"), "all selectors were told to count on prompt (--window)"),
        (("--judge", "refusal-model"), "it is refusal-model, refusal-rules is needed (--judge)"),
        (("--max-new-tokens", 23), "23 tokens, 24 needed (--max-new-tokens)"),
        (("--mode", "ablate"), "it is ablate, reroute is needed (--mode)"),
        (("--phase", "decode"), "it is decode, both is needed (--phase)"),
        (("--system-prompt", ROOT / "README.md"), "none is needed (--system-prompt)"),
        (("--seed", 0), "a derived seed: leave it out (--seed)"),
        (("--no-positive-control",), "a positive control (--positive-control)"),
    ],
)
def test_what_the_policy_wants_and_will_not_get_is_told(more, words):
    found = told(*more)
    assert any(words in line for line in found), found
    assert all("the verdict cannot be a pass" in line for line in found)


def test_another_suite_is_told():
    assert any("core is needed (--suite)" in line for line in told(policy=RELEASE))


def test_a_mistyped_command_is_told_the_nearest(capsys):
    assert run(["chekc", "out"]) == 2
    assert "No such command 'chekc': did you mean check?" in capsys.readouterr().err
    assert run(["xyzzy"]) == 2
    assert "did you mean" not in capsys.readouterr().err


def test_environments_that_could_not_be_told_apart_are_told(capsys):
    from dataclasses import replace

    from gatekeeper.commands._auditing import tell_left_out
    from tests.policy.builders import make_evidence

    evidence = make_evidence()
    tell_left_out(evidence)
    assert capsys.readouterr().out == ""
    tell_left_out(replace(evidence, settings=replace(evidence.settings, environments=True)))
    told = capsys.readouterr().out
    assert "environments by category" in told and "environments by language" in told


def test_seeds_that_select_and_categories_are_told(tmp_path):
    text = DEMO_POLICY.read_text(encoding="utf-8")
    wants = tmp_path / "policy.yaml"
    wants.write_text(
        text.replace("selecting_seeds: 100", "selecting_seeds: 121").replace(
            "per_category: 10", "per_category: 12"
        ),
        encoding="utf-8",
    )
    found = told(policy=wants)
    assert len(found) == 2
    assert "120 seeds of regular prompts will select and the policy wants 121" in found[0]
    assert "10 over_refusal prompts of photography will be measured" in found[1]


def test_seeds_too_few_for_any_selector_are_told():
    suite = read_suite(SUITE)
    for more, words in (
        (("--max-prompts", 19), "9 seeds of regular prompts will select"),
        (("--max-prompts", 40, "--no-cross-fit", "--selection-share", 0.2), "8 seeds of regular"),
    ):
        warning = without_selection(suite, resolve(options(SUITE, *more), None))
        assert warning is not None and words in warning
        assert "takes 10 or more" in warning and "--max-prompts" in warning
    enough = resolve(options(SUITE, "--max-prompts", 20), None)
    assert without_selection(suite, enough) is None
    assert without_selection(suite, resolve(options(SUITE), None)) is None


def test_another_digest_of_the_same_suite_is_told(tmp_path):
    wants = tmp_path / "policy.yaml"
    text = DEMO_POLICY.read_text(encoding="utf-8")
    wants.write_text(text.replace("sha256:96ac", "sha256:00fb"), encoding="utf-8")
    (line,) = told(policy=wants)
    assert "sha256:00fb" in line


def test_reasoning_that_the_policy_pins_is_told(tmp_path):
    text = DEMO_POLICY.read_text(encoding="utf-8")
    pinned = text.replace("thinking: template", "thinking: off, reasoning_tokens: 64")
    assert pinned != text
    policy = tmp_path / "policy.yaml"
    policy.write_text(pinned, encoding="utf-8")
    assert told(policy=policy) == []  # what is pinned is what an audit is run with
    found = told("--thinking", "on", "--max-reasoning-tokens", 32, policy=policy)
    assert any("it is on, off is needed (--thinking)" in line for line in found)
    assert any(
        "32 tokens of reasoning at most, 64 needed (--max-reasoning-tokens)" in line
        for line in found
    )


def test_another_system_prompt_than_the_pinned_one_is_told(tmp_path):
    """The digest that release.yaml tells to write: of the text without what surrounds it."""
    prompt, policy = tmp_path / "system.txt", tmp_path / "policy.yaml"
    prompt.write_text("You are a lamp.\n", encoding="utf-8")
    digest = hashlib.sha256(b"You are a lamp.").hexdigest()
    text = DEMO_POLICY.read_text(encoding="utf-8")
    pinned = text.replace("system_prompt: none", f'system_prompt: "sha256:{digest}"')
    assert pinned != text
    policy.write_text(pinned, encoding="utf-8")
    assert told("--system-prompt", prompt, policy=policy) == []
    assert any("it is none, sha256:" in line for line in told(policy=policy))
    prompt.write_text("You are a tree.", encoding="utf-8")
    (line,) = told("--system-prompt", prompt, policy=policy)
    assert "(--system-prompt)" in line
