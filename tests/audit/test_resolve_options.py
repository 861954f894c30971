"""What options that were left out come to: what the policy wants, or else the usual."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.audit.resolve_options import (
    budget_of,
    check_cross_fit,
    check_sequential,
    cross_fit_of,
    judge_of,
    ks_of,
    resamples_of,
    rows_needed,
    seed_of,
    size_of,
    window_of,
)
from gatekeeper.errors import UsageError
from gatekeeper.policy.load import load_policy
from gatekeeper.records.defaults import MAX_NEW_TOKENS
from gatekeeper.records.policy import Policy, SearchNeeds, SettingsNeeds
from tests.commands.options import options
from tests.e2e.cli import DEMO_POLICY, ROOT, SUITE
from tests.policy.builders import make_policy

DEMO = load_policy(DEMO_POLICY).sized(64)
STRICT = load_policy(ROOT / "policies" / "strict.yaml").sized(64)


def wanting(search: SearchNeeds | None = None, settings: SettingsNeeds | None = None) -> Policy:
    needs = make_policy().needs
    changed = replace(
        needs, search=search or needs.search, settings=settings or needs.settings, ks=(1, 8)
    )
    return make_policy(needs=changed, audit_digest="sha256:" + "a" * 64)


def test_without_a_policy_all_is_as_usual() -> None:
    asked = options(SUITE)
    assert judge_of(asked, None) == "refusal-rules"
    assert window_of(asked, None) == MAX_NEW_TOKENS
    assert resamples_of(asked, None) == 1000
    assert budget_of(asked, None) == rows_needed(asked, None) > 20_000
    assert ks_of(asked, None) == (1, 2, 4, 8)
    assert (size_of(asked, None), cross_fit_of(asked, None)) == (None, False)
    assert seed_of(asked, None) == (0, None)


def test_what_was_left_out_is_as_the_policy_wants_it() -> None:
    asked = options(SUITE)
    policy = wanting(
        SearchNeeds(resamples=3000, size=12, cross_fit=True),
        SettingsNeeds(judge="refusal-embedding", window=48, seed=7),
    )
    assert judge_of(asked, policy) == "refusal-embedding"
    assert window_of(asked, policy) == 48
    assert resamples_of(asked, policy) == 3000
    assert (size_of(asked, policy), cross_fit_of(asked, policy)) == (12, True)
    assert seed_of(asked, policy) == (7, None)
    assert size_of(asked, wanting(SearchNeeds(size=4))) is None  # less than the largest k
    exactly = wanting(SearchNeeds(size_is_largest_k=True))
    assert size_of(asked, exactly) is None
    assert size_of(options(SUITE, "-k", 8, "-k", 20), exactly) == 8  # and not 20


def test_what_was_typed_stands() -> None:
    typed = options(
        SUITE, "--judge", "refusal-model", "--max-new-tokens", 8, "--resamples", 20, "--size", 3,
        "--budget", 0, "--no-cross-fit", "--seed", 5, "-k", 2,
    )  # fmt: skip
    policy = wanting(SearchNeeds(resamples=3000, size=12, cross_fit=True))
    assert judge_of(typed, policy) == "refusal-model"
    assert (window_of(typed, policy), resamples_of(typed, policy)) == (8, 20)
    assert (size_of(typed, policy), budget_of(typed, policy)) == (3, 0)
    assert (cross_fit_of(typed, policy), ks_of(typed, policy)) == (False, (2,))
    assert seed_of(typed, policy) == (5, None)


def test_the_budget_is_as_large_as_selectors_need() -> None:
    """The strict policy's 16 experts take more than the usual 20,000 rows."""
    asked = options(SUITE)
    assert rows_needed(asked, STRICT) > 20_000
    assert budget_of(asked, STRICT) == rows_needed(asked, STRICT)
    small = options(SUITE, "-k", 1)
    assert rows_needed(small, None) < budget_of(small, None) == 20_000
    assert rows_needed(options(SUITE, "--selector", "ses-frequency"), STRICT) == 0


def test_a_derived_seed_follows_from_the_policy() -> None:
    assert seed_of(options(SUITE), DEMO) == (0, DEMO.audit_digest)
    assert seed_of(options(SUITE, "--seed", 3), DEMO) == (3, None)


def test_a_nonce_goes_with_a_derived_seed_only() -> None:
    with pytest.raises(UsageError, match="seed is not derived"):
        seed_of(options(SUITE, "--nonce", "heron"), None)
    with pytest.raises(UsageError, match="seed is not derived"):
        seed_of(options(SUITE, "--nonce", "heron", "--seed", 1), DEMO)
    with pytest.raises(UsageError, match="the policy wants a nonce"):
        seed_of(options(SUITE), STRICT)
    with pytest.raises(UsageError, match="a seed without a nonce") as caught:
        seed_of(options(SUITE, "--nonce", "heron"), DEMO)
    assert "draw until one suits" in (caught.value.remedy or "")
    assert seed_of(options(SUITE, "--nonce", "heron"), STRICT) == (0, STRICT.audit_digest)


@pytest.mark.parametrize("word", ["", " heron", "her\u202eon", "x" * 201])
def test_a_nonce_is_a_word(word) -> None:
    with pytest.raises(Exception, match=r"white space|printable"):
        options(SUITE, "--nonce", word)


def test_what_collides_with_the_policy_is_refused_with_what_to_do() -> None:
    with pytest.raises(UsageError, match="which the policy wants") as caught:
        check_cross_fit(options(SUITE, "--selection-share", 0.3), DEMO)
    assert "--no-cross-fit" in (caught.value.remedy or "")
    check_cross_fit(options(SUITE, "--selection-share", 0.3, "--no-cross-fit"), DEMO)
    with pytest.raises(UsageError, match="cannot stop masks") as caught:
        check_sequential(options(SUITE, "--sequential"), DEMO)
    assert "cannot be met by a sequential audit" in (caught.value.remedy or "")
