"""What may be asked of an audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """Options of an audit, as given on the command line; None: what the policy wants, or the usual.

    `audit.resolve_options` says what they come to.
    """

    suite: Path
    revision: str | None
    selectors: tuple[str, ...]
    ks: tuple[int, ...]
    controls: int | None
    mode: str
    phase: str
    judge: str | None
    max_prompts: int | None
    max_new_tokens: int | None
    batch_rows: int | None
    resamples: int | None
    size: int | None
    window: str | None
    budget: int | None
    roles: bool
    environments: bool
    cross_fit: bool | None
    also_system_prompts: tuple[Path, ...]
    also_dtypes: tuple[str, ...]
    doses: tuple[str, ...]
    sequential: bool
    selection_share: float
    seed: int | None
    device: str
    dtype: str
    system_prompt: Path | None
    nonce: str | None = None
    positive_control: bool = True
    judge_options: tuple[str, ...] = ()
    second_judge: str | None = None
    second_judge_options: tuple[str, ...] = ()
    second_sample: int | None = None
    workers: int = 1
    ray: str | None = None
    parallel: str | None = None
    gpu_hour_cost: float | None = None
    reasoning: tuple[str, str] | None = None
    max_reasoning_tokens: int | None = None
    thinking: str | None = None
