"""Refuses models that cannot be audited: first by config files alone, then by the loaded model."""

from __future__ import annotations

import importlib.metadata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import torch
from torch import nn

from gatekeeper.checkpoint.decoding_settings import GENERATION_CONFIG, NESTED, refuse_forced
from gatekeeper.checkpoint.json_files import CONFIG, read_json
from gatekeeper.checkpoint.moe_config import MoeConfig
from gatekeeper.checkpoint.open import MXFP4, Checkpoint, quantisation
from gatekeeper.engine.model.architectures import architecture_of
from gatekeeper.engine.model.sites import RouterSite
from gatekeeper.errors import CheckpointError, excerpt
from gatekeeper.records.model import ModelDescription

if TYPE_CHECKING:
    from transformers import PretrainedConfig

#: Parameters that a config may ask for beyond the weights: what is lacking is told by name later.
_SLACK = 10**7
#: How the classes end that write replies.
_WRITES = ("forcausallm", "forconditionalgeneration", "lmheadmodel")


def refuse_unauditable(checkpoint: Checkpoint) -> None:
    """Refuses a checkpoint on which no hook could be put, before any weight is read.

    Raises:
        CheckpointError: the architecture, its quantisation or its way of decoding is not supported.
    """
    refuse_architecture(checkpoint)
    _refuse_architectures(checkpoint)
    _refuse_nested(checkpoint)
    _refuse_shared_cache(checkpoint)
    _refuse_packed(checkpoint)
    _refuse_decoding(checkpoint)


def refuse_too_large(config: PretrainedConfig, description: ModelDescription, where: str) -> None:
    """Refuses sizes that the weights don't have before transformers makes room for them.

    What the weights lack it fills with random numbers, however many; only then could that be told.

    Args:
        config: as transformers reads it.
        where: the checkpoint, for the message.

    Raises:
        CheckpointError: tells both numbers of parameters.
    """
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    parameters = sum(p.numel() for p in empty.parameters())
    if parameters > 2 * description.parameters + _SLACK:
        raise CheckpointError(
            f"config describes a model of {parameters:,} parameters, the weights hold "
            f"{description.parameters:,}",
            where=where,
            remedy="config and weights must be of one model: save both again with save_pretrained",
        )


def refuse_other_sites(
    where: str, description: ModelDescription, sites: tuple[RouterSite, ...]
) -> None:
    """Refuses a loaded model that routes other experts than config and headers said.

    Raises:
        CheckpointError: it does.
    """
    described = [(s.layer, s.experts, s.top_k, s.routing == "learned") for s in description.sites]
    hooked = [(s.layer, s.experts_count, s.top_k, s.routed) for s in sites]
    if described != hooked:
        raise CheckpointError(
            f"the hooks find {len(hooked)} MoE layers, config and headers tell of {len(described)}"
            f" or of other expert counts (model_type {excerpt(description.model_type)})",
            where=where,
            remedy="this architecture is not supported yet: see `gatekeeper catalog architecture`",
        )


def refuse_unhookable(model: nn.Module, where: str) -> None:
    """Refuses a loaded model whose modules do not run as hooks see them.

    Args:
        where: the checkpoint, for the message.

    Raises:
        CheckpointError: it is compiled, runs in kernels of its own, or is still quantised.
    """
    modules = list(model.modules())
    if any(_compiled(module) for module in modules):
        raise CheckpointError(
            "the model is compiled: hooks put on it now would be ignored",
            where=where,
            remedy="load it without torch.compile",
        )
    # `set_use_kernels` marks the model; single layers are not marked.
    if getattr(model, "use_kernels", False):
        raise CheckpointError(
            "the model runs in kernels that may replace whole mixtures, hooks and all",
            where=where,
            remedy="load it without use_kernels",
        )
    packed = any(not p.is_floating_point() for p in model.parameters())
    if packed or any(type(module).__name__.startswith("Mxfp4") for module in modules):
        raise CheckpointError(
            "the experts are still quantised after loading, and cannot be hooked",
            where=where,
            remedy="load it dequantised, save it in bfloat16 and audit that",
        )


def _compiled(module: nn.Module) -> bool:
    """Whether a module is compiled, by `torch.compile(module)` or by `module.compile()`."""
    return "_orig_mod" in module._modules or module._compiled_call_impl is not None


def refuse_architecture(checkpoint: Checkpoint) -> None:
    """Refuses a type that transformers cannot load as a causal language model, and says why."""
    refusal = refusal_of(checkpoint.config["model_type"])
    if refusal is not None:
        _refuse(checkpoint.path / CONFIG, *refusal)


