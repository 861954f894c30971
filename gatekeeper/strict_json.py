"""JSON as it was written: one value per key, finite numbers, no bottomless nesting.

`json` alone keeps the last of two equal keys, makes infinities of 1e999 and fails on its own limits
with errors of Python's; a reader that is given the same text may take another value.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from functools import cache
from typing import Any, NoReturn

#: Of whole numbers: tokenizers write 10^30 for "no limit". What is longer is meant by none.
_MOST_DIGITS = 100

#: Half of a pair, maybe: alone it is no character, and no file or terminal takes it.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class RepeatedKeyError(ValueError):
    """A key given twice: two readers could each believe another value.

    Attributes:
        key: which. It may be text of whoever wrote the file, and is not part of the message.
    """

    def __init__(self, key: str) -> None:
        super().__init__("a key is given twice")
        self.key = key


def strict_loads(data: bytes, *, infinity: bool = False) -> Any:
    """The value of a JSON text.

    Args:
        infinity: whether Infinity is a number. NaN never is.

    Raises:
        ValueError: not JSON in UTF-8, half a surrogate pair, a key given twice, NaN or Infinity or
            what a float cannot hold, or nested deeper than the parser can follow.
    """
    try:
        # json.loads would guess UTF-16 and UTF-32, and skip a byte order mark: others do not.
        value = strict_decoder(infinity=infinity).decode(data.decode("utf-8"))
        if _SURROGATE.search(data):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except UnicodeEncodeError as error:  # its own words repeat the text
        raise ValueError("half a surrogate pair is no character") from error
    return value


def levelled(value: Any) -> Any:
    """Whole numbers without a point, as canonical JSON has them: evidence that was read again, in
    which 1.0 is 1, gives the same bytes.
    """
    if isinstance(value, dict):
        return {key: levelled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [levelled(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@cache
def strict_decoder(*, infinity: bool = False) -> json.JSONDecoder:
    """What `strict_loads` decodes with; nesting too deep is a RecursionError of its own.

    Args:
        infinity: see there.
    """
    return json.JSONDecoder(
        object_pairs_hook=_unique,
        parse_constant=_or_infinity if infinity else _no_constant,
        parse_int=_whole,
        parse_float=_finite,
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        raise RepeatedKeyError(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return unique


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError("a number is too large")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _or_infinity(name: str) -> float:
    return _no_constant(name) if name == "NaN" else float(name)
