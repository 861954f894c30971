"""What a sample of replies counts, and how long it may take."""

from __future__ import annotations

import itertools

import pytest

from gatekeeper import catalog
from gatekeeper.engine import calibrate as module
from gatekeeper.engine.calibrate import _Sample
from gatekeeper.engine.generate.sweep import sweep
from gatekeeper.engine.generate.techniques import Techniques
from gatekeeper.estimate.hardware import Device
from gatekeeper.records.trial import bare_mask
from tests.engine.measure.test_capture import describe
from tests.engine.tiny_loaded import encoded, loaded
from tests.estimate.test_workload import SHAPE, plan


def sample():
    ticks = itertools.count()
    model = loaded("mixtral")
    return _Sample(
        loaded=model,
        description=describe(model),
        shape=SHAPE,
        plan=plan(),
        judge=catalog.load("judge", "refusal-rules"),
        device=Device(name="d", flops=1e9, bandwidth=1e9, memory=1e9),
        clock=lambda: float(next(ticks)),  # every piece of work takes a second
        techniques=Techniques(),
    )


MASKS = [bare_mask([(layer, e)]) for layer in range(3) for e in range(8)]


def test_equal_masks_count_once_as_they_are_run_once():
    once, alive, said = sample().replies(encoded(1), MASKS)
    twice, alive_twice, _ = sample().replies(encoded(1), [*MASKS, *MASKS])
    assert once > 0 and said.keys() == {"p0"}
    assert twice == pytest.approx(once)
    assert alive_twice == alive


@pytest.mark.parametrize(("warm", "prompts", "masks"), [(1e-9, 4, 25), (4.0, 1, 24), (60.0, 1, 16)])
def test_a_slow_model_is_not_kept_longer_than_it_takes(monkeypatch, warm, prompts, masks):
    asked, real = [], sweep

    def watched(model, work, *more):
        asked.append((len(work), len(work[0].masks)))
        return real(model, work, *more)

    monkeypatch.setattr(module, "sweep", watched)
    monkeypatch.setattr(module, "_timed", lambda work: work() and warm)
    sample().replies(encoded(4), MASKS)
    assert asked == [(1, 16), (prompts, masks)]
