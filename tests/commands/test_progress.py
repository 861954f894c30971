from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.commands import _heartbeat, _progress
from gatekeeper.commands._heartbeat import HEARTBEAT, Heartbeat
from gatekeeper.commands._progress import ProgressReporter, duration


class Time:
    """A clock that goes when told to."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    time = Time()
    monkeypatch.setattr(_progress, "time", time)
    monkeypatch.setattr(_heartbeat, "time", time)
    return time


def read(folder):
    return json.loads((folder / HEARTBEAT).read_text())


def reporter(folder, **options):
    made = ProgressReporter(**options)
    made.begin(folder / HEARTBEAT, devices=(options.get("gpu_hour_cost") is not None and 4) or 1)
    return made


def test_rows_done_in_an_earlier_session_count_in_no_rate(clock, tmp_path, capsys):
    told = reporter(tmp_path)
    told.stage("trials")
    told.advance(500, 1000)
    clock.now += 20
    told.advance(540, 1000)
    assert "540 of 1000 rows, 2.0 a second, 4 min left" in capsys.readouterr().err
    seen = read(tmp_path)
    assert (seen["done"], seen["total"], seen["per_second"]) == (540, 1000, 2.0)
    assert seen["seconds_left"] == 230.0


def test_under_cross_fitting_every_line_says_of_which_half_it_is(clock, tmp_path, capsys):
    told = reporter(tmp_path)
    for half in (1, 2):
        told.stage("trials", half)
        clock.now += 60
        told.advance(5, 10)
    told.stage("second judge")
    lines = capsys.readouterr().err.splitlines()
    assert [line.strip().split(": ")[0] for line in lines[:-1]] == [
        f"half {half} of 2" for half in (1, 1, 2, 2)
    ]
    assert "half" not in lines[-1]


def test_a_second_sweep_of_a_stage_has_a_rate_of_its_own(clock, tmp_path):
    told = reporter(tmp_path, quiet=True)
    told.stage("trials")
    for done, total, seconds in [(0, 100, 10), (100, 100, 0), (0, 100, 5), (10, 100, 0)]:
        told.advance(done, total)
        clock.now += seconds
    assert read(tmp_path)["per_second"] == 2.0
    told.advance(0, 40)
    clock.now += 4
    told.advance(8, 40)
    assert (read(tmp_path)["per_second"], read(tmp_path)["seconds_left"]) == (2.0, 16.0)


def test_a_total_that_falls_is_the_same_work(clock, tmp_path, capsys):
    """Sequential runs: rows found in the store count in no rate, and the total is a bound."""
    told = reporter(tmp_path, gpu_hour_cost=900.0)  # of four: one a second
    told.stage("trials in order")
    told.advance(0, 1000)
    clock.now += 10
    told.advance(100, 1000)
    assert read(tmp_path)["at_most"] is True
    told.advance(400, 800, found=300)
    clock.now += 10
    told.advance(500, 800)
    seen = read(tmp_path)
    assert (seen["done"], seen["total"], seen["per_second"]) == (500, 800, 10.0)
    line = capsys.readouterr().err.splitlines()[-1]
    assert line == (
        "  500 of at most 800 rows, 10.0 a second, up to 30 s left, 20.00 spent and up to 30.00 "
        "to go"
    )
    told.stage("trials")
    assert read(tmp_path)["at_most"] is False


def test_money_is_hours_times_price_times_devices(clock, tmp_path, capsys):
    told = reporter(tmp_path, gpu_hour_cost=2.5)
    told.stage("trials")
    told.advance(0, 100)
    clock.now += 1800
    told.advance(25, 100)
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.endswith("90 min left, 5.00 spent and 15.00 to go")
    assert (read(tmp_path)["money_spent"], read(tmp_path)["money_left"]) == (5.0, 15.0)
    told.tell_cost(7200)
    assert capsys.readouterr().err == "2 h 00 min on 4 devices: 20.00 at 2.50 a device and hour\n"


def test_without_a_price_no_money_is_told(clock, tmp_path, capsys):
    told = reporter(tmp_path)
    told.stage("trials")
    told.advance(0, 10)
    clock.now += 20
    told.advance(5, 10)
    told.tell_cost(100)
    assert "spent" not in capsys.readouterr().err
    assert read(tmp_path)["money_spent"] is None


def test_the_heartbeat_is_written_at_most_once_a_second_and_only_by_progress(clock, tmp_path):
    told = reporter(tmp_path, quiet=True)
    told.stage("trials")
    told.advance(1, 10)
    assert read(tmp_path)["done"] == 0
    clock.now += 1.0
    told.advance(2, 10)
    told.advance(3, 10)
    assert read(tmp_path)["done"] == 2
    before = read(tmp_path)
    clock.now += 600
    assert read(tmp_path) == before
    told.stage("usefulness")
    assert (read(tmp_path)["stage"], read(tmp_path)["done"]) == ("usefulness", 0)


def test_the_heartbeat_tells_when_in_utc_and_goes_at_the_end(tmp_path):
    told = reporter(tmp_path, quiet=True)
    told.stage("load")
    seen = read(tmp_path)
    assert seen["unit"] == "bytes"
    age = datetime.now(UTC) - datetime.fromisoformat(seen["updated"])
    assert timedelta(seconds=-1) < age < timedelta(seconds=60)
    told.close()
    assert list(tmp_path.iterdir()) == []


def test_a_heartbeat_that_cannot_be_written_ends_nothing(tmp_path):
    Heartbeat(tmp_path / "gone" / HEARTBEAT).beat(done=1)
    Heartbeat(None).beat(done=1)
    Heartbeat(None).end()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (99, "99 s"), (100, "2 min"), (5940, "99 min"),
                          (6000, "1 h 40 min"), (360000, "100 h 00 min")]
)  # fmt: skip
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_weights_are_counted_in_bytes_and_the_self_test_in_steps(clock, tmp_path, capsys):
    told = reporter(tmp_path)
    for stage, done, total in (("load", 5, 13), ("weights", 6, 13)):
        told.stage(stage)
        told.advance(0, total * 10**9)
        clock.now += 20
        told.advance(done * 10**9, total * 10**9)
        assert read(tmp_path)["unit"] == "bytes"
    told.stage("self-test")
    told.advance(0, 9)
    clock.now += 30
    told.advance(3, 9)
    assert read(tmp_path)["unit"] == "steps"
    assert capsys.readouterr().err.splitlines() == [
        "Trying the judge, hashing the weights …",
        "  5.0 of 13.0 GB read, 32 s left",
        "Loading the weights …",
        "  6.0 of 13.0 GB read, 23 s left",
        "Testing the hooks on the model …",
        "  3 of 9 steps, 0.1 a second, 60 s left",
    ]
