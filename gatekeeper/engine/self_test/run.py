"""Tests the hooks on the loaded model before anything is measured with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count

import torch
from torch import Tensor

from gatekeeper.engine.generate.batching import Encoded, left_padded, positions
from gatekeeper.engine.model.expert_counts import Counter
from gatekeeper.engine.model.foreign_errors import blaming
from gatekeeper.engine.model.hooks import Instrument
from gatekeeper.engine.model.load import LoadedModel, dtype_name
from gatekeeper.engine.model.loader_progress import Progress
from gatekeeper.engine.model.mask_tables import mask_tables, width_of
from gatekeeper.engine.model.parallel import PARTED, in_step
from gatekeeper.engine.self_test.prefix import sharing_holds
from gatekeeper.engine.self_test.prompt_cache import prompt_cache_holds, refill_holds
from gatekeeper.engine.self_test.speculative import drafts_hold
from gatekeeper.errors import CheckpointError, SelfTestError
from gatekeeper.records.evidence import SelfTestCheck
from gatekeeper.records.trial import bare_mask

#: Tokens of the longer and of the shorter prompt at most; longer ones are cut. Two of unlike length
#: are enough to show padding and per-row masks, and memory for more need not be there.
_LONG, _SHORT = 64, 48
#: The same where many rows are decoded, as every token of them costs.
_DECODED = (16, 24)
#: Tokens at the end of each prompt whose logits are compared: they hang on all before them.
_KEPT = 8
#: Steps that progress is told of.
_STEPS = 9
#: What is told of a shortcut that does not work.
_OFF = {
    "prefix": "it does here, so it is switched off",
    "attention": "not so here, or not found, so that every row has its own",
    "opening": "not so with the cache of this model, so that each row reads it",
    "refill": "not so with the cache of this model, so that rows wait for the batch",
    "draft": "not so here, so that every reply is written token by token",
}


class _Probe:
    """One small padded batch that each check runs again."""

    def __init__(self, loaded: LoadedModel, prompts: Sequence[Sequence[int]]) -> None:
        self.loaded = loaded
        self.prompts = prompts
        self.ids, self.attention = left_padded(self.prompts, loaded.pad_id, loaded.device)
        self.rows = len(self.prompts)

    def logits(self) -> Tensor:
        out: Tensor = self.loaded.model(
            input_ids=self.ids,
            attention_mask=self.attention,
            position_ids=positions(self.attention),
            use_cache=False,
            logits_to_keep=_KEPT,
        ).logits[:, -_KEPT:]
        return out

    def counted(self, instrument: Instrument) -> tuple[Tensor, Tensor]:
        """How often each row chose each expert of each layer, int64 [B, L, C], and the logits."""
        loaded = self.loaded
        instrument.counter = Counter(
            self.attention.bool()[None],
            len(loaded.sites),
            width_of(loaded.sites),
            gate_weights=False,
        )
        logits = self.logits()
        counted, instrument.counter = instrument.counter.counts(), None
        return counted[0].long(), logits

    def mask(self, instrument: Instrument, mode: str, *rows: Sequence[tuple[int, int]]) -> None:
        """Masks each row's experts."""
        masks = [bare_mask(experts, mode) for experts in rows]
        instrument.masks = mask_tables(masks, self.loaded.sites, self.loaded.device)


@torch.inference_mode()
def self_test(
    loaded: LoadedModel, prompts: Sequence[Encoded], progress: Progress | None = None
) -> tuple[SelfTestCheck, ...]:
    """Checks the invariants every number rests on.

    Args:
        progress: is told of the steps that are done; each goes through all layers.

    Raises:
        SelfTestError: one does not hold; the message names it and the architecture.
        CheckpointError: the model itself gives no numbers.
    """
    steps = count()

    def did() -> None:
        if progress is not None:
            progress(next(steps), _STEPS)

    did()
    usable = sorted((p.ids for p in prompts if p.skipped is None), key=len)
    probe = _Probe(loaded, [usable[0][:_SHORT], usable[-1][:_LONG]])
    with blaming(
        None,
        f"the first forward pass of {_name(loaded)} fails",
        PARTED if in_step() else "check that config and weights belong together",
    ):
        plain = probe.logits()
    did()
    _refuse_no_numbers(loaded, plain[probe.attention[:, -_KEPT:].bool()])
    with Instrument(loaded.sites) as instrument:
        counts, watched = probe.counted(instrument)
        did()
        busiest = _busiest(loaded, counts[0])
        probe.mask(instrument, "reroute", busiest, [])
        masked, routed = probe.counted(instrument)
        did()
        probe.mask(instrument, "ablate", busiest, [])
        ablated = probe.logits()
        did()
        instrument.masks = None
        few = [ids[:most] for ids, most in zip(probe.prompts, _DECODED, strict=True)]
        shared = sharing_holds(loaded, instrument, few, busiest)
        share = bool(shared.prefix) and loaded.architecture.shares
        attends = share and shared.attention
        did()
        shortcuts = _shortcuts(loaded, instrument, few, busiest, did, share=share)
    if shared.prefix is None:
        raise SelfTestError(
            f"greedy decoding with a cache fails on {_name(loaded)}",
            remedy="this architecture is not supported: nothing was measured",
        )
    after = probe.logits()
    alone = _logits_alone(loaded, probe.prompts[0])
    did()
    chosen = sum(int(masked[0, i, e]) for i, (_, e) in enumerate(busiest))
    wanted = probe.attention.sum(dim=1)[:, None] * torch.tensor(
        [s.top_k for s in loaded.sites], device=loaded.device
    )
    checks = (
        _check("counts", torch.equal(counts.sum(dim=2), wanted), "tokens × k per layer"),
        _check("watching", torch.equal(plain, watched), "counting leaves logits bit-identical"),
        _check(
            "masking",
            chosen == 0 and torch.equal(masked.sum(dim=2), _expected_counts(loaded, wanted)),
            "masked experts are never selected, others take their place",
        ),
        _check("effect", not torch.equal(plain[0], routed[0]), "a mask of busy experts acts"),
        _check("ablation", not torch.equal(plain[0], ablated[0]), "so does taking their output"),
        _check(
            "rows",
            _close(plain[1], routed[1], loaded.dtype),
            "a row without a mask is untouched by its neighbour's",
        ),
        _check(
            "padding",
            not loaded.architecture.pads or _close(plain[0, -1], alone[0], loaded.dtype),
            "padding on the left changes nothing"
            if loaded.architecture.pads
            else "padding changes results here, so only rows of equal length share a batch",
        ),
        _check("finite", _finite(routed, ablated), "masked logits are finite"),
        _check("restoration", torch.equal(plain, after), "detached hooks leave no trace"),
        _check(
            "prefix",
            share,
            "sharing a prefix does not change replies",
        ),
        _check("attention", attends, "a layer's mask leaves its attention as it was"),
        *shortcuts,
    )
    failed = next((c for c in checks if c.result == "failed"), None)
    if failed is not None:
        raise SelfTestError(
            f"hooks failed their self-test {failed.name!r} ({failed.detail}) on {_name(loaded)}",
            remedy="audit in another --dtype: experts that were idle before give too large numbers"
            if failed.name == "finite"
            else "this architecture is not supported: nothing was measured",
        )
    return checks


