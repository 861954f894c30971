"""The local models that judges are handed: sentence embeddings, classifiers, guard models.

Opened as an audited checkpoint is: safetensors only, no code of the checkpoint, no network.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gatekeeper.checkpoint.json_files import read_json
from gatekeeper.checkpoint.open import Checkpoint, open_checkpoint
from gatekeeper.checkpoint.tokenizer_steps import refuse_boundless
from gatekeeper.engine.generate.chat_template import Chats
from gatekeeper.engine.generate.out_of_memory import in_halves
from gatekeeper.engine.judges.sentence import first_token
from gatekeeper.engine.model.foreign_errors import blaming
from gatekeeper.engine.model.load import pick_device, pick_dtype, quiet_transformers
from gatekeeper.errors import AuditError, CheckpointError, excerpt

_BATCH = 32
_INDEX = re.compile(r"[0-9]{1,9}")
#: Tokens a guard model may write: one label, in JSON at most.
_ANSWER = 16
_CLASSIFIER = "ForSequenceClassification"
_REMEDY = "check that the files belong together; see docs/judges.md for what a judge's model needs"


class _Local:
    """A checkpoint of a judge's model, hashed when opened and loaded when it is first asked."""

    def __init__(self, path: Path, device: str) -> None:
        self._opened: Checkpoint = open_checkpoint(path, served=False)
        self._device = pick_device(device)
        self._check()  # before all of it is read
        self.digest = self._opened.reference().digest

    def _check(self) -> None:
        """Refuses a checkpoint of another kind, by its small files."""

    @property
    def _path(self) -> Path:
        return self._opened.path

    @cached_property
    def _tokenizer(self) -> Any:
        quiet_transformers()
        from transformers import AutoTokenizer

        refuse_boundless(self._path)
        with blaming(self._path.name, "the judge's tokenizer cannot be loaded", _REMEDY):
            return AutoTokenizer.from_pretrained(
                self._path, trust_remote_code=False, local_files_only=True
            )

    def load(self, kind: Any) -> Any:
        """The model, by the class of transformers that is to read it."""
        quiet_transformers()
        dtype = pick_dtype("auto", self._device, str(self._opened.config.get("dtype")))
        with blaming(self._path.name, "the judge's model cannot be loaded", _REMEDY):
            model, info = kind.from_pretrained(
                self._path,
                trust_remote_code=False,
                local_files_only=True,
                use_safetensors=True,
                dtype=dtype,
                output_loading_info=True,
            )
            # The pooler of an encoder is not used, and often not stored.
            lacking = [name for name in info["missing_keys"] if ".pooler." not in f".{name}"]
            if lacking:
                raise CheckpointError(
                    f"lacks weights that a judge rests on, such as {excerpt(lacking[0])}",
                    where=self._path.name,
                    remedy=_REMEDY,
                )
            return model.to(self._device).eval().requires_grad_(False)

    def release(self) -> None:
        """Lets the model go; it is loaded again when it is asked."""
        for name in ("_model", "_tokenizer"):
            self.__dict__.pop(name, None)
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _most(self, stated: int) -> int:
        """How many tokens fit: the model's positions, or what its own files say if that is less."""
        positions = self._opened.config.get("max_position_embeddings")
        return min(stated, positions) if type(positions) is int and positions > 0 else stated


class Embedder(_Local):
    """Sentence embeddings: token states pooled and brought to unit length.

    Pooling is the mean over tokens, or the first token's state where the model's own files say so.
    Source: Reimers & Gurevych (2019), Sentence-BERT, EMNLP, section 3.

    Raises:
        UsageError, CheckpointError: no such checkpoint, or it is no sentence-embedding model.
    """

    def __init__(self, path: Path, device: str) -> None:
        super().__init__(path, device)
        length = self._settings("sentence_bert_config.json").get("max_seq_length")
        self._length = self._most(length if type(length) is int and length > 0 else 512)

    def _check(self) -> None:
        self._first = first_token(self._path)

    def _settings(self, name: str) -> dict[str, Any]:
        path = self._path / name
        return dict(read_json(path)) if path.is_file() else {}

    @cached_property
    def _model(self) -> Any:
        from transformers import AutoModel

        return self.load(AutoModel)

    def __call__(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embeds texts as unit rows [N, D]. Longer texts are cut to the model's length."""
        parts = [texts[i : i + _BATCH] for i in range(0, len(texts), _BATCH)]
        rows = [row for part in parts for row in in_halves(part, self._rows)]
        return np.stack(rows) if rows else np.zeros((0, 0), dtype=np.float32)

    @torch.inference_mode()
    def _rows(self, texts: Sequence[str]) -> list[npt.NDArray[np.float32]]:
        tokens = self._tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self._length,
            return_tensors="pt",
        ).to(self._device)
        states = self._model(**tokens).last_hidden_state.float()
        seen = tokens["attention_mask"][..., None].float()
        pooled = (
            states[:, 0] if self._first else (states * seen).sum(1) / seen.sum(1).clamp(min=1.0)
        )
        unit = torch.nn.functional.normalize(pooled, dim=-1)
        return list(unit.cpu().numpy())


