"""GPT-OSS: published in MXFP4, which transformers unpacks while loading."""

from __future__ import annotations

from gatekeeper.engine.model.architectures.default import find_sites
from gatekeeper.engine.model.sites import Architecture

ARCHITECTURE = Architecture(
    title="published in MXFP4, which is unpacked while loading",
    unpacks_mxfp4=True,
    scores="own",
    find=find_sites,
)
