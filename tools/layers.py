"""The picture of the layers in docs/architecture.md, made from the import contract.

Command line: `python -m tools.layers`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

_ROOT = Path(__file__).parents[1]
PAGE = _ROOT / "docs" / "architecture.md"
_BLOCK = re.compile(r"```mermaid\n.*?```\n", re.DOTALL)


def picture() -> str:
    """A mermaid flow chart: a box a layer, whose packages import those below and not each other."""
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["type"] == "layers")
    boxes = [
        f'  l{number}["{" · ".join(name.strip() for name in layer.split("|"))}"]'
        for number, layer in enumerate(layers)
    ]
    arrows = " --> ".join(f"l{number}" for number in range(len(layers)))
    return "\n".join(["```mermaid", "flowchart TD", *boxes, f"  {arrows}", "```", ""])


def main() -> None:
    """Writes the picture into the page."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_BLOCK.sub(lambda _: picture(), page, count=1), encoding="utf-8")


if __name__ == "__main__":
    main()
