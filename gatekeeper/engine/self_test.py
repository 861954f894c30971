"""The hooks prove themselves on the loaded model before anything is measured with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from gatekeeper.engine.batching import Encoded, left_padded, positions
from gatekeeper.engine.decode import decode
from gatekeeper.engine.load import LoadedModel
from gatekeeper.engine.routing import Instrument, mask_table
from gatekeeper.errors import SelfTestError
from gatekeeper.records.evidence import SelfTestCheck

#: Prompts of unlike length used; two are enough to show padding and per-row masks.
_PROMPTS = 2


class _Probe:
    """One small padded batch that each check runs again."""

    def __init__(self, loaded: LoadedModel, prompts: Sequence[Encoded]) -> None:
        self.loaded = loaded
        self.prompts = [p.ids for p in prompts]
        self.ids, self.attention = left_padded(self.prompts, loaded.pad_id, loaded.device)
        self.rows = len(self.prompts)

    def logits(self) -> Tensor:
        out: Tensor = self.loaded.model(
            input_ids=self.ids,
            attention_mask=self.attention,
            position_ids=positions(self.attention),
            use_cache=False,
        ).logits
        return out

    def counts(self, instrument: Instrument) -> Tensor:
        shape = (1, self.rows, len(self.loaded.sites), self.loaded.width)
        instrument.counts = torch.zeros(shape, dtype=torch.int64, device=self.loaded.device)
        instrument.valid = self.attention.bool()[None]
        self.logits()
        counted, instrument.counts = instrument.counts, None
        return counted[0]


@torch.inference_mode()
def self_test(loaded: LoadedModel, prompts: Sequence[Encoded]) -> tuple[SelfTestCheck, ...]:
    """Checks the invariants every number rests on.

    Raises:
        SelfTestError: one does not hold; the message names it and the architecture.
    """
    usable = sorted((p for p in prompts if p.skipped is None), key=lambda p: len(p.ids))
    probe = _Probe(loaded, [usable[0], usable[-1]][:_PROMPTS])
    plain = probe.logits()
    with Instrument(loaded.sites) as instrument:
        counts = probe.counts(instrument)
        watched = probe.logits()
        top = counts.sum(dim=0).argmax(dim=-1)
        busiest = [(s.layer, int(top[i])) for i, s in enumerate(loaded.sites)]
        instrument.set_mask(mask_table([busiest, []], loaded.sites).to(loaded.device))
        masked = probe.counts(instrument)
        routed = probe.logits()
        instrument.set_mask(None)
        shared = _shares(loaded, instrument, probe, busiest[-1:])
    after = probe.logits()
    chosen = sum(int(masked[0, i, e]) for i, (_, e) in enumerate(busiest))
    wanted = probe.attention.sum(dim=1)[:, None] * torch.tensor(
        [s.top_k for s in loaded.sites], device=loaded.device
    )
    checks = (
        _check("counts", torch.equal(counts.sum(dim=2), wanted), "tokens × k per layer"),
        _check("watching", torch.equal(plain, watched), "counting leaves logits bit-identical"),
        _check("masking", chosen == 0, "masked experts are never selected"),
        _check("effect", not torch.equal(plain[0], routed[0]), "a mask of busy experts acts"),
        _check(
            "rows",
            _close(plain[1], routed[1], loaded.dtype),
            "a row without a mask is untouched by its neighbour's",
        ),
        _check("finite", bool(torch.isfinite(routed).all()), "masked logits are finite"),
        _check("restoration", torch.equal(plain, after), "detached hooks leave no trace"),
        _check("prefix", shared, "sharing a prefix does not change replies"),
    )
    failed = next((c for c in checks if c.result == "failed"), None)
    if failed is not None:
        raise SelfTestError(
            f"hooks failed their self-test {failed.name!r} ({failed.detail}) on "
            f"{type(loaded.model).__name__}",
            remedy="this architecture is not supported: nothing was measured",
        )
    return checks


def _check(name: str, passed: bool, detail: str) -> SelfTestCheck:
    check = SelfTestCheck(name=name, passed=passed, detail=detail)
    if check.result == "off":
        check = replace(check, detail=f"{detail} — it does here, so it is switched off")
    return check


def _close(a: Tensor, b: Tensor, dtype: torch.dtype) -> bool:
    # Neighbours share matrix products, whose rounding may differ with the expert grouping.
    return torch.allclose(a.float(), b.float(), atol=1e-3 if dtype == torch.float32 else 0.5)


def _shares(
    loaded: LoadedModel, instrument: Instrument, probe: _Probe, experts: list[tuple[int, int]]
) -> bool:
    """Whether replies are the same with and without prefix sharing.

    Raises:
        SelfTestError: decoding fails also without it.
    """
    prompts = [probe.prompts[0], probe.prompts[0], probe.prompts[-1]]
    table = mask_table([[], experts, experts], loaded.sites)

    def texts(*, share: bool) -> list[str] | None:
        try:
            replies = decode(
                loaded,
                instrument,
                prompts,
                table,
                new_tokens=4,
                decided=lambda _text: False,
                share_prefix=share,
            )
        except (RuntimeError, AttributeError, TypeError, ValueError, NotImplementedError):
            # A decoder or cache of another kind than the loop knows.
            instrument.set_mask(None)
            return None
        return [reply.text for reply in replies]

    plain = texts(share=False)
    if plain is None:
        raise SelfTestError(
            f"greedy decoding with a cache fails on {type(loaded.model).__name__}",
            remedy="this architecture is not supported: nothing was measured",
        )
    return texts(share=True) == plain
