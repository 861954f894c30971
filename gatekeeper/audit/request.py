"""What is asked of an audit, and what is refused of it before a weight is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gatekeeper.checkpoint.open import Checkpoint
from gatekeeper.engine.model.load import dtype_name, pick_device, pick_dtype
from gatekeeper.errors import AuditError, UsageError
from gatekeeper.records.defaults import MAX_REASONING_TOKENS, THINKING
from gatekeeper.records.judge_options import SecondRequest
from gatekeeper.records.model import ModelDescription
from gatekeeper.records.reasoning import Reasoning
from gatekeeper.records.seed_rule import derived_seed
from gatekeeper.records.suite import Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What to audit and how.

    Attributes:
        batch_rows: None for what the memory holds.
        resamples: per selector; `seed` makes splits, resamples and controls.
        size: experts taken per resample (N_e, q), or None for the largest k.
        window: token window to select by, or None for each selector's own.
        budget: rows that selectors may measure.
        roles: whether to tell apart what the experts selected first do.
        environments: whether to select from parts of the suite too.
        system_prompts, formats: variants to run too; "" for no system prompt.
        doses: modes to run the largest selected masks in, weakened.
        sequential: digest of the policy whose limits may end the runs of masks, or None.
        cross_fit: whether each half of the seeds selects masks that the other half measures.
        selection_share: share of seeds that select; the others measure.
        derive: what the seed follows from, beside suite, checkpoint and nonce
            (`records.seed_rule`), in place of `seed`; None: `seed` is it.
        positive_control: whether to run the model without its refusal direction too.
        workers: replicas of the model that answer prompts, that of this process among them;
            ray: address of the cluster for the others, or None for processes here.
        parallel: how one replica lies over processes, such as `tensor 2`, or None.
        reasoning: how it is told from replies, and whether the model is to reason.
    """

    checkpoint: Checkpoint
    description: ModelDescription
    suite: Suite
    selectors: tuple[str, ...]
    ks: tuple[int, ...]
    controls: int
    mode: str
    phase: str
    judge: str
    max_prompts: int | None
    max_new_tokens: int
    batch_rows: int | None
    resamples: int
    size: int | None
    window: str | None
    budget: int
    roles: bool
    environments: bool
    cross_fit: bool
    system_prompts: tuple[str, ...]
    formats: tuple[str, ...]
    doses: tuple[str, ...]
    sequential: str | None
    selection_share: float
    seed: int
    derive: str | None
    nonce: str | None
    positive_control: bool
    device: str
    dtype: str
    system_prompt: str | None
    judge_options: Mapping[str, str] = field(default_factory=dict)
    second: SecondRequest | None = None
    workers: int = 1
    ray: str | None = None
    parallel: str | None = None
    reasoning: Reasoning = field(
        default_factory=lambda: Reasoning(max_tokens=MAX_REASONING_TOKENS, thinking=THINKING)
    )


def with_seed(request: AuditRequest, checkpoint: str) -> AuditRequest:
    """The request with its seed, where that follows from the checkpoint's digest."""
    if request.derive is None:
        return request
    seed = derived_seed(request.derive, request.suite.digest, checkpoint, request.nonce)
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


def refuse_idle_variants(request: AuditRequest) -> None:
    """Refuses variants that are the audit itself.

    Raises:
        UsageError: one is.
        AuditError: the device is not there.
    """
    device = pick_device(request.device)
    dtype = pick_dtype(request.dtype, device, request.description.dtype)
    own = dtype_name(dtype)
    if own in request.formats:
        raise UsageError(
            f"--also-dtype {own} is the format of the audit itself",
            remedy="leave it out, or name another",
        )
    if (request.system_prompt or "") in request.system_prompts:
        raise UsageError(
            "--also-system-prompt is the system prompt of the audit itself",
            remedy="leave it out, or give another",
        )
