"""A whole evidence object, with profile and times, and its bundle on disk."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from gatekeeper.errors import ExitCode
from gatekeeper.metrics import with_findings
from gatekeeper.records.evidence import Evidence, RunTimes
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.windows import WINDOWS
from tests.policy.builders import concentrated, make_evidence

#: What `verify` answers to a bundle of an older version, as `whole_evidence` is one: it lacks what
#: `tests.policy.profiled` has.
OLDER = ExitCode.PASS


def whole_evidence(outcome=concentrated, **changes) -> Evidence:
    evidence = make_evidence(outcome, controls=3, ks=(1, 4), **changes)
    ids = ("regular-0", "regular-1")
    shape = (2, len(evidence.model.sites), 16)
    # Of 24 tokens each chooses two experts.
    counts = np.resize(np.array([0, 6], np.int32), shape)
    tokens = np.array([24, 24], np.int32)
    profile = ActivationProfile(
        prompt_ids=ids,
        sites=evidence.model.sites,
        counts=dict.fromkeys(WINDOWS, counts),
        weights={w: np.asarray(counts / (7 + i), np.float32) for i, w in enumerate(WINDOWS)},
        tokens=dict.fromkeys(WINDOWS, tokens),
        attribution=np.where(counts > 5, counts, np.nan).astype(np.float32),
        attribution_note="simulated",
    )
    moment = datetime(2026, 11, 23, 12, tzinfo=UTC)
    times = RunTimes(
        started=moment,
        finished=moment,
        host="host",
        seconds={"trials": 1.5},
        rows_computed=3,
        rows_resumed=0,
    )
    digest = "sha256:" + "5" * 64
    suite = replace(evidence.suite, digest=digest)
    trials = tuple(
        replace(t, completion="I cannot help: “quoted”\n第二行 \udc80") if i == 0 else t
        for i, t in enumerate(evidence.trials)
    )
    made = replace(evidence, suite=suite, trials=trials, profile=profile, times=times)
    return with_findings(made)
