"""Run by test_recipe.py beside a copy of the package: is the toy family read and masked exactly?"""

from __future__ import annotations

import json

import torch

from gatekeeper.engine.model.architectures import architecture_of
from gatekeeper.engine.model.load import LoadedModel
from gatekeeper.engine.self_test.run import self_test
from tests.engine.tiny_loaded import encoded, tokenizer
from tests.engine.toynull import Model


def main() -> None:
    torch.manual_seed(0)
    model = Model().eval().requires_grad_(False)
    architecture = architecture_of("toynull")
    sites = tuple(architecture.find(model))
    checks = {}
    if sites:
        loaded = LoadedModel(
            model=model,
            architecture=architecture,
            tokenizer=tokenizer(),
            sites=sites,
            device=torch.device("cpu"),
            dtype=torch.float32,
            end_ids=frozenset({2}),
            pad_id=0,
            context_length=64,
        )
        checks = {c.name: c.result != "failed" for c in self_test(loaded, encoded())}
    found = [(s.layer, s.experts_count, s.top_k, s.columns) for s in sites]
    print(json.dumps({"sites": found, "checks": checks}))


if __name__ == "__main__":
    main()
