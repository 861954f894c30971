"""The command line, as it is once transformers has the toy family: run by test_recipe.py."""

from __future__ import annotations

from transformers import AutoConfig, AutoModelForCausalLM
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from gatekeeper.cli import main
from tests.engine.toynull import ToynullConfig, ToynullForCausalLM

if __name__ == "__main__":
    AutoConfig.register("toynull", ToynullConfig)
    AutoModelForCausalLM.register(ToynullConfig, ToynullForCausalLM)
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES["toynull"] = ToynullForCausalLM.__name__
    main()
