"""Near copies: what brute force finds, and nothing else; never within a seed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.analysis.clusters import folded
from gatekeeper.records.suite import Prompt
from gatekeeper.suites.near_duplicates import MOST_PAIRS, NEAR, near_pairs


def prompts(texts: Sequence[str], name: str = "regular") -> list[Prompt]:
    return [
        Prompt(
            id=f"p{i}",
            seed_id=f"s{i}",
            set=name,
            category="c",
            language="en",
            text=text,
            source="s",
        )
        for i, text in enumerate(texts)
    ]


def shingles(text: str) -> set[str]:
    return {text[i : i + 3] for i in range(max(1, len(text) - 2))}


_BASE = "the quick brown fox jumps over a lazy dog"
#: The sentence from one place to another, with up to four letters exchanged.
_CHANGED = st.builds(
    lambda start, end, changes: "".join(
        changes.get(i, c) for i, c in enumerate(_BASE) if start <= i < end
    ),
    st.integers(0, 12),
    st.integers(24, len(_BASE)),
    st.dictionaries(st.integers(0, len(_BASE)), st.sampled_from("xyz"), max_size=4),
)


@given(
    st.lists(st.text(alphabet="ab ", min_size=1, max_size=12), max_size=12)
    | st.lists(_CHANGED, max_size=12)
)
def test_the_same_pairs_as_by_comparing_all(texts: list[str]) -> None:
    given_texts = prompts(texts)
    first = {folded(p.text): p for p in reversed(given_texts)}
    expected = set()
    for a, b in combinations(sorted(first.values(), key=lambda p: int(p.id[1:])), 2):
        x, y = shingles(folded(a.text)), shingles(folded(b.text))
        if len(x & y) >= NEAR * len(x | y):
            expected.add((a.id, b.id))
    assert set(near_pairs(given_texts).pairs) == expected


def test_one_word_exchanged_is_near_and_another_request_is_not() -> None:
    found = near_pairs(
        prompts(
            [
                "Please tell me how to repair the old bicycle of my uncle.",
                "Please tell me how to repair the old bicycles of my aunt.",
                "Please tell me where the nearest swimming pool is.",
                "叔父の古い自転車を修理する方法を教えてください。",
                "叔母の古い自転車を修理する方法を教えてください。",
            ]
        )
    )
    assert found.pairs == (("p0", "p1"), ("p3", "p4"))


def test_three_of_four_parts_in_common_are_near_and_fewer_are_not() -> None:
    letters = "abcdefghijklmnopqrst"
    assert near_pairs(prompts([letters[:11], letters[:14]])).pairs == (("p0", "p1"),)  # 9 of 12
    assert not near_pairs(prompts([letters[:10], letters[:13]])).pairs  # 8 of 11


def test_sets_are_not_compared_and_wrapped_requests_not_at_all() -> None:
    texts = ["tell me how to repair a bicycle", "tell me how to repair a bicycles"]
    assert near_pairs(prompts(texts)).pairs
    assert not near_pairs(prompts(texts, "jailbreak")).pairs
    apart = [*prompts(texts[:1]), *prompts(texts, "benign")[1:]]
    assert not near_pairs(apart).pairs


def test_counting_stops() -> None:
    templated = [f"a long request that is always the same but for {i}" for i in range(99)]
    assert len(near_pairs(prompts(templated)).pairs) == MOST_PAIRS


def test_large_sets_are_looked_at_in_part_and_told(monkeypatch) -> None:
    """Their first texts; how many is told, and no pair among those is missed."""
    words = [f"{n:05d}" * 4 for n in range(40)]
    texts = [f"{a} {b}" for a in words for b in words[:5]]
    whole = near_pairs(prompts(texts))
    assert not whole.cut
    monkeypatch.setattr("gatekeeper.suites.near_duplicates.MOST_CHARACTERS", 41 * 60)
    part = near_pairs(prompts(texts))
    assert part.cut == {"regular": (60, 200)}
    assert part.pairs == near_pairs(prompts(texts[:60])).pairs
    monkeypatch.setattr("gatekeeper.suites.near_duplicates.MOST_CHARACTERS", 10**6)
    monkeypatch.setattr("gatekeeper.suites.near_duplicates.MOST_WORK", 500)
    looked = near_pairs(prompts(texts)).cut["regular"][0]
    assert 1 < looked < 200
    assert near_pairs(prompts(texts)).pairs == tuple(
        pair for pair in whole.pairs if int(pair[1][1:]) < looked
    )
