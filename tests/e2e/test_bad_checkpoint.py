"""Checkpoints that cannot be audited: one line with place and remedy, exit code 3, nothing lost.

A path with nothing at it is wrong usage: tests/commands/test_paths.py.
"""

from __future__ import annotations

import json

import pytest

from tests.e2e.cli import SMALL, SUITE, copy_checkpoint, edit_json, gatekeeper, refused


def audit(checkpoint, out, *more):
    small = (*SMALL, "--max-prompts", "12", "--selector", "ses-frequency")
    return gatekeeper("audit", checkpoint, "--suite", SUITE, "--out", out, *small, *more)


@pytest.fixture
def checkpoint(tmp_path):
    return copy_checkpoint(tmp_path / "candidate")


def test_no_such_path(tmp_path):
    refused(audit(tmp_path / "nowhere", tmp_path / "out"), 2, "nowhere", "→")


def test_a_dense_model(tmp_path):
    from tests.engine.tiny_checkpoint import model

    model("llama").save_pretrained(tmp_path / "dense")
    refused(audit(tmp_path / "dense", tmp_path / "out"), 3, "dense", "no routed experts")
    assert not (tmp_path / "out").exists()


def test_a_refusal_takes_no_finished_audit_with_it(tmp_path):
    from tests.engine.tiny_checkpoint import model

    model("llama").save_pretrained(tmp_path / "dense")
    out = tmp_path / "out"
    out.mkdir()
    (out / "manifest.json").write_text("{}")
    (out / "evidence.json").write_text("{}")
    refused(audit(tmp_path / "dense", out, "--overwrite"), 3, "no routed experts")
    assert sorted(p.name for p in out.iterdir()) == ["evidence.json", "manifest.json"]


def test_pickle_weights_only(checkpoint, tmp_path):
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    refused(audit(checkpoint, tmp_path / "out"), 3, "safetensors", "→")


def test_a_truncated_safetensors_file(checkpoint, tmp_path):
    path = checkpoint / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    refused(audit(checkpoint, tmp_path / "out"), 3, "model.safetensors", "→")


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_remote_code(checkpoint, tmp_path, file):
    edit_json(checkpoint / file, auto_map={"AutoModelForCausalLM": "evil.Model"})
    (checkpoint / "evil.py").write_text("raise SystemExit('planted code')")
    done = audit(checkpoint, tmp_path / "out")
    refused(done, 3, file, "code")
    assert "planted code" not in done.stderr


def test_remote_code_cannot_be_switched_on(checkpoint, tmp_path):
    for name in ("audit", "run"):
        assert "trust" not in gatekeeper(name, "--help").stdout
    (tmp_path / "pyproject.toml").write_text("[tool.gatekeeper.audit]\ntrust_remote_code = true\n")
    done = gatekeeper(
        "audit", checkpoint, "--suite", SUITE, "--out", tmp_path / "out", cwd=tmp_path
    )
    refused(done, 2, "trust_remote_code", "pyproject.toml")


def test_config_and_weights_disagree_on_experts(checkpoint, tmp_path):
    experts = json.loads((checkpoint / "config.json").read_text())["num_local_experts"]
    edit_json(checkpoint / "config.json", num_local_experts=experts * 2)
    refused(audit(checkpoint, tmp_path / "out"), 3, str(experts), str(experts * 2))


def test_no_chat_template(checkpoint, tmp_path):
    (checkpoint / "chat_template.jinja").unlink(missing_ok=True)
    edit_json(checkpoint / "tokenizer_config.json", chat_template=None)
    refused(audit(checkpoint, tmp_path / "out"), 3, "chat template", "→")


def test_a_chat_template_that_fails(checkpoint, tmp_path):
    (checkpoint / "chat_template.jinja").write_text("{{ raise_exception('no') }}")
    refused(audit(checkpoint, tmp_path / "out"), 3, "chat template", "→")


def test_a_tokenizer_whose_expression_never_ends(checkpoint, tmp_path):
    """The library gives up by a panic of Rust, which is no Exception."""
    file = checkpoint / "tokenizer.json"
    usual = json.loads(file.read_text())["pre_tokenizer"]
    pattern = {"Regex": r"(\w+\s?)+\d$"}
    split = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
    edit_json(file, pre_tokenizer={"type": "Sequence", "pretokenizers": [split, usual]})
    refused(audit(checkpoint, tmp_path / "out"), 3, "tokenizer fails on a prompt", "Onig")


def test_a_tokenizer_without_pad_token_uses_the_end_token(checkpoint, tmp_path):
    edit_json(checkpoint / "tokenizer_config.json", pad_token=None)
    done = audit(checkpoint, tmp_path / "out")
    assert done.returncode == 0, done.stderr


def test_a_tokenizer_with_neither_pad_nor_end_token(checkpoint, tmp_path):
    edit_json(checkpoint / "tokenizer_config.json", pad_token=None, eos_token=None)
    for file in ("special_tokens_map.json", "added_tokens.json"):
        (checkpoint / file).unlink(missing_ok=True)
    refused(audit(checkpoint, tmp_path / "out"), 2, "pad", "tokenizer_config.json")


def test_no_tokenizer(checkpoint, tmp_path):
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (checkpoint / file).unlink(missing_ok=True)
    refused(audit(checkpoint, tmp_path / "out"), 3, "tokenizer")


def test_nothing_is_ever_written_into_the_checkpoint(checkpoint, tmp_path):
    before = {p.name: p.read_bytes() for p in checkpoint.iterdir()}
    done = audit(checkpoint, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert {p.name: p.read_bytes() for p in checkpoint.iterdir()} == before


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"normalizer": {"type": "Lowercase"}}, "changes the words of a prompt"),
        ({"normalizer": {"type": "Replace", "pattern": {"String": "a"}, "content": "o"}}, "words"),
        ({"model": {"dropout": 0.5}}, "other tokens of the same prompt each time"),
    ],
)
def test_a_tokenizer_that_changes_prompts(tmp_path, change, why):
    """Others that read the same files, or the same audit again, would ask something else."""
    checkpoint = copy_checkpoint(tmp_path / "checkpoint")
    path = checkpoint / "tokenizer.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    for key, value in change.items():
        data[key] = {**data[key], **value} if key == "model" else value
    path.write_text(json.dumps(data), encoding="utf-8")
    refused(audit(checkpoint, tmp_path / "out"), 3, why)


def test_a_setting_that_other_loaders_may_read_is_told(checkpoint, tmp_path):
    edit_json(checkpoint / "config.json", is_causal=False)
    done = audit(checkpoint, tmp_path / "out", "-k", "5000")
    assert done.returncode == 2, done.stderr
    assert "warning: not audited: is_causal of config.json" in done.stderr
