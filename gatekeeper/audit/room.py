"""Where a model goes and in which format, by the memory that an audit of it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gatekeeper.audit.reasoning import thought_of
from gatekeeper.audit.request import AuditRequest
from gatekeeper.checkpoint.open import Checkpoint
from gatekeeper.engine.generate.batching import READING
from gatekeeper.engine.generate.prompt_tokens import longest_prompt
from gatekeeper.engine.model.load import DTYPES, SPREAD, dtype_name, pick_device, pick_dtype
from gatekeeper.engine.model.weights_room import (
    needed,
    refuse_no_passage,
    refuse_no_room,
    refuse_no_work,
    weight_bytes,
)
from gatekeeper.errors import CheckpointError, UsageError
from gatekeeper.estimate.model_size import shape_of
from gatekeeper.estimate.roofline import Memory
from gatekeeper.estimate.working_memory import SPARE, Working, working_memory
from gatekeeper.estimate.workload import selector
from gatekeeper.records.audit_config import AuditConfig
from gatekeeper.records.model import ModelDescription
from gatekeeper.records.reasoning import Reasoning
from gatekeeper.records.suite import Suite
from gatekeeper.suites.split import limit


def working_of(
    checkpoint: Checkpoint,
    description: ModelDescription,
    suite: Suite,
    config: AuditConfig,
    *,
    system_prompt: str | None,
    reasoning: Reasoning,
    batch_rows: int | None,
    element: int,
    processor: bool = True,
) -> Working | None:
    """Bytes beside the weights in the smallest batch, or in the one that was asked for.

    None for a config that does not tell a size, whose model may still be loaded.

    Args:
        suite: whole; the config says how many of its prompts are run.
        element: bytes of a weight.
        processor: whether the model runs on one.
    """
    try:
        shape = shape_of(checkpoint, description)
    except CheckpointError:
        return None
    run = replace(suite, prompts=limit(suite.prompts, config.max_prompts, config.seed))
    longest = longest_prompt(checkpoint.path, run, system_prompt)
    window = config.max_new_tokens + thought_of(checkpoint.path, reasoning)
    if description.context_length is not None:  # what exceeds it is skipped, or ends there
        longest = min(longest, description.context_length)
        window = min(window, description.context_length - longest)
    return working_memory(
        shape,
        element,
        longest=longest,
        new_tokens=window,
        rows=batch_rows or 1,
        reading=READING,
        attributes=_attributes(config.selectors),
        processor=processor,
    )


def placed(
    checkpoint: Checkpoint,
    description: ModelDescription,
    suite: Suite,
    config: AuditConfig,
    *,
    system_prompt: str | None,
    reasoning: Reasoning,
    batch_rows: int | None,
) -> tuple[Any, Memory]:
    """The format in which an audit would load a model on a processor, and the memory it needs.

    Raises:
        AuditError: the audit would be refused here.
    """

    def working(element: int, rows: int | None = batch_rows) -> Working | None:
        return working_of(
            checkpoint,
            description,
            suite,
            config,
            system_prompt=system_prompt,
            reasoning=reasoning,
            batch_rows=rows,
            element=element,
        )

    device = pick_device("cpu")
    beside = spared(working(DTYPES["float32"].itemsize))
    dtype = pick_dtype(config.dtype, device, description.dtype, description.parameters, beside)
    work = working(dtype.itemsize)
    refuse_no_room(
        description,
        device,
        dtype,
        checkpoint.path.name,
        working=spared(work),
        least=spared(working(dtype.itemsize, 1)),
        fixed=SPARE * work.fixed if work else 0.0,
        spread="--device h100 or another to plan for (an audit here takes `--device spread`)",
    )
    return dtype, needed(weight_bytes(description, dtype), spared(work))


def device_and_dtype(request: AuditRequest) -> tuple[Any, Any]:
    """Where the model goes and in which format; of `auto`, one in which an audit fits.

    Raises:
        AuditError: the device is not there.
    """
    device, model = pick_device(request.execution.device), request.description
    wide = DTYPES["float32"].itemsize
    asks = request.dtype == "auto" and device.type == "cpu" and request.execution.parallel is None
    working = spared(_working(request, wide)) if asks else 0.0
    return device, pick_dtype(request.dtype, device, model.dtype, model.parameters, working)


def narrowed(request: AuditRequest) -> tuple[str, ...]:
    """A line where `auto` takes another format on a CPU than the usual one."""
    device, dtype = device_and_dtype(request)
    if request.dtype != "auto" or device.type != "cpu" or dtype == DTYPES["float32"]:
        return ()
    return (
        f"weights in float32 and what an audit works in beside them do not fit into memory: "
        f"{dtype_name(dtype)} is taken",
    )


def refuse_too_little(request: AuditRequest) -> None:
    """Refuses weights that one device is to hold and does not, before minutes of hashing them.

    Raises:
        AuditError: says what would fit.
    """
    device, dtype = device_and_dtype(request)
    model, where = request.description, request.checkpoint.path.name
    if _parted(request):
        if request.execution.device == SPREAD and device.type == "cpu":
            refuse_no_work(where, beside_spread(request))
        return
    working = _working(request, dtype.itemsize)
    side_by_side = 1 if request.execution.ray else request.execution.workers
    refuse_no_room(
        model,
        device,
        dtype,
        where,
        working=spared(working),
        least=spared(_working(request, dtype.itemsize, rows=1)),
        fixed=SPARE * working.fixed if working else 0.0,
        replicas=side_by_side if device.type == "cpu" else 1,
    )
    if device.type == "cuda":
        loading = working.loading if working else 0.0
        refuse_no_passage(model, dtype, where, loading=loading, replicas=side_by_side)


def beside_spread(request: AuditRequest) -> float:
    """Bytes of memory that weights spread over it and a disk leave free."""
    device, dtype = device_and_dtype(request)
    return spared(_working(request, dtype.itemsize)) if device.type == "cpu" else 0.0


def refuse_idle_variants(request: AuditRequest) -> None:
    """Refuses variants that are the audit itself.

    Raises:
        UsageError: one is.
        AuditError: the device is not there.
    """
    used = dtype_name(device_and_dtype(request)[1])
    if used in request.formats:
        raise UsageError(
            f"--also-dtype {used} is the format of the audit itself",
            remedy="leave it out, or name another",
        )
    if (request.system_prompt or "") in request.system_prompts:
        raise UsageError(
            "--also-system-prompt is the system prompt of the audit itself",
            remedy="leave it out, or give another",
        )


def _parted(request: AuditRequest) -> bool:
    """Whether no single device is to hold the model."""
    return request.execution.device == SPREAD or request.execution.parallel is not None


def _working(request: AuditRequest, element: int, rows: int | None = None) -> Working | None:
    return working_of(
        request.checkpoint,
        request.description,
        request.suite,
        request,
        system_prompt=request.system_prompt,
        reasoning=request.reasoning,
        batch_rows=rows or request.execution.batch_rows,
        element=element,
        processor=pick_device(request.execution.device).type == "cpu",
    )


def spared(working: Working | None) -> float:
    """Bytes to be free beside the weights."""
    return SPARE * working.most if working else 0.0


def _attributes(selectors: Sequence[str]) -> bool:
    return any(selector(name).needs_attribution for name in selectors)
