"""How many devices an audit takes, and whether they are there."""

from __future__ import annotations

import importlib.util
import socket

from gatekeeper.engine.model.load import SPREAD, gpus, pick_device
from gatekeeper.errors import AuditError, UsageError, excerpt
from gatekeeper.records.audit_config import Execution


def refuse_workers(where: Execution) -> None:
    """Refuses workers that there is no device for.

    Raises:
        UsageError: more than there are GPUs, beside a model that takes all of them, or on a
            cluster without more than one.
        AuditError: the device is not there, or Ray is not installed.
    """
    if where.workers == 1:
        if where.ray is not None:
            raise UsageError(
                "--ray without --workers: all work would be done here",
                remedy="add --workers N, one more than the GPUs that Ray may give away",
            )
        return
    if where.ray is not None:
        _refuse_ray(where.ray)
    if where.device == SPREAD:
        raise UsageError(
            "--workers with --device spread: one replica takes all devices",
            remedy="leave one of them out",
        )
    if where.ray is None and pick_device(where.device).type == "cuda":
        visible = gpus()
        if where.workers > visible:
            raise UsageError(
                f"--workers {where.workers}, and {visible} "
                f"GPU{'s are' if visible > 1 else ' is'} visible",
                remedy=f"give at most {visible}, or --ray for the GPUs of other hosts",
            )


def _refuse_ray(address: str) -> None:
    """Refuses a cluster that is not there: Ray itself would try for minutes, after the model loads.

    Raises:
        AuditError: Ray is not installed, or nothing listens at HOST:PORT.
    """
    if importlib.util.find_spec("ray") is None:
        raise AuditError("ray is not installed", remedy="pip install 'moe-gatekeeper[ray]'")
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:  # a name that Ray resolves itself, such as `auto`
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except (OSError, ValueError, OverflowError) as error:
        raise AuditError(
            f"no Ray cluster at {excerpt(address)}",
            remedy="start one with `ray start --head`, or give its HOST:PORT",
        ) from error


def devices_of(where: Execution) -> int:
    """Devices that are paid for while the audit runs; a machine without a GPU counts as one."""
    if pick_device(where.device).type != "cuda":
        return where.workers if where.ray is not None else 1
    if where.parallel is not None:
        return int(where.parallel.split()[1])
    return gpus() if where.device == SPREAD else where.workers
