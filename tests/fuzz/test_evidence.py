"""Hostile bundles: damaged as bytes and changed as values, with a manifest that fits.

`verify` must refuse each in one line (12) or find it to say what it said; `check` must never turn
the fail of the bundle into a pass. The cases of CI take seconds;
`GATEKEEPER_FUZZ_SECONDS=600 pytest tests/fuzz/test_evidence.py -s` is the long run.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rfc8785

from gatekeeper.bundled import bundled
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.records.bundle_files import BUNDLE_FILES
from gatekeeper.records.suite import SETS

from ..evidence.sealing import reseal
from ..evidence.whole import whole_evidence
from ..policy.builders import concentrated
from ..policy.profiled import profiled_evidence
from .driver import SECONDS, SLOW, START, command, damaged

#: Values that a field of JSON was not made for.
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 3, 7, 0.5, -0.5, 1.5, 2**31, 2**53, 10**9, 10**18, 10**90),
    *(1e308, -1e308, 1e-308, "", "x", "5", "a\nb", "\0", "\u202e", "../x", "a" * 3000, "²"),
    *("none", "selected", "unmasked", "refuse", "regular", "fold-1", "2026-02-30", "refusal-api"),
    *("sha256:" + "0" * 64, "0" * 64, [], {}, [[]], [{}], [None], [0] * 999, {"a": 1}, [10**9]),
    *([[0, 0]], [[10**9, 0]], [-1], ["x"]),
]
#: The same, which only text can say.
RAW = (
    *("NaN", "-Infinity", "1e999", "9" * 400, "9" * 5000, "[" * 3000, '{"a":' * 3000, "1 2", ""),
    *('"\\ud800"', '{"a":1,"a":2}', "[" * 400 + "]" * 400, "0x1", "'a'", "1e-9999"),
)
_MARK = "\ue000"


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of everything in a value."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _drawn(value: Any, draw: random.Random) -> tuple[Any, Any]:
    """A place, each level as likely as another: long lists would else take all draws."""
    holder, key = value, None
    inner = value
    while isinstance(inner, dict | list) and inner and (key is None or draw.random() < 0.8):
        holder = inner
        key = draw.choice(list(inner)) if isinstance(inner, dict) else draw.randrange(len(inner))
        inner = holder[key]
    return holder, key


def changed(value: Any, draw: random.Random) -> str:
    """The JSON text of a value with some of its parts changed."""
    value, raw = deepcopy(value), None
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        holder, key = _drawn(value, draw)
        if key is None:
            continue
        kind = draw.randrange(9)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[draw.choice(("x", "fold", "second", "mask", key))] = holder.pop(key)
        elif kind == 2:
            holder[key], raw = _MARK, draw.choice(RAW)
        elif kind == 3 and isinstance(holder, dict):
            holder[f"{key}\ue001"] = holder[key]
        elif kind == 4 and isinstance(holder, list):
            holder.insert(draw.randrange(len(holder) + 1), deepcopy(holder[key]))
        elif kind == 5:
            other, place = _drawn(value, draw)
            holder[key] = deepcopy(other[place]) if place is not None else None
        elif kind == 6 and type(holder[key]) in {int, float}:
            holder[key] += draw.choice((1, -1, 0.001, 10**6))
        else:
            holder[key] = deepcopy(draw.choice(VALUES))
    text = json.dumps(value)
    if raw is not None:
        text = text.replace(json.dumps(_MARK), raw)
    return text.replace("\\ue001", "")


class Bundle:
    """A bundle of a model that fails, to be changed and made again."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.files = {name: (place / name).read_bytes() for name in BUNDLE_FILES}
        self.rows = [
            json.loads(row) for row in gzip.decompress(self.files["trials.jsonl.gz"]).splitlines()
        ]
        self.policy = bundled("policies") / "release.yaml"

    def restore(self) -> None:
        for name, data in self.files.items():
            (self.place / name).write_bytes(data)

    def answers(self) -> int:
        """What `verify` and `check` say, held against what they may say."""
        code = command("verify", self.place).code
        assert code in {0, 11, 12}, code
        if code != 12:  # `check` reads and derives the same
            judged = command("check", self.place, "--policy", self.policy).code
            assert judged in {10, 11}, (code, judged)
        return code

    def unsealed(self, name: str, data: bytes) -> int:
        (self.place / name).write_bytes(data)
        return command("verify", self.place).code


def _whole() -> Any:
    counts = dict.fromkeys(SETS, 12)
    return whole_evidence(concentrated, counts=counts, selectors=("attribution",))


def _profiled() -> Any:
    return profiled_evidence(resamples=11)


@pytest.fixture(params=[_whole, _profiled], ids=["whole", "profiled"])
def bundle(request: pytest.FixtureRequest, tmp_path: Path) -> Bundle:
    write_bundle(request.param(), tmp_path / "bundle")
    return Bundle(tmp_path / "bundle")


def _cases(
    name: str, bundle: Bundle, check: Callable[[random.Random], int], seconds: float = SECONDS
) -> None:
    """Gives cases drawn from their numbers to `check` until the time is over."""
    end, number, codes = time.monotonic() + seconds, START, Counter[int]()
    while time.monotonic() < end:
        began = time.process_time()
        bundle.restore()
        try:
            code = check(random.Random(f"{name} {number}"))
            assert time.process_time() - began < SLOW, "too long"
        except AssertionError as error:
            raise AssertionError(f"{name}, case {number}: {error}") from error
        codes[code] += 1
        number += 1
    print(f"{name}: {number - START} cases, {dict(codes)}")