def _shortcuts(
    loaded: LoadedModel,
    instrument: Instrument,
    prompts: Sequence[Sequence[int]],
    busiest: Sequence[tuple[int, int]],
    did: Callable[[], None],
    *,
    share: bool,
) -> list[SelfTestCheck]:
    """Checks of shortcuts that only save work; one that changes a reply is not used."""
    opens = prompt_cache_holds(loaded, instrument, prompts, busiest)
    did()
    drafts = drafts_hold(loaded, instrument, prompts, busiest, share=share)
    did()
    enters = refill_holds(loaded, instrument, prompts, busiest)
    did()
    return [
        _check("opening", opens, "reading what all prompts begin with once changes no reply"),
        _check("draft", drafts, "reading a reply tells whether a masked model would write it"),
        _check("refill", enters, "rows that enter a running batch reply the same"),
    ]


def _busiest(loaded: LoadedModel, counts: Tensor) -> list[tuple[int, int]]:
    """The expert that the row to be masked chose most often, of each layer.

    Of that row: what another row is busy with, a mask on this one may not show. Not among the
    columns that are no routed experts.

    Args:
        counts: [L, C] of the row.
    """
    top = [int(counts[i, : s.experts_count].argmax()) for i, s in enumerate(loaded.sites)]
    return [(site.layer, expert) for site, expert in zip(loaded.sites, top, strict=True)]


def _expected_counts(loaded: LoadedModel, wanted: Tensor) -> Tensor:
    """Selections per row and layer with one expert of each layer masked in the first row."""
    sites = loaded.sites
    short = torch.tensor([max(s.top_k - (s.columns - 1), 0) for s in sites], device=wanted.device)
    tokens = wanted // torch.tensor([s.top_k for s in sites], device=wanted.device)
    first = torch.zeros_like(wanted)
    first[0] = 1
    return wanted - tokens * short * first


def _logits_alone(loaded: LoadedModel, ids: Sequence[int]) -> Tensor:
    """Logits at the last token of a prompt that runs alone, without padding, [1, V]."""
    tokens, attention = left_padded([ids], loaded.pad_id, loaded.device)
    out: Tensor = loaded.model(
        input_ids=tokens,
        attention_mask=attention,
        position_ids=positions(attention),
        use_cache=False,
        logits_to_keep=1,
    ).logits[:, -1]
    return out


def _name(loaded: LoadedModel) -> str:
    """The architecture in words an issue can be filed with."""
    config = getattr(loaded.model, "config", None)
    return f"{type(loaded.model).__name__} (model_type {getattr(config, 'model_type', 'unknown')})"


def _refuse_no_numbers(loaded: LoadedModel, logits: Tensor) -> None:
    """Refuses NaN logits at once: every check below would fail, and blame the hooks."""
    if not _finite(logits):
        dtype = dtype_name(loaded.dtype)
        raise CheckpointError(
            f"{_name(loaded)} gives logits that are NaN or infinite in {dtype}, without any hook: "
            "its weights are finite, what comes of them is not",
            remedy="check the numbers of config.json (rms_norm_eps, rope_theta …), audit in "
            "another --dtype, or save the checkpoint anew from the trained model",
        )


def _finite(*logits: Tensor) -> bool:
    return all(bool(torch.isfinite(values).all()) for values in logits)


def _check(name: str, passed: bool, detail: str) -> SelfTestCheck:
    check = SelfTestCheck(name=name, passed=passed, detail=detail)
    if check.result == "off":
        check = replace(check, detail=f"{detail} — {_OFF[name]}")
    return check


def _close(a: Tensor, b: Tensor, dtype: torch.dtype) -> bool:
    # Neighbours share matrix products, whose rounding may differ with the expert grouping.
    return torch.allclose(a.float(), b.float(), atol=1e-3 if dtype == torch.float32 else 0.5)
