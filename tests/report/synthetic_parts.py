"""Profile and settings of the synthetic audits."""

from __future__ import annotations

import numpy as np

from gatekeeper.judges.refusal_rules import JUDGE
from gatekeeper.records.evidence import AuditSettings, PromptRef
from gatekeeper.records.model import MoeSite
from gatekeeper.records.profile import ActivationProfile
from gatekeeper.records.windows import WINDOWS

from .synthetic_policy import KS


def profile_of(prompts: tuple[PromptRef, ...], layers: int, experts: int) -> ActivationProfile:
    """A few rows of routing: a bundle wants a profile, a report shows none of it."""
    rng = np.random.default_rng(7)
    ids = tuple(p.id for p in prompts if not p.skipped)[:8]
    shape = (len(ids), layers, experts)
    # Which two experts each token of a prompt, and of its reply, chooses: [P, L, T, 2].
    chosen = {
        "prompt": rng.random((*shape[:2], 40, experts)).argsort(axis=-1)[..., :2],
        "generated": rng.random((*shape[:2], 20, experts)).argsort(axis=-1)[..., :2],
    }
    chosen["decision"] = chosen["prompt"][:, :, -4:]
    counts = {
        w: (chosen[w][..., None] == np.arange(experts)).sum(axis=(2, 3), dtype=np.int32)
        for w in WINDOWS
    }
    return ActivationProfile(
        prompt_ids=ids,
        sites=tuple(
            MoeSite(layer=i, path=f"model.layers.{i}.mlp", experts=experts, top_k=2, shared=0)
            for i in range(layers)
        ),
        counts=counts,
        weights={w: rng.random(shape, dtype=np.float32) * (counts[w] > 0) for w in WINDOWS},
        tokens={w: np.full(len(ids), chosen[w].shape[2], np.int32) for w in WINDOWS},
        attribution=None,
        attribution_note="synthetic: none was made",
    )


def settings_of(selectors: tuple[str, ...]) -> AuditSettings:
    """Of an audit on a GPU, which the report has to tell."""
    return AuditSettings(
        selectors=selectors,
        ks=KS,
        controls=20,
        mode="reroute",
        phase="both",
        judge="refusal-rules",
        judge_version=JUDGE.version,
        max_new_tokens=48,
        batch_rows=64,
        dtype="bfloat16",
        device="cuda",
        seed=7,
        selection_share=0.5,
        resamples=0,
        size=0,
        budget=0,
        roles=False,
        positive_control=False,
        max_prompts=None,
        system_prompt_sha256=None,
        chat_template_sha256="7a" * 32,
        versions={"python": "3.11.2", "torch": "2.13.0", "transformers": "5.23.1"},
    )
