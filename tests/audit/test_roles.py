from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gatekeeper import catalog
from gatekeeper.analysis.clusters import prompt_clusters
from gatekeeper.audit.roles import find_roles
from gatekeeper.checkpoint.describe import describe as describe_checkpoint
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.generate.batching import Encoded, encode
from gatekeeper.engine.generate.decode import decode
from gatekeeper.engine.measure.attribute import FirstToken, TargetTokens, attribute, target_tokens
from gatekeeper.engine.measure.capture import by_length, capture
from gatekeeper.engine.measure.mask_effects import MeasuredEffect
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import load_model
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.model import ExpertId
from gatekeeper.records.plugins import SelectionInput
from gatekeeper.records.role import Roles
from gatekeeper.records.selection import RankedExpert, Selection
from gatekeeper.records.trial import UNMASKED
from gatekeeper.suites.read import read_suite
from tests.engine.measure.test_capture import describe
from tests.engine.silent import Silent
from tests.engine.tiny_loaded import loaded, prompt
from tests.typed import only, some

DEMO = Path(__file__).parents[2] / "demo"
PLANTED = {ExpertId(1, 12), ExpertId(2, 5), ExpertId(2, 12), ExpertId(3, 6)}


@pytest.fixture
def store(tmp_path):
    with TrialStore(tmp_path / "store") as opened:
        yield opened


def measured(model, store, prompts, rows, target, note="") -> MeasuredEffect:
    return MeasuredEffect(
        loaded=model,
        store=store,
        reporter=Silent(),
        prompts=[prompts[i] for i in rows],
        rows=np.array(rows, dtype=np.intp),
        target=target,
        base="test",
        batch_rows=32,
        share_prefix=True,
        note=note,
    )


def twins(pairs: int, words: tuple[int, int] = (100, 110)) -> list[Encoded]:
    """A regular prompt and its benign twin per seed, told apart by their last token but one."""
    made: list[Any] = []
    for i in range(pairs):
        start = [(11 * i + 17 * j) % 80 + 7 for j in range(3 + i % 4)]
        for name, word in zip(("regular", "benign"), words, strict=True):
            one = replace(prompt(len(made), "x", name), seed_id=f"s{i}", category=f"t{i % 4}")
            made.append(Encoded(prompt=one, ids=(*start, word, 9), skipped=None))
    return made


def selection(*experts: ExpertId) -> Selection:
    return Selection(
        selector="given",
        version=1,
        window="prompt",
        ranked=tuple(
            RankedExpert(
                expert=e,
                score=1.0,
                probability=1.0,
                groups=("HRCG",) if i else ("HCDG", "HRCG"),
                borderline=False,
            )
            for i, e in enumerate(experts)
        ),
        prompts={},
        resamples=1,
        size=1,
        threshold=1.0,
        seed=0,
        error_bound=None,
        notes=(),
    )


TARGET = TargetTokens(refusal=(9, 10), compliance=(20, 21))


def tiny_roles(
    store,
    *,
    pairs=24,
    words=(100, 110),
    refused=20,
    selections=None,
    target=TARGET,
    note="",
    **changed,
):
    model, prompts = loaded("qwen3_moe"), twins(pairs, words)
    first = model.sites[0].layer
    given = selections or [selection(ExpertId(first, 0), ExpertId(first, 1))]
    options = {"most": 2, "batch_rows": 8, "seed": 0} | changed
    return find_roles(
        model,
        prompts,
        [p.prompt.category for p in prompts],
        [p.prompt.seed_id for p in prompts],
        given,
        measured(model, store, prompts, list(range(0, 2 * refused, 2)), target, note),
        capture(model, describe(model), prompts, [()] * len(prompts), batch_rows=8),
        **options,
    )


def test_a_random_model_gives_facts_of_every_kind(store):
    found = tiny_roles(store)
    assert [e.by_sets for e in found.experts] == [("HCDG", "HRCG"), ("HRCG",)]
    assert [g.name for g in found.groups] == [
        "HCDG by sets",
        "HRCG by sets",
        "all selected",
        "random experts",
    ]
    names = [c.name for c in found.controls]
    assert names[-2:] == ["residual stream", "bag of words"]
    assert sum(name.startswith("random expert ") for name in names) == 2
    chosen = {e.expert for e in found.experts}
    assert not chosen & set(found.groups[-1].experts)
    assert (found.n, found.clusters) == (48, 24)
    # The tokens that tell the prompts apart are there for the bag to see.
    assert found.controls[-1].auroc > 0.9
    assert all(0 <= e.confidence <= 1 and e.probe is not None for e in found.experts)
    # HRCG by sets is both of them: the same mask, so the same numbers.
    assert found.groups[1].refusal_loss == found.groups[2].refusal_loss
    assert found == tiny_roles(store)


