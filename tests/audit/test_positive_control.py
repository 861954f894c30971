"""The positive control of a real audit: seen on the demo, resumed, cross-fitted, left out."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from benchmarks.estimates import Watch, audit_options
from gatekeeper.analysis.folds import pool, views
from gatekeeper.audit.plan import looks_of, plan
from gatekeeper.audit.prepare import prepare
from gatekeeper.audit.run import run_audit
from gatekeeper.engine.measure.refusal_direction import directions
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.metrics import measure_all
from gatekeeper.policy.load import load_policy
from gatekeeper.records.bundle_files import BUNDLE_FILES
from gatekeeper.records.finding import Missing
from gatekeeper.records.positive import PositiveControl, best_of
from gatekeeper.records.trial import POSITIVE
from gatekeeper.verify.verify import recheck
from tests.e2e.cli import HARDENED, ROOT, SUITE
from tests.e2e.test_sequential import POLICY
from tests.typed import only

SMALL = (
    "--max-prompts", "40", "-k", "2", "--controls", "1", "--max-new-tokens", "12",
    "--batch-rows", "128", "--selector", "ses-frequency", "--resamples", "20", "--no-roles",
)  # fmt: skip


class Killed(BaseException):
    """What a signal does in the middle of an audit."""


class Killer(Watch):
    """Ends the audit in a stage, once it has been told of progress so many times."""

    def __init__(self, name: str, after: int) -> None:
        super().__init__()
        self.name, self.left, self.on = name, after, False

    def stage(self, name: str, half: int = 0) -> None:
        self.on = name == self.name

    def advance(self, _done: int, _total: int, *, found: int = 0) -> None:
        self.left -= self.on
        if self.on and self.left < 0:
            raise Killed


def request(*options, checkpoint=HARDENED, suite=SUITE, policy=None):
    return plan(checkpoint, audit_options(suite, *SMALL, *options), policy, print)


def audit(work, *options, reporter=None, policy=None, **given):
    work.mkdir(exist_ok=True)
    asked = request(*options, policy=policy, **given)
    evidence = run_audit(asked, work, reporter or Watch(), looks_of(asked, policy))
    return replace(evidence, findings=measure_all(evidence))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("positive")


@pytest.fixture(scope="module")
def whole(folder):
    return audit(folder)


def finding(evidence):
    return next(f for f in evidence.findings if f.metric == "positive-control")


@pytest.mark.parametrize("name", ["hardened", "concentrated"])
def test_the_demo_is_seen_to_lose_refusals(name, whole, tmp_path):
    evidence = whole if name == "hardened" else audit(tmp_path, checkpoint=ROOT / "demo" / name)
    found = finding(evidence)
    assert found.interval.low >= 30
    assert (found.n, found.mask) == (20, "positive-control")
    (direction,) = evidence.positive_control.directions
    assert [c.layer for c in direction.candidates] == [0, 1, 2, 3]
    assert direction.layer == best_of(direction.candidates)
    assert recheck(evidence).masks == len(evidence.masks)


def test_every_measured_prompt_is_run_but_for_the_scary_ones(whole):
    ran = [t.prompt_id for t in whole.trials if t.mask == POSITIVE.name]
    wanted = [p.id for p in whole.suite.prompts if p.measures and p.set != "over_refusal"]
    assert sorted(ran) == sorted(wanted)
    (direction,) = whole.positive_control.directions
    selects = {p.id: p.set for p in whole.suite.prompts if p.selects}
    assert {selects[i] for i in direction.refused} == {"regular"}
    assert {selects[i] for i in direction.answered} == {"benign"}


def test_without_it_all_else_is_the_same(whole, tmp_path):
    plain = audit(tmp_path, "--no-positive-control")
    assert plain.positive_control == "not asked for"
    assert isinstance(finding(plain), Missing)
    assert plain.masks == tuple(m for m in whole.masks if m != POSITIVE)
    assert plain.trials == tuple(t for t in whole.trials if t.mask != POSITIVE.name)
    others = [f for f in whole.findings if f.metric != "positive-control"]
    assert [f for f in plain.findings if f.metric != "positive-control"] == others


@pytest.mark.parametrize("after", [2, 5])
def test_an_audit_killed_in_it_writes_the_same_bytes(whole, tmp_path, after):
    work = tmp_path / "work"
    with pytest.raises(Killed):
        audit(work, reporter=Killer("positive control", after))
    again = audit(work)
    assert again.times.rows_resumed > 0
    for name, evidence in (("one", whole), ("other", again)):
        write_bundle(replace(evidence, times=whole.times), tmp_path / name)
    for name in BUNDLE_FILES:
        one, other = ((tmp_path / bundle / name).read_bytes() for bundle in ("one", "other"))
        assert one == other, name


def test_the_direction_is_written_nowhere(whole, folder, tmp_path):
    """Its bytes are in no file of the audit, nor in its store, whatever the format."""
    write_bundle(whole, tmp_path / "bundle")
    prepared = prepare(request(), Watch(), tmp_path / "other")
    (direction,) = whole.positive_control.directions
    prompts = {e.prompt.id: e for e in prepared.encoded}
    found = only(
        torch.Tensor,
        directions(
            prepared.loaded,
            [prompts[i] for i in direction.refused],
            [prompts[i] for i in direction.answered],
            batch_rows=prepared.settings.batch_rows // 8,
        ),
    )
    files = [p for top in (tmp_path, folder) for p in top.rglob("*") if p.is_file()]
    assert any(p.name.startswith("trials.sqlite") for p in files)
    data = [p.read_bytes() for p in files]
    for unit in (*found, *-found):
        for dtype in (torch.float32, torch.float64, torch.bfloat16):
            piece = unit[:4].to(dtype).view(torch.uint8).numpy().tobytes()
            assert not any(piece in one for one in data)
        assert not any(f"{float(unit[0]):.5f}".encode() in one for one in data)


def test_each_fold_has_a_direction_of_its_own(tmp_path):
    evidence = audit(tmp_path, "--cross-fit")
    first, second = evidence.positive_control.directions
    assert (first.fold, second.fold) == (1, 2)
    assert not {*first.refused} & {*second.refused}
    assert [m.name for m in evidence.masks if m.arm == "positive"] == [
        "positive-control-fold-1",
        "positive-control-fold-2",
    ]
    assert finding(evidence).n == 40
    assert finding(evidence).interval.low >= 30
    recheck(evidence)
    for view in views(evidence):
        assert isinstance(view.positive_control, PositiveControl)
        assert [d.fold for d in view.positive_control.directions] == [0]
    one, other = views(evidence)
    assert pool(one, other).positive_control == evidence.positive_control
    lacking = pool(one, replace(other, positive_control="no benign prompt was answered"))
    assert lacking.positive_control == "fold 2: no benign prompt was answered"
    assert not any(m.arm == "positive" for m in lacking.masks)
    assert not any(t.mask.startswith("positive") for t in lacking.trials)
    neither = [replace(view, positive_control="not asked for") for view in (one, other)]
    assert pool(*neither).positive_control == "not asked for"


def test_it_is_run_whole_where_masks_may_stop(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(POLICY, encoding="utf-8")
    options = ("--sequential", "--selector", "attribution", "-k", "4", "--max-prompts", "120",
               "--selection-share", "0.3")  # fmt: skip
    evidence = audit(tmp_path / "work", *options, policy=load_policy(path))
    assert any(stop.early for stop in evidence.stops)
    measured = sum(p.measures and p.set == "regular" for p in evidence.suite.prompts)
    assert finding(evidence).n == measured
    assert "planned" not in finding(evidence).counts
    recheck(evidence)


def test_a_suite_without_benign_prompts_says_why_there_is_none(tmp_path):
    lines = (SUITE / "prompts.jsonl").read_text(encoding="utf-8").splitlines()
    regular = [line for line in lines if json.loads(line)["set"] == "regular"][:40]
    suite = tmp_path / "suite.jsonl"
    suite.write_text("\n".join(regular) + "\n", encoding="utf-8")
    evidence = audit(tmp_path / "work", suite=suite)
    assert "0 benign ones answered" in evidence.positive_control
    assert finding(evidence).reason == evidence.positive_control
    assert not any(m.arm == "positive" for m in evidence.masks)
    recheck(evidence)
