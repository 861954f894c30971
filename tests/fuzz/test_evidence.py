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
import re
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rfc8785

from gatekeeper import catalog
from gatekeeper.bundled import bundled
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.records.bundle_files import BUNDLE_FILES
from gatekeeper.records.suite import SETS

from ..evidence.sealing import reseal
from ..evidence.whole import whole_evidence
from ..policy.builders import concentrated
from ..policy.profiled import profiled_evidence
from .driver import cases, command, damaged
from .values import Changer

#: What is told of a bundle that is none by its form: what is refused so tried the parsers only.
_FORM = re.compile(
    "does not fit the schema|not valid JSON|reads 'gatekeeper/|not a r|not a verdict|manifest"
    "|altered|more than one trial|unpacks to|not a known outcome|has no end|follows the gzip"
)
REPORTS = tuple(name for name in catalog.names("format") if name != "pdf")  # which takes seconds


class Bundle:
    """A bundle of a model that fails, to be changed and made again."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.files = {name: (place / name).read_bytes() for name in BUNDLE_FILES}
        self.rows = [
            json.loads(row) for row in gzip.decompress(self.files["trials.jsonl.gz"]).splitlines()
        ]
        self.policy = bundled("policies") / "release.yaml"
        #: Cases that were refused for what they say, or believed, and not for their form.
        self.understood = 0

    def restore(self) -> None:
        for name, data in self.files.items():
            (self.place / name).write_bytes(data)

    def answers(self, draw: random.Random) -> int:
        """What `verify`, `check` and `report` say, held against what they may say."""
        code = self.verified()
        if code != 12:  # the others read and derive the same
            told = (self.place, "--policy", self.policy)
            judged = command("check", *told).code
            assert judged in {10, 11}, (code, judged)
            level, style = draw.choice(("public", "committee", "restricted")), draw.choice(REPORTS)
            out = self.place.with_name("reports")
            out.mkdir(exist_ok=True)
            shown = command("report", *told, "--out", out, "--level", level, "--format", style)
            assert shown.code == 0, shown
        return code

    def verified(self) -> int:
        answer = command("verify", self.place)
        assert answer.code in {0, 11, 12}, answer
        self.understood += answer.code != 12 or not _FORM.search(answer.err)
        return answer.code


def _whole() -> Any:
    counts = dict.fromkeys(SETS, 12)
    return whole_evidence(concentrated, counts=counts, selectors=("attribution",))


def _profiled() -> Any:
    return profiled_evidence(resamples=11)


@pytest.fixture(params=[_whole, _profiled], ids=["whole", "profiled"])
def bundle(request: pytest.FixtureRequest, tmp_path: Path) -> Bundle:
    write_bundle(request.param(), tmp_path / "bundle")
    return Bundle(tmp_path / "bundle")


def _cases(name: str, bundle: Bundle, check: Callable[[random.Random], int]) -> None:
    """Gives cases to `check`, each with the bundle as it was."""

    def one(_number: int, draw: random.Random) -> int:
        bundle.restore()
        return check(draw)

    found = cases(name, one)
    print(f"{name}: {bundle.understood / found.cases:.0%} of {found.cases} cases in it understood")


@pytest.mark.parametrize("name", ["evidence.json", "run.json", "manifest.json"])
def test_json_of_other_values(bundle: Bundle, name: str) -> None:
    changer = Changer(json.loads(bundle.files[name]))

    def check(draw: random.Random) -> int:
        (bundle.place / name).write_text(changer.changed(draw), "utf-8", "surrogatepass")
        if name != "manifest.json":
            # A number such as 10^18 has no canonical form: nobody can seal such a bundle.
            with suppress(rfc8785.CanonicalizationError):
                reseal(bundle.place)
        return bundle.answers(draw)

    _cases(f"values of {name}", bundle, check)


@pytest.mark.parametrize(
    ("bundle", "code"),
    [(_whole, 10), (_profiled, 11)],
    indirect=["bundle"],
    ids=["whole", "profiled"],
)
def test_a_verdict_of_other_values(bundle: Bundle, code: int) -> None:
    verdict = bundle.place / "verdict.json"
    shutil.copy(bundle.policy, bundle.place / "policy.yaml")
    told = ("check", bundle.place, "--policy", bundle.policy, "--out", verdict)
    assert command(*told).code == code
    changer = Changer(json.loads(verdict.read_bytes()))

    def check(draw: random.Random) -> int:
        verdict.write_text(changer.changed(draw), "utf-8", "surrogatepass")
        return bundle.verified()

    _cases("values of verdict.json", bundle, check)


def _other_trials(rows: list[Any], draw: random.Random) -> None:
    """Drops, doubles or alters some rows; what is altered is a text."""
    for _ in range(draw.choice((1, 1, 3))):
        at, kind = draw.randrange(len(rows)), draw.randrange(7)
        if kind == 0 and len(rows) > 40:
            del rows[at : at + draw.choice((1, 40))]
        elif kind == 1:
            rows.insert(draw.randrange(len(rows)), rows[at])
        elif isinstance(rows[at], str):
            continue
        elif kind == 2:
            rows[at] = {**rows[at], "outcome": draw.choice(("refuse", "comply", "degenerate"))}
        elif kind == 3:
            other = draw.choice(rows)
            rows[at] = {**rows[at], **({} if isinstance(other, str) else {"mask": other["mask"]})}
        elif kind == 4:
            rows[at] = {**rows[at], "tokens": 32, "truncated": True}
        else:
            rows[at] = Changer(rows[at]).changed(draw)


def _summary(lines: list[str]) -> dict[str, Any]:
    """What evidence.json tells of these trials, as far as they are some."""
    told: dict[str, Any] = {"count": len(lines)}
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        rows = [json.loads(line) for line in lines]
        told["outcomes"] = dict(Counter(row["outcome"] for row in rows))
        told["truncated"] = sum(row["truncated"] for row in rows)
    return told


def test_trials_of_other_values(bundle: Bundle) -> None:
    def check(draw: random.Random) -> int:
        rows: list[Any] = list(bundle.rows)
        _other_trials(rows, draw)
        lines = [r if isinstance(r, str) else json.dumps(r) for r in rows]
        text = "".join(line + "\n" for line in lines).encode("utf-8", "surrogatepass")
        (bundle.place / "trials.jsonl.gz").write_bytes(gzip.compress(text, 1))
        told = json.loads(bundle.files["evidence.json"])
        told["trials"] |= _summary(lines)
        (bundle.place / "evidence.json").write_text(json.dumps(told))
        # A number of tokens such as 10^90 may stand in the summary.
        with suppress(rfc8785.CanonicalizationError):
            reseal(bundle.place)
        return bundle.answers(draw)

    _cases("values of trials", bundle, check)


def test_one_name_in_the_place_of_another(bundle: Bundle) -> None:
    """Of a prompt, seed or mask, wherever it stands: a lie that is at one with itself."""
    told = json.loads(bundle.files["evidence.json"])
    names = sorted({str(p[k]) for p in told["suite"]["prompts"] for k in ("id", "seed_id", "set")})
    names += [m["name"] for m in told["masks"]] + ["fold-1", "fold-2", "measurement", "selected"]
    texts = {"evidence.json": bundle.files["evidence.json"].decode()}
    texts["trials"] = gzip.decompress(bundle.files["trials.jsonl.gz"]).decode()

    def check(draw: random.Random) -> int:
        old, new = draw.choice(names), draw.choice((*names, "x", "", "²", "a" * 2001, "0"))
        places = draw.choice((tuple(texts), tuple(texts), ("trials",), ("evidence.json",)))
        some = {n: texts[n].replace(json.dumps(old), json.dumps(new)) for n in places}
        if "trials" in some:
            packed = gzip.compress(some.pop("trials").encode(), 1)
            (bundle.place / "trials.jsonl.gz").write_bytes(packed)
        for name, text in some.items():
            (bundle.place / name).write_text(text)
        reseal(bundle.place)
        return bundle.answers(draw)

    _cases("names", bundle, check)


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
            some[name] = np.array(Changer(json.loads(str(array))).changed(draw))
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
        return bundle.answers(draw)

    _cases("arrays", bundle, check)


@pytest.mark.parametrize("sealed", [True, False])
def test_damaged_bytes(bundle: Bundle, sealed: bool) -> None:
    honest = command("verify", bundle.place).code

    def check(draw: random.Random) -> int:
        name = draw.choice(BUNDLE_FILES)
        data = damaged(bundle.files[name], draw, list(bundle.files.values()))
        if not sealed:
            (bundle.place / name).write_bytes(data)
            code = bundle.verified()
            same = data == bundle.files[name]
            assert code == (honest if same else 12) or name == "manifest.json"
            return code
        if name == "trials.jsonl.gz" and draw.random() < 0.7:
            text = damaged(gzip.decompress(bundle.files[name]), draw)
            data = gzip.compress(text, 1)
        (bundle.place / name).write_bytes(data)
        if name != "manifest.json":
            reseal(bundle.place)
        return bundle.answers(draw)

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
