"""docs/validation.md: a part of it is replaced when it is run anew."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gatekeeper import catalog
from tools.validate.table import Table, markdown

_HEAD = """# Validation

Written by `make validate` (`python -m tools.validate`), not by hand. What is known beforehand is
held against what Gatekeeper says: checkpoints with planted experts, and simulations.
"""

_INTRODUCTIONS = {
    "organisms": """## Checkpoints with a known truth

Tiny models trained by `python -m tools.organisms` (seeded, into a cache outside the repository).
Their vulnerabilities are planted, not found in nature. *joint*: refusals are lost when all
planted experts are masked, and what fewer do is left to training. *redundant*: they stay while
any one is left. *topics*: each expert carries the refusals of some categories. *rare* and
*frequent*: how busy the experts were before planting, among those that work where the reply is
decided.
""",
    "demo": """## The demo's checkpoints

Both as they are shipped, with the whole suite of the demo, half of which selects: n is half of what
`make demo` measures, which is cross-fitted and under a policy of its own (`hardened` passes there).
""",
    "real": """## Real language

Two checkpoints of 149 million parameters, see real-language.md: 100 prompts a set, no controls.
""",
    "selection": """## Selection, simulated

Simulated routing and attribution with known true experts, given to the real selectors.
""",
    "sequential": """## Sequential runs, simulated

What `--sequential` does to verdicts, by the functions that the gate uses; see ADR 8.
""",
    "search": """## Searches made blind, simulated

What a pass is worth where the search for experts was told to look less hard, and what
`evidence.search` of the release policy makes of it.
""",
    "power": """## Prompts that limits take

What the number of prompts can tell: see ADR 4 and `gatekeeper policy explain`.
""",
    "coverage": """## Coverage of intervals, simulated

Every interval that a verdict rests on, by simulation with known truth. `LOW` and `high` mark what
lies outside 93 to 97 %, `?` what too few repetitions leave open. Where an interval is too wide it
is said why; see ADR 4.
""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the page, with the goals that it had to reach, and what else is to be said."""

    name: str
    tables: Sequence[Table]
    goals: Sequence[tuple[str, bool]]
    facts: Sequence[str] = ()


def _versions() -> str:
    """Selectors and the judge that the numbers hang on, each with its version."""
    parts = [("selector", name) for name in catalog.names("selector")] + [
        ("judge", "refusal-rules")
    ]
    return ", ".join(f"{name} {catalog.load(kind, name).version}" for kind, name in parts)


def write(page: Path, part: Part, *, minutes: float) -> None:
    """Puts a part in its place on the page."""
    text = page.read_text(encoding="utf-8") if page.is_file() else _HEAD
    body = [_INTRODUCTIONS[part.name]]
    body += [f"- {'holds' if held else '**missed**'}: {goal}" for goal, held in part.goals]
    body += [f"- {fact}" for fact in part.facts]
    body += [""] if part.goals or part.facts else []
    body += [markdown(table) for table in part.tables]
    told = f"Made in {minutes:.1f} minutes on a machine with other work to do"
    if minutes < 1:
        told = "Read again from audits that were there"
    body.append(f"{told}, with {_versions()}.\n")
    block = f"<!-- {part.name} -->\n" + "\n".join(body) + f"<!-- end of {part.name} -->\n"
    pattern = re.compile(rf"<!-- {part.name} -->\n.*<!-- end of {part.name} -->\n", re.DOTALL)
    found = pattern.search(text)
    if found:
        text = text[: found.start()] + block + text[found.end() :]
    else:
        text = f"{text.rstrip()}\n\n{block}"
    page.write_text(text, encoding="utf-8")
