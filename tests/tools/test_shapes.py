"""Shapes of published models, small enough for a test, through the front door."""

from __future__ import annotations

import json

import pytest

from gatekeeper.checkpoint.describe import describe
from gatekeeper.checkpoint.open import open_checkpoint
from tests.e2e.cli import SUITE, gatekeeper
from tools.shapes.__main__ import main
from tools.shapes.config import config_of, names
from tools.shapes.write import stored, write

#: Experts each, and how many work on a token, as published.
PUBLISHED = {
    "olmoe-1b-7b": (64, 8),
    "qwen1.5-moe-a2.7b": (60, 4),
    "deepseek-v2-lite": (64, 6),
    "gpt-oss-20b": (32, 4),
    "qwen3-30b-a3b": (128, 8),
    "mixtral-8x7b": (8, 2),
    "many-experts": (512, 8),
}
#: Parameters in all, as published (10^9).
SIZES = {"olmoe-1b-7b": 6.92, "qwen1.5-moe-a2.7b": 14.3, "deepseek-v2-lite": 15.7}
TINY: tuple[str, ...] = (
    "--max-prompts",
    "6",
    "-k",
    "1",
    "--controls",
    "1",
    "--max-new-tokens",
    "2",
)
TINY += ("--no-cross-fit", "--no-positive-control", "--no-roles", "--selection-share", "0.5")


_SLOW = [name for name in PUBLISHED if name != "olmoe-1b-7b"]


def small(name, folder):
    out = folder / name
    main([name, str(out), "--layers", "2", "--scale", "0.0625"])
    return out


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_small_one_is_read(name, tmp_path):
    sites = describe(open_checkpoint(small(name, tmp_path))).sites
    assert {(site.experts, site.top_k) for site in sites} == {PUBLISHED[name]}


@pytest.mark.parametrize(
    "name", ["olmoe-1b-7b", *(pytest.param(name, marks=pytest.mark.slow) for name in _SLOW)]
)
def test_a_small_one_is_inspected_and_audited(name, tmp_path):
    shape = small(name, tmp_path)
    told = json.loads(gatekeeper("inspect", shape, "--json").stdout)
    assert {site["experts"] for site in told["sites"]} == {PUBLISHED[name][0]}
    done = gatekeeper("audit", shape, "--suite", SUITE, *TINY, "--out", tmp_path / "evidence")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", SIZES)
def test_whole_ones_have_the_published_size(name):
    shapes = stored(config_of(name))
    total = sum(shape[0] * (shape[1] if len(shape) > 1 else 1) for shape in shapes.values())
    assert total / 1e9 == pytest.approx(SIZES[name], rel=0.01)


def test_experts_are_stored_one_by_one_and_shards_are_indexed(tmp_path):
    config = config_of("mixtral-8x7b", layers=2, scale=0.03125)
    write(config, tmp_path / "m", most=1_000_000)
    opened = open_checkpoint(tmp_path / "m")
    assert "model.layers.1.block_sparse_moe.experts.7.w2.weight" in opened.tensors
    index = json.loads((tmp_path / "m" / "model.safetensors.index.json").read_text())
    files = {file.name for file in (tmp_path / "m").glob("*.safetensors")}
    assert set(index["weight_map"].values()) == files and len(files) > 2
    assert set(index["weight_map"]) == set(opened.tensors)


def test_the_same_seed_gives_the_same_weights(tmp_path):
    config = config_of("many-experts", layers=1)
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        write(config, tmp_path / folder, seed=seed)
    a, b, c = (next((tmp_path / f).glob("*.safetensors")).read_bytes() for f in "abc")
    assert a == b != c


def test_a_folder_that_is_there_is_left_alone(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["many-experts", str(tmp_path)])
    assert "is there already" in capsys.readouterr().err


def test_every_config_is_tried():
    assert set(PUBLISHED) == set(names()) - {"deepseek-v3"}


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("scale", [0.1, 0.0625, 0.37])
def test_rows_of_narrowed_matrices_are_whole_multiples_of_16_bytes(name, scale):
    """What torch's products of experts ask for, in bfloat16."""
    config = config_of(name, 2, scale)
    widths = [
        value for key, value in config.items() if key == "hidden_size" or "intermediate" in key
    ]
    assert widths and all(width % 8 == 0 for width in widths)
