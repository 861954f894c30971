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
from tools.validate import coverage_sim, planted, selection_sim, sequential_sim
from tools.validate.page import Part, write

_SUITE = Path("demo/suite")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts asked for; other parts of the page stay as they are."""
    parser = argparse.ArgumentParser(prog="python -m tools.validate", description=__doc__)
    parser.add_argument(
        "--parts",
        nargs="*",
        choices=("organisms", "selection", "coverage", "sequential", "real"),
        default=["organisms", "selection", "coverage", "sequential"],
    )
    parser.add_argument("--cache", type=Path, default=default_cache(), help="trained organisms")
    parser.add_argument("--real", type=Path, help="built real-language checkpoints and prompts")
    parser.add_argument("--page", type=Path, default=Path("docs/validation.md"))
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
    if name == "selection":
        return Part(name=name, tables=selection_sim.run(quick=options.quick), goals=[])
    if name == "coverage":
        return Part(name=name, tables=coverage_sim.run(quick=options.quick), goals=[])
    if name == "sequential":
        return Part(name=name, tables=sequential_sim.run(quick=options.quick), goals=[])
    if name == "real":
        from tools.validate.real import checkpoints

        known = checkpoints(options.real)
        title = "Real-language checkpoints through the gate"
    else:
        known = planted.organisms(options.cache, _SUITE)
        title = "Trained organisms through the gate"
    with TemporaryDirectory() as out:
        found = planted.examine(known, Path(out), at_once=1 if name == "real" else options.at_once)
    goals = planted.goals(found) if name == "organisms" else planted.goals(found)[1:3]
    facts = [] if name == "real" else [planted.training(options.cache)]
    return Part(name=name, tables=planted.tables(found, title), goals=goals, facts=facts)


if __name__ == "__main__":
    sys.exit(main())
