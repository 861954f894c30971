"""The request for an audit, and what is refused of it before a weight is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gatekeeper.checkpoint.open import Checkpoint
from gatekeeper.errors import AuditError
from gatekeeper.records.audit_config import AuditConfig, Execution
from gatekeeper.records.judge_options import SecondRequest
from gatekeeper.records.model import ModelDescription
from gatekeeper.records.reasoning import Reasoning
from gatekeeper.records.seed_rule import derived_seed
from gatekeeper.records.suite import Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest(AuditConfig):
    """What to audit and how: what was chosen, what it is chosen for, and where it runs.

    Attributes:
        seed: makes splits, resamples and controls; see `with_seed`.
        dtype: as asked for, `auto` or a format.
        system_prompt, system_prompts: texts: the one that the model is served with, and those
            that are run too; "" for none.
        reasoning: how it is told from replies, and whether the model is to reason.
        execution: `parallel` of it says how one replica lies over processes, such as `tensor 2`.
    """

    checkpoint: Checkpoint
    description: ModelDescription
    suite: Suite
    system_prompt: str | None
    system_prompts: tuple[str, ...] = ()
    judge_options: Mapping[str, str] = field(default_factory=dict)
    second: SecondRequest | None = None
    reasoning: Reasoning = field(default_factory=Reasoning)
    execution: Execution = field(default_factory=Execution)


def with_seed(request: AuditRequest, checkpoint: str) -> AuditRequest:
    """The request with its seed, where that follows from the checkpoint's digest."""
    if request.seed_from is None:
        return request
    seed = derived_seed(request.seed_from, request.suite.digest, checkpoint, request.nonce)
    return replace(request, seed=seed)


def refuse_dense(request: AuditRequest) -> None:
    """Refuses a model that routes nothing.

    Raises:
        AuditError: it has no routed experts.
    """
    if not request.description.is_moe:
        raise AuditError(
            "a dense model: no routed experts to audit",
            where=request.checkpoint.source,
            remedy="Gatekeeper's question does not arise; see `gatekeeper inspect`",
        )
