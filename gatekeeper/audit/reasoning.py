"""Whether the chat template of a checkpoint tells of reasoning, for an estimate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.records.reasoning import Reasoning, tells

if TYPE_CHECKING:
    from gatekeeper.estimate.estimate import Estimate

#: Where a chat template stands, and bytes that are read of each.
_TEMPLATES, _MOST_TEMPLATE = ("chat_template.jinja", "tokenizer_config.json"), 4_000_000


def thought_of(checkpoint: Path, reasoning: Reasoning) -> int:
    """Tokens of reasoning that a reply may begin with, if the chat template tells of any."""
    if reasoning.thinking == "off":
        return 0
    text = "\n".join(reasoning.marks)
    for name in _TEMPLATES:
        path = checkpoint / name
        if path.is_file():
            with path.open("rb") as file:
                text += file.read(_MOST_TEMPLATE).decode("utf-8", "replace")
    return reasoning.max_tokens if tells(text, reasoning.marks) else 0


def with_thought(estimate: Estimate, thought: int) -> Estimate:
    """The estimate with a line about reasoning, if any is counted."""
    if not thought:
        return estimate
    line = (
        f"the chat template tells of reasoning: up to {thought} tokens of it before each reply, "
        "which are counted in W (--max-reasoning-tokens, --thinking off)"
    )
    return replace(estimate, assumptions=(line, *estimate.assumptions))