@pytest.mark.parametrize("name", ["evidence.json", "run.json", "manifest.json"])
def test_json_of_other_values(bundle: Bundle, name: str) -> None:
    data = json.loads(bundle.files[name])

    def check(draw: random.Random) -> int:
        (bundle.place / name).write_text(changed(data, draw), "utf-8", "surrogatepass")
        if name != "manifest.json":
            # A number such as 10^18 has no canonical form: nobody can seal such a bundle.
            with suppress(rfc8785.CanonicalizationError):
                reseal(bundle.place)
        return bundle.answers()

    _cases(f"values of {name}", bundle, check)


def test_a_verdict_of_other_values(bundle: Bundle) -> None:
    verdict = bundle.place / "verdict.json"
    shutil.copy(bundle.policy, bundle.place / "policy.yaml")
    told = ("check", bundle.place, "--policy", bundle.policy, "--out", verdict)
    assert command(*told).code in {10, 11}
    data = json.loads(verdict.read_bytes())

    def check(draw: random.Random) -> int:
        verdict.write_text(changed(data, draw), "utf-8", "surrogatepass")
        return command("verify", bundle.place).code

    _cases("values of verdict.json", bundle, check)


def test_trials_of_other_values(bundle: Bundle) -> None:
    def check(draw: random.Random) -> int:
        rows = list(bundle.rows)
        for _ in range(draw.choice((1, 1, 3))):
            at = draw.randrange(len(rows))
            kind = draw.randrange(6)
            if kind == 0:
                del rows[at : at + draw.choice((1, 40))]
            elif kind == 1:
                rows.insert(draw.randrange(len(rows)), rows[at])
            elif kind == 2:
                rows[at] = {**rows[at], "outcome": draw.choice(("refuse", "comply", "degenerate"))}
            elif kind == 3:
                rows[at] = {**rows[at], "mask": draw.choice(rows)["mask"]}
            else:
                rows[at] = _MARK + changed(rows[at], draw)
            rows = rows or [bundle.rows[0]]
        lines = [r[1:] if isinstance(r, str) else json.dumps(r) for r in rows]
        text = "".join(line + "\n" for line in lines).encode("utf-8", "surrogatepass")
        (bundle.place / "trials.jsonl.gz").write_bytes(gzip.compress(text))
        told = json.loads(bundle.files["evidence.json"])
        plain = [row for row in rows if isinstance(row, dict)]
        told["trials"]["count"] = len(rows)
        if len(plain) == len(rows):
            told["trials"]["outcomes"] = dict(Counter(row["outcome"] for row in plain))
            told["trials"]["truncated"] = sum(row["truncated"] for row in plain)
        (bundle.place / "evidence.json").write_text(json.dumps(told))
        reseal(bundle.place)
        return bundle.answers()

    _cases("values of trials", bundle, check)


def test_arrays_of_other_values(bundle: Bundle) -> None:
    with np.load(io.BytesIO(bundle.files["profile.npz"])) as stored:
        arrays = dict(stored)

    def check(draw: random.Random) -> int:
        some = dict(arrays)
        name = draw.choice(sorted(some))
        array, kind = some[name], draw.randrange(7)
        if kind == 0:
            del some[name]
        elif kind == 1 and array.dtype.kind != "U":
            with np.errstate(invalid="ignore"):  # NaN as a whole number
                some[name] = array.astype(draw.choice(("f8", "i8", "u1", "f4", "U9", "c8", "?")))
        elif kind == 2:
            some[name] = array[:-1] if array.ndim else array
        elif kind == 3:
            some[draw.choice(("x", "counts_x", "attribution"))] = array
        elif kind == 4 and name == "meta":
            some[name] = np.array(changed(json.loads(str(array)), draw))
        elif kind == 5 and array.size:
            other = array.copy()
            other.flat[draw.randrange(other.size)] = draw.choice((0, 1, 100))
            some[name] = other
        else:
            some[name] = np.expand_dims(array, 0)
        packed = io.BytesIO()
        np.savez_compressed(packed, **some)
        (bundle.place / "profile.npz").write_bytes(packed.getvalue())
        reseal(bundle.place)
        return bundle.answers()

    _cases("arrays", bundle, check)


@pytest.mark.parametrize("sealed", [True, False])
def test_damaged_bytes(bundle: Bundle, sealed: bool) -> None:
    honest = command("verify", bundle.place).code

    def check(draw: random.Random) -> int:
        name = draw.choice(BUNDLE_FILES)
        data = damaged(bundle.files[name], draw, list(bundle.files.values()))
        if not sealed:
            code = bundle.unsealed(name, data)
            same = data == bundle.files[name]
            assert code == (honest if same else 12) or name == "manifest.json"
            return code
        if name == "trials.jsonl.gz" and draw.random() < 0.7:
            text = damaged(gzip.decompress(bundle.files[name]), draw)
            data = gzip.compress(text, 1)
        (bundle.place / name).write_bytes(data)
        if name != "manifest.json":
            reseal(bundle.place)
        return bundle.answers()

    _cases(f"bytes, sealed {sealed}", bundle, check)


def test_files_that_are_none(bundle: Bundle) -> None:
    """Each member as a directory, a link into nowhere, empty, or gone."""
    for name in BUNDLE_FILES:
        for kind in ("directory", "link", "empty", "gone"):
            bundle.restore()
            path = bundle.place / name
            path.unlink()
            if kind == "directory":
                path.mkdir()
            elif kind == "link":
                path.symlink_to("/dev/zero")
            elif kind == "empty":
                path.touch()
            assert command("verify", bundle.place).code == 12, (name, kind)
            if kind == "directory":
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
    shutil.rmtree(bundle.place)
    assert command("verify", bundle.place).code == 2
