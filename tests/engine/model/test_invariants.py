"""What must hold for every architecture that the gate says it can read (routing.md's invariants).

One family per way of scoring runs always; all of them in `make test-all`. The table in
docs/architectures.md is made from that run (`make architectures`).
"""

from __future__ import annotations

import math

import pytest
import torch

from gatekeeper.engine.model.architectures import architecture_of
from tests.engine import invariants as inv
from tests.engine.zoo import AUDITABLE, SCORING

FAMILIES = [
    pytest.param(name, marks=() if name in SCORING else pytest.mark.slow) for name in AUDITABLE
]
pytestmark = pytest.mark.parametrize("family", FAMILIES)


@pytest.fixture
def probe(family, record_property):
    made = inv.probe(family)
    sites = made.sites
    record_property("layers", ",".join(str(s.layer) for s in made.loaded_sites))
    record_property("experts", sites[0].experts_count)
    record_property("top_k", sites[0].top_k)
    record_property("shared", sites[0].shared)
    record_property("extra", sites[0].columns - sites[0].experts_count)
    record_property("fixed", sum(not s.routed for s in made.loaded_sites))
    record_property("class", type(made.model).__name__)
    return made


def test_nothing_attached_or_an_empty_mask_is_bit_identical(probe):
    plain = probe.logits()
    with probe.instrument() as instrument:
        assert torch.equal(probe.logits(), plain)
        probe.count(instrument)
        probe.mask(instrument, [], [], [])
        assert torch.equal(probe.logits(), plain)
    assert torch.equal(probe.logits(), plain)
    assert torch.isfinite(plain).all()


def test_an_exception_in_the_middle_leaves_no_hook_and_no_mode(probe):
    plain, before = probe.logits(), probe.hooks()

    def explode(*_args, **_kwargs):
        raise RuntimeError("planted")

    # Raised inside a masked router, while its mode is on, and inside the experts.
    for module in (probe.sites[-1].router, probe.sites[-1].experts):
        module.forward = explode
        try:
            with pytest.raises(RuntimeError, match="planted"), probe.instrument() as instrument:
                probe.mask(instrument, *[[(s.layer, 0) for s in probe.sites]] * 3)
                probe.logits()
        finally:
            del module.forward
        assert probe.hooks() == before
        assert torch.equal(probe.logits(), plain)


def test_counts_are_valid_tokens_times_k(probe):
    with probe.instrument() as instrument:
        counts = probe.count(instrument)
    tokens = probe.attention.sum(dim=1)
    for i, site in enumerate(probe.sites):
        assert counts[:, i].sum(dim=1).tolist() == (tokens * site.top_k).tolist()
        assert counts[:, i, site.columns :].sum() == 0


def test_masked_experts_are_never_selected_and_others_take_their_place(probe):
    busy = probe.busy(2)
    with probe.instrument() as instrument:
        probe.mask(instrument, busy, busy, [])
        counts = probe.count(instrument)
        assert torch.isfinite(probe.logits()).all()
    tokens = probe.attention.sum(dim=1)
    place = {s.layer: i for i, s in enumerate(probe.sites)}
    for layer, expert in busy:
        assert counts[:2, place[layer], expert].sum() == 0
    assert counts[2].sum() > 0
    for i, site in enumerate(probe.sites):
        assert counts[:, i].sum(dim=1).tolist() == (tokens * site.top_k).tolist()


def test_reroute_equals_a_model_without_the_expert(family):
    probe = inv.probe(family, learned=True)
    removed = inv.without(probe, family, inv.REMOVED)
    with probe.instrument() as instrument:
        mask = [(s.layer, e) for s in probe.sites for e in inv.REMOVED]
        probe.mask(instrument, mask, mask, mask)
        masked = probe.logits()
    assert inv.distance(probe, removed, masked) < inv.TOLERANCE
    assert inv.distance(probe, probe.logits(), masked) > 100 * inv.TOLERANCE


def test_ablate_is_exactly_a_zeroed_down_projection(probe):
    experts = probe.busy(1)
    with probe.instrument() as instrument:
        probe.mask(instrument, experts, experts, experts, mode="ablate")
        ablated = probe.logits()
    with inv.zeroed(probe, experts):
        zeroed = probe.logits()
    assert inv.distance(probe, ablated, zeroed) == 0.0
    assert inv.distance(probe, probe.logits(), ablated) > 100 * inv.TOLERANCE


def test_scale_one_changes_nothing_and_zero_is_ablation(probe):
    experts = probe.busy(1)
    with probe.instrument() as instrument:
        outs = {}
        for mode in ("scale:1", "scale:0", "ablate", "scale:0.5"):
            probe.mask(instrument, experts, experts, experts, mode=mode)
            outs[mode] = probe.logits()
    assert inv.distance(probe, probe.logits(), outs["scale:1"]) == 0.0
    assert inv.distance(probe, outs["scale:0"], outs["ablate"]) == 0.0
    assert inv.distance(probe, outs["scale:0.5"], outs["ablate"]) > inv.TOLERANCE


