"""evidence.json: records to and from JSON, version 1.

Explicit on purpose: renaming a field of a record must not change the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gatekeeper.evidence.wire_findings import finding_from_json, finding_to_json
from gatekeeper.evidence.wire_positive import positive_from_json, positive_to_json
from gatekeeper.evidence.wire_roles import roles_from_json, roles_to_json
from gatekeeper.evidence.wire_selection import (
    fold_to_json,
    selection_from_json,
    selection_to_json,
)
from gatekeeper.evidence.wire_settings import plain_fields, settings_from_json, settings_to_json
from gatekeeper.records.environment import Change, Environment
from gatekeeper.records.evidence import (
    Evidence,
    PromptRef,
    RunTimes,
    SelfTestCheck,
    SuiteRef,
)
from gatekeeper.records.model import CheckpointRef, ExpertId, ModelDescription, MoeSite
from gatekeeper.records.sequential_run import SequentialRun
from gatekeeper.records.trial import Mask
from gatekeeper.records.usefulness import Usefulness

SCHEMA_ID, RUN_SCHEMA_ID = "gatekeeper/evidence/v1", "gatekeeper/run/v1"

_PROMPT = (
    "id",
    "seed_id",
    "set",
    "category",
    "language",
    "text_sha256",
    "split",
    "skipped",
)
_CHANGE = ("dimension", "value", "selector", "phi", "usual", "low", "draws")
_COUNTS = ("rows_computed", "rows_resumed", "audits")
#: Of the rows computed, those that older versions copied from others.
_SKIPPED = "rows_skipped"
_RUN = {"schema", "started", "finished", "host", "seconds", "seeds", "secret", _SKIPPED, *_COUNTS}
_SECRET = re.compile("[0-9a-f]{64}")
#: Seconds that no stage takes: a float holds whole numbers up to it.
_LONGEST = 2**53
_USEFUL = ("mask", "prompts", "tokens", "plain", "masked", "divergence")
_STOP = ("selector", "k", "set", "prompts", "of", "largest", "looks", "confidence")
_SITE = ("layer", "path", "experts", "top_k", "shared", "routing")
_MODEL = (
    "model_type",
    "architecture",
    "dtype",
    "layers",
    "parameters",
    "active_parameters",
    "context_length",
)


def evidence_to_json(evidence: Evidence) -> dict[str, Any]:
    """Everything but trials, profile and times, which have files of their own."""
    return {
        "schema": SCHEMA_ID,
        "tool": {"name": "moe-gatekeeper", "version": evidence.tool_version},
        "checkpoint": {
            "source": evidence.checkpoint.source,
            "revision": evidence.checkpoint.revision,
            "digest": evidence.checkpoint.digest,
            "files": dict(evidence.checkpoint.files),
        },
        "model": {
            **plain_fields(evidence.model, _MODEL),
            "sites": [plain_fields(site, _SITE) for site in evidence.model.sites],
        },
        "suite": {
            **plain_fields(evidence.suite, ("id", "version", "title", "licence", "digest")),
            "prompts": [_prompt_to_json(prompt) for prompt in evidence.suite.prompts],
            **({"files": dict(evidence.suite.files)} if evidence.suite.files else {}),
        },
        "settings": settings_to_json(evidence.settings),
        "self_test": [plain_fields(c, ("name", "passed", "detail")) for c in evidence.self_test],
        "selections": [selection_to_json(s) for s in evidence.selections],
        "skipped_selectors": dict(evidence.skipped_selectors),
        "masks": [_mask_to_json(mask) for mask in evidence.masks],
        "trials": _summary(evidence),
        "findings": [finding_to_json(f) for f in evidence.findings],
        **({} if evidence.roles is None else {"roles": roles_to_json(evidence.roles)}),
        "environments": [_environment_to_json(e) for e in evidence.environments],
        "changes": [change_to_json(c) for c in evidence.changes],
        "usefulness": [plain_fields(u, _USEFUL) for u in evidence.usefulness],
        "stops": [plain_fields(s, _STOP) for s in evidence.stops],
        **positive_to_json(evidence.positive_control),
        **({} if evidence.cautions is None else {"cautions": list(evidence.cautions)}),
    }


def _prompt_to_json(prompt: PromptRef) -> dict[str, Any]:
    data = plain_fields(prompt, _PROMPT)
    if prompt.folded_sha256 is not None:
        data["folded_sha256"] = prompt.folded_sha256
    if prompt.wrapper is not None:
        data["wrapper"] = prompt.wrapper
    return data


def _prompt_from_json(data: Mapping[str, Any]) -> PromptRef:
    return PromptRef(
        **{n: data[n] for n in _PROMPT},
        folded_sha256=data.get("folded_sha256"),
        wrapper=data.get("wrapper"),
    )


def _summary(evidence: Evidence) -> dict[str, Any]:
    outcomes: dict[str, int] = {}
    for trial in evidence.trials:
        outcomes[trial.outcome] = outcomes.get(trial.outcome, 0) + 1
    return {
        "count": len(evidence.trials),
        "outcomes": outcomes,
        "truncated": sum(t.truncated for t in evidence.trials),
    }


def _environment_to_json(environment: Environment) -> dict[str, Any]:
    return {
        **plain_fields(environment, ("dimension", "values", "selector", "seeds", "others")),
        "within": [list(e) for e in environment.within],
        "without": [list(e) for e in environment.without],
        **fold_to_json(environment),
    }


def change_to_json(change: Change) -> dict[str, Any]:
    """A change of `changes`."""
    return {**plain_fields(change, _CHANGE), **fold_to_json(change)}


def _change_from_json(data: Mapping[str, Any]) -> Change:
    return Change(**{name: data[name] for name in _CHANGE}, fold=data.get("fold", 0))


def _useful_from_json(data: Mapping[str, Any]) -> Usefulness:
    lists = {name: tuple(data[name]) for name in _USEFUL if name != "mask"}
    return Usefulness(mask=data["mask"], **lists)


def _environment_from_json(data: Mapping[str, Any]) -> Environment:
    return Environment(
        dimension=data["dimension"],
        values=tuple(data["values"]),
        selector=data["selector"],
        within=tuple(ExpertId(*e) for e in data["within"]),
        without=tuple(ExpertId(*e) for e in data["without"]),
        seeds=data["seeds"],
        others=data["others"],
        fold=data.get("fold", 0),
    )


def _mask_to_json(mask: Mask) -> dict[str, Any]:
    return {
        **plain_fields(mask, ("name", "arm", "mode", "phase", "selector", "k", "control")),
        "experts": [list(e) for e in mask.experts],
        **fold_to_json(mask),
    }


def times_to_json(times: RunTimes) -> dict[str, Any]:
    """run.json: what differs between two runs of the same audit."""
    return {
        "schema": RUN_SCHEMA_ID,
        "started": times.started.isoformat(),
        "finished": times.finished.isoformat(),
        "host": times.host,
        "seconds": {name: round(value, 3) for name, value in times.seconds.items()},
        "rows_computed": times.rows_computed,
        "rows_resumed": times.rows_resumed,
        "audits": times.audits,
        "seeds": list(times.seeds),
        **({} if times.secret is None else {"secret": times.secret}),
    }


def times_from_json(data: Mapping[str, Any]) -> RunTimes:
    """The record of a run.json.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is none.
    """
    if data["schema"] != RUN_SCHEMA_ID or not data.keys() <= _RUN:
        raise ValueError("not what this version writes")
    started, finished = (datetime.fromisoformat(data[name]) for name in ("started", "finished"))
    numbers, skipped = {name: data.get(name, 0) for name in _COUNTS}, data.get(_SKIPPED, 0)
    seeds, seconds = tuple(data.get("seeds", ())), dict(data["seconds"])
    if not all(
        type(number) is int and number >= 0 for number in (*numbers.values(), skipped, *seeds)
    ):
        raise ValueError("rows, audits and seeds are whole numbers")
    if skipped > numbers["rows_computed"]:
        raise ValueError("more rows were skipped than there were")
    if not all(type(n) in {int, float} and abs(n) < _LONGEST for n in seconds.values()):
        raise ValueError("seconds are numbers")
    if started.tzinfo is None or finished.tzinfo is None or not isinstance(data["host"], str):
        raise ValueError("times are in a time zone, and a host has a name")
    secret = data.get("secret")
    if "secret" in data and not (isinstance(secret, str) and _SECRET.fullmatch(secret)):
        raise ValueError("a secret is 64 hex digits")
    return RunTimes(
        started=started,
        secret=secret,
        finished=finished,
        host=data["host"],
        seconds=seconds,
        seeds=seeds,
        **numbers,
    )


def evidence_from_json(data: Mapping[str, Any], *, digest: str) -> Evidence:
    """The record of an evidence.json that fits its schema; trials and profile are left empty."""
    suite, model, settings = data["suite"], data["model"], data["settings"]
    return Evidence(
        digest=digest,
        tool_version=data["tool"]["version"],
        checkpoint=CheckpointRef(
            source=data["checkpoint"]["source"],
            revision=data["checkpoint"]["revision"],
            files=dict(data["checkpoint"]["files"]),
        ),
        model=ModelDescription(
            **{name: model[name] for name in _MODEL},
            sites=tuple(MoeSite(**{n: site[n] for n in _SITE}) for site in model["sites"]),
        ),
        suite=SuiteRef(
            **{n: suite[n] for n in ("id", "version", "title", "licence", "digest")},
            prompts=tuple(_prompt_from_json(p) for p in suite["prompts"]),
            files=dict(suite.get("files", {})),
        ),
        settings=settings_from_json(settings),
        self_test=tuple(
            SelfTestCheck(name=c["name"], passed=c["passed"], detail=c["detail"])
            for c in data["self_test"]
        ),
        selections=tuple(selection_from_json(s) for s in data["selections"]),
        skipped_selectors=dict(data["skipped_selectors"]),
        masks=tuple(_mask_from_json(m) for m in data["masks"]),
        trials=(),
        profile=None,
        findings=tuple(finding_from_json(f) for f in data["findings"]),
        times=None,
        roles=roles_from_json(data["roles"]) if "roles" in data else None,
        environments=tuple(_environment_from_json(e) for e in data.get("environments", ())),
        changes=tuple(_change_from_json(c) for c in data.get("changes", ())),
        usefulness=tuple(_useful_from_json(u) for u in data.get("usefulness", ())),
        stops=tuple(
            SequentialRun(**{name: s[name] for name in _STOP}) for s in data.get("stops", ())
        ),
        positive_control=positive_from_json(data.get("positive_control")),
        cautions=tuple(data["cautions"]) if "cautions" in data else None,
    )


def _mask_from_json(data: Mapping[str, Any]) -> Mask:
    return Mask(
        name=data["name"],
        arm=data["arm"],
        mode=data["mode"],
        phase=data["phase"],
        selector=data["selector"],
        k=data["k"],
        control=data["control"],
        experts=tuple(ExpertId(*e) for e in data["experts"]),
        fold=data.get("fold", 0),
    )
