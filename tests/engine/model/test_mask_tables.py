"""Tables of masks: the same for a row whichever rows stand beside it."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.engine.model.mask_tables import PhaseTables, mask_lines, mask_tables
from gatekeeper.errors import AuditError
from gatekeeper.records.trial import PHASES, bare_mask
from tests.engine.tiny_loaded import loaded

CPU = torch.device("cpu")
MODES = ("reroute", "ablate", "scale:0.5", "noise:0.1")
MASKS = tuple(
    replace(bare_mask(experts, mode), phase=phase)
    for experts in ([], [(0, 1)], [(1, 2), (3, 0)])
    for mode in MODES
    for phase in PHASES
)


def sites():
    return loaded("mixtral").sites


def same(a: PhaseTables, b: PhaseTables) -> bool:
    names = (f.name for f in fields(PhaseTables) if f.type == "Tensor")
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in names)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(MASKS), min_size=1, max_size=12), st.data())
def test_a_row_has_the_table_of_its_mask_whatever_rows_there_are(masks, data):
    seeds = list(range(100, 100 + len(masks)))
    lines = mask_lines(masks, sites(), CPU, seeds)
    rows = data.draw(st.lists(st.sampled_from(range(len(masks))), min_size=1))
    if lines is None:
        assert not any(mask.experts for mask in masks)
        return
    some = lines.of(rows)
    assert some.seeds.tolist() == [seeds[row] for row in rows]
    for line, row in enumerate(rows):
        alone = mask_tables([masks[row]], sites(), CPU)
        if alone is None:
            assert not some.prefill.dead[line].any()
            assert torch.equal(some.decode.factor[line], torch.ones_like(some.decode.factor[line]))
            continue
        only = some.select(torch.tensor([line]))
        assert same(only.prefill, alone.prefill)
        assert same(only.decode, alone.decode)


def test_a_mask_in_many_rows_has_one_line():
    lines = mask_lines([MASKS[-1], MASKS[-2]] * 500, sites(), CPU)
    assert lines is not None
    assert lines.tables.prefill.factor.shape[0] == 2


def test_an_expert_that_is_not_routed_is_refused():
    for expert in ((0, 99), (77, 0), (0, -1)):
        with pytest.raises(AuditError, match="does not route"):
            mask_lines([bare_mask([expert])], sites(), CPU)
