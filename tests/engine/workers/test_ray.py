"""Ray actors: on a stand-in for Ray, and on Ray itself where it is installed."""

from __future__ import annotations

import importlib.util
import signal
import socket
import sys
import time
from dataclasses import replace

import pytest
import torch

from gatekeeper.audit import devices
from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from gatekeeper.engine.generate.row_plan import plan_rows
from gatekeeper.engine.generate.sweep import LocalExecutor, run_shard
from gatekeeper.engine.model.load import load_model
from gatekeeper.engine.versions import versions
from gatekeeper.engine.workers import pool as workers
from gatekeeper.engine.workers.ray import Expected, FarReplica, RayWorker, open_ray
from gatekeeper.engine.workers.spawn import WorkerLost
from gatekeeper.engine.workers.worker import make_task
from gatekeeper.errors import AuditError, UsageError
from gatekeeper.evidence.trial_store import TrialStore
from gatekeeper.records.audit_config import Execution
from gatekeeper.records.bundle_files import BUNDLE_FILES
from tests.e2e.cli import HARDENED, gatekeeper, refused
from tests.engine.fake_ray import FakeRay
from tests.engine.generate.test_sweep import SETTINGS, work
from tests.engine.sweeping import sweep
from tests.typed import some


@pytest.fixture(scope="module")
def real():
    description = describe(open_checkpoint(HARDENED))
    return load_model(HARDENED, description, device=torch.device("cpu"), dtype=torch.float32)


@pytest.fixture(scope="module")
def digest():
    return open_checkpoint(HARDENED).reference().digest


def opened(digest, *, workers=2, address="auto"):
    return open_ray(address, workers, expected(digest))


def expected(digest):
    return Expected(device="cpu", digest=digest, versions=versions())


@pytest.fixture
def cluster(monkeypatch):
    def make(**options):
        made = FakeRay({"CPU": 2}, **options)
        monkeypatch.setitem(sys.modules, "ray", made)
        return made

    return make


def run(executor, real, folder):
    try:
        with TrialStore(folder / "s") as store:
            return sweep(real, work(real, 3), SETTINGS, store, lambda *_: None, executor=executor)
    finally:
        executor.close()


def slow_driver(monkeypatch):
    def slow(*arguments):
        time.sleep(0.3)
        return run_shard(*arguments)

    monkeypatch.setattr(workers, "run_shard", slow)


@pytest.mark.parametrize("dying", [0, 2])
def test_actors_give_what_one_process_gives_also_when_some_die(
    real, digest, cluster, tmp_path, monkeypatch, dying
):
    alone = run(LocalExecutor(), real, tmp_path)
    slow_driver(monkeypatch)
    ray = cluster(dying=dying)
    executor = opened(digest)
    (tmp_path / "ray").mkdir()
    assert run(executor, real, tmp_path / "ray") == alone
    assert len(ray.actors) == dying + 1
    assert all(actor.killed for actor in ray.actors)
    assert ray.options[0] == {"num_gpus": 0, "num_cpus": 1, "max_restarts": 0}
    assert not ray.running


def test_ray_does_not_keep_the_signals(real, digest, cluster):
    before = signal.getsignal(signal.SIGTERM)
    cluster()
    opened(digest).close()
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_actor_that_does_not_answer_is_lost(real, digest, cluster):
    rows, _ = plan_rows(work(real, 1), "b")
    worker = RayWorker(cluster(hanging=True), expected(digest), gpus=0, cpus=1)
    with pytest.raises(WorkerLost, match="no answer in 3 s"):
        worker.ask(make_task(real, SETTINGS, 1, rows), 3)


@pytest.mark.parametrize(
    ("digest_there", "versions_there", "word"),
    [
        ("sha256:0", versions(), "another checkpoint"),
        (None, versions() | {"torch": "2.0.0"}, "has torch"),
    ],
)
def test_a_host_that_would_compute_something_else_is_refused(
    real, digest, digest_there, versions_there, word
):
    rows, _ = plan_rows(work(real, 1), "b")
    far = FarReplica("cpu", digest_there or digest, versions_there)
    with pytest.raises(AuditError, match=word) as caught:
        far.answer(make_task(real, SETTINGS, 1, rows)).unwrap()
    assert caught.value.remedy


def test_a_cluster_that_is_too_small_or_not_there_is_told(real, digest, cluster):
    ray = cluster()
    with pytest.raises(AuditError, match=r"needs 8 CPUs .* it has 2") as caught:
        opened(digest, workers=9)
    assert "--workers 3" in some(caught.value.remedy)
    assert not ray.running
    with pytest.raises(AuditError, match="no Ray cluster at nowhere"):
        opened(digest, address="nowhere")


def test_nothing_that_listens_is_told_before_the_model_is_loaded(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    where = Execution(workers=2, ray="127.0.0.1:1", device="cpu")
    with pytest.raises(AuditError, match="no Ray cluster at 127"):
        devices.refuse_workers(where)
    for address in ("127.0.0.1:x", "127.0.0.1:99999999"):
        with pytest.raises(AuditError, match="no Ray cluster"):
            devices.refuse_workers(Execution(workers=2, ray=address, device="cpu"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}", "auto"):
            devices.refuse_workers(Execution(workers=2, ray=address, device="cpu"))


def test_without_the_extra_it_is_told(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(AuditError, match="ray is not installed"):
        devices.refuse_workers(Execution(workers=2, ray="auto", device="cpu"))


@pytest.mark.parametrize(
    ("count", "workers_", "fits"), [(8, 8, True), (8, 9, False), (1, 2, False)]
)
def test_a_gpu_each(monkeypatch, count, workers_, fits):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    where = Execution(workers=workers_, ray=None, device="auto", parallel=None)
    assert devices.devices_of(where) == workers_
    if fits:
        devices.refuse_workers(where)
    else:
        with pytest.raises(UsageError, match=f"--workers {workers_}, and {count} GPU"):
            devices.refuse_workers(where)
    assert devices.devices_of(replace(where, device="spread")) == count
    assert devices.devices_of(replace(where, parallel="tensor 16")) == 16


def test_on_a_cpu_the_machine_is_what_is_paid_for():
    where = Execution(workers=4, ray=None, device="cpu")
    assert devices.devices_of(where) == 1
    assert devices.devices_of(replace(where, ray="auto")) == 4


# --- Ray itself ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is an extra")
def test_on_ray_itself_the_bytes_are_those_of_one_process(tmp_path, monkeypatch):
    from tests.e2e.interrupted import ARGUMENTS

    monkeypatch.setenv("HOME", str(tmp_path))
    done = gatekeeper(*ARGUMENTS, "--out", tmp_path / "one")
    assert done.returncode == 0, done.stderr
    two = (*ARGUMENTS, "--workers", "2", "--ray", "local", "--out", tmp_path / "two")
    done = gatekeeper(*two)
    assert done.returncode == 0, done.stderr
    for name in BUNDLE_FILES:
        if name not in {"run.json", "manifest.json"}:
            one, other = (tmp_path / d / name for d in ("one", "two"))
            assert one.read_bytes() == other.read_bytes(), name
    many = (*ARGUMENTS, "--workers", "99", "--ray", "local", "--out", tmp_path / "three")
    refused(gatekeeper(*many), 3, "needs 98 CPUs")
