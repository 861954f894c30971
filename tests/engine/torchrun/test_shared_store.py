"""A store of two ranks: one file, known to both, and no going on where they differ."""

from __future__ import annotations

import json

import pytest

from gatekeeper.engine.torchrun.shared_store import MirroredStore, open_store
from gatekeeper.evidence.trial_store import TrialStore
from tests.engine.launch import torchrun


def test_one_process_has_the_plain_store(tmp_path):
    with open_store(tmp_path / "trials.sqlite", "audit", None) as store:
        assert type(store) is TrialStore
        assert not isinstance(store, MirroredStore)


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirror")
    done = torchrun("tests.engine.mirror_worker", folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.slow
def test_both_ranks_see_what_the_file_of_rank_0_holds(seen):
    for one in seen:
        assert one["in_step"]
        assert one["shared"] == "of 0"
        assert one["first"] == []
        assert one["then"] == ["no", [1, 2]]
        assert one["blob before"] is None
        assert one["put"] == one["blob"] == "of 0"


@pytest.mark.slow
def test_only_rank_0_writes(seen):
    assert seen[0]["files"] == ["trials.sqlite"]
    assert seen[1]["files"] == []
    assert seen[0]["seconds"] == {"load": 1.0}
    assert seen[1]["seconds"] == {}


@pytest.mark.slow
def test_ranks_that_differ_end_and_nothing_is_kept(seen):
    for one in seen:
        assert one["differ"] == [
            f"the ranks came to different {x}" for x in ("replies", "rows", "steps")
        ]
        assert one["nothing of it"] == []


@pytest.mark.slow
def test_one_rank_tells_of_an_error_and_the_others_learn_its_code(seen):
    assert seen[0]["claims"] is None
    assert seen[1]["claims"] == 3
