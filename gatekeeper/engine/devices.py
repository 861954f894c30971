"""How many devices an audit takes, and whether they are there."""

from __future__ import annotations

import importlib.util

import torch

from gatekeeper.engine.load import SPREAD, pick_device
from gatekeeper.engine.prepare import AuditRequest
from gatekeeper.errors import AuditError, UsageError


def refuse_workers(request: AuditRequest) -> None:
    """Refuses workers that there is no device for.

    Raises:
        UsageError: more than there are GPUs, beside a model that takes all of them, or on a
            cluster without more than one.
        AuditError: the device is not there, or Ray is not installed.
    """
    if request.ray is not None and importlib.util.find_spec("ray") is None:
        raise AuditError("ray is not installed", remedy="pip install 'moe-gatekeeper[ray]'")
    if request.workers == 1:
        if request.ray is not None:
            raise UsageError(
                "--ray without --workers: all work would be done here",
                remedy="add --workers N, one more than the GPUs that Ray may give away",
            )
        return
    if request.device == SPREAD:
        raise UsageError(
            "--workers with --device spread: one replica takes all devices",
            remedy="leave one of them out",
        )
    if request.ray is None and pick_device(request.device).type == "cuda":
        found = torch.cuda.device_count()
        if request.workers > found:
            raise UsageError(
                f"--workers {request.workers}, and {found} GPU{'s are' if found > 1 else ' is'} "
                "visible",
                remedy=f"give at most {found}, or --ray for the GPUs of other hosts",
            )


def devices_of(request: AuditRequest) -> int:
    """Devices that are paid for while the audit runs; a machine without a GPU counts as one."""
    if pick_device(request.device).type != "cuda":
        return request.workers if request.ray is not None else 1
    return torch.cuda.device_count() if request.device == SPREAD else request.workers
