from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.policy.departures import departures
from gatekeeper.records.audit_config import AuditConfig
from gatekeeper.records.evidence import AuditSettings, SecondJudge
from gatekeeper.records.option import options_of
from gatekeeper.records.policy import Policy
from gatekeeper.records.reasoning import Reasoning
from gatekeeper.records.verdict import Departure
from tests.commands.options import options
from tests.e2e.cli import SUITE

from .builders import EVIDENCE, make_policy, make_rule

POLICY = make_policy(make_rule())
DEFAULT = AuditConfig()

#: As `gatekeeper run` records them, called without an option of its own.
USUAL = replace(
    EVIDENCE.settings,
    mode=DEFAULT.mode,
    phase=DEFAULT.phase,
    judge=DEFAULT.judge,
    max_new_tokens=DEFAULT.max_new_tokens,
    resamples=DEFAULT.resamples,
    size=max(EVIDENCE.settings.ks),
    budget=DEFAULT.budget,
    roles=DEFAULT.roles,
    selection_share=DEFAULT.selection_share,
    seed=DEFAULT.seed,
    reasoning=Reasoning(),
    positive_control=True,
    metrics={"refusal-rate": 4},
)


def told(settings: AuditSettings, policy: Policy = POLICY) -> tuple[Departure, ...]:
    return departures(replace(EVIDENCE, settings=settings), policy)


def test_an_audit_without_options_has_none() -> None:
    assert told(USUAL) == ()
    # What a policy or the machine decides is none either.
    own = replace(USUAL, selectors=("greedy",), controls=3, batch_rows=1, device="cuda")
    assert told(replace(own, dtype="bfloat16", environments=True)) == ()


@pytest.mark.parametrize(
    ("changes", "departure"),
    [
        ({"size": 1}, ("experts taken per resample", "1", "4")),
        ({"budget": 800}, ("rows for searches, at most", "800", "20000")),
        ({"resamples": 2}, ("resamples", "2", "1000")),
        ({"selection_share": 0.05}, ("requests that select", "5 %", "50 %")),
        ({"seed": 7}, ("seed", "7", "0")),
        ({"window": "last"}, ("window selected by", "last", "each selector's own")),
        ({"max_new_tokens": 4}, ("tokens per reply, at most", "4", "128")),
        (
            {"reasoning": Reasoning(max_tokens=16)},
            ("tokens of reasoning, at most", "16", "1024"),
        ),
        (
            {"reasoning": Reasoning(max_tokens=1024, thinking="off")},
            ("reasoning switched", "off", "template"),
        ),
        (
            {"reasoning": Reasoning(max_tokens=1024, marks=("<a>", "</a>"))},
            ("own marks of reasoning", "<a> </a>", "none"),
        ),
        ({"max_prompts": 9}, ("prompts of each set, at most", "9", "all")),
        ({"mode": "ablate"}, ("masking mode", "ablate", "reroute")),
        ({"phase": "decode"}, ("phase masked", "decode", "both")),
        ({"judge": "refusal-model"}, ("judge", "refusal-model", "refusal-rules")),
        ({"positive_control": False}, ("positive control", "not run", "run")),
        ({"roles": False}, ("roles of experts", "not told apart", "told apart")),
        ({"cross_fit": True}, ("cross-fitted", "yes", "no")),
        ({"sequential": "sha256:1"}, ("masks stopped once limits are settled", "yes", "no")),
        ({"system_prompt_sha256": "ab" * 32}, ("system prompt", "sha256:abababababab…", "none")),
        ({"clock": "2026-01-01"}, ("date that the chat template writes", "2026-01-01", "none")),
        ({"doses": ("ablate",)}, ("weaker masks", "ablate", "none")),
        ({"formats": ("int8",)}, ("other numeric formats", "int8", "none")),
    ],
)
def test_each_setting_that_differs_is_told(changes, departure) -> None:
    name, value, default = departure
    assert told(replace(USUAL, **changes)) == (Departure(name=name, value=value, default=default),)


def test_a_second_judge_is_told_with_a_sample_of_another_size() -> None:
    second = SecondJudge(judge="refusal-model", version=1, settings={}, sample=10)
    found = {one.name: one.value for one in told(replace(USUAL, second=second))}
    assert found == {"second judge": "refusal-model", "replies for the second judge": "10"}


def test_what_an_old_bundle_does_not_record_is_not_told() -> None:
    old = replace(USUAL, resamples=0, size=0, budget=0, roles=False)
    assert told(old) == ()


def test_what_a_policy_pins_is_its_own_business() -> None:
    pins = replace(POLICY.needs.settings, judge="refusal-model", window=64)
    policy = replace(POLICY, needs=replace(POLICY.needs, settings=pins))
    chosen = replace(USUAL, judge="refusal-model", max_new_tokens=64, phase="decode")
    assert [one.name for one in told(chosen, policy)] == ["phase masked"]


def test_an_option_that_is_left_out_is_as_by_default_or_follows_the_policy() -> None:
    typed = options(SUITE).config
    asked = {field: one for field, _, one in options_of(AuditConfig)}
    assert not {field for field, one in asked.items() if one.left_out} & typed.keys()
    assert {"mode", "phase", "roles", "selection_share"} <= typed.keys()
    stops = {"sequential": False}
    assert typed == {field: getattr(DEFAULT, field) for field in typed} | stops
