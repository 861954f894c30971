"""What the options of an audit, its policy and its chat template come to about reasoning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.records.audit_options import AuditOptions
from gatekeeper.records.defaults import MAX_REASONING_TOKENS, THINKING
from gatekeeper.records.policy import SettingsNeeds
from gatekeeper.records.reasoning import Reasoning, tells

if TYPE_CHECKING:
    from gatekeeper.estimate.estimate import Estimate
    from gatekeeper.records.policy import Policy

#: Where a chat template stands, and bytes that are read of each.
_TEMPLATES, _MOST_TEMPLATE = ("chat_template.jinja", "tokenizer_config.json"), 4_000_000


def reasoning_of(options: AuditOptions, policy: Policy | None) -> Reasoning:
    """How reasoning is told from replies: as asked for, else as the policy pins it."""
    pins = policy.needs.settings if policy else SettingsNeeds()
    return Reasoning(
        marks=options.reasoning or (),
        max_tokens=options.max_reasoning_tokens or pins.reasoning_tokens or MAX_REASONING_TOKENS,
        thinking=options.thinking or pins.thinking or THINKING,
    )


def thought_of(checkpoint: Path, options: AuditOptions, policy: Policy | None) -> int:
    """Tokens of reasoning that a reply may begin with, if the chat template tells of any."""
    reasoning = reasoning_of(options, policy)
    if reasoning.thinking == "off":
        return 0
    told = "\n".join(reasoning.marks)
    for name in _TEMPLATES:
        path = checkpoint / name
        if path.is_file():
            with path.open("rb") as file:
                told += file.read(_MOST_TEMPLATE).decode("utf-8", "replace")
    return reasoning.max_tokens if tells(told, reasoning.marks) else 0


def with_thought(found: Estimate, thought: int) -> Estimate:
    """The estimate with a line about reasoning, if any is counted."""
    if not thought:
        return found
    line = (
        f"the chat template tells of reasoning: up to {thought} tokens of it before each reply, "
        "which are counted in W (--max-reasoning-tokens, --thinking off)"
    )
    return replace(found, assumptions=(line, *found.assumptions))
