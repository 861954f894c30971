"""Renders chat templates, as a process of its own that a template can hang or end without harm.

A template comes with the checkpoint: a program that may loop for ever or fill the memory. Run as a
script, by `chat_template.py`, with the number of a connection. The code that renders is that of
transformers, read without the rest of the library, which takes three times as long.
"""

from __future__ import annotations

import importlib.util
import json
import random
import re
import resource
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

#: Bytes that rendering may take beyond what the process has when it begins.
MEMORY = 1 << 30
#: Processor seconds after which an answer is given up, should nobody be left who waits for it.
_SECONDS = 120
#: A rendered conversation has at most this many characters, and four for each that it was given.
_ROOM, _EACH = 100_000, 4
#: How Python writes an object that has no text: with its address, another one in each process. As
#: filters such as `upper` and `e` leave it, too.
_ADDRESS = re.compile(r" at 0x[0-9a-f]{6,}(?:>|&gt;)", re.IGNORECASE)


def main() -> None:
    """Answers requests for rendered conversations until the other side is gone."""
    channel = Connection(int(sys.argv[1]))
    utils = _chat_template_utils()
    _bound(resource.RLIMIT_FSIZE, 0)
    with suppress(OSError):  # not on macOS, where memory cannot be bound either
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
        _bound(resource.RLIMIT_AS, int(pages) * resource.getpagesize() + MEMORY)
    while True:
        try:
            request = json.loads(channel.recv_bytes())
        except EOFError:
            return
        utils.datetime = _stopped(datetime.fromisoformat(request["clock"]))
        _bound(resource.RLIMIT_CPU, int(time.process_time()) + _SECONDS)
        channel.send_bytes(json.dumps(_answer(utils, request)).encode("ascii"))


def _chat_template_utils() -> Any:
    """Imports `transformers.utils.chat_template_utils` without the packages around it."""
    spec = importlib.util.find_spec("transformers")
    assert spec is not None  # noqa: S101 - whoever asks has imported it
    root = Path(str(spec.origin)).parent
    for name, folder in {"transformers": root, "transformers.utils": root / "utils"}.items():
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return importlib.import_module("transformers.utils.chat_template_utils")


def _stopped(moment: datetime) -> type[datetime]:
    """A `datetime` for which it is always this moment."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Stopped:
            return cls(*moment.timetuple()[:6], tzinfo=tz)

    return Stopped


def _bound(kind: int, most: int) -> None:
    """Sets a limit of this process, where it can be set."""
    with suppress(OSError, ValueError):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(
            kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
        )


def _answer(utils: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """Renders a request: its texts, or the kind of failure there was."""
    drawn: list[None] = []
    _watch(drawn)
    talks = request["conversations"]
    try:
        if request.get("names"):
            return {"texts": _names(utils, request["template"])}
        texts = [_render(utils, request, talk) for talk in talks]
        # Again in the other order: a template must not remember what it wrote before.
        again = [_render(utils, request, talk) for talk in reversed(talks)]
    except _TooLongError:
        return {"failed": "long"}
    except MemoryError:
        return {"failed": "memory"}
    except Exception as error:  # a template may raise anything
        return _told(error)
    if drawn or texts != again[::-1] or any(_ADDRESS.search(text) for text in texts):
        return {"failed": "random"}
    return {"texts": texts}


def _names(utils: Any, template: str) -> list[str]:
    """The variables that a template reads and does not set itself."""
    from jinja2 import meta

    environment = utils._compile_jinja_template(template).environment
    return sorted(meta.find_undeclared_variables(environment.parse(template)))


def _watch(drawn: list[None]) -> None:
    """Notes each draw from `random`, which the filter of that name and `lipsum` make."""
    for name in ("choice", "randrange"):
        original = getattr(random.Random(0), name)  # noqa: S311 - nothing secret is drawn

        def watched(*arguments: Any, _original: Any = original) -> Any:
            drawn.append(None)
            return _original(*arguments)

        setattr(random, name, watched)


class _TooLongError(Exception):
    pass


def _render(utils: Any, request: Mapping[str, Any], talk: list[dict[str, Any]]) -> str:
    (text,), _ = utils.render_jinja_template(
        conversations=[talk], chat_template=request["template"], **request["given"]
    )
    if len(text) > _ROOM + _EACH * sum(len(message["content"]) for message in talk):
        raise _TooLongError
    text.encode()  # fails on halves of characters, which no tokenizer reads
    return str(text)


def _told(error: Exception) -> dict[str, Any]:
    line = getattr(error, "lineno", None)
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == "<template>":
            line = frame.tb_lineno
        frame = frame.tb_next
    return {"failed": "error", "kind": type(error).__name__, "said": str(error)[:500], "line": line}


if __name__ == "__main__":
    main()
