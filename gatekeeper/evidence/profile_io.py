"""Activation profile to and from the bytes of an .npz file."""

from __future__ import annotations

import io
import json
import math
import tokenize
import zipfile
import zlib
from collections.abc import Sequence

import numpy as np

from gatekeeper.errors import EvidenceError
from gatekeeper.records.model import MoeSite
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.windows import WINDOWS
from gatekeeper.strict_json import strict_loads

_ARRAYS = (
    "attribution",
    *(f"{kind}_{window}" for kind in ("counts", "weights", "tokens") for window in WINDOWS),
)
#: Bytes that the header of an array may take.
_HEADER = 4096
#: Characters of a prompt's id, of what is told of a site beside its ids, and of a note.
_LONGEST_ID, _SITE, _NOTE = 2000, 4096, 65536

#: How members are packed: other ways take memory and raise errors of their own.
_PACKED = frozenset((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
#: What numpy and zipfile raise on hostile bytes.
_UNREADABLE = (
    KeyError,
    ValueError,
    OSError,
    EOFError,
    TypeError,
    RecursionError,
    MemoryError,  # a header that promises more numbers than there is memory
    SyntaxError,
    OverflowError,  # a member that begins beyond all files
    RuntimeError,  # an encrypted member
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def profile_to_bytes(profile: ActivationProfile) -> bytes:
    """The profile as .npz; equal profiles give equal bytes (zip entries carry no time)."""
    arrays: dict[str, np.ndarray] = {
        "prompt_ids": np.array(profile.prompt_ids, dtype=np.str_),
        "meta": np.array(
            json.dumps(
                {
                    "sites": [
                        [s.layer, s.path, s.experts, s.top_k, s.shared] for s in profile.sites
                    ],
                    "attribution_note": profile.attribution_note,
                }
            )
        ),
    }
    for window in WINDOWS:
        arrays[f"counts_{window}"] = profile.counts[window]
        arrays[f"weights_{window}"] = profile.weights[window]
        arrays[f"tokens_{window}"] = profile.tokens[window]
    if profile.attribution is not None:
        arrays["attribution"] = profile.attribution
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            buffer = io.BytesIO()
            np.save(buffer, arrays[name], allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy")  # ZipInfo's own date is fixed: 1980-01-01
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, buffer.getvalue())
    return out.getvalue()


def profile_from_bytes(
    data: bytes, *, where: str, sites: Sequence[MoeSite], prompts: int
) -> ActivationProfile:
    """The profile in an .npz.

    Args:
        sites: of the model, and `prompts`, how many there are: no array is unpacked that is larger
            than they allow.

    Raises:
        EvidenceError: not such a file.
    """
    cells = prompts * max(1, len(sites) * max((s.experts for s in sites), default=0))
    most = dict.fromkeys(_ARRAYS, _HEADER + 8 * cells)
    most["prompt_ids"] = _HEADER + 4 * _LONGEST_ID * prompts
    most["meta"] = _HEADER + 4 * (_SITE * len(sites) + _NOTE)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            sizes = {m.filename.removesuffix(".npy"): m.file_size for m in members}
            known = sizes.keys() <= most.keys()
            packed = {m.compress_type for m in members} <= _PACKED
            if len(sizes) < len(members) or not known or not packed:
                raise EvidenceError("not a readable activation profile", where=where)
            for name, size in sizes.items():
                if size > most[name]:
                    raise EvidenceError(f"unpacks to more than {most[name]} bytes", where=where)
            arrays = {name: _array(archive, name, size) for name, size in sizes.items()}
        meta = strict_loads(str(arrays["meta"]).encode())
        return ActivationProfile(
            prompt_ids=tuple(arrays["prompt_ids"].tolist()),
            sites=tuple(
                MoeSite(layer=a, path=b, experts=c, top_k=d, shared=e)
                for a, b, c, d, e in meta["sites"]
            ),
            counts={w: arrays[f"counts_{w}"] for w in WINDOWS},
            weights={w: arrays[f"weights_{w}"] for w in WINDOWS},
            tokens={w: arrays[f"tokens_{w}"] for w in WINDOWS},
            attribution=arrays.get("attribution"),
            attribution_note=meta["attribution_note"],
        )
    except _UNREADABLE as error:
        raise EvidenceError("not a readable activation profile", where=where) from error


def _array(archive: zipfile.ZipFile, name: str, size: int) -> np.ndarray:
    """An array whose header promises what its file holds, no more and no less.

    Raises:
        ValueError: it does not.
    """
    with archive.open(f"{name}.npy") as file:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError("an array of another version of the format")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        if dtype.hasobject or math.prod(shape) * dtype.itemsize != size - file.tell():
            raise ValueError("an array of another size than its header says")
        file.seek(0)
        array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
        return array
