"""The worker's end of an executor: loads a model of its own and computes the shards it is handed.

Processes and Ray actors are made of it. What goes over the line is plain data: how to load the
model, and rows as token ids.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from gatekeeper.engine.generate.row_plan import Row, SweepSettings
from gatekeeper.engine.generate.sweep import run_shard
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.int8 import to_int8
from gatekeeper.engine.model.load import DTYPES, LoadedModel, Recipe, load_model
from gatekeeper.engine.workers.spawn import WorkerLost
from gatekeeper.errors import AuditError, GatekeeperError
from gatekeeper.evidence.trial_store import StoredReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A shard and all that its replies depend on.

    Attributes:
        threads: of this worker, on a CPU.
    """

    recipe: Recipe
    rows: tuple[Row, ...]
    settings: SweepSettings
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Replies to a task, or what ended it.

    Attributes:
        error: message, where and remedy of an error that the user is told.
        failed: the kind of any other; its text may hold what must not reach a log.
    """

    replies: tuple[StoredReply, ...] = ()
    error: tuple[str, str | None, str | None] | None = None
    failed: str | None = None

    def unwrap(self) -> list[StoredReply]:
        """The replies.

        Raises:
            AuditError: what a worker could not do, as if it had been tried here.
            WorkerLost: it failed and may be of no more use.
        """
        if self.failed is not None:
            raise WorkerLost(self.failed)
        if self.error is not None:
            raise AuditError(self.error[0], where=self.error[1], remedy=self.error[2])
        return list(self.replies)


def make_task(
    loaded: LoadedModel, settings: SweepSettings, threads: int, rows: Sequence[Row]
) -> bytes:
    """A task as bytes for the line.

    Raises:
        AuditError: the model cannot be had in another process.
    """
    if loaded.recipe is None:
        raise AuditError(
            "workers cannot load this model: it was not loaded whole from a checkpoint",
            remedy="leave --workers out",
        )
    task = Task(
        recipe=loaded.recipe,
        rows=tuple(rows),
        settings=settings,
        threads=threads,
    )
    return pickle.dumps(task)


class Replica:
    """Loads the model that a task names, once, and carries tasks out.

    Args:
        device: where the model goes.
        check: called with the path before a model is first loaded from it; raises what speaks
            against that.
    """

    def __init__(self, device: str, check: Callable[[Path], None] | None = None) -> None:
        self._device = torch.device(device)
        self._check = check
        self._recipe: Recipe | None = None
        self._loaded: LoadedModel | None = None

    def answer(self, line: bytes) -> Result:
        """Replies to a shard; errors that are ours to tell become part of the answer."""
        # From the process that started this one, over its own pipe.
        task: Task = pickle.loads(line)  # noqa: S301
        try:
            loaded = self.loaded_for(task)
            with Instrument(loaded.sites) as instrument:
                replies = run_shard(loaded, instrument, task.rows, task.settings)
            return Result(replies=tuple(replies))
        except GatekeeperError as error:
            return Result(error=(error.message, error.where, error.remedy))
        except Exception as error:
            return Result(failed=type(error).__name__)

    def loaded_for(self, task: Task) -> LoadedModel:
        """The model that a task names: loaded when it is first named, and kept."""
        if self._device.type == "cpu":
            torch.set_num_threads(task.threads)
        if self._loaded is None or task.recipe != self._recipe:
            self._loaded = None  # the next one needs its room
            if self._device.type == "cuda":
                torch.cuda.set_device(self._device)
                torch.cuda.empty_cache()
            if self._recipe is None and self._check is not None:
                self._check(task.recipe.path)
            self._loaded = load_recipe(task.recipe, self._device)
            self._recipe = task.recipe
        return self._loaded


def load_recipe(recipe: Recipe, device: torch.device) -> LoadedModel:
    """Loads the same model on another device.

    Raises:
        CheckpointError, AuditError: see `load.load_model`.
    """
    dtype = DTYPES[recipe.dtype]
    loaded = load_model(recipe.path, recipe.description, device=device, dtype=dtype)
    if recipe.int8:
        to_int8(loaded.model, tuple(loaded.architecture.find(loaded.model)))
        loaded = replace(loaded, recipe=recipe)
    return loaded
