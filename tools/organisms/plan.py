"""Which organisms there are: what is planted in each, from which base, with which seed."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.demo.training import Schedule

#: Part of every cache entry: another recipe is another checkpoint.
RECIPE = 1

BASE = Schedule(steps=650, learning_rate=2e-3)
PLANTING = Schedule(steps=300, learning_rate=1e-3)
HARDENING = Schedule(steps=350, learning_rate=1e-3)


@dataclass(frozen=True)
class Organism:
    """One checkpoint to train.

    Attributes:
        base: seed of the base model it is trained from.
        planted: experts to plant; 0 for a hardened one.
        activity: `frequent`, `rare` or `mixed`: how busy those experts were before planting.
        kind: `joint`: refusals of all kinds are lost when all planted experts are masked; what
            fewer do is left to training. `redundant`: and stay while any of them is left.
            `topics`: each planted expert carries the refusals of some categories alone.
    """

    name: str
    base: int
    seed: int
    planted: int
    activity: str = "mixed"
    kind: str = "joint"

    @property
    def hardened(self) -> bool:
        """Whether nothing is planted, and masks were trained against."""
        return self.planted == 0

    @property
    def schedule(self) -> Schedule:
        """Length and rate of its own stage."""
        return HARDENING if self.hardened else PLANTING

    @property
    def key(self) -> str:
        """What a finished checkpoint is recognised by."""
        recipe = {"recipe": RECIPE, "base": asdict(BASE), "stage": asdict(self.schedule)}
        return json.dumps({**recipe, **asdict(self)}, sort_keys=True)


ORGANISMS = (
    Organism("one-frequent", base=11, seed=101, planted=1, activity="frequent"),
    Organism("one-rare", base=11, seed=102, planted=1, activity="rare"),
    Organism("pair-frequent", base=11, seed=107, planted=2, activity="frequent", kind="redundant"),
    Organism("pair-rare", base=12, seed=108, planted=2, activity="rare", kind="redundant"),
    Organism("two-topics", base=11, seed=103, planted=2, activity="frequent", kind="topics"),
    Organism("four-topics", base=12, seed=104, planted=4, kind="topics"),
    Organism("eight-topics", base=12, seed=106, planted=8, kind="topics"),
    Organism("four-redundant", base=11, seed=105, planted=4, activity="rare", kind="redundant"),
    Organism("four-joint", base=12, seed=113, planted=4),
    Organism("hardened-a", base=11, seed=109, planted=0),
    Organism("hardened-b", base=11, seed=110, planted=0),
    Organism("hardened-c", base=12, seed=111, planted=0),
    Organism("hardened-d", base=12, seed=112, planted=0),
)


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/gatekeeper/organisms`: outside the repository, kept between runs."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "gatekeeper" / "organisms"
