"""What else lies in a checkpoint's folder that some loader would take for the model.

An audit is of the weights that transformers loads. vLLM and SGLang load every `*.safetensors`, or
what the index names where there is one; llama.cpp converts every `model*.safetensors`; Mistral's
loaders, and vLLM for their sake, take `consolidated*.safetensors`. So a second set of safetensors
is refused. What is loaded only by a loader that is told to, or that cannot read safetensors, is
told by name: it was not audited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn

from gatekeeper.engine.headers import INDEX, SINGLE, weight_files
from gatekeeper.engine.json_files import read_json
from gatekeeper.errors import CheckpointError, excerpt
from gatekeeper.records.model import TEMPLATE

#: Weights that are no safetensors, in lower case; what only trainers read is not among them.
_OTHER = (
    *("*model*.bin", "*model*.pt", "*model*.pth", "consolidated*.pth", "consolidated*.pt"),
    *("*.ckpt", "*model*.h5", "*model*.msgpack", "*.gguf", "*.ggml", "*.onnx", "rust_model.ot"),
    *("*.nemo", "*.tflite", "*.pte", "*.llamafile", "*.npz"),
)
#: By which a loader that is told to would take the weights for quantised ones.
_QUANTISERS = ("quantize_config.json", "quant_config.json")
#: By which vLLM does so without being told.
_MODELOPT = "hf_quant_config.json"
#: Files by which Mistral's loaders, and vLLM for their sake, read config and prompts.
_MISTRAL = ("params.json", "tekken.json")
#: The chat template that transformers takes, and files that held it before.
_TEMPLATES_TOO = ("tokenizer_config.json", "chat_template.json")
_NAMED = 3
#: Files below the folder that are looked at.
_MOST_FILES = 10_000


def refuse_other_model(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuses a folder from which some loader would take other weights than transformers.

    Raises:
        CheckpointError: names both.
    """
    taken, names = weight_files(folder), _names(folder)
    if taken == (SINGLE,) and INDEX in names:
        shards = read_json(folder / INDEX).get("weight_map")
        others = set(map(str, shards.values())) if isinstance(shards, dict) else {INDEX}
        if others - {SINGLE}:
            _refuse(
                folder,
                f"holds two sets of weights: {SINGLE}, which transformers loads, and "
                f"{excerpt(min(others - {SINGLE}))} of {INDEX}, which vLLM loads",
                f"remove one of them: the file, or {INDEX} and its shards",
            )
    more = [name for name in names if _is_safetensors(name) and name not in {*taken, INDEX}]
    if more:
        _refuse(
            folder,
            f"holds weights beside {taken[0]}: {_listed(more)}, which other loaders (vLLM, "
            "llama.cpp, Mistral's) take too, or instead",
            "remove what is not part of the model",
        )
    if _MODELOPT in names and not config.get("quantization_config"):
        _refuse(
            folder,
            f"holds {_MODELOPT}, by which vLLM loads the weights as quantised, and config.json "
            "says nothing of it",
            "remove it, or save the model as it is served",
        )


def beside_weights(folder: Path) -> Iterator[str]:
    """A line for each kind of thing that is not audited and that some loader takes, or could.

    Args:
        folder: of a checkpoint that `refuse_other_model` let pass.
    """
    names = _names(folder)
    if others := [name for name in names if _is_other(name)]:
        yield (
            f"not audited: {_listed(others)} beside {weight_files(folder)[0]}: a loader of such "
            "files takes other weights"
        )
    if inner := sorted(_inner_weights(folder)):
        yield f"not audited: weights in folders of the checkpoint: {_listed(inner)}"
    if quantisers := [name for name in _QUANTISERS if name in names]:
        yield (
            f"not audited: {_listed(quantisers)}, by which a loader that is told to takes the "
            "weights for quantised ones"
        )
    if mistral := [name for name in _MISTRAL if name in names]:
        yield (
            f"not audited: {_listed(mistral)}, from which Mistral's loaders, and vLLM for their "
            "sake, take config or prompts"
        )
    if others := _other_templates(folder):
        yield (
            f"not audited: the chat template in {_listed(others)}, which is not that of "
            f"{TEMPLATE}: loaders that don't know the latter take it"
        )
    if (folder / "custom_generate").is_dir():
        yield (
            "not audited: custom_generate, by which loaders that trust remote code write replies "
            "in another way"
        )


def _other_templates(folder: Path) -> list[str]:
    """Files with a chat template of their own that differs from the one that is audited."""
    path = folder / TEMPLATE
    if not path.is_file():
        return []
    audited = path.read_bytes().decode("utf-8", "replace").strip()
    found = []
    for name in _TEMPLATES_TOO:
        said = read_json(folder / name).get("chat_template") if (folder / name).is_file() else None
        if isinstance(said, list):  # by name; only that of the default is taken unasked
            named = {str(t.get("name")): t.get("template") for t in said if isinstance(t, dict)}
            said = named.get("default")
        if said is not None and str(said).strip() != audited:
            found.append(name)
    return found


def _names(folder: Path) -> list[str]:
    """Files of the folder itself that are not hidden, sorted."""
    return sorted(f.name for f in folder.iterdir() if not f.name.startswith(".") and f.is_file())


def _is_safetensors(name: str) -> bool:
    low = name.lower()
    return low.endswith(".safetensors") or (".safetensors.index" in low and low.endswith(".json"))


def _is_other(name: str) -> bool:
    return any(fnmatchcase(name.lower(), pattern) for pattern in _OTHER)


def _inner_weights(folder: Path) -> Iterator[str]:
    """Weights below the folder, but for hidden ones."""
    for number, path in enumerate(folder.glob("*/**/*")):
        if number > _MOST_FILES:
            return
        name = path.relative_to(folder)
        if any(part.startswith(".") for part in name.parts) or not path.is_file():
            continue
        if _is_safetensors(path.name) or _is_other(path.name):
            yield name.as_posix()


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(excerpt(name) for name in names[:_NAMED]) + more


def _refuse(folder: Path, message: str, remedy: str) -> NoReturn:
    raise CheckpointError(message, where=excerpt(folder), remedy=remedy)