def test_refusal_lost_is_what_was_measured(store):
    model, prompts = loaded("qwen3_moe"), twins(24)
    found = tiny_roles(store)
    measure = measured(model, store, prompts, list(range(0, 40, 2)), TARGET)
    for role in found.experts:
        assert role.refusal_loss == pytest.approx(float(measure([[role.expert]]).mean()), abs=1e-5)


def test_what_cannot_be_told_is_a_reason(store):
    reason = tiny_roles(store, refused=0, target=None, note="no replies were refused")
    assert "0 seeds only" in reason
    assert "no replies were refused" in reason
    assert "no selector found" in tiny_roles(store, selections=[selection()])
    assert "no detection could be lost" in tiny_roles(store, words=(100, 100))
    assert "9 seeds only" in tiny_roles(store, pairs=9, refused=9)


@pytest.fixture(scope="module")
def demo():
    """The demo model, half of its suite's seeds, and the judged replies to them."""
    checkpoint = open_checkpoint(DEMO / "concentrated")
    description = describe_checkpoint(checkpoint)
    model = load_model(
        checkpoint.path, description, device=torch.device("cpu"), dtype=torch.float32
    )
    suite = [p for p in read_suite(DEMO / "suite").prompts if p.set != "over_refusal"]
    prompts = encode(model, [p for p in suite if int(p.seed_id[-3:]) % 2], None, 16)
    judge = catalog.load("judge", "refusal-rules")
    replies: list[Any] = [None] * len(prompts)
    with Instrument(model.sites) as instrument:
        for index in by_length(model, [p.ids for p in prompts], 64):
            rows = [prompts[i].ids for i in index]
            made = decode(
                model,
                instrument,
                rows,
                [UNMASKED] * len(rows),
                new_tokens=16,
            )
            for i, reply in zip(index, made, strict=True):
                replies[i] = reply
    outcomes = [
        judge.judge(p.prompt.text, r.text).outcome for p, r in zip(prompts, replies, strict=True)
    ]
    return model, description, prompts, replies, outcomes


def test_the_experts_planted_in_the_demo_control_the_response(demo, store):
    model, description, prompts, replies, outcomes = demo
    first = [FirstToken(token=r.ids[0], outcome=o) for r, o in zip(replies, outcomes, strict=True)]
    target = only(TargetTokens, target_tokens(first))
    refused = [
        i for i, p in enumerate(prompts) if p.prompt.set == "regular" and outcomes[i] == "refuse"
    ]
    profile = replace(
        capture(model, description, prompts, [r.ids for r in replies], batch_rows=8),
        attribution=attribute(model, prompts, refused, target, batch_rows=8),
    )
    clusters = prompt_clusters([p.prompt for p in prompts])
    given = SelectionInput(
        profile=profile,
        sets=np.array([p.prompt.set for p in prompts]),
        seeds=np.array([clusters[p.prompt.id] for p in prompts]),
        size=4,
        resamples=100,
        seed=0,
    )
    kept = [p for p in prompts if p.prompt.set in {"regular", "benign"}]
    found = only(
        Roles,
        find_roles(
            model,
            kept,
            [p.prompt.category for p in kept],
            [clusters[p.prompt.id] for p in kept],
            [catalog.load("selector", "attribution").select(given)],
            measured(model, store, prompts, refused[:32], target),
            profile,
            most=6,
            batch_rows=16,
            seed=0,
        ),
    )
    role = {e.expert: e for e in found.experts}
    assert set(role) >= PLANTED
    assert {e for e in role if role[e].role == "HRCG"} <= PLANTED
    assert sum(role[e].role == "HRCG" for e in PLANTED) >= 3
    groups = {g.name: g for g in found.groups}
    # Each alone costs a little, all together everything; random ones hardly anything.
    assert groups["all selected"].refusal_loss > 2 * sum(role[e].refusal_loss for e in PLANTED)
    assert groups["random experts"].refusal_loss < groups["all selected"].refusal_loss / 10
    assert abs(groups["random experts"].detection_loss) < 0.03
    auroc = {c.name: c.auroc for c in found.controls}
    assert auroc["residual stream"] > 0.9
    assert auroc["bag of words"] < 0.75
    at_random = [value for name, value in auroc.items() if name.startswith("random expert ")]
    assert max(at_random) < min(some(role[e].probe).auroc for e in PLANTED)
