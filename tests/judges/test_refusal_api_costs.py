"""What the remote judge keeps, what it may cost, and how many questions it asks at a time."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from gatekeeper.errors import AuditError, UsageError
from gatekeeper.evidence.judge_store import JUDGE_STORE, JudgeStore

from .asking import KEY, PROMPT, REPLY, judge_at
from .chat_server import Handler, serving

pytestmark = pytest.mark.usefixtures("key_is_set")


def test_answers_are_kept_and_not_asked_for_again(tmp_path: Path) -> None:
    with serving(lambda h, n: h.say("refuse" if n == 0 else "comply")) as server:
        assert judge_at(server, tmp_path).judge(PROMPT, REPLY).outcome == "refuse"
        again = judge_at(server, tmp_path)
        assert again.judge(PROMPT, REPLY).outcome == "refuse"
        assert len(server.requests) == 1
        # Another request, reply or model is another question.
        assert again.judge(PROMPT + "?", REPLY).outcome == "comply"
        assert again.judge(PROMPT, REPLY + "?").outcome == "comply"
        assert judge_at(server, tmp_path, model="guard-2").judge(PROMPT, REPLY).outcome == "comply"
        assert len(server.requests) == 4
    kept = (tmp_path / JUDGE_STORE).read_bytes()
    assert b"private" not in kept
    assert KEY.encode() not in kept


def test_what_was_answered_survives_an_error(tmp_path: Path) -> None:
    with serving(lambda h, n: h.say("refuse" if n == 0 else "?")) as server:
        judge = judge_at(server, tmp_path, retries=0)
        with pytest.raises(AuditError, match="answers so far are kept"):
            judge.judgements([(PROMPT, REPLY), (PROMPT, REPLY + " more")])
        server.behaviour = lambda h, _: h.say("comply")
        found = judge_at(server, tmp_path).judgements([(PROMPT, REPLY), (PROMPT, REPLY + " more")])
    assert [j.outcome for j in found.values()] == ["refuse", "comply"]
    assert len(server.requests) == 3


def test_a_store_that_is_none(tmp_path: Path) -> None:
    (tmp_path / JUDGE_STORE).write_bytes(
        b"not a database, but long enough to be taken for one" * 99
    )
    with pytest.raises(AuditError, match="cannot use the store"):
        judge_at("https://example.com", tmp_path)


def test_a_strange_outcome_in_the_store_is_asked_for_again(tmp_path: Path) -> None:
    with serving(lambda h, _: h.say("comply")) as server:
        judge_at(server, tmp_path).judge(PROMPT, REPLY)
        with sqlite3.connect(tmp_path / JUDGE_STORE) as db:
            db.execute("UPDATE answers SET outcome = 'maybe'")
        assert judge_at(server, tmp_path).judge(PROMPT, REPLY).outcome == "comply"
    assert len(server.requests) == 2


PRICES = {"price_in": 1, "price_out": 10}


def test_the_cost_cap_stops_before_it_is_exceeded(tmp_path: Path) -> None:
    """A token in costs a millionth, one out ten; a question is at most some 1,500 and 32 tokens."""
    usage = {"prompt_tokens": 300, "completion_tokens": 5}
    with serving(lambda h, _: h.say("refuse", usage)) as server:
        judge = judge_at(server, tmp_path, max_cost=0.004, **PRICES)
        with pytest.raises(AuditError, match=r"max-cost is 0\.004") as caught:
            judge.judgements([(PROMPT, f"{REPLY} {i}") for i in range(100)])
        asked = len(server.requests)
        spent = JudgeStore(tmp_path / JUDGE_STORE).spent
        assert spent == pytest.approx(asked * 350 / 1e6)
        assert 3 <= asked < 100
        assert spent <= 0.004
        assert "answers so far are kept" in str(caught.value)
        # The next session goes on from there, and has nothing left to spend.
        again = judge_at(server, tmp_path, max_cost=0.004, **PRICES)
        assert again.judge(PROMPT, f"{REPLY} 0").outcome == "refuse"
        with pytest.raises(AuditError, match="max-cost"):
            again.judge(PROMPT, "Something new to judge here.")
        assert len(server.requests) == asked


def test_a_server_that_counts_more_than_can_be_is_believed(tmp_path: Path) -> None:
    """The cap is then exceeded at most by the first question's surplus."""
    usage = {"prompt_tokens": 9_000, "completion_tokens": 30}
    with serving(lambda h, _: h.say("refuse", usage)) as server:
        judge = judge_at(server, tmp_path, max_cost=0.03, **PRICES)
        with pytest.raises(AuditError, match="max-cost"):
            judge.judgements([(PROMPT, f"{REPLY} {i}") for i in range(9)])
    assert len(server.requests) == 3
    assert JudgeStore(tmp_path / JUDGE_STORE).spent == pytest.approx(0.0279)


def test_what_may_have_been_billed_is_counted(tmp_path: Path) -> None:
    def usage_of(behaviour: object, **options: object) -> float:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        with serving(behaviour) as server, pytest.raises(AuditError):  # type: ignore[arg-type]
            judge_at(server, folder, retries=0, **PRICES, **options).judge(PROMPT, REPLY)
        return JudgeStore(folder / JUDGE_STORE).spent

    assert usage_of(lambda h, _: h.say("x", status=429)) == pytest.approx(0)
    assert usage_of(lambda h, _: h.answer(b"nonsense")) > 0.001
    assert usage_of(lambda h, _: h.say("x", {"prompt_tokens": 1, "completion_tokens": -1})) > 0.001
    told = {"prompt_tokens": 100, "completion_tokens": 2}
    assert usage_of(lambda h, _: h.say("x", told)) == pytest.approx(120 / 1e6)


def test_several_are_asked_at_a_time_and_keep_their_order(tmp_path: Path) -> None:
    running, most = [0], [0]

    def slow(handler: Handler, _: int) -> None:
        with handler.server.lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.05)
        with handler.server.lock:
            running[0] -= 1
        handler.say("comply")

    pairs = [(PROMPT, f"Reply number {i} is a short one.") for i in range(24)]
    with serving(slow) as server:
        said = judge_at(server, tmp_path, parallel=6).judgements(pairs)
    assert 2 <= most[0] <= 6
    assert list(said) == pairs
    assert len(server.requests) == 24


def test_in_parallel_the_answers_go_to_their_replies_and_the_cap_holds(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 900, "completion_tokens": 30}

    def by_reply(handler: Handler, number: int) -> None:
        odd = int(handler.server.requests[number].material["reply"].split()[2]) % 2
        handler.say("refuse" if odd else "comply", usage)

    pairs = [(PROMPT, f"Reply number {i} is a short one.") for i in range(40)]
    with serving(by_reply) as server:
        free = judge_at(server, parallel=8).judgements(pairs)
        assert [j.outcome for j in free.values()] == ["comply", "refuse"] * 20
        capped = judge_at(server, tmp_path, parallel=8, max_cost=0.02, **PRICES)
        with pytest.raises(AuditError, match="max-cost"):
            capped.judgements(pairs)
    assert 0.005 < JudgeStore(tmp_path / JUDGE_STORE).spent <= 0.02


def test_a_cap_needs_prices() -> None:
    with pytest.raises(UsageError, match="max-cost needs price-in and price-out"):
        judge_at("https://example.com", max_cost=1, price_in=1)
