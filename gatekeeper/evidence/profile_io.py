"""Activation profile to and from the bytes of an .npz file."""

from __future__ import annotations

import io
import json
import tokenize
import zipfile
import zlib

import numpy as np

from gatekeeper.errors import EvidenceError
from gatekeeper.records.model import MoeSite
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.windows import WINDOWS

#: Bytes a profile may unpack to; above it the file is taken for a decompression bomb.
_MOST = 8 << 30

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


def profile_from_bytes(data: bytes, *, where: str) -> ActivationProfile:
    """The profile in an .npz.

    Raises:
        EvidenceError: not such a file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MOST:
                raise EvidenceError("unpacks to more than 8 GiB", where=where)
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            meta = json.loads(str(arrays["meta"]))
            return ActivationProfile(
                prompt_ids=tuple(arrays["prompt_ids"].tolist()),
                sites=tuple(
                    MoeSite(layer=a, path=b, experts=c, top_k=d, shared=e)
                    for a, b, c, d, e in meta["sites"]
                ),
                counts={w: arrays[f"counts_{w}"] for w in WINDOWS},
                weights={w: arrays[f"weights_{w}"] for w in WINDOWS},
                tokens={w: arrays[f"tokens_{w}"] for w in WINDOWS},
                attribution=arrays["attribution"] if "attribution" in arrays.files else None,
                attribution_note=meta["attribution_note"],
            )
    except _UNREADABLE as error:
        raise EvidenceError("not a readable activation profile", where=where) from error