def refusal_of(model_type: str) -> tuple[str, str] | None:
    """Why an architecture cannot be audited, and what to do about it; None if it can."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    architecture = architecture_of(model_type)
    if architecture.refused:
        reason = f"{excerpt(model_type)} is not audited: {architecture.refused}"
        return reason, architecture.remedy
    if model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        version = ".".join(importlib.metadata.version("transformers").split(".")[:2])
        return (
            f"transformers {version} has no causal language model of type {excerpt(model_type)}",
            "if it holds one, save that by itself with save_pretrained and audit it",
        )
    return None


def _refuse_shared_cache(checkpoint: Checkpoint) -> None:
    """Refuses layers without keys and values of their own (Gemma 4): the cache lacks them.

    transformers runs them for the last token of a prompt alone, so that routing there goes unseen.
    """
    if count := MoeConfig(checkpoint).natural("num_kv_shared_layers"):
        _refuse(
            checkpoint.path / CONFIG,
            f"num_kv_shared_layers is {count}: so many layers use the keys of others, and are "
            "run for the last token of a prompt alone, so that their routing cannot be measured",
            "audit a model of which every layer has its own",
        )


def _refuse_packed(checkpoint: Checkpoint) -> None:
    """Refuses packed weights, but MXFP4 where it is unpacked while loading: see `load_model`."""
    model_type = checkpoint.config["model_type"]
    packed = quantisation(checkpoint.config) == MXFP4
    if packed and not architecture_of(model_type).unpacks_mxfp4:
        _refuse(
            checkpoint.path / CONFIG,
            f"is quantised with {MXFP4}, which transformers does not unpack for "
            f"{excerpt(model_type)}",
            "load it dequantised where that is possible, save it in bfloat16 and audit that",
        )


def _refuse_decoding(checkpoint: Checkpoint) -> None:
    path = checkpoint.path / GENERATION_CONFIG
    refuse_forced(checkpoint.path, checkpoint.config, read_json(path) if path.is_file() else None)


def _refuse_architectures(checkpoint: Checkpoint) -> None:
    """Refuses `architectures`, which vLLM and SGLang read, that contradict `model_type`."""
    model_type = checkpoint.config["model_type"]
    classes = {name for name in _classes(model_type) if name.endswith(_WRITES)}
    for name in checkpoint.config.get("architectures") or ():
        if name.lower() not in classes and name.lower() in _classes():
            _refuse(
                checkpoint.path / CONFIG,
                f"architectures names {excerpt(name)}, which vLLM and SGLang go by; transformers "
                f"goes by model_type {excerpt(model_type)}, which is another model",
                "save it with save_pretrained from the class that is served",
            )


def _refuse_nested(checkpoint: Checkpoint) -> None:
    """Refuses a nested config that the model does not have: transformers would load that one."""
    from transformers import CONFIG_MAPPING

    model_type = checkpoint.config["model_type"]
    parts = CONFIG_MAPPING[model_type].sub_configs if model_type in CONFIG_MAPPING else {}
    for name in NESTED:
        if checkpoint.config.get(name) is not None and name not in parts:
            _refuse(
                checkpoint.path / CONFIG,
                f"{name} describes a model in the model, of which {excerpt(model_type)} has none: "
                "loaders take the one or the other",
                f"remove {name}, or set model_type to that of the whole model",
            )


def strange_architectures(checkpoint: Checkpoint) -> tuple[str, ...]:
    """A line for each of `architectures` that transformers has not."""
    return tuple(
        f"not audited: {excerpt(name)} of architectures in {CONFIG}, which transformers does not "
        "have: a server that goes by it runs code of its own"
        for name in checkpoint.config.get("architectures") or ()
        if name.lower() not in _classes()
    )


@cache
def _classes(model_type: str | None = None) -> frozenset[str]:
    """Classes of transformers in lower case: of a model type, or all; publishers vary the case."""
    from transformers.models.auto import modeling_auto

    tables = [t for name, t in vars(modeling_auto).items() if name.endswith("_MAPPING_NAMES")]
    listed = [table.values() if model_type is None else [table.get(model_type)] for table in tables]
    entries = [entry for names in listed for entry in names]
    flat = [n for e in entries for n in (e if isinstance(e, (tuple, list)) else [e])]
    return frozenset(name.lower() for name in flat if isinstance(name, str))


def _refuse(path: Path, message: str, remedy: str) -> NoReturn:
    raise CheckpointError(message, where=excerpt(path), remedy=remedy)
