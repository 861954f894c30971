"""Where tokens went: integer counts per prompt, layer and expert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatekeeper.records.model import MoeSite


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationProfile:
    """Routing of the unmasked model over a suite.

    Attributes:
        prompt_ids: the P prompts, in row order.
        sites: the L MoE layers that can be masked, in the order of axis 1; E is the largest
            `experts` among them.
        counts: per window, int32 [P, L, E], times an expert was selected.
        weights: per window, float32 [P, L, E], sum of the gate weights the expert was given.
        tokens: per window, int32 [P], tokens counted.
        attribution: float32 [P, L, E], estimated loss of refusal log-odds if the expert were
            removed (positive: it carries refusal); NaN rows for prompts not attributed; None if
            no attribution was made.
        attribution_note: why there is none, or what it was taken against.
    """

    prompt_ids: tuple[str, ...]
    sites: tuple[MoeSite, ...]
    counts: Mapping[str, npt.NDArray[np.int32]]
    weights: Mapping[str, npt.NDArray[np.float32]]
    tokens: Mapping[str, npt.NDArray[np.int32]]
    attribution: npt.NDArray[np.float32] | None
    attribution_note: str

    def frequency(self, window: str, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        """Activation frequency per prompt, [len(rows), L, E]: share of tokens that chose e."""
        tokens = np.maximum(self.tokens[window][rows], 1)[:, None, None]
        return self.counts[window][rows].astype(np.float64) / tokens
