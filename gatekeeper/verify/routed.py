"""Checks the routing profile against the model, the prompts and the token window."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gatekeeper.analysis.folds import views
from gatekeeper.evidence.coherent import SEEN_LATE
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.model import MoeSite
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.suite import HARMFUL_SETS
from gatekeeper.records.trial import AGAIN, UNMASKED
from gatekeeper.records.trials import of_masks
from gatekeeper.records.windows import WINDOWS
from gatekeeper.verify.made import makes_all

#: How a note says how many replies it rests on (`audit.selection`).
_READ_FROM = re.compile(r"read from (\d+) judged replies")
#: The note of a profile of which every part was attributed.
_ATTRIBUTED = re.compile(r"(?:Refusal log-odds: [^.]* read from \d+ judged replies\. ?)+")


def profile_contradictions(evidence: Evidence) -> Iterator[tuple[bool, str]]:
    """Checks of the profile: for each possible contradiction, whether it is there, and words."""
    profile = evidence.profile
    if profile is None:
        return
    if makes_all(evidence):
        selecting = {p.id for p in evidence.suite.prompts if p.selects}
        yield set(profile.prompt_ids) != selecting, "the routing profile is of other prompts"
        halves = {str(len(v.profile.prompt_ids)) for v in views(evidence) if v.profile is not None}
        read = set(_READ_FROM.findall(profile.attribution_note))
        yield not read <= halves, "a note tells of other replies than those that selected"
        yield from _replies(evidence, profile)
    yield from _tokens(evidence, profile)
    for window in WINDOWS:
        counts, tokens = profile.counts[window], profile.tokens[window]
        most = counts.max(axis=(1, 2), initial=0)
        yield bool(np.any(most > tokens)), "an expert was chosen more often than there were tokens"
        chosen = counts.sum(axis=2, dtype=np.int64)
        for row, site in enumerate(profile.sites):
            yield (
                _other_top_k(chosen[:, row], tokens, site),
                ("routers chose another number of experts for a token than the model tells"),
            )
        weighed = (profile.weights[window] != 0) & (counts == 0)
        yield bool(weighed.any()), "experts that were never chosen have a weight"


def _replies(evidence: Evidence, profile: ActivationProfile) -> Iterator[tuple[bool, str]]:
    """Checks, under cross-fitting, the profile of prompts that select against their trials.

    They were generated beside others, so that some may differ, as the second unmasked run's do.
    """
    if not evidence.settings.cross_fit:
        return
    plain, again = (
        {t.prompt_id: t for t in of_masks(evidence.trials, mask.name)} for mask in (UNMASKED, AGAIN)
    )
    both = [i for i in plain if i in again]
    noise = sum(plain[i].tokens != again[i].tokens for i in both)
    routed = dict(zip(profile.prompt_ids, profile.tokens["generated"].tolist(), strict=True))
    # The last token of a reply is never routed.
    other = sum(max(plain[i].tokens - 1, 0) != routed.get(i) for i in plain)
    yield (
        exceeds_noise(other, noise, len(plain)),
        ("the routing profile is of replies of other lengths than the unmasked trials"),
    )
    harmful = {p.id for p in evidence.suite.prompts if p.set in HARMFUL_SETS}
    noise = sum((plain[i].outcome == "refuse") != (again[i].outcome == "refuse") for i in both)
    every = _ATTRIBUTED.fullmatch(profile.attribution_note) is not None
    for view in views(evidence):
        fold = view.profile
        if fold is None or (fold.attribution is None and not every):
            continue
        which: npt.NDArray[np.bool_] = np.zeros(len(fold.prompt_ids), dtype=np.bool_)
        if fold.attribution is not None:
            which = np.asarray(np.isfinite(fold.attribution).any(axis=(1, 2)))
        rows = [(i, bool(has)) for i, has in zip(fold.prompt_ids, which, strict=True) if i in plain]
        other = sum(has != (plain[i].outcome == "refuse" and i in harmful) for i, has in rows)
        yield (
            exceeds_noise(other, noise, len(rows)),
            ("other prompts were attributed than harmful ones that the unmasked model refused"),
        )


def exceeds_noise(other: int, noise: int, among: int) -> bool:
    """Whether more prompts differ than two runs without a mask explain, and a tenth beside."""
    return other > max(2, among // 10) + 2 * noise


def _tokens(evidence: Evidence, profile: ActivationProfile) -> Iterator[tuple[bool, str]]:
    settings, context = evidence.settings, evidence.model.context_length
    prompt, decision, generated = (profile.tokens[window] for window in WINDOWS)
    yield bool(np.any(prompt < 1)), "a prompt has no tokens"
    room = np.inf if context is None else context - settings.max_new_tokens
    yield bool(np.any(prompt > room)), "a prompt and its reply are longer than the model's context"
    parts = np.any(decision > prompt) or np.any(
        profile.counts["decision"] > profile.counts["prompt"]
    )
    yield bool(parts), "the last tokens of a prompt are more than all of it"
    thought = 0 if settings.reasoning is None else settings.reasoning.max_tokens
    # The last token of a reply is never routed; the end of reasoning may be noticed late.
    longest = settings.max_new_tokens + thought + SEEN_LATE
    yield (
        bool(np.any(generated > longest)),
        "the routing profile is of replies that are too long",
    )


def _other_top_k(
    chosen: npt.NDArray[np.int64], tokens: npt.NDArray[np.int32], site: MoeSite
) -> bool:
    """Whether choices of a layer, [P], are not as many as the router makes for each token.

    A router that may also pick what is no routed expert (`engine.model.sites`) leaves fewer, but
    not as many fewer for every prompt; unless those are shared experts, which it always picks.
    """
    if np.any(chosen > site.top_k * tokens.astype(np.int64)):
        return True
    some = tokens > 0
    each = np.unique(chosen[some] / tokens[some])
    same = len(each) == 1 and np.count_nonzero(some) > 1
    return bool(same and each[0] not in {0, site.top_k, site.top_k - site.shared})