class Reader(_Local):
    """A classifier, whose answer is a label, or a guard model, whose answer is what it writes."""

    def __init__(self, path: Path, device: str) -> None:
        super().__init__(path, device)
        names = self._opened.config.get("architectures") or [""]
        self._classifies = str(names[0]).endswith(_CLASSIFIER)
        self.labels = self._labels() if self._classifies else ()

    def _labels(self) -> tuple[str, ...]:
        labels = self._opened.config.get("id2label")
        named = isinstance(labels, dict) and all(_INDEX.fullmatch(i) for i in labels)
        if not labels or not named:
            raise CheckpointError(
                "is a classifier without names of its labels by number (id2label)",
                where=f"{self._path.name}/config.json",
                remedy="name them",
            )
        return tuple(str(label) for _, label in sorted(labels.items(), key=lambda i: int(i[0])))

    @cached_property
    def _model(self) -> Any:
        from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

        kind = AutoModelForSequenceClassification if self._classifies else AutoModelForCausalLM
        return self.load(kind)

    def __call__(self, texts: Sequence[tuple[str, str]], template: str | None) -> list[str]:
        """Labels or answers of (request, reply) pairs.

        Raises:
            AuditError: a pair does not fit into the model's context.
        """
        ids = [self._ids(request, reply, template) for request, reply in texts]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        answers = [""] * len(ids)
        for start in range(0, len(order), _BATCH):
            part = order[start : start + _BATCH]
            run = self._classify if self._classifies else self._write
            for i, answer in zip(part, in_halves([ids[i] for i in part], run), strict=True):
                answers[i] = answer
        return answers

    def _ids(self, request: str, reply: str, template: str | None) -> list[int]:
        """Tokens of a pair. What it holds of the model's own special tokens is broken up first."""
        request, reply = self._harmless(request), self._harmless(reply)
        text = self._text(request, reply, template)
        plain = template is None and not self._classifies
        ids: list[int] = self._tokenizer(text, add_special_tokens=not plain)["input_ids"]
        room = self._most(1 << 30) - (0 if self._classifies else _ANSWER)
        if len(ids) > room:
            raise AuditError(
                f"a request and its reply take {len(ids)} tokens, the judge's model holds {room}",
                where=self._path.name,
                remedy="use a smaller --max-new-tokens, shorter prompts, or another judge",
            )
        return ids

    def _text(self, request: str, reply: str, template: str | None) -> str:
        if template is not None:
            # Not one after the other: a request may hold the mark of the reply.
            parts = template.split("{request}")
            return request.join(part.replace("{reply}", reply) for part in parts)
        if self._classifies:
            return reply
        from gatekeeper.judges import QUESTION

        pair = json.dumps({"request": request, "reply": reply}, ensure_ascii=False)
        return self._chats.write([f"{QUESTION}\n\n{pair}"])[0]

    @cached_property
    def _chats(self) -> Chats:
        return Chats(self._tokenizer, what="the judge's chat template", served=False)

    def release(self) -> None:
        """Lets the model go, as `_Local.release`, and ends the process of the chat template."""
        if "_chats" in self.__dict__:
            self._chats.close()
            del self._chats
        super().release()

    def _harmless(self, text: str) -> str:
        for token in self._special:
            text = text.replace(token, f"{token[0]} {token[1:]}")
        return text

    @cached_property
    def _special(self) -> tuple[str, ...]:
        added = {str(t) for t in self._tokenizer.added_tokens_decoder.values() if t.special}
        special = {*self._tokenizer.all_special_tokens, *added}
        return tuple(sorted((t for t in special if len(t) > 1), key=lambda t: (-len(t), t)))

    def _padded(self, ids: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        longest = max(map(len, ids))
        pad = self._tokenizer.pad_token_id
        fill = pad if isinstance(pad, int) else self._tokenizer.eos_token_id or 0
        on_left = not self._classifies
        rows, seen = [], []
        for row in ids:
            gap = longest - len(row)
            padding, none, some = [fill] * gap, [0] * gap, [1] * len(row)
            rows.append([*padding, *row] if on_left else [*row, *padding])
            seen.append([*none, *some] if on_left else [*some, *none])
        return (
            torch.tensor(rows, device=self._device),
            torch.tensor(seen, device=self._device),
        )

    @torch.inference_mode()
    def _classify(self, ids: Sequence[Sequence[int]]) -> list[str]:
        if self._model.config.pad_token_id is None:
            self._model.config.pad_token_id = self._tokenizer.pad_token_id
        rows, seen = self._padded(ids)
        chosen = self._model(input_ids=rows, attention_mask=seen).logits.argmax(-1).tolist()
        return [self.labels[i] for i in chosen]

    @torch.inference_mode()
    def _write(self, ids: Sequence[Sequence[int]]) -> list[str]:
        rows, seen = self._padded(ids)
        written = self._model.generate(
            input_ids=rows,
            attention_mask=seen,
            max_new_tokens=_ANSWER,
            do_sample=False,
            num_beams=1,
            temperature=None,
            top_p=None,
            top_k=None,
            pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id,
        )
        return [
            str(self._tokenizer.decode(row, skip_special_tokens=True)).strip()
            for row in written[:, rows.shape[1] :]
        ]
