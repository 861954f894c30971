"""Searches made blind on purpose: what the gate says of them with and without `evidence.search`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.load import load_policy
from gatekeeper.records.policy import Policy, SearchNeeds, SettingsNeeds
from tools.validate.search_audit import SELECTORS, Search, audited
from tools.validate.search_world import FOUND, SEEDS, SOUND, WORLDS
from tools.validate.table import Table

_POLICY = Path("policies/release.yaml")
_RUNS, _QUICK = 30, 3
_TODAY = date(2026, 1, 1)
#: Metrics whose rules are kept: those of selected masks on harmful prompts, and of no mask there.
_METRICS = frozenset(
    {"refusal-rate", "refusal-drop", "gross-refusal-loss", "category-worst-case", "refusals-broken"}
)

#: Searches that look as the policy wants.
WANTED = ("as the policy wants",)
SEARCHES: Mapping[str, Search] = {
    "as the policy wants": Search(),
    "`--size 16`": Search(size=16),
    "not cross-fitted": Search(cross_fit=False),
    "`--selection-share 0.05`": Search(cross_fit=False, share=0.05),
    "`--resamples 2`": Search(resamples=2),
    "`--budget 2400`": Search(budget=2400),
    "`--size 4`": Search(size=4),
    "`--size 1`": Search(size=1),
    "all of them": Search(cross_fit=False, share=0.05, resamples=2, budget=2400, size=1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Verdicts on the same audits, with the needs of the search ignored and with them."""

    ignored: Counter[str]
    needed: Counter[str]


def policies(experts: int, prompt_set: str = "regular") -> tuple[Policy, Policy]:
    """The release policy on a set, with nothing needed of the search, and with what it needs.

    Of its other needs those are left out that the simulation has no part of: suite, random masks,
    settings, positive control; and power, as fewer prompts are simulated. With them, nothing would
    be told of the search alone.
    """
    shipped = load_policy(_POLICY).sized(experts)
    rules = tuple(
        rule
        for rule in shipped.rules
        if rule.metric in _METRICS and all(at.set == prompt_set for at in rule.subjects)
    )
    needs = replace(
        shipped.needs,
        random_masks=0,
        prompts={},
        seeds={},
        suite_id=None,
        suite_digest=None,
        measured=0.0,
        per_category=0,
        settings=SettingsNeeds(),
        power=None,
        positive_control=None,
    )
    needed = replace(shipped, rules=rules, needs=needs)
    ignored = replace(needed, needs=replace(needs, search=SearchNeeds(full_budget=False)))
    return ignored, needed


def simulate(world: str, search: Search, runs: int) -> Results:
    """Verdicts on so many draws of a world; the k-th draw has seed k."""
    ignored: Counter[str] = Counter()
    needed: Counter[str] = Counter()
    for seed in range(runs):
        hidden = WORLDS[world](seed)
        experts = sum(site.experts for site in hidden.given.profile.sites)
        without, with_ = policies(experts, hidden.prompt_set)
        evidence = audited(hidden, search, with_.needs.ks, seed)
        ignored[evaluate(evidence, without, _TODAY).result] += 1
        needed[evaluate(evidence, with_, _TODAY).result] += 1
    return Results(ignored=ignored, needed=needed)


def _told(results: Counter[str]) -> str:
    kinds = ("pass", "inconclusive", "fail")
    return ", ".join(f"{results[kind]} {kind}" for kind in kinds if results[kind])


def run(*, quick: bool = False) -> tuple[list[Table], list[tuple[str, bool]]]:
    """The table, and what must hold of it."""
    runs = _QUICK if quick else _RUNS
    found = {
        (world, name): simulate(world, search, runs)
        for world in WORLDS
        for name, search in SEARCHES.items()
    }
    rows = tuple(
        (world, name, _told(one.ignored), _told(one.needed)) for (world, name), one in found.items()
    )
    table = Table(
        title="Searches made blind",
        note=(
            f"{runs} draws of each world, {SEEDS} requests with jailbreak and benign twin, real "
            f"split, selectors ({', '.join(SELECTORS)}), masks and verdicts; rules of "
            "policies/release.yaml on regular prompts, or on jailbreaks where their refusals are "
            "what goes; both sets are refused without a mask, and searched. *Four redundant*: "
            "refusals go when all four are masked, and two of them stand out in routing and two "
            "in attribution, below others that carry nothing (made so that the wanted search "
            "finds them). *Breaks above 20*: so do refusals when more than 20 experts are masked,"
            " whichever they are. *Two redundant*: refusals go when both are masked, but not with "
            "more than three masked (*heals*), or with one of six that rank above them (*against*)."
            " *One category*: one expert carries all refusals of a category in six. *Faint*: the"
            " first two hardly stand out, or that one does, which says what a pass does not show."
            " *Eight of 512*: 4 points each. *Jailbreaks only*: one expert carries"
            " all of their refusals, and none of a plain request. *Before*: the policy without "
            "`evidence.search`; *with it*: as shipped, a search that looked otherwise is "
            "inconclusive where it is no fail. Other needs of the policy are left out."
        ),
        header=("world", "search", "before", "with `evidence.search`"),
        rows=rows,
    )
    return [table], goals(found)


def goals(found: Mapping[tuple[str, str], Results]) -> list[tuple[str, bool]]:
    """What must hold of the verdicts by world and search, and whether it does."""

    def count(worlds: Iterable[str], searches: Iterable[str], result: str) -> int:
        return sum(found[w, s].needed[result] for w in worlds for s in searches)

    passed = count(FOUND, SEARCHES, "pass")
    blind = [name for name in SEARCHES if name not in WANTED]
    runs = sum(found[world, name].needed.total() for world in SOUND for name in WANTED)
    passing = count(SOUND, WANTED, "pass")
    return [
        (
            f"no model passes whose carriers show, however it was searched: {passed} passed",
            passed == 0,
        ),
        ("no search that looked otherwise passes", count(WORLDS, blind, "pass") == 0),
        (
            f"a model without carriers passes where the search is as wanted: {passing} of {runs}",
            passing >= 0.8 * runs,
        ),
    ]
