"""Loads a checkpoint's model and tokenizer: safetensors only, no remote code; writes nothing."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gatekeeper.checkpoint.json_files import CONFIG, read_json
from gatekeeper.checkpoint.kernels import own_kernels
from gatekeeper.checkpoint.open import MXFP4, quantisation
from gatekeeper.checkpoint.other_tokenizer import TOKENIZER
from gatekeeper.checkpoint.safetensors_header import read_headers
from gatekeeper.checkpoint.tokenizer_steps import refuse_boundless
from gatekeeper.engine.model.architectures import architecture_of
from gatekeeper.engine.model.finite_weights import refuse_no_numbers, refuse_zeros
from gatekeeper.engine.model.first_token import refuse_unrunnable
from gatekeeper.engine.model.foreign_errors import blaming
from gatekeeper.engine.model.host_memory import total_memory
from gatekeeper.engine.model.loaded_keys import refuse_other_weights
from gatekeeper.engine.model.loader_progress import Progress, telling
from gatekeeper.engine.model.loader_warnings import listening
from gatekeeper.engine.model.one_copy import one_copy
from gatekeeper.engine.model.output_head import multiply_head_once
from gatekeeper.engine.model.parallel import PARTED, parallel_config, speak_as_one
from gatekeeper.engine.model.sites import Architecture, RouterSite
from gatekeeper.engine.model.spread import entry, spreading
from gatekeeper.engine.model.stored_twice import refuse_shared_places
from gatekeeper.engine.model.token_ids import (
    ends_of,
    other_ends,
    pad_of,
    refuse_strange_ids,
)
from gatekeeper.engine.model.tokenizer_parts import unreadable_part
from gatekeeper.engine.model.unsupported import (
    refuse_other_sites,
    refuse_too_large,
    refuse_unhookable,
)
from gatekeeper.engine.model.weights_room import lost_while_loading, needed, refuse_no_room
from gatekeeper.errors import AuditError, CheckpointError
from gatekeeper.records.model import ModelDescription

#: Names a user may ask for; "auto" takes float32 on CPU (bfloat16 has no fast kernels on most).
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
#: Device of a model that no single one holds.
SPREAD = "spread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that another process needs to load the same model.

    Attributes:
        path: absolute; `dtype`: a name of `DTYPES`.
        int8: whether its products are rounded to 8 bits after loading.
    """

    path: Path
    description: ModelDescription
    dtype: str
    int8: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model ready for hooks.

    Attributes:
        sites: the layers whose router can be kept from an expert.
        end_ids: token ids that end a reply.
        recipe: how to load another, or None where no single device holds it.
        cautions: what was warned of while it was loaded.
    """

    model: nn.Module
    architecture: Architecture
    tokenizer: Any
    sites: tuple[RouterSite, ...]
    device: torch.device
    dtype: torch.dtype
    end_ids: frozenset[int]
    pad_id: int
    context_length: int | None
    recipe: Recipe | None = None
    cautions: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """The most experts that any of these layers has."""
        return max(site.experts_count for site in self.sites)


def quiet_transformers() -> None:
    """Turns off the hub, progress bars and advice on stderr: our own output stays readable."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def pick_device(name: str) -> torch.device:
    """The device of a name; of `auto` and `spread`: CUDA if there is any.

    Raises:
        AuditError: CUDA was asked for and there is none.
    """
    if name in {"auto", SPREAD}:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise AuditError("no CUDA device is visible", remedy="use --device cpu or auto")
    return torch.device(name)


def pick_dtype(
    name: str, device: torch.device, stored: str, parameters: int = 0, working: float = 0.0
) -> torch.dtype:
    """The dtype of a name; of `auto`: what is stored on CUDA, float32 on CPU or else bfloat16.

    Args:
        parameters: of the model; `working`: bytes beside them in float32. What fits hangs on the
            machine, not on what is free just now, so that an audit goes on as it began.
    """
    if name != "auto":
        return DTYPES[name]
    if device.type == "cpu":
        wide = needed(parameters * torch.float32.itemsize, working).total
        return torch.float32 if wide <= total_memory() else torch.bfloat16
    return DTYPES.get(stored, torch.bfloat16)


def dtype_name(dtype: torch.dtype) -> str:
    """A dtype as options and evidence spell it, such as `bfloat16`."""
    return str(dtype).removeprefix("torch.")


def gpus() -> int:
    """How many GPUs this process sees."""
    return torch.cuda.device_count()


def release(loaded: LoadedModel) -> None:
    """Lets go of a model's weights: the next one needs their room, and no row is left to run."""
    for tensor in (*loaded.model.parameters(), *loaded.model.buffers()):
        if not tensor.is_meta:
            tensor.data = torch.empty(0, dtype=tensor.dtype, device=tensor.device)


