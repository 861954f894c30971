"""Opens a checkpoint without running anything of it: config, tensor headers, digests.

A checkpoint is a directory as `save_pretrained` writes it. What could run code of its author, or
make another file load than the one that is described here, is refused by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatekeeper.checkpoint.decoding_settings import GENERATION_CONFIG, served_otherwise
from gatekeeper.checkpoint.files_below import files_below
from gatekeeper.checkpoint.json_files import CONFIG, read_json
from gatekeeper.checkpoint.llama_cpp import taken_by_llama_cpp
from gatekeeper.checkpoint.nested_configs import parts
from gatekeeper.checkpoint.other_tokenizer import other_tokenizers
from gatekeeper.checkpoint.other_weights import beside_weights, refuse_other_model, two_dtypes
from gatekeeper.checkpoint.remote_code import refuse_remote_code
from gatekeeper.checkpoint.safetensors_header import TensorInfo, read_headers, weight_files
from gatekeeper.checkpoint.stored_twice import refuse_two_names
from gatekeeper.checkpoint.tokenizer_settings import (
    read_otherwise,
    read_tokenizer,
    refuse_other_file,
    refuse_split_tokens,
    written_otherwise,
)
from gatekeeper.checkpoint.tokenizer_steps import refuse_rewriting
from gatekeeper.checkpoint.two_ropes import refuse_two_ropes, scaled_always
from gatekeeper.errors import CheckpointError, UsageError, excerpt
from gatekeeper.pointers import refuse_pointer_file, refuse_unfetched, refuse_unfetched_in
from gatekeeper.records.model import CheckpointRef

#: Two elements to a byte, with a scale for each 32.
MXFP4 = "mxfp4"

#: Quantised kinds that can be described, and audited: fp8 keeps one element per weight and the
#: experts' calling convention, so that hooks see them (whether they really do is settled by the
#: self-test on the loaded model); MXFP4 is unpacked while loading (see `load_model`).
_KNOWN_QUANTISATION = ("fp8", MXFP4)

#: More than any model has; above it, each layer must have a tensor at least.
_MOST_LAYERS = 1000
#: Of any whole number in a config: what 64 bits hold with room to count on. Each label gets a name.
_MOST, _MOST_LABELS = 2**62, 50_000

_CHUNK = 1 << 22  # bytes read at a time while hashing

#: (bytes done, bytes in all) -> None
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A checkpoint on disk that Gatekeeper agrees to look at.

    Attributes:
        path: its directory.
        revision: a commit or tag, when the caller told one.
        config: config.json.
        tensors: every tensor of the weights, by name in the file.
        cautions: what another loader or server would take otherwise, a line each.
    """

    path: Path
    revision: str | None
    config: Mapping[str, Any]
    tensors: Mapping[str, TensorInfo]
    cautions: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The directory's own name, without the path above it, which says something about us."""
        return self.path.name if self.path.name not in {"", ".."} else self.path.resolve().name

    def files(self) -> tuple[str, ...]:
        """Names of all files a loader may read, sorted: everything but documents and hidden files.

        A list of known names would always lack one (`spiece.model`, a template under a new name).

        Raises:
            CheckpointError: a name that evidence cannot hold, or a pipe, socket or device, which
                some loader would wait for or read another model from.
        """
        names = files_below(self.path)
        for name in (self.source, *names):
            if not name.isprintable():
                raise CheckpointError(
                    f"a name with unprintable characters: {excerpt(name)!r}",
                    where=excerpt(self.path),
                    remedy="rename it",
                )
        return tuple(sorted(names | set(weight_files(self.path))))

    def reference(self, progress: Progress | None = None) -> CheckpointRef:
        """The sha256 of each of `files()`, to know the checkpoint by. Reads all weights once.

        Args:
            progress: called with the bytes done and the bytes in all.
        """
        names = self.files()
        total = sum((self.path / name).stat().st_size for name in names)
        hashes: dict[str, str] = {}
        done = 0
        for name in names:
            digest = hashlib.sha256()
            with (self.path / name).open("rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    done += len(chunk)
                    if progress:
                        progress(done, total)
            hashes[name] = digest.hexdigest()
        return CheckpointRef(source=self.source, revision=self.revision, files=hashes)


def open_checkpoint(path: Path, revision: str | None = None, *, served: bool = True) -> Checkpoint:
    """Opens the checkpoint in directory `path`, reading config and tensor headers only.

    Args:
        served: whether other loaders must take the same model from it; a judge's is ours alone.

    Raises:
        UsageError: there is nothing at that path.
        CheckpointError: it is damaged, or of a kind that is refused (pickle weights, remote code,
            adapters, packed quantisation), with the remedy.
    """
    refuse_unfetched(path, CheckpointError)
    if not path.exists():
        raise UsageError(
            "no such checkpoint",
            where=excerpt(path),
            remedy="give a directory; Gatekeeper does not download models",
        )
    if not path.is_dir():
        raise CheckpointError(
            "is not a directory",
            where=excerpt(path),
            remedy=f"give the directory that holds {CONFIG} and the weights",
        )
    refuse_unfetched_in(path, CheckpointError)
    if not (path / CONFIG).is_file():
        raise CheckpointError(
            f"has no {CONFIG}",
            where=excerpt(path),
            remedy="save the checkpoint with save_pretrained",
        )
    config = read_json(path / CONFIG)
    _refuse_huge(path, config)
    refuse_remote_code(path, config)
    _refuse_other_weights(path, config)
    _refuse_packed(path, config)
    if not isinstance(config.get("model_type"), str):
        raise CheckpointError(
            "names no model_type",
            where=excerpt(path / CONFIG),
            remedy="save the checkpoint with a current transformers",
        )
    architectures = config.get("architectures") or []
    if not isinstance(architectures, list) or not all(
        isinstance(name, str) and name.isprintable() for name in architectures
    ):
        raise CheckpointError(
            "architectures is not a list of names",
            where=excerpt(path / CONFIG),
            remedy="save the checkpoint with a current transformers",
        )
    generation = None
    if (path / GENERATION_CONFIG).is_file():
        # transformers passes a damaged one over in silence.
        generation = read_json(path / GENERATION_CONFIG)
    tensors = read_headers(path)
    refuse_two_names(path, tensors)
    _refuse_too_few(path, config, tensors)
    _refuse_unquantised(path, config, tensors)
    cautions: tuple[str, ...] = ()
    if served:
        refuse_other_model(path, config)
        refuse_two_ropes(path, config)
        refuse_other_file(path)
        refuse_split_tokens(path)
        tokenizer = read_tokenizer(path)
        refuse_rewriting(path, tokenizer)
        cautions = (
            *beside_weights(path),
            *two_dtypes(config),
            *scaled_always(config),
            *served_otherwise(config, generation),
            *read_otherwise(tokenizer, config),
            *written_otherwise(path, tokenizer),
            *taken_by_llama_cpp(config),
            *other_tokenizers(path, tokenizer),
        )
    opened = Checkpoint(
        path=path, revision=revision, config=config, tensors=tensors, cautions=cautions
    )
    for name in opened.files():
        refuse_pointer_file(path / name, excerpt(path / name), CheckpointError)
    return opened


def _refuse_huge(path: Path, config: Mapping[str, Any]) -> None:
    """Refuses numbers that no model has: transformers would count up to them, or fail on them."""
    numbers = ((n, v) for part in parts(config) for n, v in part.items() if type(v) is int)
    for name, value in numbers:
        if abs(value) > (_MOST_LABELS if name == "num_labels" else _MOST):
            raise CheckpointError(
                f"{excerpt(name)} is {excerpt(value)}, which no model has",
                where=excerpt(path / CONFIG),
                remedy="mend the config",
            )


def _refuse_too_few(
    path: Path, config: Mapping[str, Any], tensors: Mapping[str, TensorInfo]
) -> None:
    """Refuses more layers than have weights: transformers would build them all before it failed."""
    layers = config.get("num_hidden_layers")
    if type(layers) is int and layers > max(_MOST_LAYERS, len(tensors)):
        raise CheckpointError(
            f"config says {layers} layers, the weights hold {len(tensors)} tensors",
            where=excerpt(path / CONFIG),
            remedy="config and weights must be of one model: save both again with save_pretrained",
        )


def _refuse_other_weights(path: Path, config: Mapping[str, Any]) -> None:
    """Refuses settings by which transformers would load other weights than described here."""
    if "transformers_weights" in config:
        raise CheckpointError(
            "redirects to other weights by transformers_weights",
            where=excerpt(path / CONFIG),
            remedy="remove the entry and name the weights model.safetensors",
        )
    if config.get("configuration_files") not in (None, [], [CONFIG]):
        raise CheckpointError(
            f"configuration_files has transformers read another file than {CONFIG}, by its version",
            where=excerpt(path / CONFIG),
            remedy=f"keep {CONFIG} of that version alone, and remove the setting",
        )
    if (path / "adapter_config.json").exists():
        raise CheckpointError(
            "is, or carries, an adapter",
            where=excerpt(path),
            remedy="merge the adapter into its base model, save that and audit it",
        )


def quantisation(config: Mapping[str, Any]) -> str | None:
    """The method by which a config says that the weights are quantised, or None.

    Where it says so without naming the method: an empty string.
    """
    text = config.get("text_config")
    nested = text if isinstance(text, dict) else {}
    # What compressed-tensors wrote before there was the other name; vLLM still reads it.
    if any(part.get("compression_config") for part in (config, nested)):
        return "compressed-tensors"
    settings = config.get("quantization_config")
    settings = nested.get("quantization_config") if settings in (None, {}) else settings
    if settings in (None, {}):
        return None
    if not isinstance(settings, dict):
        return ""
    # These go before the method's name in transformers.
    if settings.get("load_in_4bit") or settings.get("load_in_8bit"):
        return "bitsandbytes"
    return str(settings.get("quant_method") or "")


def _refuse_packed(path: Path, config: Mapping[str, Any]) -> None:
    """Refuses quantisation whose experts run in kernels of their own, which hooks miss."""
    method = quantisation(config)
    if method is not None and method not in _KNOWN_QUANTISATION:
        raise CheckpointError(
            f"is quantised with {excerpt(method or 'a method it does not name')}, "
            "whose experts cannot be hooked",
            where=excerpt(path / CONFIG),
            remedy="load it dequantised, save it in bfloat16 and audit that",
        )


def _refuse_unquantised(
    path: Path, config: Mapping[str, Any], tensors: Mapping[str, TensorInfo]
) -> None:
    """Refuses plain weights under a config of fp8: how they load differs by machine and version."""
    if quantisation(config) == "fp8" and not any(
        info.dtype.startswith("F8_") for info in tensors.values()
    ):
        raise CheckpointError(
            "config says fp8, no tensor is stored in it",
            where=excerpt(path / CONFIG),
            remedy="remove quantization_config, or save weights and config together again",
        )
