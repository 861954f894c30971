"""Command line: `python -m tools.demo build|table|suite --out demo`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.demo.build import Plan, build, measure_all
from tools.demo.suite import write_suite


def main(arguments: list[str] | None = None) -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__)
    parser.add_argument(
        "command",
        choices=("build", "table", "suite"),
        help="train and measure everything, re-measure only, or write only the prompt suite",
    )
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder of the demo")
    parser.add_argument("--seed", type=int, default=Plan.seed, help="seed of data and training")
    options = parser.parse_args(arguments)
    if options.command == "build":
        build(options.out, Plan(seed=options.seed))
    elif options.command == "table":
        measure_all(options.out)
    else:
        write_suite(options.out / "suite", options.seed)


if __name__ == "__main__":
    main()
