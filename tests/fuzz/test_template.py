"""Chat templates put together at random: each gives the bytes of transformers, or one line.

GATEKEEPER_FUZZ_SECONDS sets how long to look; a few seconds otherwise. Seeds that found something
stay in FOUND.
"""

from __future__ import annotations

import os
import random
import time
from itertools import chain, count

import pytest

from gatekeeper.engine.generate.chat_template import Chats, conversation
from gatekeeper.errors import CheckpointError
from tests.engine.generate.test_chat_template import PLAIN, SHAPES, with_template

SECONDS = float(os.environ.get("GATEKEEPER_FUZZ_SECONDS", "2"))
FOUND: tuple[int, ...] = (5_001_695,)

VALUES = """
m.content m.role messages messages[0] messages[-1].content bos_token eos_token tools nothing x
add_generation_prompt 1 0 -1 2.5 10**9 99999 'a' '' 'é\\ud800' none true [] {} [1,[2]] {'a':1} loop
loop.index self range cycler joiner namespace dict lipsum raise_exception strftime_now range(99999)
().__class__ ''.format m.items messages.append namespace(a=1) dict(a=1)
""".split()  # noqa: SIM905 - easier to read
FILTERS = """
trim lower upper length first last join list string int float tojson e safe random reverse sort
unique batch(2) slice(2) sum max min abs round pprint title wordwrap(9) truncate(9) map('upper')
replace('a','b') select groupby('role') attr('__class__') indent(9) center(99999) nosuch striptags
urlize xmlattr dictsort items default('d') format(1) filesizeformat
""".split()  # noqa: SIM905
OPERATORS = ("+", "-", "*", "**", "/", "//", "%", "~", "==", "in", "and", "or", "<", "is", ".", "|")
SYSTEM, USERS = "Answer in one line.", ["Which lamp?", "a", "x" * 300]


def value(draw: random.Random, depth: int = 0) -> str:
    kind = draw.randrange(8 if depth < 4 else 2)
    if kind < 2:
        return draw.choice(VALUES)
    inner = value(draw, depth + 1)
    if kind < 4:
        return f"{inner}|{draw.choice(FILTERS)}"
    if kind == 4:
        return f"({inner} {draw.choice(OPERATORS)} {value(draw, depth + 1)})"
    if kind == 5:
        return f"{inner}[{value(draw, depth + 1)}{draw.choice(['', ':', ':9'])}]"
    if kind == 6:
        return f"{inner}({value(draw, depth + 1)})"
    return f"({inner} if {value(draw, depth + 1)} else {value(draw, depth + 1)})"


def piece(draw: random.Random, depth: int = 0) -> str:
    kind = draw.randrange(9 if depth < 4 else 3)
    some = value(draw)
    if kind < 2:
        return f"{{{{{draw.choice(['', '-'])} {some} }}}}"
    if kind == 2:
        return draw.choice(["text ", "\n", "<|x|>", "{", "%}", "{#", "\x00", "\ud800", "{% raw %}"])
    inside = "".join(piece(draw, depth + 1) for _ in range(draw.randrange(3)))
    return {
        3: f"{{% if {some} %}}{inside}{{% endif %}}",
        4: f"{{% for m in {some} %}}{inside}{{{{ m }}}}{{% endfor %}}",
        5: f"{{% set x = {some} %}}{inside}",
        6: f"{{% macro f(x) %}}{inside}{{% endmacro %}}{{{{ f({some}) }}}}",
        7: f"{{% for m in messages %}}{inside}{{{{ m.content }}}}{{% endfor %}}",
        8: f"{{% generation %}}{inside}{{% endgeneration %}}",
    }[kind]


def template(seed: int) -> str:
    draw = random.Random(seed)
    made = "".join(piece(draw) for _ in range(draw.randrange(1, 5)))
    kind = draw.randrange(4)
    if kind == 0:
        return made
    good = draw.choice([PLAIN, *SHAPES.values()])
    if kind == 1:
        return made + good
    # A good one with a hole, or with something in it.
    at, end = sorted((draw.randrange(len(good)), draw.randrange(len(good))))
    return good[:at] + (made if kind == 2 else "") + good[end:]


class Looker:
    """Keeps the process that renders as long as it lives."""

    def __init__(self) -> None:
        self._chats: Chats | None = None

    def look(self, text: str, system: str | None) -> None:
        began = time.monotonic()
        try:
            written = self._written(text, system)
        except CheckpointError as error:
            told = str(error)
            assert "\n" not in told
            assert "→" in told
            assert len(told) < 600
            assert told.isprintable()
            assert "x" * 100 not in told  # no prompt
            if "takes more" in told or "brings" in told:
                self.close()
            return
        finally:
            assert time.monotonic() - began < 30
        for user, rendered in zip(USERS, written, strict=True):
            # The clock goes on, and the address of a function is another in another process.
            if "strftime_now" not in text and "raise_exception" not in text:
                talk = conversation(user, system)
                made = with_template(text)
                wanted = made.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
                assert rendered == wanted
            assert user in rendered
            assert system is None or system in rendered

    def _written(self, text: str, system: str | None) -> list[str]:
        if self._chats is None or "\ud800" in text:
            self.close()
            self._chats = Chats(with_template(text), patience=2)
        self._chats._template = text
        return self._chats.write(USERS, system)

    def close(self) -> None:
        if self._chats is not None:
            self._chats.close()
        self._chats = None


@pytest.mark.timeout(SECONDS + 300)
def test_templates_at_random() -> None:
    end, looker, looked = time.monotonic() + SECONDS, Looker(), 0
    for seed in chain(FOUND, count(int(os.environ.get("GATEKEEPER_FUZZ_SEED", "0")))):
        try:
            looker.look(template(seed), SYSTEM if seed % 2 else None)
        except BaseException as error:
            error.add_note(f"seed {seed}: {template(seed)!r}")
            raise
        looked += 1
        if looked >= 20 + len(FOUND) and time.monotonic() > end:
            break
    looker.close()
    print(f"templates: {looked} cases in {SECONDS:.0f} s")
