"""The parts of a finished audit put together as evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gatekeeper import __version__
from gatekeeper.analysis.clusters import folded_sha256
from gatekeeper.audit.prepare import Prepared
from gatekeeper.engine.generate.batching import Encoded
from gatekeeper.records.digest import sha256
from gatekeeper.records.environment import Change, Environment
from gatekeeper.records.evidence import Evidence, PromptRef, SuiteRef
from gatekeeper.records.positive import PositiveControl
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.role import Roles
from gatekeeper.records.selection import Selection
from gatekeeper.records.stop import Stop
from gatekeeper.records.trial import Mask, Trial
from gatekeeper.records.usefulness import Usefulness


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What an audit found; see `Evidence`."""

    profile: ActivationProfile
    selections: tuple[Selection, ...]
    skipped: Mapping[str, str]
    masks: tuple[Mask, ...]
    trials: Sequence[Trial]
    roles: Roles | str | None
    environments: tuple[Environment, ...]
    changes: tuple[Change, ...]
    usefulness: tuple[Usefulness, ...]
    stops: tuple[Stop, ...] = ()
    positive_control: PositiveControl | str | None = None


def assemble(prepared: Prepared, found: Measured) -> Evidence:
    """Evidence without findings and digest, which are made from it, and without times."""
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
        selections=found.selections,
        skipped_selectors=found.skipped,
        masks=found.masks,
        trials=tuple(found.trials),
        profile=found.profile,
        findings=(),
        times=None,
        roles=found.roles,
        environments=found.environments,
        changes=found.changes,
        usefulness=found.usefulness,
        stops=found.stops,
        positive_control=found.positive_control,
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
