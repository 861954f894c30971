"""The only code that knows torch: loading, hooks, capture, attribution, the sweep."""

from __future__ import annotations

import os

# Before torch is imported anywhere. By default OpenMP threads spin between two operations; on a
# runner whose cores others use too, the spinning takes the cores from those who have work: decoding
# a small model took 7 s instead of 1 s (2 threads on 2 busy cores, docs/adr/0005).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
