"""Command line: `python -m tools.organisms [--cache DIR] [--only NAME]`."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from tools.organisms.build import build
from tools.organisms.plan import ORGANISMS, default_cache


def main(arguments: list[str] | None = None) -> None:
    """Trains what is missing."""
    parser = argparse.ArgumentParser(prog="python -m tools.organisms", description=__doc__)
    parser.add_argument("--cache", type=Path, default=default_cache(), help="where they are kept")
    parser.add_argument("--only", nargs="*", help="names of organisms")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    wanted = [o for o in ORGANISMS if not options.only or o.name in options.only]
    build(options.cache, wanted)


if __name__ == "__main__":
    main()
