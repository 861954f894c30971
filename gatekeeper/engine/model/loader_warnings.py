"""Catches what transformers warns of while it loads a checkpoint, as lines of ours.

Muted, a tokenizer that splits words wrongly or a setting that is passed over would be nobody's to
know; as it is written, it would be a page of another tool's advice.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from gatekeeper.errors import excerpt

#: Lines of one load; what repeats itself for every tensor says nothing more by it.
_MOST = 10
_LONGEST = 300
#: Keys that are missing or left over are told by `loaded_keys`; what is about our own call is no
#: news of the checkpoint.
_PASSED_OVER = re.compile(r"LOAD REPORT|torch_dtype.? is deprecated")
#: Loggers of the libraries that read a checkpoint.
_LIBRARIES = ("transformers", "tokenizers", "safetensors", "accelerate", "huggingface_hub")


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.add(record.getMessage())
        except (TypeError, ValueError):  # a message that does not fit its arguments
            self.add(str(record.msg))

    def add(self, text: str) -> None:
        line = " ".join(text.split())
        if line and not _PASSED_OVER.search(line):
            self.said.setdefault(line)


@contextmanager
def listening() -> Iterator[list[str]]:
    """Yields a list that holds, when the block has ended, a line for each thing warned of in it."""
    lines: list[str] = []
    listener = _Listener()
    loggers = [logging.getLogger(name) for name in _LIBRARIES]
    before = [(log.level, log.propagate, log.handlers[:]) for log in loggers]
    for log in loggers:
        log.handlers, log.propagate = [listener], False
        log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield lines
    finally:
        for log, (level, propagate, handlers) in zip(loggers, before, strict=True):
            log.setLevel(level)
            log.propagate, log.handlers = propagate, handlers
    for warning in caught:
        if issubclass(warning.category, (UserWarning, RuntimeWarning)):
            listener.add(str(warning.message))
    messages = list(listener.said)
    lines += [f"transformers warns: {excerpt(line, _LONGEST)}" for line in messages[:_MOST]]
    if len(messages) > _MOST:
        lines.append(f"transformers warns of {len(messages) - _MOST} things more")
