"""Puts the parts of a finished audit together as evidence."""

from __future__ import annotations

from typing import Any

from gatekeeper import __version__
from gatekeeper.analysis.clusters import folded_sha256
from gatekeeper.audit.prepare import Prepared
from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.records.digest import sha256
from gatekeeper.records.evidence import Evidence, PromptRef, SuiteRef
from gatekeeper.records.profile import ActivationProfile


def assemble(prepared: Prepared, profile: ActivationProfile, **collected: Any) -> Evidence:
    """Evidence of what was measured so far, without findings, digest and times.

    Args:
        collected: other fields of `Evidence`; those left out are empty.
    """
    suite = prepared.request.suite
    return Evidence(
        digest="",
        tool_version=__version__,
        checkpoint=prepared.reference,
        model=prepared.request.description,
        suite=SuiteRef(
            id=suite.id,
            version=suite.version,
            title=suite.title,
            licence=suite.licence,
            digest=suite.digest,
            files=suite.files,
            prompts=tuple(_prompt_ref(e, prepared.split) for e in prepared.encoded),
        ),
        settings=prepared.settings,
        self_test=prepared.checks,
        profile=profile,
        findings=(),
        times=None,
        **{"trials": (), **collected},
    )


def _prompt_ref(encoded: Encoded, split: dict[str, str]) -> PromptRef:
    prompt = encoded.prompt
    return PromptRef(
        id=prompt.id,
        seed_id=prompt.seed_id,
        set=prompt.set,
        category=prompt.category,
        language=prompt.language,
        text_sha256=sha256(prompt.text),
        folded_sha256=folded_sha256(prompt.text),
        wrapper=prompt.wrapper,
        split=split.get(prompt.seed_id, "none"),
        skipped=encoded.skipped,
    )
