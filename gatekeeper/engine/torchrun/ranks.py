"""Keeps the processes that torchrun started in step; each holds a part of one model.

Every rank carries out the same audit. What one has to know from another goes over a group of the
processors' own (gloo), whatever the model's parts talk over; it is pickled and not encrypted.
"""

from __future__ import annotations

import hashlib
import os
import time
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from gatekeeper.engine.model.load import pick_device
from gatekeeper.errors import AuditError, UsageError, excerpt

#: How long a rank waits for another that is at work: as long as a judge may take.
_PATIENCE = timedelta(days=7)
#: How long ranks wait for each other while weights are read.
_LOADING = timedelta(hours=2)
#: Key of the rank that tells the user of an error.
_TOLD = "gatekeeper/told"
#: Seconds between two looks at it.
_LOOK = 0.1

_Value = TypeVar("_Value")


class Ranks:
    """This process among those that hold the model.

    Attributes:
        rank: 0 is the one that writes and speaks.
        size: how many there are.
    """

    def __init__(self, rank: int, size: int, board: Any, group: Any) -> None:
        self.rank, self.size = rank, size
        self._board, self._group = board, group

    def share(self, value: _Value) -> _Value:
        """Rank 0's value, on every rank."""
        box = [value if self.rank == 0 else None]
        dist.broadcast_object_list(box, src=0, group=self._group, device=torch.device("cpu"))
        shared: Any = box[0]
        return shared  # type: ignore[no-any-return]

    def agree(self, what: str, value: object) -> None:
        """Makes sure that all ranks have the same.

        Args:
            value: told apart by its repr.

        Raises:
            AuditError: they do not.
        """
        digest = hashlib.sha256(repr(value).encode()).digest()
        mine = torch.tensor(list(digest), dtype=torch.uint8)
        all_ranks = [torch.empty_like(mine) for _ in range(self.size)]
        dist.all_gather(all_ranks, mine, group=self._group)
        if not all(torch.equal(mine, other) for other in all_ranks):
            raise AuditError(
                f"the ranks came to different {what}",
                remedy="use devices of one kind, and the same files and versions on every host",
            )

    def claim(self, code: int, patience: float) -> int | None:
        """Asks to be the one rank that tells of an error: None if so.

        Args:
            code: the exit code that goes with it.
            patience: seconds for which another may come first.

        Returns:
            The exit code of the rank that has told already.
        """
        until = time.monotonic() + patience
        try:
            while time.monotonic() < until:
                if self._board.check([_TOLD]):
                    break
                time.sleep(_LOOK)
            mine = f"{self.rank} {code}"
            first = self._board.compare_set(_TOLD, "", mine).decode()
        except RuntimeError:  # torchrun is gone, and with it all that ranks could agree on
            return None
        return None if first == mine else int(first.split()[1])

    def close(self) -> None:
        """Lets go of the others, who have to do the same."""
        dist.barrier(group=self._group)
        dist.destroy_process_group()


def open_ranks(device: str) -> Ranks:
    """Meets the other ranks; torchrun's variables tell where.

    Raises:
        AuditError: there are fewer GPUs on this host than ranks, or they do not meet.
        UsageError: a processor was asked for where there is a GPU.
    """
    kind = pick_device(device).type
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if kind != pick_device("auto").type:
        raise UsageError(
            f"--parallel with --device {device}: transformers takes the GPUs that it sees",
            remedy="leave --device out, or hide the GPUs with CUDA_VISIBLE_DEVICES=",
        )
    if kind == "cuda":
        if local >= torch.cuda.device_count():
            raise AuditError(
                f"{torch.cuda.device_count()} GPUs are visible on this host, and more processes",
                remedy="give torchrun as many --nproc-per-node as there are GPUs",
            )
        torch.cuda.set_device(local)
    try:
        return _meet(kind, local)
    except (RuntimeError, ValueError) as error:  # of torch.distributed, or a variable is missing
        raise AuditError(
            f"the processes cannot meet ({excerpt(' '.join(str(error).split()))})",
            remedy="start all of them with one torchrun on each host, which tells where",
        ) from error


def _meet(kind: str, local: int) -> Ranks:
    board, rank, size = next(iter(rendezvous("env://")))
    # Where torchrun starts all processes anew, they must not find where the last ones were.
    board = PrefixStore(f"gatekeeper/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", board)
    dist.init_process_group(
        "nccl" if kind == "cuda" else "gloo",
        store=board,
        rank=rank,
        world_size=size,
        timeout=_LOADING if kind == "cuda" else _PATIENCE,
        device_id=torch.device("cuda", local) if kind == "cuda" else None,
    )
    return Ranks(rank, size, board, dist.new_group(backend="gloo", timeout=_PATIENCE))


def tells_of_loss(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, is that another rank is gone."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, RuntimeError) and (
            isinstance(error, dist.DistError)
            or any(sign in str(error) for sign in ("gloo", "NCCL", "Connection closed by peer"))
        ):
            return True
        error = error.__cause__ or error.__context__
    return False