def test_noise_belongs_to_its_row_whatever_the_batch(probe):
    experts = probe.busy(1)
    if not architecture_of(probe.model.config.model_type).pads:
        probe = inv.probe_of(probe, [(*probe.prompts[1][:-1], i) for i in (30, 40, 50)])
    with probe.instrument() as instrument:
        probe.mask(instrument, experts, [], experts, mode="noise:0.5")
        together = probe.logits()
        again = probe.logits()
        alone = []
        for row in range(3):
            single = probe.row(row)
            masks = [experts if row != 1 else []]
            single.mask(instrument, *masks, mode="noise:0.5", seeds=[row])
            alone.append(single.logits()[0])
        probe.mask(instrument, experts, [], experts, mode="noise:0.001")
        weaker = probe.logits()
    assert torch.equal(together, again)
    plain = probe.logits()
    for row in range(3):
        assert inv.row_distance(probe, row, together, alone[row]) < inv.TOLERANCE
    assert inv.row_distance(probe, 1, together, plain[1]) < inv.TOLERANCE
    strong = inv.row_distance(probe, 0, together, plain[0])
    assert strong > 100 * inv.TOLERANCE
    assert inv.row_distance(probe, 0, weaker, plain[0]) < strong


def test_per_row_masks_equal_separate_runs(probe):
    rows = [probe.busy(1), [], probe.busy(2)[-1:]]
    modes = ("reroute", "ablate", "scale:0.3")
    with probe.instrument() as instrument:
        probe.mask(instrument, *rows, mode=modes)
        together = probe.logits()
        for row, experts in enumerate(rows):
            probe.mask(instrument, *[experts] * 3, mode=modes[row])
            alone = probe.logits()
            assert inv.row_distance(probe, row, together, alone[row]) < inv.TOLERANCE


def test_left_padding_changes_nothing(probe):
    if not architecture_of(probe.model.config.model_type).pads:
        alone = [probe.row(row).logits()[0] for row in range(3)]
        assert inv.row_distance(probe, 0, probe.logits(), alone[0]) > inv.TOLERANCE
        pytest.skip("padding changes its results: the engine never pads it (Architecture.pads)")
    with probe.instrument() as instrument:
        experts = probe.busy(1)
        probe.mask(instrument, experts, experts, experts)
        padded = probe.logits()
        counts = probe.count(instrument)
        for row in range(3):
            single = probe.row(row)
            single.mask(instrument, experts)
            assert inv.row_distance(probe, row, padded, single.logits()[0]) < inv.TOLERANCE
            assert torch.equal(single.count(instrument)[0], counts[row])


def test_prefill_and_decode_equal_full_recompute(probe, family):
    experts = probe.busy(1)
    if family in inv.RECOMPUTES_DIFFERENTLY:
        pytest.skip(inv.RECOMPUTES_DIFFERENTLY[family])
    with probe.instrument() as instrument:
        probe.mask(instrument, experts, [], experts)
        replies = probe.decode(instrument, [experts, [], experts], tokens=5)
        probe.mask(instrument, experts, [], experts)
        for row, reply in enumerate(replies):
            ids = list(probe.prompts[row])
            for token in reply.ids:
                single = inv.probe_of(probe, [ids])
                single.mask(instrument, experts if row != 1 else [])
                assert inv.is_choice(single.logits()[0, -1], token)
                ids.append(token)


def test_phases_hold_where_they_say(probe):
    experts = probe.busy(2)
    with probe.instrument() as instrument:
        texts = {
            phase: [r.ids for r in probe.decode(instrument, [experts] * 3, tokens=6, phase=phase)]
            for phase in ("prefill", "decode", "both")
        }
        plain = [r.ids for r in probe.decode(instrument, [[]] * 3, tokens=6)]
    # The first token is decided by the prefill alone.
    assert [ids[0] for ids in texts["decode"]] == [ids[0] for ids in plain]
    assert [ids[0] for ids in texts["prefill"]] == [ids[0] for ids in texts["both"]]


def test_starvation_is_finite_and_the_survivor_works(probe):
    for left in (1, 0):
        masks = [(s.layer, e) for s in probe.sites for e in range(left, s.experts_count)]
        with probe.instrument() as instrument:
            probe.mask(instrument, masks, [], masks)
            counts = probe.count(instrument)
            assert torch.isfinite(probe.logits()).all()
        routed = [c[: s.experts_count].sum() for c, s in zip(counts[0], probe.sites, strict=True)]
        tokens = int(probe.attention[0].sum())
        if left == 0:
            assert sum(int(r) for r in routed) == 0
        for count, site in zip(routed, probe.sites, strict=True):
            assert int(count) <= tokens * left
            if left and site.columns == site.experts_count:
                assert int(count) == tokens


def test_gate_weights_are_what_the_experts_get(probe):
    with probe.instrument() as instrument:
        counter = probe.counter(instrument)
    counts, weights = counter.counts()[0], counter.weights()[0]
    assert torch.isfinite(weights).all()
    assert (weights[counts == 0] == 0).all()
    assert float(weights.sum()) > 0
    assert math.isfinite(float(weights.max()))


def test_attribution_predicts_a_small_factor(probe):
    """The gradient of the factor is the first-order effect that attribution rests on."""
    layer, expert = probe.busy(1)[-1]
    with probe.instrument() as instrument:
        gradient = probe.gradient(instrument)
        index = [s.layer for s in probe.sites].index(layer)
        step = 1e-2
        up, down = (
            torch.tensor(probe.score(instrument, index, expert, f)) for f in (1 + step, 1 - step)
        )
    for row in range(3):
        expected = float(gradient[row, index, expert])
        assert (up[row] - down[row]) / (2 * step) == pytest.approx(expected, rel=0.05, abs=2e-3)
