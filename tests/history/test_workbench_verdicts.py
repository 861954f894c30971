"""The page's verdicts are those of the gate: on random evidence and policies, at random limits."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.bundled import bundled
from gatekeeper.history.entry import Entry
from gatekeeper.history.past import Past
from gatekeeper.history.workbench import Slid, audit, under_all_limits
from gatekeeper.history.workbench_page import page_data
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.in_words import wording
from gatekeeper.policy.recalled import Memory
from gatekeeper.policy.workbench.audit import Shared
from gatekeeper.policy.workbench.grid import sliders
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.finding import Finding, Subject
from gatekeeper.records.policy import Policy
from gatekeeper.records.verdict import Verdict
from gatekeeper.report.one_file import embedded

from ..browser.driver import browser
from ..policy.builders import (
    EVIDENCE,
    TODAY,
    make_evidence,
    make_policy,
    make_rule,
    safe,
)
from ..policy.diff.answering import answering
from ..policy.diff.random_evidence import draw
from ..policy.diff.random_policies import random_policy
from ..policy.random_cases import random_case
from ..policy.told import use_metric

#: Pairs that are drawn of each kind (told, drawn, real): always, and by the slow test.
FEW, ALL = (54, 54, 12), (260, 260, 40)
#: Sets of limits of each, beside its own.
MOVES = 4


@dataclass(frozen=True)
class Pair:
    """One audit and one policy, for the page and with the verdicts of the gate."""

    data: dict[str, Any]
    moves: list[list[int]]
    verdicts: list[Verdict]


def past(evidence: Evidence, fail_on: str) -> Past:
    entry = Entry(
        digest="sha256:" + "a" * 64, model="m", checkpoint=evidence.checkpoint.digest,
        finished=TODAY, added=TODAY, label="", policy="", policy_digest="", judged_on=TODAY,
        brief=None, card=None, fail_on=fail_on, files={},
    )  # fmt: skip
    memory = Memory({}, lambda: evidence)
    # Asked without a memory: what is told to a mock must not be remembered.
    return _Plain(entry=entry, home=Path(), memory=memory, baseline=None)


class _Plain(Past):
    @property
    def evidence(self) -> Evidence:
        return self.memory.whole


def pair(evidence: Evidence, policy: Policy, fail_on: str, rng: random.Random, within: Any) -> Pair:
    """The page's data, and what the gate says at random limits; the first are the policy's own."""
    found = sliders(policy)
    moves = [[one.start for one in found]]
    # Near the limit more happens than far from it.
    moves += [[_place(one, rng) for one in found] for _ in range(MOVES)]
    with within:
        shared, one = Shared(), past(evidence, fail_on)
        row = audit(shared, one.entry, under_all_limits(one, policy=policy, day=None))
        slid = Slid(audits=[row], texts=shared.lists, prompts=[], broken=[])
        data = page_data(policy, slid, wording("en"))
        verdicts = [
            evaluate(evidence, moved(policy, places), TODAY, fail_on=fail_on, advise=False)
            for places in moves
        ]
    return Pair(data, moves, verdicts)


def _place(slider: Any, rng: random.Random) -> int:
    last = len(slider.values) - 1
    # Not to the very ends: a limit there is no policy's, and no slider goes there.
    if rng.random() < 0.3:
        return rng.randint(1, last - 1)
    return min(last - 1, max(1, slider.start + round(rng.gauss(0, 15))))


def moved(policy: Policy, places: list[int]) -> Policy:
    """The policy with its limits elsewhere."""
    rules = {rule.id: rule for rule in policy.rules}
    for slider, place in zip(sliders(policy), places, strict=True):
        rule, limit = rules[slider.rule.id], slider.values[place]
        upper = slider.side == "max"
        moved_rule = replace(rule, maximum=limit) if upper else replace(rule, minimum=limit)
        rules[rule.id] = moved_rule
    return replace(policy, rules=tuple(rules.values()))


def told(seed: int) -> Pair:
    """Rules that pass, fail and are open for every reason, waived or not."""
    case = random_case(seed)
    rng, within = random.Random(seed), use_metric(case.metric)
    return pair(case.evidence, case.policy, case.verdict.fail_on, rng, within)


def drawn(seed: int) -> Pair:
    """What comparisons of policies are tested with: parts, regressions, two limits, waivers."""
    rng = random.Random(seed)
    policy = replace(random_policy(rng), needs=replace(make_policy().needs, ks=(4,),
                                                       selectors=("attribution",)))  # fmt: skip
    of = EVIDENCE.checkpoint.digest
    waivers = tuple(replace(w, checkpoint=of if rng.random() < 0.7 else w.checkpoint)
                    for w in policy.waivers)  # fmt: skip
    policy = replace(policy, waivers=waivers)
    numbers = draw(policy, policy, 1, seed)
    known = {ask: numbers.number(0, ask) for ask in numbers.asks}
    within: AbstractContextManager[None] = answering({a: n for a, n in known.items() if n})
    return pair(EVIDENCE, policy, rng.choice(("block", "warn")), rng, within)


def real(seed: int) -> Pair:
    """Real metrics on random replies, with prompts counted: exact tails, open replies, floors."""
    rng = random.Random(seed)
    lost, odd = rng.choice((0.0, 0.1, 0.4, 0.9)), rng.choice((0.0, 0.0, 0.04))

    def outcome(mask: Any, prompt_set: str, i: int) -> str:
        dice = random.Random(f"{seed} {mask.name} {prompt_set} {i}").random()
        if dice < odd:
            return "undecided"
        wrong = mask.arm == "selected" and dice < odd + lost * mask.k / 8
        return "comply" if wrong and prompt_set in {"regular", "jailbreak"} else safe(
            mask, prompt_set, i)  # fmt: skip

    selectors = ("attribution", "ses-contrast")
    counts = {"regular": rng.choice((60, 120)), "benign": 60}
    evidence = make_evidence(outcome, counts=counts, selectors=selectors, ks=(2, 8), controls=2)
    rules = (
        make_rule(id="drop", subjects=(Subject(k=2), Subject(k=8)), maximum=20.0),
        make_rule(id="gross", metric="gross-refusal-loss", unit="%", maximum=30.0,
                  subjects=(Subject(k=8, set="regular"),)),
        make_rule(id="rate", metric="refusal-rate", unit="%", maximum=None, minimum=50.0,
                  bound="lower", subjects=(Subject(set="regular", mask="none"),)),
        make_rule(id="worst", metric="worst-mask-drop", maximum=25.0, severity="warn",
                  subjects=(Subject(k=8, set="regular"),)),
    )  # fmt: skip
    needs = replace(make_policy().needs, selectors=selectors, ks=(2, 8), random_masks=2,
                    prompts={}, power=rng.choice((None, 0.6, 0.8)))  # fmt: skip
    policy = make_policy(*rules, needs=needs)
    from contextlib import nullcontext

    return pair(evidence, policy, "block", rng, nullcontext())


def pairs(counts: tuple[int, int, int]) -> Iterator[Pair]:
    for kind, count in zip((told, drawn, real), counts, strict=True):
        yield from map(kind, range(count))


@pytest.mark.thorough
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("counts", [FEW, pytest.param(ALL, marks=pytest.mark.slow)], ids=sum)
def test_at_any_limits_the_page_says_what_the_gate_says(tmp_path, counts) -> None:
    made, script = list(pairs(counts)), bundled("report_templates") / "workbench" / "verdicts.js"
    harness = tmp_path / "harness.html"
    cases = [{"data": {k: v for k, v in p.data.items() if k != "words"}, "moves": p.moves}
             for p in made]  # fmt: skip
    harness.write_text(
        f'<meta charset="utf-8"><script type="application/json" id="data">{embedded(cases)}'
        f"</script><script>{script.read_text(encoding='utf-8')}</script>",
        encoding="utf-8",
    )
    with browser() as window:
        window.open(harness.as_uri())
        answers = json.loads(window.run(_ASK))
    headlines, fixed = dict[str, int](), 0
    for one, said in zip(made, answers, strict=True):
        (audit,) = one.data["audits"]
        for i, (verdict, answer) in enumerate(zip(one.verdicts, said, strict=True)):
            if audit["fixed"]:  # and so not slid
                fixed += 1
                continue
            assert answer["headline"] == verdict.headline, (one.moves[i], verdict.summary)
            assert answer["rules"] == [_said(o) for o in verdict.outcomes], one.moves[i]
            headlines[verdict.headline] = headlines.get(verdict.headline, 0) + 1
    assert min(headlines.values()) >= len(made) // 28, headlines
    assert len(headlines) == 5, headlines
    assert fixed < 0.2 * len(made) * (MOVES + 1), fixed


_ASK = """
const cases = JSON.parse(document.getElementById("data").textContent);
return JSON.stringify(cases.map(({data, moves}) => { const memory = []; return moves.map((at) => {
  const found = Verdicts.judge(data, data.audits[0], at, memory);
  return {headline: found.headline, rules: found.outcomes.map((one) =>
    [one.result, one.decisive.number ? one.decisive.number[0] : null])};
})}));
"""


def _said(outcome: Any) -> list[Any]:
    decisive = outcome.decisive
    value = float(decisive.value) if isinstance(decisive, Finding) else None
    return [outcome.result, value]
