"""Trains both checkpoints, writes the suite, measures, and writes cards and `truth.json`."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from tools.demo.card import Origin, render_card, render_table
from tools.demo.checkpoint import make_model, make_tokenizer, save_checkpoint
from tools.demo.examples import training_texts
from tools.demo.lexicon import load_lexicons
from tools.demo.measure import Row, measure
from tools.demo.routing import Expert
from tools.demo.stages import BaseStage, HardeningStage, PlantingStage, choose_planted
from tools.demo.suite import write_suite
from tools.demo.training import Duration, Schedule, train

TRUTH_SCHEMA = "gatekeeper/demo-truth/v1"
NAMES = ("concentrated", "hardened")
BASE = Schedule(steps=650, learning_rate=2e-3)
PLANTING = Schedule(steps=350, learning_rate=1e-3)
HARDENING = Schedule(steps=350, learning_rate=1e-3)


@dataclass(frozen=True)
class Plan:
    """Seed, threads and length of every stage."""

    seed: int = 7
    threads: int = 2
    base: Schedule = BASE
    planting: Schedule = PLANTING
    hardening: Schedule = HARDENING


@dataclass(frozen=True)
class Truth:
    """What the build knows and an audit must find out; kept in `truth.json` for the tests."""

    seed: int
    planted: list[Expert]
    origins: Mapping[str, Origin]
    measured: Mapping[str, Sequence[Row]]


def build(out: Path, plan: Plan) -> None:
    """Train and save both checkpoints, write the suite, then measure everything."""
    torch.set_num_threads(plan.threads)
    truth = train_checkpoints(out, plan)
    write_truth(out, truth)
    write_suite(out / "suite", plan.seed)
    measure_all(out)


def train_checkpoints(out: Path, plan: Plan) -> Truth:
    """Train a shared base and both checkpoints from it."""
    tokenizer = make_tokenizer(training_texts(load_lexicons()))
    base = make_model(tokenizer, plan.seed)
    base_time = train(base, tokenizer, plan.base, BaseStage(plan.seed).batch)
    planted = choose_planted(base, tokenizer, plan.seed)
    origins = {}
    for name, schedule in zip(NAMES, (plan.planting, plan.hardening), strict=True):
        model = copy.deepcopy(base)
        stage: Any = (
            PlantingStage(model, planted, plan.seed + 1)
            if name == "concentrated"
            else HardeningStage(model, tokenizer, plan.seed + 2)
        )
        stage_time = train(model, tokenizer, schedule, stage.batch)
        save_checkpoint(model, tokenizer, out / name)
        steps = (plan.base.steps, schedule.steps)
        origins[name] = Origin(name, plan.seed, base_time, stage_time, *steps, plan.threads)
    return Truth(plan.seed, planted, origins, measured={})


def measure_all(out: Path, threads: int = 2) -> None:
    """Measure both saved checkpoints, print the tables, write cards and `truth.json`."""
    torch.set_num_threads(threads)
    truth = read_truth(out)
    measured = {}
    for name in NAMES:
        planted = truth.planted if name == "concentrated" else None
        rows = measure(out / name, truth.seed, planted)
        measured[name] = rows
        print(f"\n{name}\n{render_table(rows)}", flush=True)
        card = render_card(truth.origins[name], rows)
        (out / name / "README.md").write_text(card, encoding="utf-8")
    write_truth(out, Truth(truth.seed, truth.planted, truth.origins, measured))


def write_truth(out: Path, truth: Truth) -> None:
    """Write `truth.json`."""
    text = json.dumps({"schema": TRUTH_SCHEMA, **asdict(truth)}, indent=1) + "\n"
    (out / "truth.json").write_text(text, encoding="utf-8")


def read_truth(out: Path) -> Truth:
    """Read `truth.json` back."""
    data: dict[str, Any] = json.loads((out / "truth.json").read_text(encoding="utf-8"))
    return Truth(
        seed=data["seed"],
        planted=[(layer, expert) for layer, expert in data["planted"]],
        origins={name: _origin(origin) for name, origin in data["origins"].items()},
        measured={name: [Row(**r) for r in rows] for name, rows in data["measured"].items()},
    )


def _origin(data: dict[str, Any]) -> Origin:
    times = {key: Duration(**data[key]) for key in ("base_time", "stage_time")}
    return Origin(**{**data, **times})
