"""Numbers and names that contradict one another: changed on disk and sealed anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gatekeeper.audit.variants import FORMATS as RUN_IN
from gatekeeper.cli import run
from gatekeeper.engine.versions import versions
from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.records.digest import NO_TEXT
from gatekeeper.records.environment import FORMATS, NO_PROMPT
from gatekeeper.records.evidence import SecondJudge
from gatekeeper.records.seed_rule import derived_seed
from gatekeeper.verify.numbers import recheck_numbers
from tests.evidence.sealing import edit
from tests.policy.profiled import VERSIONS, profiled_evidence


@pytest.fixture(scope="module")
def honest():
    return profiled_evidence()


def told(evidence, **changes):
    return replace(evidence, settings=replace(evidence.settings, **changes))


def at(evidence, **changes):
    return replace(evidence, times=replace(evidence.times, **changes))


def modelled(evidence, **changes):
    return replace(evidence, model=replace(evidence.model, **changes))


def sited(evidence, **changes):
    """Another first layer, of the model and of its profile alike."""
    first, *rest = evidence.model.sites
    sites = (replace(first, **changes), *rest)
    return replace(modelled(evidence, sites=sites), profile=replace(evidence.profile, sites=sites))


def counted(evidence, change):
    """Another profile, after `change` of its counts, weights and tokens in place."""
    kinds = {k: {w: a.copy() for w, a in getattr(evidence.profile, k).items()}
             for k in ("counts", "weights", "tokens")}  # fmt: skip
    change(**kinds)
    return replace(evidence, profile=replace(evidence.profile, **kinds))


def noted(evidence, note):
    return replace(evidence, profile=replace(evidence.profile, attribution_note=note))


def selected(evidence, **changes):
    first, *rest = evidence.selections
    return replace(evidence, selections=(replace(first, **changes), *rest))


def useful(evidence, **changes):
    first, *rest = evidence.usefulness
    return replace(evidence, usefulness=(replace(first, **changes), *rest))


def shortened(evidence):
    first, *rest = evidence.suite.prompts
    same = replace(first, id="twin", folded_sha256="f" * 64)
    return replace(evidence, suite=replace(evidence.suite, prompts=(first, same, *rest)))


def more_per_token(*, counts, weights, tokens):
    counts["prompt"][0, 0, :] = 24


def fewer_tokens(*, counts, weights, tokens):
    for window in tokens:
        tokens[window] -= 1


def wider_decision(*, counts, weights, tokens):
    tokens["decision"] += 100


def weighs_unchosen(*, counts, weights, tokens):
    weights["prompt"][counts["prompt"] == 0] = 1.0


def endless_replies(*, counts, weights, tokens):
    counts["generated"] *= 50
    tokens["generated"] *= 50


def marked(evidence, *marks):
    return told(evidence, reasoning=replace(evidence.settings.reasoning, marks=marks))


def filed(evidence, without):
    files = {n: d for n, d in evidence.checkpoint.files.items() if n != without}
    return replace(evidence, checkpoint=replace(evidence.checkpoint, files=files))


def filled(evidence, empty):
    files = {**evidence.checkpoint.files, empty: NO_TEXT}
    return replace(evidence, checkpoint=replace(evidence.checkpoint, files=files))


def worded(evidence):
    first, *rest = evidence.suite.prompts
    prompts = (replace(first, text_sha256=NO_TEXT), *rest)
    return replace(evidence, suite=replace(evidence.suite, prompts=prompts))


DIGEST = "sha256:" + "b" * 64

FORGED = {
    # Settings: known names, each once, and what excludes one another.
    "selectors": (lambda e: told(e, selectors=e.settings.selectors * 2), "something twice"),
    "formats": (lambda e: told(e, formats=("int8", "int8")), "something twice"),
    "ks": (lambda e: told(e, ks=(4, 1)), "mask sizes are not in order"),
    "mode": (lambda e: told(e, mode="scale:1"), "none that does anything"),
    "doses": (lambda e: told(e, doses=("scale:1e9",)), "none that does anything"),
    "dose": (lambda e: told(e, doses=("reroute",)), "mode of the audit itself"),
    "device": (lambda e: told(e, device="abacus"), "the device is none"),
    "dtype": (lambda e: told(e, dtype="float1"), "the numeric format is none"),
    "format": (lambda e: told(e, formats=("float32",)), "further numeric format is none"),
    "parallel": (lambda e: told(e, parallel="magic 2"), "over processes in a way"),
    "system prompt": (lambda e: told(e, system_prompts=(NO_PROMPT,)), "that of the audit itself"),
    "empty system prompt": (lambda e: told(e, system_prompt_sha256=NO_TEXT), "to have no text"),
    "empty prompt": (worded, "said to have no text"),
    "empty weights": (lambda e: filled(e, "model.safetensors"), "said to be empty"),
    "empty config": (lambda e: filled(e, "config.json"), "said to be empty"),
    "share": (lambda e: told(e, cross_fit=True), "are no halves"),
    "both": (
        lambda e: told(e, cross_fit=True, selection_share=0.5, sequential=DIGEST),
        "halves measure one another",
    ),
    "clock": (lambda e: told(e, clock="1999-05-05"), "today's date is none"),
    "processes": (lambda e: told(e, parallel="tensor 9999"), "over processes in a way"),
    "judge": (lambda e: told(e, judge_settings={"model": "x"}), "takes none"),
    "second judge": (
        lambda e: told(
            e, second=SecondJudge(judge="refusal-rules", version=1, settings={"a": "b"}, sample=1)
        ),
        "takes none",
    ),
    "marks": (lambda e: marked(e, "@@", "@@"), "the marks of reasoning"),
    "a mark": (lambda e: marked(e, "<a>"), "the marks of reasoning"),
    "no mark": (lambda e: marked(e, " ", "<a>"), "the marks of reasoning"),
    "versions": (lambda e: told(e, versions={}), "versions of libraries"),
    # The checkpoint's files.
    "no weights": (lambda e: filed(e, "model.safetensors"), "has no weights"),
    "no config": (lambda e: filed(e, "config.json"), "has no config.json"),
    "no tokenizer": (lambda e: filed(e, "tokenizer.json"), "has no tokenizer"),
    # The seed.
    "seed": (lambda e: told(e, seed=-1), "none that an audit takes"),
    "seed_from": (lambda e: told(e, seed_from=DIGEST), "seed does not follow"),
    "nonce": (lambda e: told(e, nonce="drawn"), "there is a nonce"),
    # The model.
    "top_k": (lambda e: sited(e, top_k=4), "another number of experts for a token"),
    "fewer": (lambda e: sited(e, top_k=1), "another number of experts for a token"),
    "impossible": (lambda e: sited(e, top_k=99), "more experts than there are"),
    "layer": (lambda e: sited(e, layer=7), "in no layer of the model"),
    "twice": (lambda e: sited(e, layer=1), "two mixtures of experts in one layer"),
    "layers": (lambda e: modelled(e, layers=1), "in no layer of the model"),
    "parameters": (lambda e: modelled(e, active_parameters=1001), "more parameters work"),
    "context": (lambda e: modelled(e, context_length=40), "longer than the model's context"),
    # The routing profile.
    "counts": (lambda e: counted(e, more_per_token), "another number of experts for a token"),
    "tokens": (lambda e: counted(e, fewer_tokens), "another number of experts for a token"),
    "decision": (lambda e: counted(e, wider_decision), "more than all of it"),
    "weights": (lambda e: counted(e, weighs_unchosen), "never chosen have a weight"),
    "generated": (lambda e: counted(e, endless_replies), "replies that are too long"),
    "note": (
        lambda e: noted(e, "Of 2 opening tokens, read from 9 judged replies."),
        "a note tells of other replies",
    ),
    # The run.
    "order": (
        lambda e: at(e, finished=e.times.started - timedelta(seconds=1)),
        "finished before it began",
    ),
    "future": (
        lambda e: at(e, finished=e.times.started + timedelta(days=36500)),
        "still to come",
    ),
    "seconds": (lambda e: at(e, seconds={"trials": -1.0}), "no possible time"),
    "no stage": (lambda e: at(e, seconds={}), "took any time"),
    "long": (lambda e: at(e, seconds={"trials": 1e6}), "longer than the whole audit"),
    "resumed": (
        lambda e: at(e, seconds={"trials": 1e12}, rows_resumed=1),
        "longer than the whole audit",
    ),
    "rows": (lambda e: at(e, rows_computed=0), "no row was computed"),
    "audits": (lambda e: at(e, audits=1, seeds=(4,)), "seeds of earlier audits"),
    "seeds": (lambda e: at(e, audits=1, seeds=(3, 4)), "seeds of earlier audits"),
    "uncounted": (lambda e: at(e, audits=0, seeds=(3,)), "seeds of earlier audits"),
    # Prompts, rankings, roles and usefulness.
    "max_prompts": (lambda e: told(e, max_prompts=53), "more prompts of a set"),
    "texts": (shortened, "levelled in two ways"),
    "ranked by": (lambda e: selected(e, seed=4), "another seed or size"),
    "size": (lambda e: selected(e, size=5), "another seed or size"),
    "window": (lambda e: selected(e, window="all"), "a token window that there is not"),
    "forwards": (lambda e: selected(e, forwards=1), "more rows than it might"),
    "prompts": (lambda e: selected(e, prompts={"regular": 999}), "more prompts than select"),
    "lengths": (
        lambda e: useful(e, tokens=(9, *e.usefulness[0].tokens[1:])),
        "other lengths than the unmasked model gave",
    ),
    "surprise": (
        lambda e: useful(e, plain=(-9.0, *e.usefulness[0].plain[1:])),
        "a negative surprise",
    ),
}


def test_an_honest_bundle_holds(honest):
    recheck_numbers(honest)


@pytest.mark.parametrize("name", FORGED)
def test_a_contradiction_is_found(name, honest):
    forge, words = FORGED[name]
    with pytest.raises(EvidenceError, match=words):
        recheck_numbers(forge(honest))


@pytest.mark.parametrize("name", ["seed_from", "parameters", "device", "order"])
def test_verify_says_so_of_a_bundle_sealed_anew(name, honest, tmp_path, capsys):
    forge, words = FORGED[name]
    write_bundle(forge(honest), tmp_path)
    assert run(["verify", str(tmp_path)]) == 12
    assert words in capsys.readouterr().err


def test_a_resumed_audit_took_longer_than_its_last_session(honest):
    recheck_numbers(at(honest, seconds={"trials": 1e6}, rows_computed=0, rows_resumed=9))


def test_what_an_audit_names_is_named():
    assert versions().keys() == set(VERSIONS)


def test_a_derived_seed_follows_from_suite_checkpoint_and_nonce(honest):
    digests = honest.suite.digest, honest.checkpoint.digest
    seed = derived_seed(DIGEST, *digests, "drawn")
    recheck_numbers(
        replace(
            told(honest, seed=seed, seed_from=DIGEST, nonce="drawn"),
            selections=tuple(replace(s, seed=seed) for s in honest.selections),
        )
    )


def test_routers_may_pick_what_is_no_routed_expert(honest):
    """Then fewer are counted than top_k, and not as many fewer for every prompt."""

    def some_fewer(*, counts, weights, tokens):
        for window in counts:
            counts[window][0, 0] = 0
            weights[window][0, 0] = 0

    recheck_numbers(counted(honest, some_fewer))


def test_shared_experts_may_be_among_those_that_are_picked(honest):
    recheck_numbers(sited(honest, top_k=3, shared=1))


def test_the_known_formats_are_those_that_models_are_run_in():
    assert FORMATS == RUN_IN


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(rows_computed=-1),
        lambda data: data.update(rows_resumed=1.5),
        lambda data: data.update(seconds={"trials": "long"}),
        lambda data: data.update(host=7),
        lambda data: data.update(started="2026-11-23T12:00:00"),
        lambda data: data.update(schema="gatekeeper/run/v2"),
        lambda data: data.update(signed="by the bank"),
    ],
)
def test_a_run_record_is_what_an_audit_writes(change, honest, tmp_path):
    write_bundle(honest, tmp_path)
    edit(tmp_path, "run.json", change)
    with pytest.raises(EvidenceError, match="not a run record"):
        read_bundle(tmp_path)


def test_numbers_of_notes_follow_from_the_profile(honest, tmp_path, capsys):
    first, *rest = honest.selections
    forged = replace(first, notes=("0 false selections, of 9000 prompts.", *first.notes))
    write_bundle(replace(honest, selections=(forged, *rest)), tmp_path)
    assert run(["verify", str(tmp_path)]) == 12
    assert "the notes of ses-frequency tell other numbers" in capsys.readouterr().err
