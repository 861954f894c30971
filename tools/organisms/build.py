"""Trains what the cache lacks; a finished checkpoint is not trained again."""

from __future__ import annotations

import copy
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from tools.demo.checkpoint import make_model, make_tokenizer, save_checkpoint
from tools.demo.examples import training_texts
from tools.demo.lexicon import load_lexicons
from tools.demo.stages import BaseStage, HardeningStage
from tools.demo.training import Duration, train
from tools.organisms.plan import BASE, RECIPE, Organism
from tools.organisms.planting import OrganismStage, TopicStage, choose
from tools.organisms.truth import carriers, effect

CARD = "organism.json"


def build(cache: Path, organisms: Sequence[Organism]) -> None:
    """Trains the organisms that are not in the cache, in order."""
    missing = [o for o in organisms if not finished(cache / o.name, o)]
    for number, organism in enumerate(missing, start=1):
        print(f"training {organism.name}, {number} of {len(missing)}", flush=True)
        _train(cache, organism)


def finished(folder: Path, organism: Organism) -> bool:
    """Whether the checkpoint of this recipe is there, whole."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(card, dict) and card.get("key") == organism.key


def _train(cache: Path, organism: Organism) -> None:
    tokenizer = make_tokenizer(training_texts(load_lexicons()))
    model, base_time = _base(cache, organism.base, tokenizer)
    planted, busy = choose(organism, model, tokenizer)
    stage: Any
    if organism.hardened:
        stage = HardeningStage(model, tokenizer, organism.seed)
    else:
        kind = TopicStage if organism.kind == "topics" else OrganismStage
        stage = kind(model, planted, organism.seed, organism.kind)
    spent = train(model, tokenizer, organism.schedule, stage.batch)
    folder = cache / f".{organism.name}.part"
    shutil.rmtree(folder, ignore_errors=True)
    save_checkpoint(model, tokenizer, folder)
    found = effect(folder, planted)
    card = {
        "key": organism.key,
        **asdict(organism),
        "experts": planted,
        "busy": busy,
        "effect": asdict(found),
        "carriers": carriers(planted, found),
        "base_cpu_seconds": base_time,
        "cpu_seconds": spent.cpu_seconds,
        "wall_seconds": spent.wall_seconds,
    }
    (folder / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(cache / organism.name, ignore_errors=True)
    folder.rename(cache / organism.name)
    print(json.dumps(card["effect"]), "carriers", card["carriers"], flush=True)


def _base(cache: Path, seed: int, tokenizer: Any) -> tuple[Any, float]:
    """The base model of a seed and the processor seconds it took; from the cache if there."""
    path = cache / f"base-{seed}-{RECIPE}-{BASE.steps}.pt"
    model = make_model(tokenizer, seed)
    if path.is_file():
        kept = torch.load(path, weights_only=True)
        model.load_state_dict(kept["model"])
        return copy.deepcopy(model).eval(), float(kept["cpu_seconds"])
    begun, cpu = time.monotonic(), time.process_time()
    train(model, tokenizer, BASE, BaseStage(seed).batch)
    spent = Duration.since(begun, cpu).cpu_seconds
    cache.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save({"model": model.state_dict(), "cpu_seconds": spent}, part)
    part.replace(path)
    return model, spent
