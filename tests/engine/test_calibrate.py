"""What a sample of trials is, and how long it may take."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from gatekeeper.engine import calibrate as module
from gatekeeper.engine.calibrate import calibrate
from gatekeeper.engine.generate.row_plan import Work
from gatekeeper.engine.generate.sweep import sweep
from gatekeeper.estimate.workload import Plan
from gatekeeper.records.trial import bare_mask
from tests.engine.tiny_loaded import encoded, loaded
from tests.estimate.test_workload import SHAPE, plan

MASKS = tuple(bare_mask([(layer, e)]) for layer in range(3) for e in range(8))


def planned(prompts: int) -> Plan:
    made = plan(max_new_tokens=4, selection_share=0.2)
    usable = tuple(e.prompt for e in encoded(prompts))
    return replace(made, prompts=usable, lengths={}, masks=(*MASKS, *MASKS))


def calibrated(monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[list[int]]:
    """Masks of each prompt that was run, of each sweep; the first takes these seconds."""
    asked: list[list[int]] = []
    ticks = itertools.chain([0.0, 3.0, 0.0, seconds], itertools.count(100.0))  # self-test, warm-up

    def watched(model: object, work: Sequence[Work], *more: object) -> object:
        asked.append([len(job.masks) for job in work])
        return sweep(model, work, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "rates", lambda clock: (1e9, 1e9))
    monkeypatch.setattr(module, "sweep", watched)
    found = calibrate(loaded("mixtral"), SHAPE, planned(10), encoded(10), 1e9, lambda: next(ticks))
    assert found.efficiency > 0 and len(found.alive) == 3
    assert found.self_test == 3.0
    return asked


def test_equal_masks_count_once_as_they_are_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first, sample = calibrated(monkeypatch, 1e-9)
    assert first == [16] and sample == [24] * 8  # two of ten prompts select


@pytest.mark.parametrize(("warm", "sample"), [(2.0, [24, 24]), (8.0, [16]), (60.0, [16])])
def test_a_slow_model_is_not_kept_longer_than_it_takes(
    monkeypatch: pytest.MonkeyPatch, warm: float, sample: list[int]
) -> None:
    assert calibrated(monkeypatch, warm)[1] == sample
