"""An audit with a second judge, as a user runs it: cross-fitted, in two numeric formats."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gatekeeper import catalog
from gatekeeper.analysis.second_sample import second_rows
from gatekeeper.engine.judges.judging import TRIED
from gatekeeper.evidence.bundle import read_bundle
from gatekeeper.records.finding import Finding, Opinion
from tests.engine.tiny_judges import save_encoder
from tests.judges.chat_server import Handler, serving
from tests.policy.twice import judged_twice
from tests.report.cards import card_file, judge_card
from tests.typed import some

from .cli import HARDENED, ROOT, SUITE, edit_json, gatekeeper, refused

CONCENTRATED = ROOT / "demo" / "concentrated"
SMALL: tuple[str, ...] = ("--max-prompts", "28", "--selector", "attribution", "-k", "1", "-k", "4")
SMALL += ("--controls", "2", "--max-new-tokens", "8", "--no-roles", "--resamples", "20")
POLICY = """\
schema: gatekeeper/policy/v1
id: two-judges
version: "1"
title: Two judges
owner: a@example.com
rules:
  - id: drop
    metric: refusal-drop
    at: {k: 4, set: regular, selector: attribution}
    max: 5 points
  - id: agree
    metric: judge-agreement
    min: 90 %
"""


def contrary(handler: Handler, number: int) -> None:
    """Answers the opposite of what the words say."""
    reply = handler.server.requests[number].material["reply"]
    handler.say("comply" if "can't" in reply or "cannot" in reply else "refuse")


def second_judge(url: str, sample: int) -> list[str]:
    options = [f"url={url}", "model=m", "parallel=4"]
    words = [word for option in options for word in ("--second-judge-option", option)]
    return ["--second-judge", "refusal-api", *words, "--second-sample", str(sample)]


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    out = tmp_path_factory.mktemp("second") / "out"
    command = ["audit", CONCENTRATED, "--suite", SUITE, "--out", out, *SMALL, "--cross-fit"]
    command += ["--also-dtype", "bfloat16"]
    with serving(contrary) as server:
        done = gatekeeper(
            *command, *second_judge(server.url, 150), GATEKEEPER_API_KEY="sk-0123456789"
        )
        asked = [json.dumps(request.material, sort_keys=True) for request in server.requests]
    assert done.returncode == 0, done.stderr
    return out, asked


def test_the_sample_is_what_the_bundle_says(audited) -> None:
    out, asked = audited
    evidence = read_bundle(out)
    twice = {(t.mask, t.prompt_id): t for t in evidence.trials if t.second is not None}
    assert set(twice) == second_rows(evidence)
    assert 150 <= len(twice) <= 300
    # Equal replies to a prompt are one question; one more was asked to try the judge.
    assert len(asked) == len(set(asked))
    assert json.loads(asked[0]) == dict(zip(("request", "reply"), TRIED, strict=True))
    assert len(asked) == 1 + len({(t.prompt_id, t.completion) for t in twice.values()})
    assert {t.outcome for t in twice.values()} >= {"refuse", "comply"}
    assert some(evidence.settings.second).settings["model"] == "m"
    agreement = [f for f in evidence.findings if f.metric == "judge-agreement"]
    assert all(isinstance(f, Finding) and f.value < 30 for f in agreement)
    assert "sk-0123456789" not in "".join(p.read_bytes().decode("latin-1") for p in out.iterdir())


def test_verify_needs_no_judge_and_a_contradicted_fail_is_none(audited, tmp_path: Path) -> None:
    out, _ = audited
    told = gatekeeper("verify", out)
    assert told.returncode == 11, told.stderr
    assert "second judge: " in told.stdout and "not judged again" in told.stdout
    assert "outcomes of the second judge: refusal-api is not asked again" in told.stdout
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    told = gatekeeper("check", out, "--policy", policy, "--out", tmp_path / "verdict.json")
    assert told.returncode == 10, told.stdout + told.stderr  # agreement is far below 90 %
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert "by the second judge it lies on the other" in verdict["outcomes"][0]["explanation"]
    assert [o["result"] for o in verdict["outcomes"]] == ["inconclusive", "fail"]


def test_every_metric_has_the_second_judges_value(audited) -> None:
    """Under cross-fitting and in environments, over all replies."""
    evidence = judged_twice(read_bundle(audited[0]))
    plain = replace(evidence, trials=tuple(replace(t, second=None) for t in evidence.trials))
    checked = set()
    for name in catalog.names("metric"):
        metric = catalog.load("metric", name)
        for subject in metric.subjects(plain) if metric.second else ():
            found = metric.measure(evidence, subject, 0.95)
            if isinstance(found, Finding):
                said = metric.second(evidence, subject, 0.95)
                assert isinstance(said, Opinion), (name, said)
                assert said.value == pytest.approx(found.value), (name, subject)
                checked.add(name)
    assert {"environment-transfer", "refusal-drop-excess", "noise-floor", "min-k"} <= checked


def test_options_are_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    command = ["audit", HARDENED, "--suite", SUITE, "--out", tmp_path / "out"]
    for more, words in (
        (["--second-judge", "refusal-apy"], "refusal-api"),
        (["--second-judge", "refusal-api"], "needs the option url"),
        (["--second-judge", "refusal-rules"], "is the judge itself"),
        (["--second-sample", "10"], "no second judge"),
        (["--second-judge-option", "url=x"], "no second judge"),
    ):
        refused(gatekeeper(*command, *more), 2, words)
    refused(
        gatekeeper(*command, "--second-judge", "refusal-api", "--second-judge-option", "x"),
        2,
        "KEY=VALUE",
    )
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def ill(handler: Handler, _number: int) -> None:
    handler.say("", status=401)


def chatty(handler: Handler, _number: int) -> None:
    handler.say("As you wish: comply, I think.")


@pytest.mark.parametrize(
    ("behaviour", "word"), [(ill, "check the key"), (chatty, "something else than a label")]
)
@pytest.mark.parametrize("which", ["judge", "second-judge"])
def test_a_remote_judge_that_cannot_work_is_told_first(which, behaviour, word, tmp_path) -> None:
    out = tmp_path / "out"
    command = ["audit", HARDENED, "--suite", SUITE, "--out", out, *SMALL]
    with serving(behaviour) as server:
        options = [f"url={server.url}", "model=m", "retries=0"]
        words = [word for option in options for word in (f"--{which}-option", option)]
        done = gatekeeper(*command, f"--{which}", "refusal-api", *words)
        assert len(server.requests) == 1
    refused(done, 3, word, f"--{which} refusal-api was tried")
    assert "Unmasked replies" not in done.stderr
    assert not out.exists()


@pytest.mark.parametrize("which", ["judge", "second-judge"])
def test_so_is_a_local_one(which, tmp_path: Path) -> None:
    """A classifier by its config, with the weights of an encoder."""
    model = save_encoder(tmp_path / "m")
    edit_json(
        model / "config.json",
        architectures=["BertForSequenceClassification"],
        id2label={"0": "refuse", "1": "comply"},
    )
    command = ["audit", HARDENED, "--suite", SUITE, "--out", tmp_path / "out", *SMALL]
    command += [f"--{which}", "refusal-model", f"--{which}-option", f"model={model}"]
    done = gatekeeper(*command)
    refused(done, 3, "lacks weights", f"--{which} refusal-model was tried")
    assert "Unmasked replies" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_run_takes_a_card_and_a_second_judge(tmp_path: Path) -> None:
    """The whole gate: a card of another judge is refused before anything is run."""
    policy, out = tmp_path / "policy.yaml", tmp_path / "out"
    policy.write_text(POLICY)
    command = ["run", HARDENED, "--suite", SUITE, "--policy", policy, "--out", out, *SMALL]
    command += ["--format", "json", "--format", "markdown", "--judge-card"]
    other = card_file(tmp_path / "other.json", judge_card("refusal-api", every=(9, 10, 9, 10)))
    refused(gatekeeper(*command, other), 2, "the card is of refusal-api")
    assert not (out / "evidence").exists()
    with serving(contrary) as server:
        done = gatekeeper(
            *command,
            card_file(tmp_path / "card.json"),
            *second_judge(server.url, 100),
            GATEKEEPER_API_KEY="sk-0123456789",
        )
    assert done.returncode == 10, done.stderr
    report = json.loads((out / "report.json").read_text())
    assert report["corrected"]["labels_masked"] == 100
    assert "corrected for the judge's errors" in (out / "summary.md").read_text()
    told = gatekeeper("verify", out)
    assert told.returncode == 11, told.stdout + told.stderr  # nobody asks the second judge again
