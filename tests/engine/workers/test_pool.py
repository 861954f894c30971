from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from dataclasses import replace

import pytest
import torch

from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.generate.row_plan import plan_rows
from gatekeeper.engine.generate.sweep import run_shard
from gatekeeper.engine.model.load import Recipe, load_model
from gatekeeper.engine.workers import local as processes
from gatekeeper.engine.workers import pool as workers
from gatekeeper.engine.workers.local import ProcessWorker
from gatekeeper.engine.workers.pool import RETRIES, PoolExecutor
from gatekeeper.engine.workers.spawn import WorkerLost
from gatekeeper.engine.workers.worker import Replica, load_recipe, make_task
from gatekeeper.errors import AuditError
from gatekeeper.evidence.trial_store import TrialStore
from tests.e2e.cli import HARDENED
from tests.engine.fake_workers import Office
from tests.engine.generate.test_sweep import SETTINGS, work
from tests.engine.sweeping import sweep
from tests.engine.tiny_loaded import loaded
from tests.typed import some

# Never loaded: a fake worker has it.
FAR = Recipe(path=HARDENED, description=describe(open_checkpoint(HARDENED)), dtype="float32")


def model():
    return replace(loaded("mixtral"), recipe=FAR)


def run(folder, office, others=1, name="s", **options):
    executor = PoolExecutor(office.spawn, others, share_cores=True, **options)
    try:
        with TrialStore(folder / name) as store:
            return sweep(
                model(), work(model(), 6), SETTINGS, store, lambda *_: None, executor=executor
            )
    finally:
        executor.close()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    with TrialStore(tmp_path_factory.mktemp("alone") / "s") as store:
        return sweep(model(), work(model(), 6), SETTINGS, store, lambda *_: None)


def slow_driver(monkeypatch, seconds=0.2):
    """Hands get most of the work."""
    real = run_shard

    def slow(*arguments):
        time.sleep(seconds)
        return real(*arguments)

    monkeypatch.setattr(workers, "run_shard", slow)


@pytest.mark.parametrize("others", [1, 3, 20])
def test_whoever_computes_the_result_is_the_same(alone, tmp_path, monkeypatch, others):
    slow_driver(monkeypatch)
    office = Office()
    assert run(tmp_path, office, others) == alone
    assert sum(worker.asked for worker in office.others) > 0
    assert len(office.others) <= min(others, 5)  # six shards: one is the driver's
    assert all(worker.closed for worker in office.others)


def test_workers_stay_for_the_next_sweep(tmp_path, monkeypatch):
    slow_driver(monkeypatch)
    office = Office()
    executor = PoolExecutor(office.spawn, 1, share_cores=False)
    for name in "ab":
        with TrialStore(tmp_path / name) as store:
            sweep(model(), work(model(), 6), SETTINGS, store, lambda *_: None, executor=executor)
    assert len(office.others) == 1 and not office.others[0].closed
    executor.close()
    assert office.others[0].closed


def test_a_sweep_with_nothing_left_spawns_nobody(alone, tmp_path):
    office = Office()
    with TrialStore(tmp_path / "s") as store:
        sweep(model(), work(model(), 6), SETTINGS, store, lambda *_: None)
    trials, count = run(tmp_path, office)
    assert trials == alone[0] and count.computed == 0
    assert office.others == []


def test_a_shard_lost_with_its_worker_is_done_by_the_next(alone, tmp_path, monkeypatch, caplog):
    slow_driver(monkeypatch)

    def behave(worker, _order):
        if worker < RETRIES:
            raise WorkerLost("killed")

    office = Office(behave)
    assert run(tmp_path, office) == alone
    assert len(office.others) == RETRIES + 1
    assert all(worker.closed for worker in office.others)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == RETRIES
    assert told[0].startswith("gatekeeper: warning: a worker was lost (killed); its 3 rows are ")


def test_a_shard_that_kills_every_worker_ends_the_audit_and_keeps_the_rest(tmp_path, monkeypatch):
    slow_driver(monkeypatch)

    def behave(_hand, _order):
        raise WorkerLost("killed (SIGKILL)")

    office = Office(behave)
    with pytest.raises(AuditError, match=f"lost {RETRIES + 1} times over the same 3") as caught:
        run(tmp_path, office)
    assert "out of memory" in some(caught.value.remedy)
    assert len(office.others) == RETRIES + 1
    rows, _ = plan_rows(work(model(), 6), SETTINGS.base)
    with TrialStore(tmp_path / "s") as store:
        kept = store.get(row.key for row in rows)
        assert len(kept) % 3 == 0 and len(kept) <= len(rows) - 3


