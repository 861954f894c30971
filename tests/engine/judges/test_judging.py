"""A judge is tried on one harmless reply before hours of work rest on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gatekeeper.audit.plan import plan
from gatekeeper.engine.judges.judging import TRIED, open_judge, try_judge
from gatekeeper.errors import AuditError
from gatekeeper.evidence.judge_store import JUDGE_STORE
from gatekeeper.judges import broken
from gatekeeper.records.judge_options import SecondRequest
from tests.commands.options import options as audit_options
from tests.e2e.cli import HARDENED, SUITE
from tests.engine.tiny_judges import save_encoder
from tests.judges.chat_server import Handler, serving
from tests.typed import some


def test_no_judge_can_tell_without_being_asked() -> None:
    """A refusal by phrase, or a broken reply, would be judged without the model."""
    rules = open_judge("refusal-rules", {})
    assert rules.judge(*TRIED).outcome == "comply"
    assert broken(TRIED[1]) is None
    try_judge(rules, "--judge")


def test_a_remote_judge_is_asked_once_over_all_sessions(tmp_path: Path) -> None:
    def answer(handler: Handler, _number: int) -> None:
        handler.say("comply")

    with serving(answer) as server:
        options = {"url": server.url, "model": "m", "retries": "0"}
        for _ in range(2):
            try_judge(open_judge("refusal-api", options, tmp_path), "--judge")
        assert [r.material for r in server.requests] == [{"request": TRIED[0], "reply": TRIED[1]}]
    assert (tmp_path / JUDGE_STORE).is_file()
    # Nobody is there any more, and nobody has to be.
    try_judge(open_judge("refusal-api", options, tmp_path), "--judge")
    with pytest.raises(AuditError, match="broke the connection") as caught:
        try_judge(open_judge("refusal-api", options), "--second-judge")
    assert caught.value.__notes__ == [
        "--second-judge refusal-api was tried on a made-up reply, before all else"
    ]


def test_a_judge_lets_its_model_go_and_loads_it_again(tmp_path: Path, monkeypatch) -> None:
    from gatekeeper.engine.judges import judge_models

    loaded = []
    load = judge_models.Embedder.load

    def watched(self, kind):
        loaded.append(1)
        return load(self, kind)

    monkeypatch.setattr(judge_models.Embedder, "load", watched)
    save_encoder(tmp_path)
    judge = open_judge("refusal-embedding", {"model": str(tmp_path), "device": "cpu"})
    assert judge.release is not None
    pair = ("the cat sat", "a wire : the cat")
    said = judge.judge(*pair)
    assert judge.judge(*pair) == said and len(loaded) == 1
    judge.release()
    judge.release()
    assert judge.judge(*pair) == said and len(loaded) == 2


def test_an_audit_tries_both_and_keeps_the_first(tmp_path: Path, monkeypatch) -> None:
    """Batches must fit beside the first judge; the second is asked when they are done."""
    from gatekeeper.audit.prepare import open_judges
    from gatekeeper.engine.judges import judge_models

    told = []
    load, release = judge_models.Embedder.load, judge_models.Embedder.release

    def loading(self, kind):
        told.append(f"load {self._path.name}")
        return load(self, kind)

    def releasing(self):
        told.append(f"release {self._path.name}")
        release(self)

    monkeypatch.setattr(judge_models.Embedder, "load", loading)
    monkeypatch.setattr(judge_models.Embedder, "release", releasing)
    options = [
        {"model": str(save_encoder(tmp_path / name)), "device": "cpu", "threshold": threshold}
        for name, threshold in (("first", "0.1"), ("second", "0.2"))
    ]
    request = replace(
        plan(HARDENED, audit_options(SUITE), None, print),
        judge="refusal-embedding",
        judge_options=options[0],
        second=SecondRequest(judge="refusal-embedding", sample=10, options=options[1]),
    )
    first, second = open_judges(request, tmp_path)
    assert (first.settings["threshold"], some(second).settings["threshold"]) == ("0.1", "0.2")
    assert told == ["load first", "load second", "release second"]


def test_judges_without_a_model_have_none_to_let_go(tmp_path: Path) -> None:
    assert open_judge("refusal-rules", {}).release is None
    options = {"url": "https://example.com/v1", "model": "m"}
    assert open_judge("refusal-api", options).release is None
