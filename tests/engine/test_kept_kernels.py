"""Products of ever other shapes leave no pile of compiled kernels in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PRODUCTS = """
import gatekeeper.engine
import torch

def held():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))

def multiply(rows):
    for n in rows:
        torch.ones(n, 256, dtype=torch.bfloat16) @ weight

torch.set_num_threads(1)
weight = torch.ones(256, 128, dtype=torch.bfloat16)
with torch.inference_mode():
    multiply(range(1, 100))
    before = held()
    multiply(range(100, 700))
print(held() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux alone tells what is held")
def test_products_of_ever_other_shapes_do_not_fill_the_memory(monkeypatch):
    """By torch's own rule 420 MB, on a processor with instructions for bfloat16."""
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    monkeypatch.delenv("LRU_CACHE_CAPACITY", raising=False)
    told = subprocess.run([sys.executable, "-c", _PRODUCTS], capture_output=True, check=True)
    assert int(told.stdout) < 60e6
