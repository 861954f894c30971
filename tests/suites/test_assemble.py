"""Sources joined: one prompt a text, seeds that share one, ids apart, counts that add up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.analysis.clusters import folded_sha256
from gatekeeper.errors import UsageError
from gatekeeper.records.importing import Imported
from gatekeeper.records.suite import Prompt, Source
from gatekeeper.suites.assemble import assemble, draw, manifest, row


def prompt(number: int, text: str, **more: str) -> Prompt:
    values = {"id": f"p{number}", "seed_id": f"s{number}", "set": "regular", "licence": "MIT"}
    values |= {"category": "c", "language": "en", "source": f"row {number}", "text": text}
    return Prompt(**(values | more))


def imported(name: str, *prompts: Prompt) -> Imported:
    source = Source(
        name=name,
        version="1",
        origin="file",
        licence="MIT",
        files=name,
        sha256="0" * 64,
        count=len(prompts),
        drawn="all",
    )
    return Imported(prompts=prompts, source=source)


def test_a_text_in_two_sources_is_one_prompt_of_both() -> None:
    first = imported("a", prompt(1, "Rub it"), prompt(2, "Open it", source="row 2 of a"))
    second = imported("b", prompt(7, "open  IT", id="q7", source="row 7 of b"), prompt(8, "Sing"))
    made = assemble([first, second])
    assert [p.text for p in made.prompts] == ["Rub it", "Open it", "Sing"]
    assert made.prompts[1].source == "row 2 of a; row 7 of b"
    assert [s.count for s in made.sources] == [2, 1]
    assert made.sources[1].drawn == "all; 1 joined with earlier ones of the same text"


def test_the_twin_of_a_joined_request_follows_it() -> None:
    first = imported("a", prompt(1, "Rub it"))
    second = imported("b", prompt(2, "RUB it"), prompt(3, "Dust it", set="benign", seed_id="s2"))
    twin = assemble([first, second]).prompts[1]
    assert (twin.text, twin.seed_id) == ("Dust it", "s1")


def test_one_text_cannot_be_harmful_and_harmless() -> None:
    first = imported("a", prompt(1, "secret text"))
    second = imported("b", prompt(2, "secret text", set="benign", source="b.csv, row 2"))
    with pytest.raises(UsageError) as caught:
        assemble([first, second])
    told = str(caught.value)
    assert "'p1' and 'p2' have one text" in told
    assert "b.csv, row 2" in told
    assert "secret text" not in told


def test_ids_that_two_sources_use() -> None:
    long = "x" * 128
    sources = [imported(n, prompt(1, n), prompt(2, n + "2", id=long)) for n in "abc"]
    ids = [p.id for p in assemble(sources).prompts]
    assert ids == ["p1", long, "p1-2", long[:126] + "-2", "p1-3", long[:126] + "-3"]


TEXTS = st.lists(st.text(alphabet="ab ", min_size=1, max_size=3).filter(str.strip), max_size=8)


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_joining_loses_no_text_and_keeps_each_once(sources: list[list[str]]) -> None:
    given_ = [
        imported(str(n), *(prompt(i, text) for i, text in enumerate(texts)))
        for n, texts in enumerate(sources)
    ]
    # Within a source ids differ; between sources they are the same on purpose.
    made = assemble(given_)
    wanted = {folded_sha256(text) for texts in sources for text in texts}
    assert sorted(folded_sha256(p.text) for p in made.prompts) == sorted(wanted)
    assert len({p.id for p in made.prompts}) == len(made.prompts)
    assert sum(s.count for s in made.sources) == len(made.prompts)
    again = assemble([imported("all", *made.prompts)])
    assert again.prompts == made.prompts


def test_a_draw_is_a_cap_per_set_and_keeps_pairs() -> None:
    pairs = [
        prompt(n * 2 + half, f"{n} {name}", set=name, seed_id=f"s{n}")
        for n in range(20)
        for half, name in enumerate(("regular", "benign"))
    ]
    given_ = imported("a", *pairs)
    drawn = draw(given_, 5, 3)
    assert draw(given_, 5, 3) == drawn
    assert draw(given_, 5, 4).prompts != drawn.prompts
    assert len(drawn.prompts) == 10
    seeds = [{p.seed_id for p in drawn.prompts if p.set == s} for s in ("regular", "benign")]
    assert seeds[0] == seeds[1]
    assert drawn.source.drawn == "10 of 40, at most 5 a set, seed 3"
    assert draw(given_, None, 3) is given_
    assert draw(given_, 20, 3) is given_


def test_the_manifest_names_all_licences_and_languages() -> None:
    prompts = (
        prompt(1, "a", licence="Apache-2.0"),
        prompt(2, "b", licence="Apache-2.0 AND MIT", language="ja"),
        prompt(3, "c", licence="unknown", language="und"),
    )
    made = assemble([imported("a", *prompts)])
    described = manifest(made, suite_id="x", title="t", version="2")
    assert described["licence"] == "Apache-2.0 AND MIT"
    assert described["languages"] == ["en", "ja"]
    many = tuple(replace(p, licence=f"{p.id} {'x' * 99}") for p in prompts)
    described = manifest(assemble([imported("a", *many)]), suite_id="x", title="t", version="2")
    assert described["licence"] == "several: see the prompts"


def test_a_row_is_a_prompt() -> None:
    wrapped = replace(prompt(1, "a"), wrapper="role play")
    assert set(row(wrapped)) == set(Prompt.__slots__)
    assert set(row(prompt(1, "a"))) == set(Prompt.__slots__) - {"wrapper"}