def test_what_a_worker_cannot_do_is_told_as_if_tried_here(tmp_path, monkeypatch):
    slow_driver(monkeypatch)

    def behave(_hand, _order):
        raise AuditError("the device's memory does not hold a single row", remedy="smaller")

    with pytest.raises(AuditError, match="single row"):
        run(tmp_path, Office(behave))


def test_a_bug_in_a_thread_is_raised_not_waited_for(tmp_path, monkeypatch):
    slow_driver(monkeypatch)

    def behave(_hand, _order):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(tmp_path, Office(behave))


def test_an_interrupt_of_the_driver_lets_all_workers_go(tmp_path, monkeypatch):
    busy = threading.Event()

    def behave(worker, _order):
        busy.set()
        while not office.others[worker].closed:
            time.sleep(0.01)
        raise WorkerLost("closed")

    def interrupted(*_):
        assert busy.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(workers, "run_shard", interrupted)
    office = Office(behave)
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, office)
    assert len(office.others) == 1
    assert threading.active_count() == before


def test_a_store_that_fails_ends_the_executor_too(tmp_path, monkeypatch):
    def full(*_):
        raise AuditError("disk full")

    monkeypatch.setattr(TrialStore, "put", full)
    office = Office()
    before = threading.active_count()
    with pytest.raises(AuditError, match="disk full"):
        run(tmp_path, office, 2)
    assert threading.active_count() == before


def test_cores_are_shared_while_others_compute_and_given_back(tmp_path, monkeypatch):
    seen = []

    def watched(*arguments):
        seen.append(torch.get_num_threads())
        return run_shard(*arguments)

    monkeypatch.setattr(workers, "run_shard", watched)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        run(tmp_path, Office(), 1)
        assert set(seen) == {2}
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


# --- orders --------------------------------------------------------------------------------------


def test_a_task_holds_all_that_its_replies_depend_on():
    rows, _ = plan_rows(work(model(), 1), "b")
    task = pickle.loads(make_task(model(), SETTINGS, 1, rows))  # noqa: S301
    assert task.rows == tuple(rows)
    assert task.settings == SETTINGS
    with pytest.raises(AuditError, match="workers cannot load this model"):
        make_task(replace(model(), recipe=None), SETTINGS, 1, rows)


def test_a_failure_that_is_not_ours_loses_the_worker_and_tells_no_text(monkeypatch):
    replica = Replica("cpu")

    def fail(_order):
        raise RuntimeError("prompt: how to …")

    monkeypatch.setattr(replica, "loaded_for", fail)
    rows, _ = plan_rows(work(model(), 1), "b")
    with pytest.raises(WorkerLost) as caught:
        replica.answer(make_task(model(), SETTINGS, 1, rows)).unwrap()
    assert str(caught.value) == "RuntimeError"


# --- real processes ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real():

    description = describe(open_checkpoint(HARDENED))
    return load_model(HARDENED, description, device=torch.device("cpu"), dtype=torch.float32)


def orders(real, count):
    jobs = work(real, count)
    rows, _ = plan_rows(jobs, "b")
    return rows, [make_task(real, SETTINGS, 1, rows[i : i + 3]) for i in range(0, len(rows), 3)]


def replies(real, rows):
    from gatekeeper.engine.generate.sweep import run_shard
    from gatekeeper.engine.model.hooks import Instrument

    with Instrument(real.sites) as instrument:
        return run_shard(real, instrument, rows, SETTINGS)


def test_a_recipe_makes_the_same_model_also_in_int8(real):
    again = load_recipe(replace(real.recipe, int8=True), torch.device("cpu"))
    assert some(again.recipe).int8 and not real.recipe.int8
    rows, _ = plan_rows(work(real, 2), "b")
    assert replies(load_recipe(real.recipe, real.device), rows) == replies(real, rows)


def test_a_process_answers_is_missed_when_killed_and_when_it_hangs(real):
    rows, lines = orders(real, 2)
    worker = ProcessWorker("cpu")
    assert worker.ask(lines[0], 120) == replies(real, rows[:3])
    os.kill(some(worker.pid), signal.SIGSTOP)
    with pytest.raises(WorkerLost, match="no answer in 1 s"):
        worker.ask(lines[1], 1.0)
    os.kill(some(worker.pid), signal.SIGKILL)
    with pytest.raises(WorkerLost, match="SIGKILL"):
        worker.ask(lines[1], 60)
    worker.close()
    worker.close()
    assert gone(worker.pid)


def gone(pid) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_stuck_process_is_replaced_and_a_closed_one_lets_its_thread_go(real):
    _, lines = orders(real, 1)
    worker = processes.spawn_process("cpu")
    found = []

    def ask():
        try:
            worker.ask(lines[0], 600)
        except WorkerLost as lost:
            found.append(str(lost))

    os.kill(some(worker.pid), signal.SIGSTOP)
    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.2)
    worker.close()
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert len(found) == 1
    assert gone(worker.pid)
