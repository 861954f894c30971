"""What options that were left out come to: what the policy wants, or else the usual."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper import catalog
from gatekeeper.audit.resolve_options import resolve, rows_needed
from gatekeeper.errors import UsageError
from gatekeeper.policy.load import load_policy
from gatekeeper.records.audit_config import AuditConfig
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
    config, usual = resolve(options(SUITE), None), AuditConfig()
    needed = rows_needed(config)
    assert config.budget == needed > usual.budget
    assert config == replace(
        usual, selectors=tuple(catalog.names("selector")), size=8, budget=needed
    )


def test_what_was_left_out_is_as_the_policy_wants_it() -> None:
    asked = options(SUITE)
    policy = wanting(
        SearchNeeds(resamples=3000, size=12, cross_fit=True),
        SettingsNeeds(judge="refusal-embedding", window=48, seed=7),
    )
    config = resolve(asked, policy)
    assert config.judge == "refusal-embedding"
    assert (config.max_new_tokens, config.resamples) == (48, 3000)
    assert (config.size, config.cross_fit) == (12, True)
    assert (config.seed, config.seed_from) == (7, None)
    assert resolve(asked, wanting(SearchNeeds(size=4))).size == 8  # the largest k
    exactly = wanting(SearchNeeds(size_is_largest_k=True))
    assert resolve(asked, exactly).size == 8
    assert resolve(options(SUITE, "-k", 8, "-k", 20), exactly).size == 8  # and not 20


def test_what_was_typed_stands() -> None:
    typed = options(
        SUITE, "--judge", "refusal-model", "--max-new-tokens", 8, "--resamples", 20, "--size", 3,
        "--budget", 0, "--no-cross-fit", "--seed", 5, "-k", 2, "--controls", 0, "--no-roles",
        "--also-dtype", "int8", "--also-dtype", "int8", "--dose", "scale:0.5",
    )  # fmt: skip
    config = resolve(typed, wanting(SearchNeeds(resamples=3000, size=12, cross_fit=True)))
    assert (config.judge, config.max_new_tokens, config.resamples) == ("refusal-model", 8, 20)
    assert (config.size, config.budget, config.controls) == (3, 0, 0)
    assert (config.cross_fit, config.ks, config.roles) == (False, (2,), False)
    assert (config.seed, config.seed_from) == (5, None)
    assert (config.formats, config.doses) == (("int8",), ("scale:0.5",))


def test_the_budget_is_as_large_as_selectors_need() -> None:
    """The strict policy's 16 experts take more than the usual 20,000 rows."""
    large = resolve(options(SUITE, "--nonce", "heron"), STRICT)
    assert large.budget == rows_needed(large) > 20_000
    small = resolve(options(SUITE, "-k", 1), None)
    assert rows_needed(small) < small.budget == 20_000
    counted = resolve(options(SUITE, "--selector", "ses-frequency"), None)
    assert rows_needed(counted) == 0


def test_a_derived_seed_follows_from_the_policy() -> None:
    left_out, typed = resolve(options(SUITE), DEMO), resolve(options(SUITE, "--seed", 3), DEMO)
    assert (left_out.seed, left_out.seed_from) == (0, DEMO.audit_digest)
    assert (typed.seed, typed.seed_from) == (3, None)


def test_a_nonce_goes_with_a_derived_seed_only() -> None:
    with pytest.raises(UsageError, match="seed is not derived"):
        resolve(options(SUITE, "--nonce", "heron"), None)
    with pytest.raises(UsageError, match="seed is not derived"):
        resolve(options(SUITE, "--nonce", "heron", "--seed", 1), DEMO)
    with pytest.raises(UsageError, match="the policy wants a nonce"):
        resolve(options(SUITE), STRICT)
    with pytest.raises(UsageError, match="a seed without a nonce") as caught:
        resolve(options(SUITE, "--nonce", "heron"), DEMO)
    assert "draw until one suits" in (caught.value.remedy or "")
    drawn = resolve(options(SUITE, "--nonce", "heron"), STRICT)
    assert (drawn.seed_from, drawn.nonce) == (STRICT.audit_digest, "heron")


@pytest.mark.parametrize("word", ["", " heron", "her\u202eon", "x" * 201])
def test_a_nonce_is_a_word(word) -> None:
    with pytest.raises(Exception, match=r"white space|printable"):
        options(SUITE, "--nonce", word)


def test_what_collides_with_the_policy_is_refused_with_what_to_do() -> None:
    with pytest.raises(UsageError, match="which the policy wants") as caught:
        resolve(options(SUITE, "--selection-share", 0.3), DEMO)
    assert "--no-cross-fit" in (caught.value.remedy or "")
    resolve(options(SUITE, "--selection-share", 0.3, "--no-cross-fit"), DEMO)
    with pytest.raises(UsageError, match="cannot stop masks") as caught:
        resolve(options(SUITE, "--sequential"), DEMO)
    assert "cannot be met by a sequential audit" in (caught.value.remedy or "")
