"""Run under torchrun by test_parallel.py: one rank of a model spread over two processes.

    torchrun --nproc-per-node 2 -m tests.engine.parallel_worker CHECKPOINT OUT MODE

Rank 0 writes what it saw as torch tensors to OUT.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import torch
import torch.distributed as dist

from gatekeeper.engine.model.architectures import architecture_of
from tests.engine import invariants as inv


def main(checkpoint: str, out: str, mode: str) -> None:
    from transformers import AutoModelForCausalLM
    from transformers.distributed import DistributedConfig

    dist.init_process_group("gloo")
    plan = (
        DistributedConfig(tp_size=2, ep_size=2)
        if mode == "expert"
        else DistributedConfig(tp_size=2)
    )
    model = AutoModelForCausalLM.from_pretrained(
        checkpoint, dtype=torch.float32, distributed_config=plan
    ).eval()
    family = model.config.model_type
    probe = replace(
        inv.probe(family), model=model, loaded_sites=tuple(architecture_of(family).find(model))
    )
    experts = [(s.layer, 1) for s in probe.sites]
    with probe.instrument() as instrument:
        plain = probe.logits()
        probe.mask(instrument, experts, [], experts[-1:], mode=["reroute", "reroute", "ablate"])
        seen = {
            "plain": plain,
            "counts": probe.count(instrument),
            "masked": probe.logits(),
            "experts": torch.tensor([s.experts_count for s in probe.sites]),
        }
    if dist.get_rank() == 0:
        torch.save(seen, out)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
