"""Command line: `python -m tools.shapes NAME OUT [--layers N] [--scale X]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.shapes.config import config_of, names
from tools.shapes.write import write


def main(arguments: list[str] | None = None) -> None:
    """Write one checkpoint."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.shapes",
        description="Writes a random checkpoint in the shape of a published model, in bfloat16 "
        "(gpt-oss too, which is published in MXFP4), with the demo's tokenizer.",
    )
    parser.add_argument("name", choices=names(), help="the model")
    parser.add_argument("out", type=Path, help="a folder that is not there yet")
    parser.add_argument("--layers", type=int, help="how many of its layers (default: all)")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="factor on widths, heads and vocabulary, up to 1"
    )
    parser.add_argument("--seed", type=int, default=7, help="of the weights")
    options = parser.parse_args(arguments)
    if options.out.exists():
        parser.error(f"{options.out} is there already: give another folder, or remove it")
    if not 0 < options.scale <= 1 or (options.layers is not None and options.layers < 1):
        parser.error("--scale must be above 0 and at most 1, --layers at least 1")
    write(config_of(options.name, options.layers, options.scale), options.out, seed=options.seed)


if __name__ == "__main__":
    main()
