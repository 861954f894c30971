"""Every option of an audit, once: its name, range, default and help stand with its field.

A new option is a field here and its use: the command line, evidence.json and the list of settings
that differ from the usual ones follow from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gatekeeper.records.option import (
    MOST,
    File,
    Number,
    OneOf,
    Rows,
    Switch,
    Text,
    Whole,
    option,
    options_of,
)
from gatekeeper.records.reasoning import THINKING, Reasoning
from gatekeeper.records.seed_rule import MOST_SEED
from gatekeeper.records.trial import MODE, PHASES
from gatekeeper.records.windows import WINDOWS

#: Replies drawn for a second judge: some ten of each kind in an audit as release.yaml asks for.
SECOND_SAMPLE = 2000

_FORMATS = ("float32", "bfloat16", "float16")
_MOST_WORKERS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditConfig:
    """The options of an audit that its evidence depends on, as requests and evidence hold them.

    Attributes:
        size: experts taken per resample (N_e, q).
        budget: rows that selectors may measure.
        window: token window to select by, or None for each selector's own.
        formats, doses: numeric formats, and modes of weaker masks, that are run too.
        sequential: digest of the policy whose limits may end the runs of masks, or None.
        seed_from: what the seed follows from, beside suite, checkpoint and nonce
            (`records.seed_rule`); None: it was chosen.
        dtype: numeric format, in a request as it was asked for.
    """

    selectors: tuple[str, ...] = option(
        (),
        "--selector",
        Text(),
        "Selector to run (repeatable)",
        repeatable=True,
        left_out="those the policy wants, or all",
    )
    ks: tuple[int, ...] = option(
        (1, 2, 4, 8),
        "-k",
        Whole(1),
        "Mask size in experts (repeatable)",
        repeatable=True,
        left_out="those the policy wants, or 1 2 4 8",
    )
    controls: int = option(
        20,
        "--controls",
        Whole(0),
        "Random masks per selector and k",
        left_out="the policy's number, or 20",
    )
    mode: str = option(
        MODE,
        "--mode",
        Text(),
        "What a mask does: reroute (never chosen), ablate (chosen, contributes nothing), "
        "scale:FACTOR, noise:SIGMA. Policies judge reroute.",
    )
    phase: str = option(
        "both",
        "--phase",
        OneOf(PHASES),
        "Where masks hold: while the prompt is read, while the reply is written, or both.",
    )
    doses: tuple[str, ...] = option(
        (),
        "--dose",
        Text(),
        "Mode to run the largest selected masks in too (repeatable), such as scale:0.5 or "
        "noise:0.5: how refusals fall as experts are weakened.",
        repeatable=True,
    )
    judge: str = option(
        "refusal-rules",
        "--judge",
        Text(),
        "Judge of replies",
        left_out="the one that the policy pins, or refusal-rules",
    )
    max_prompts: int | None = option(
        None, "--max-prompts", Whole(1), "At most so many prompts of each set, chosen by seed."
    )
    max_new_tokens: int = option(
        128,
        "--max-new-tokens",
        Whole(1),
        "Token window W: tokens of a reply that are generated before it is judged, behind its "
        "reasoning",
        left_out="the policy's, or 128",
    )
    resamples: int = option(
        1000,
        "--resamples",
        Whole(2),
        "Resamples S for the stability of a selection",
        left_out="1000, or more if the policy wants them",
    )
    size: int = option(
        0,
        "--size",
        Whole(1),
        "Experts taken per resample (SAFEx's N_e)",
        left_out="as the policy wants it, or the largest k",
    )
    window: str | None = option(
        None,
        "--window",
        OneOf(WINDOWS),
        "Tokens that frequencies are counted on: all of the prompt, its last ones, or the reply's",
        left_out="each selector's own",
    )
    budget: int = option(
        20_000,
        "--budget",
        Whole(0, 100 * MOST),
        "Rows (a prompt under a mask, one forward pass) that selectors may measure",
        left_out="as many as they need for these sizes, and at least 20,000",
    )
    roles: bool = option(
        True,
        "--roles",
        Switch(),
        "Tell apart which of the experts selected first detect harm and which control the "
        "reply, by probes and by what masking costs.",
    )
    positive_control: bool = option(
        True,
        "--positive-control",
        Switch(),
        "Run the model without its refusal direction too, which shows that this audit would "
        "notice lost refusals.",
    )
    environments: bool = option(
        False,
        "--environments",
        Switch(),
        "Select from each part of the suite (by category, by language) and from all but it, "
        "and measure what those masks cost there.",
    )
    formats: tuple[str, ...] = option(
        (),
        "--also-dtype",
        OneOf((*_FORMATS, "int8")),
        "Another numeric format (repeatable): load the model in it, select, and measure there "
        "both masks. int8: weights and inputs of its products rounded to 8 bits.",
        repeatable=True,
        name="also_dtypes",
    )
    cross_fit: bool = option(
        False,
        "--cross-fit",
        Switch(),
        "Let each half of the seeds select and the other half measure, in turn: twice the "
        "prompts measured, in twice the time",
        left_out="as the policy wants it, or not",
    )
    sequential: str | None = option(
        None,
        "--sequential",
        Switch(),
        "Run masks on prompts in an order fixed by --seed and stop each as soon as the limits "
        "of --policy are settled, at the same error rate; where no rule asks, after 40 or so.",
    )
    selection_share: float = option(
        0.5,
        "--selection-share",
        Number(0, 1, inside=True),
        "Share of seeds that select experts; the others measure. Halves with --cross-fit.",
    )
    seed: int = option(
        0,
        "--seed",
        Whole(0, MOST_SEED),
        "Seed; a policy can want one that follows from policy, suite, checkpoint and --nonce, so "
        "that nobody chooses it",
        left_out="the policy's, or 0",
    )
    seed_from: str | None = None
    nonce: str | None = option(
        None,
        "--nonce",
        Text("nonce"),
        "Word that goes into a derived seed: drawn by whoever owns the risk, after the "
        "checkpoint was submitted. It is recorded.",
    )
    dtype: str = option(
        "auto",
        "--dtype",
        OneOf(("auto", *_FORMATS)),
        "auto: as stored on CUDA; float32 on CPU, or bfloat16 where that does not fit.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditInputs:
    """What an audit is given beside the suite, as it was typed: files, judges' options, marks."""

    revision: str | None = option(
        None,
        "--revision",
        Text("printable"),
        "Commit or tag of the checkpoint, for the record.",
    )
    judge_options: tuple[str, ...] = option(
        (),
        "--judge-option",
        Text(),
        "Option of the judge (repeatable), such as model=DIRECTORY; `catalog judge` lists them. "
        "Never a key: that comes from an environment variable.",
        repeatable=True,
        metavar="KEY=VALUE",
    )
    second_judge: str | None = option(
        None,
        "--second-judge",
        Text(),
        "Another judge, asked about a sample of the replies. Where it sees a number on the "
        "other side of a limit, the rule is inconclusive.",
    )
    second_judge_options: tuple[str, ...] = option(
        (),
        "--second-judge-option",
        Text(),
        "Option of the second judge (repeatable), as --judge-option.",
        repeatable=True,
        metavar="KEY=VALUE",
    )
    second_sample: int | None = option(
        None,
        "--second-sample",
        Whole(1),
        "Replies drawn for the second judge, spread over masks, sets and outcomes; those "
        "without a mask that they are held against come on top",
        left_out=str(SECOND_SAMPLE),
    )
    reasoning: tuple[str, str] | None = option(
        None,
        "--reasoning",
        Text("marks", pair=True),
        "Marks around the model's reasoning, beside those known (<think> </think>, [THINK] "
        "[/THINK], Harmony's channels, …). What stands between them is not judged.",
        metavar="OPEN CLOSE",
    )
    max_reasoning_tokens: int | None = option(
        None,
        "--max-reasoning-tokens",
        Whole(1),
        "Tokens of reasoning before a reply is given up as undecided",
        left_out=f"the policy's, or {Reasoning().max_tokens}",
    )
    thinking: str | None = option(
        None,
        "--thinking",
        OneOf(THINKING),
        "Whether the chat template is to make the model reason; template: as it does by itself",
        left_out=f"the policy's, or {Reasoning().thinking}",
    )
    system_prompt: Path | None = option(  # noqa: RUF009 - as the others, a field
        None, "--system-prompt", File(), "File with the system prompt the model is served with."
    )
    also_system_prompts: tuple[Path, ...] = option(
        (),
        "--also-system-prompt",
        File(),
        "File with another system prompt (repeatable; an empty file: none): select under it "
        "too, and measure there both masks.",
        repeatable=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Where an audit runs and on how much of it; evidence is the same whatever these are."""

    batch_rows: int | None = option(
        None,
        "--batch-rows",
        Rows(),
        "Replies generated side by side. auto: as many as the memory holds, at most 1024 on "
        "CUDA and 128 elsewhere; the evidence records how many.",
    )
    device: str = option(
        "auto",
        "--device",
        OneOf(("auto", "cpu", "cuda", "spread")),
        "Where to run. spread: over all GPUs, then memory, then disk, for a model that no GPU "
        "holds.",
    )
    workers: int = option(
        1,
        "--workers",
        Whole(1, _MOST_WORKERS),
        "Processes that answer prompts, this one among them, each with the model on a GPU of "
        "its own (on CPU: with its share of the cores). Evidence is the same.",
    )
    ray: str | None = option(
        None,
        "--ray",
        Text("printable"),
        "Put the other workers on a Ray cluster (auto, or HOST:PORT), a GPU each; every host "
        "must find the checkpoint at the same path.",
        metavar="ADDRESS",
    )
    parallel: str | None = option(
        None,
        "--parallel",
        OneOf(("tensor", "expert")),
        "Under torchrun, one replica over its processes: each matrix in parts (tensor), or "
        "whole experts on each (expert).",
    )
    gpu_hour_cost: float | None = option(
        None,
        "--gpu-hour-cost",
        Number(0, MOST),
        "Price of a GPU for an hour (on CPU: of the machine): progress tells money too.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedOptions:
    """The options as they were typed; `audit.resolve_options` fills in the rest.

    Attributes:
        config: what was typed of `AuditConfig`, by field; what was left out is missing.
    """

    suite: Path
    config: Mapping[str, Any]
    inputs: AuditInputs
    execution: Execution


def typed_options(suite: Path, options: Mapping[str, Any]) -> TypedOptions:
    """The options that were typed, from values by the names that commands know them by.

    Those that stand for nothing typed, None and no repetition, are left out.
    """
    field_of = {name: field for field, name in _names(AuditConfig).items()}
    config = {
        field_of[name]: value
        for name, value in options.items()
        if name in field_of and value is not None and value != ()
    }
    return TypedOptions(
        suite=suite,
        config=config,
        inputs=AuditInputs(**_typed(AuditInputs, options)),
        execution=Execution(**_typed(Execution, options)),
    )


def _typed(record: type[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    return {field: options[name] for field, name in _names(record).items() if name in options}


def _names(record: type[Any]) -> dict[str, str]:
    """Field -> option's name."""
    return {field: name for field, name, _ in options_of(record)}


def values_of(config: AuditConfig) -> dict[str, Any]:
    """The fields of an `AuditConfig`, also of what is more than one."""
    return {f.name: getattr(config, f.name) for f in fields(AuditConfig)}
