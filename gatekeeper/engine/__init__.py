"""The only code that knows torch: loading, hooks, capture, attribution, the sweep."""

from __future__ import annotations

import os

# Before torch is imported anywhere. By default OpenMP threads spin between two operations; on a
# runner whose cores others use too, the spinning takes the cores from those who have work: decoding
# a small model took 7 s instead of 1 s (2 threads on 2 busy cores, docs/adr/0005).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# oneDNN compiles a kernel for each shape of a bfloat16 product and keeps 1,024 of them, and so does
# torch's own list before it. Experts see other numbers of tokens in every forward: kernels pile up
# between tensors that come and go, and the heap never shrinks. Of 36 forwards of up to 2,049 tokens
# 1.7 GB were left, with 64 kernels 0.3; decoding steps took the same time with both.
for _kept in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
    os.environ.setdefault(_kept, "64")