def load_tokenizer(path: Path) -> Any:
    """The tokenizer, which must bring a chat template.

    Raises:
        CheckpointError: there is none, or it has no chat template.
    """
    from transformers import AutoTokenizer

    refuse_boundless(path)
    remedy = "put tokenizer.json and tokenizer_config.json beside the weights"
    try:
        with blaming(path.name, "the tokenizer cannot be loaded", remedy):
            tokenizer = AutoTokenizer.from_pretrained(
                path, trust_remote_code=False, local_files_only=True
            )
    except CheckpointError as error:
        if part := unreadable_part(path):
            error.remedy = f"mend the {part} of {TOKENIZER}, or save the tokenizer again"
        raise
    if not tokenizer.chat_template:
        raise CheckpointError(
            "the tokenizer has no chat template",
            where=path.name,
            remedy="add chat_template.jinja: the gate audits the model as it is served",
        )
    return tokenizer


def load_model(
    path: Path,
    description: ModelDescription,
    *,
    device: torch.device,
    dtype: torch.dtype,
    offload: Path | None = None,
    parallel: str | None = None,
    progress: Progress | None = None,
    beside: float = 0.0,
) -> LoadedModel:
    """Loads the weights and checks them against the description made without them.

    Args:
        device: where the model goes, or the prompts where it is spread.
        offload: spreads the model over all devices, then memory, then this folder on disk.
        parallel: this process's part of it alone; see `parallel_config`.
        progress: is told of the bytes that are read.
        beside: bytes of memory that a model which is spread leaves to others.

    Raises:
        CheckpointError: weights or tokenizer cannot be loaded, the loaded model routes other
            experts than config and headers said, or hooks would not see them.
        AuditError: not enough memory, which is told before weights are read where it can be.
    """
    quiet_transformers()
    from transformers import AutoConfig, AutoModelForCausalLM

    remedy = "check that the files belong together and that model_type is supported"
    if parallel is not None:
        remedy = PARTED
    whole = offload is None and parallel is None
    if whole:
        refuse_no_room(description, device, dtype, path.name)
    # First, because the tokenizer's loader reads it too, and would take the blame.
    with listening() as told, blaming(path.name, "transformers cannot load its config", remedy):
        config = AutoConfig.from_pretrained(path, trust_remote_code=False, local_files_only=True)
        unasked = own_kernels(config)
        _drop_empty(config)
        refuse_too_large(config, description, path.name)
    with listening() as told_too:
        tokenizer = load_tokenizer(path)
    lost = lost_while_loading(description, device, dtype, path.name)
    with (
        listening() as told_last,
        blaming(path.name, "transformers cannot load it", remedy, lost if whole else None),
        one_copy() if whole else nullcontext(),
        telling(progress, path),
    ):
        model, info = AutoModelForCausalLM.from_pretrained(
            path,
            config=config,
            trust_remote_code=False,
            local_files_only=True,
            use_safetensors=True,
            dtype=dtype,
            **_unpacking(path),
            **(spreading(offload, beside) if parallel is None else parallel_config(parallel)),
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # so that they are named, below
        )
        unread = refuse_other_weights(path.name, model.config, info)
        refuse_shared_places(model, read_headers(path), path.name)
        model = model.eval() if offload or parallel else model.to(device).eval()
    model.config.return_dict = True  # all that reads outputs does so by name
    refuse_unhookable(model, path.name)
    refuse_no_numbers(model, path.name, dtype)
    empty = refuse_zeros(model, path.name)
    model.requires_grad_(False)
    multiply_head_once(model, dtype)
    if parallel is not None:
        speak_as_one(model)
    architecture = architecture_of(description.model_type)
    sites = tuple(architecture.find(model))
    refuse_other_sites(path.name, description, sites)
    pad_id = pad_of(tokenizer, path)
    refuse_strange_ids(path, model, tokenizer, pad_id)
    enters = entry(model) if offload else device
    if parallel is None:
        refuse_unrunnable(model, pad_id, enters, path.name)
    return LoadedModel(
        model=model,
        architecture=architecture,
        tokenizer=tokenizer,
        sites=tuple(site for site in sites if site.routed),
        device=enters,
        dtype=dtype,
        end_ids=ends_of(model, tokenizer),
        pad_id=pad_id,
        context_length=description.context_length,
        recipe=Recipe(path=path.resolve(), description=description, dtype=dtype_name(dtype))
        if whole
        else None,
        cautions=(
            *dict.fromkeys((*told, *told_too, *told_last)),
            *(*unread, *unasked, *empty, *other_ends(model, tokenizer)),
        ),
    )


def _drop_empty(config: Any) -> None:
    """Drops quantisation settings that set nothing: transformers would miss the method's name."""
    for part in (config, config.get_text_config()):
        if getattr(part, "quantization_config", None) == {}:
            del part.quantization_config


def _unpacking(path: Path) -> dict[str, Any]:
    """Arguments that unpack MXFP4, whose packed modules call neither router nor experts."""
    if quantisation(read_json(path / CONFIG)) != MXFP4:
        return {}
    from transformers import Mxfp4Config

    return {"quantization_config": Mxfp4Config(dequantize=True)}
