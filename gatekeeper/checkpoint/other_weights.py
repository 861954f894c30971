"""Finds other files in a checkpoint's folder that some loader would take for the model.

An audit is of the weights that transformers loads. vLLM and SGLang load every `*.safetensors`, or
what the index names where there is one; llama.cpp converts every `model*.safetensors`; Mistral's
loaders, and vLLM for their sake, take `consolidated*.safetensors`. So a second set of safetensors
is refused. What is loaded only by a loader that is told to, or that cannot read safetensors, is
told by name: it was not audited.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Any, NoReturn

from gatekeeper.checkpoint.json_files import CONFIG, read_json
from gatekeeper.checkpoint.nested_configs import parts
from gatekeeper.checkpoint.safetensors_header import INDEX, SINGLE, weight_files
from gatekeeper.errors import CheckpointError, excerpt
from gatekeeper.plain_files import read_plain
from gatekeeper.records.model import TEMPLATES

#: Kinds of file that hold no weights. All else may: nobody has a list of the names under which
#: weights are kept.
_NO_WEIGHTS = frozenset(
    f".{ending}"
    for kind in (
        "json jsonl jinja txt model tiktoken vocab bpe merges spm",  # config, tokenizer
        "md rst pdf html htm tex bib cff docx odt rtf log",  # documents
        "yaml yml toml cfg ini xml css conf properties lock dvc metadata",  # settings
        "csv tsv parquet arrow xlsx xls ods",  # tables
        "png jpg jpeg gif svg webp bmp ico avif tif tiff heic eps",  # pictures
        "mp4 mov webm avi mkv wav mp3 flac ogg opus m4a ttf otf woff woff2",  # films, sounds, fonts
        "py pyi ipynb sh bat ps1 c cc cpp cxx cu cuh h hpp js mjs java go rs r rb lua jl",  # code
        "metal swift kt proto sql cmake diff patch",
        "sig asc sigstore spdx crc crc32 md5 sha1 sha224 sha256 sha384 sha512 blake3",  # checksums
    )
    for ending in kind.split()
)
#: Endings of copies: such a file is of the kind that its name before them tells.
_COPIES = (".bak", ".old", ".orig", ".save", ".gz", "~")
#: Files without an ending that hold none, in lower case; what is in capitals is a document too.
_DOCUMENTS = frozenset(
    {
        *("license", "notice", "readme", "makefile", "dockerfile", "version", "changelog"),
        *("changes", "history", "news", "authors", "contributors", "copying", "citation"),
        *("codeowners", "security"),
    }
)
#: What only trainers and desktops read, versions of tokenizers, and documents with an ending of
#: their own.
_OTHERWISE = (
    *("training_args*", "optimizer*", "scheduler*", "scaler*", "rng_state*", "events.out.*"),
    *("tokenizer.model.*", "license*", "notice.*", "readme.*", "latest", "thumbs.db"),
    *("modelfile", "modelfile.*"),  # told by themselves
)
#: By which a loader that is told to would take the weights for quantised ones.
_QUANTISERS = ("quantize_config.json", "quant_config.json")
#: By which vLLM does so without being told.
_MODELOPT = "hf_quant_config.json"
#: Settings of config.json that call this folder a draft, and name the model to serve with it.
_DRAFTS = {"speculators_config": "vLLM", "medusa_num_heads": "Text Generation Inference"}
#: Files by which Mistral's loaders, and vLLM for their sake, read config and prompts.
_MISTRAL = ("params.json", "tekken.json")
#: Where chat templates are; transformers takes the first that is there, but for the last three:
#: those are of processors, from which vLLM takes them.
_TEMPLATES = (
    *(*TEMPLATES, "tokenizer_config.json"),
    *("chat_template.json", "processor_config.json", "preprocessor_config.json"),
)
#: Two names of one setting, of which loaders take the one or the other.
_DTYPES = ("dtype", "torch_dtype")
#: Bytes, and characters, of a chat template; published ones have less than a tenth of it.
_MOST_TEMPLATE = 1_000_000
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
    for name, server in _DRAFTS.items():
        if config.get(name):
            _refuse(
                folder / CONFIG,
                f"{name} has {server} take these weights for a draft only, and serve another "
                "model that the config names",
                f"remove {name}, if this is the model that is served",
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
            "files may take other weights"
        )
    if inner := sorted(_inner_weights(folder)):
        yield f"not audited: what may be weights, in folders of the checkpoint: {_listed(inner)}"
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
    if ollama := [name for name in names if PurePath(name.lower()).stem == "modelfile"]:
        yield (
            f"not audited: {_listed(ollama)}, from which Ollama takes the chat template, a system "
            "prompt and settings"
        )
    (audited, text), *rest = _templates(folder) or [("", "")]
    if others := [name for name, said in rest if said != text]:
        yield (
            f"not audited: the chat template in {_listed(others)}, which is not that of "
            f"{audited}: loaders that don't know the latter take it"
        )
    if (folder / "custom_generate").is_dir():
        yield (
            "not audited: custom_generate, by which loaders that trust remote code write replies "
            "in another way"
        )


def two_dtypes(config: Mapping[str, Any]) -> Iterator[str]:
    """A line if a config, or one nested in it, gives two formats of numbers."""
    for part in parts(config):
        dtype, torch_dtype = map(part.get, _DTYPES)
        if dtype is not None and torch_dtype is not None and dtype != torch_dtype:
            yield (
                f"not audited: {CONFIG} says dtype {excerpt(repr(dtype))} and torch_dtype "
                f"{excerpt(repr(torch_dtype))}: loaders take the one or the other"
            )
            return


def _templates(folder: Path) -> list[tuple[str, str]]:
    """Files with a chat template for requests without tools, and its text.

    Raises:
        CheckpointError: a template is so long that looking through it takes minutes.
    """
    for path in sorted((folder / TEMPLATES[0]).parent.glob("*.jinja")):
        if path.is_file():
            read_plain(path, excerpt(path), CheckpointError, _MOST_TEMPLATE)
    templates = []
    for name in _TEMPLATES:
        path = folder / name
        if not path.is_file():
            continue
        if path.suffix == ".jinja":
            raw = read_plain(path, excerpt(path), CheckpointError, _MOST_TEMPLATE)
            templates.append((name, raw.decode("utf-8", "replace").strip()))
            continue
        said = read_json(path).get("chat_template")
        if len(str(said)) > _MOST_TEMPLATE:
            _refuse(path, "its chat template is larger than 1 MB", "shorten the template")
        if isinstance(said, list):  # by name; only that of the default is taken unasked
            named = {str(t.get("name")): t.get("template") for t in said if isinstance(t, dict)}
            said = named.get("default")
        if said is not None:
            templates.append((name, str(said).strip()))
    return templates


def _names(folder: Path) -> list[str]:
    """Files of the folder itself that are not hidden, sorted."""
    return sorted(f.name for f in folder.iterdir() if not f.name.startswith(".") and f.is_file())


def _is_safetensors(name: str) -> bool:
    low = name.lower()
    return low.endswith(".safetensors") or (".safetensors.index" in low and low.endswith(".json"))


def _is_other(name: str) -> bool:
    if _is_safetensors(name):
        return False
    low = name.lower()
    while low.endswith(_COPIES):
        low = low[: low.rindex("~" if low.endswith("~") else ".")]
    suffix = PurePath(low).suffix
    known = suffix in _NO_WEIGHTS if suffix else low in _DOCUMENTS or name.isupper()
    return not known and not any(fnmatchcase(low, pattern) for pattern in _OTHERWISE)


def _inner_weights(folder: Path) -> Iterator[str]:
    """Weights below the folder, but for hidden ones; links to folders, which are not followed."""
    seen = 0
    for parent, inner, files in os.walk(folder):  # names links among `inner`, and passes them over
        inner[:] = [n for n in inner if not n.startswith(".") and n != "__pycache__"]
        seen, inside = seen + 1, Path(parent).relative_to(folder)
        yield from (f"{inside / n} (a link)" for n in inner if Path(parent, n).is_symlink())
        for name in files if inside.parts else ():
            seen += 1
            if seen > _MOST_FILES:
                yield f"(beyond {_MOST_FILES:,} files nothing was looked at)"
                return
            if name.startswith(".") or not Path(parent, name).is_file():
                continue
            if _is_safetensors(name) or _is_other(name):
                yield (inside / name).as_posix()


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(excerpt(name) for name in names[:_NAMED]) + more


def _refuse(folder: Path, message: str, remedy: str) -> NoReturn:
    raise CheckpointError(message, where=excerpt(folder), remedy=remedy)
