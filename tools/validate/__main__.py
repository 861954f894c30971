"""Command line: `python -m tools.validate`: writes docs/validation.md and says if goals hold."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.organisms.plan import default_cache
from tools.validate import (
    coverage_sim,
    planted,
    power_sim,
    search_sim,
    selection_sim,
    sequential_sim,
)
from tools.validate.page import Part, write

_SUITE = Path("demo/suite")
_DEMO = Path("demo")
#: Parts that need no checkpoint.
_SIMULATED = ("search", "power", "selection", "coverage", "sequential")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts asked for; other parts of the page stay as they are."""
    parser = argparse.ArgumentParser(prog="python -m tools.validate", description=__doc__)
    parser.add_argument(
        "--parts",
        nargs="*",
        choices=("organisms", "demo", *_SIMULATED, "real"),
        default=["organisms", "demo", *_SIMULATED],
    )
    parser.add_argument("--cache", type=Path, default=default_cache(), help="trained organisms")
    parser.add_argument("--real", type=Path, help="built real-language checkpoints and prompts")
    parser.add_argument("--page", type=Path, default=Path("docs/validation.md"))
    parser.add_argument("--keep", type=Path, help="keeps audits there, and goes on with them")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: to try it out")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    missed: list[str] = []
    for name in options.parts:
        begun = time.monotonic()
        part = _part(name, options)
        write(options.page, part, minutes=(time.monotonic() - begun) / 60)
        missed += [goal for goal, held in part.goals if not held]
    for goal in missed:
        print(f"missed: {goal}", file=sys.stderr)
    return 1 if missed else 0


def _part(name: str, options: argparse.Namespace) -> Part:
    return _simulated(name, options) if name in _SIMULATED else _audited(name, options)


def _simulated(name: str, options: argparse.Namespace) -> Part:
    quick = bool(options.quick)
    if name == "search":
        tables, goals = search_sim.run(quick=quick)
        return Part(name=name, tables=tables, goals=goals)
    run = {
        "power": power_sim.run,
        "selection": selection_sim.run,
        "coverage": coverage_sim.run,
        "sequential": sequential_sim.run,
    }[name]
    return Part(name=name, tables=run(quick=quick), goals=[])


def _audited(name: str, options: argparse.Namespace) -> Part:
    if name == "real":
        from tools.validate.real import checkpoints

        known, title = checkpoints(options.real), "Real-language checkpoints through the gate"
    elif name == "demo":
        known, title = planted.demo(_DEMO), "The demo's checkpoints through the gate"
    else:
        known, title = (
            planted.organisms(options.cache, _SUITE),
            "Trained organisms through the gate",
        )
    at_once = 1 if name == "real" else options.at_once
    with TemporaryDirectory() as folder:
        out = options.keep or Path(folder)
        found = planted.examine(known, out, at_once=at_once)
        took = sum(planted.minutes(out / item.name) for item in known)
    goals = planted.goals(found)
    facts = [planted.training(options.cache)] if name == "organisms" else []
    facts.append(f"audits of {took:.0f} minutes in all, sessions that went on with one included")
    kept = goals if name == "organisms" else [*goals[1:3], goals[-1]]
    return Part(name=name, tables=planted.tables(found, title), goals=kept, facts=facts)


if __name__ == "__main__":
    sys.exit(main())
