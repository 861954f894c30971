"""Sizes beyond all experts of a checkpoint are told before anything is computed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.audit.resolve_options import check_sizes, hopeless_sizes, large_masks, resolve
from gatekeeper.cli import run
from gatekeeper.errors import ExitCode, UsageError
from gatekeeper.records.audit_config import TypedOptions
from gatekeeper.records.model import ModelDescription, MoeSite
from gatekeeper.records.policy import Policy
from tests.commands.options import options
from tests.e2e.cli import DEMO_POLICY, HARDENED, ROOT, SUITE
from tests.policy.builders import make_policy

#: Experts of the demo's checkpoints, and of all layers of the config.
DEMO, QWEN = 64, 6144
CONFIG = ROOT / "benchmarks" / "configs" / "qwen3-30b-a3b.json"


def typed(*ks: int, size: int | None = None) -> TypedOptions:
    sizes = [word for k in ks for word in ("-k", k)]
    return options(SUITE, *sizes, *([] if size is None else ["--size", size]))


@pytest.mark.parametrize(("ks", "told"), [((32,), ""), ((1, 33), "33"), ((60, 64), "60, 64")])
def test_masks_of_more_than_half_of_the_experts_are_told(ks: tuple[int, ...], told: str) -> None:
    found = list(large_masks(typed(*ks), DEMO))
    assert [line.split(" of ")[1] for line in found] == ([told] if told else [])


def policy(*ks: int) -> Policy:
    needs = make_policy().needs
    return make_policy(needs=replace(needs, ks=ks))


def hopeless(asked: TypedOptions, wants: Policy) -> list[str]:
    return list(hopeless_sizes(resolve(asked, wants), wants, DEMO))


@pytest.mark.parametrize("command", ["audit", "run"])
@pytest.mark.parametrize(("flag", "told"), [("-k", "give -k 64"), ("--size", "give --size 64")])
def test_an_audit_is_refused_with_the_largest_size(command, flag, told, tmp_path, capsys):
    out = tmp_path / "out"
    more = ["-k", "1", flag, str(DEMO + 1), "--policy", str(DEMO_POLICY)]
    assert run([command, str(HARDENED), "--suite", str(SUITE), "--out", str(out), *more]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert f"{flag} 65: the checkpoint has 64 routed experts" in lines[-1]
    assert lines[-1].endswith(f"{told} at most")
    assert not any("…" in line for line in lines)  # no stage had begun
    assert not out.exists()


@pytest.mark.parametrize(
    ("checkpoint", "device", "most"),
    [(HARDENED, "cpu", DEMO), (HARDENED, "h100", DEMO), (CONFIG, "h100", QWEN)],
)
def test_an_estimate_is_refused_too(checkpoint, device, most, capsys):
    command = ["estimate", str(checkpoint), "--suite", str(SUITE), "--device", device]
    assert run([*command, "-k", str(most + 1)]) == ExitCode.USAGE
    assert f"give -k {most} at most" in capsys.readouterr().err


def test_all_experts_may_be_asked_for():
    check_sizes(typed(1, DEMO, size=DEMO), DEMO)
    with pytest.raises(UsageError, match="-k 65"):
        check_sizes(typed(1, 65), DEMO)


def test_sizes_that_nobody_typed_are_not_refused():
    """The defaults are cut, and what a policy needs makes its verdict inconclusive: a warning."""
    check_sizes(typed(), 2)
    assert hopeless(typed(), policy(1, 65, 80)) == [
        "the policy needs masks of 65, 80 experts and the checkpoint has 64 that can be masked: "
        "the verdict cannot be a pass"
    ]
    assert hopeless(typed(), policy(1, 64)) == []
    # Not run at all: `hopeless` has told so.
    assert hopeless(typed(1), policy(65)) == []


def test_a_policys_sizes_are_a_warning_of_an_audit(tmp_path, capsys):
    wants = tmp_path / "policy.yaml"
    wants.write_text(
        DEMO_POLICY.read_text().replace("k: [1, 2, 4, 8, {", "k: [1, 2, 4, 8, 65, {", 1)
    )
    command = ["audit", str(HARDENED), "--suite", str(SUITE), "--policy", str(wants)]
    # Ends right after what is looked at here.
    more = ["--out", str(tmp_path / "out"), "--device", "cpu", "--also-dtype", "float32"]
    assert run([*command, *more]) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert "warning: the policy needs masks of 65 experts and the checkpoint has 64" in told
    assert "--also-dtype float32" in told


def test_layers_that_a_table_routes_hold_no_mask():
    sites = tuple(
        MoeSite(layer=i, path=f"layers.{i}.mlp", experts=8, top_k=2, shared=0, routing=routing)
        for i, routing in enumerate(["table", "learned", "learned"])
    )
    found = ModelDescription(
        model_type="toy",
        architecture="Toy",
        dtype="float32",
        layers=3,
        sites=sites,
        parameters=1,
        active_parameters=1,
        context_length=None,
    )
    assert (found.routed_experts, found.maskable_experts) == (24, 16)
