"""`gatekeeper judge`: how far a judge can be trusted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.commands._click_options import option_named

if TYPE_CHECKING:  # numpy is behind it; --help has no use for it
    from gatekeeper.records.judge_card import Agreement, CardPart, JudgeCard, Labelled


@click.group()
def judge() -> None:
    """Hold a judge against people: label replies blind, then compute its card.

    \b
    Example:
      gatekeeper judge label out/ --suite suite/ --out labels.jsonl --count 100 --seed 1
      gatekeeper judge calibrate --labels labels.jsonl --out card.json
    """


@judge.command("calibrate")
@click.option(
    "--judge",
    "name",
    default="refusal-rules",
    show_default=True,
    help="Judge to calibrate; see `gatekeeper catalog judge`.",
)
@option_named("judge_options")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    required=True,
    help="Labelled replies, .jsonl or .csv: id, prompt, reply, label (refuse, comply, degenerate), "
    "and where known group (unmasked, masked), language, on_topic.",
)
@click.option(
    "--evidence",
    type=click.Path(path_type=Path),
    help="Bundle that a sheet of `judge label --sample` was drawn from: tells which replies are of "
    "masked models, and of which checkpoint.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the card there as JSON.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Existing directory that keeps what a remote judge answered; default: nothing is kept.",
)
@option_named("reasoning")
def calibrate(
    name: str,
    judge_options: tuple[str, ...],
    labels: Path,
    evidence: Path | None,
    out: Path | None,
    cache: Path | None,
    reasoning: tuple[str, str] | None,
) -> None:
    """Judge labelled replies and tell how often the judge is right, with intervals.

    Sensitivity is the share of refusals that it calls so, specificity the share of other replies
    that it does not. Reasoning is cut from replies first. No reply is shown or written.

    \b
    Example:
      gatekeeper judge calibrate --labels labels.jsonl --out card.json
      gatekeeper judge calibrate --judge refusal-model --judge-option model=./guard \\
        --labels labels.csv
    """
    from gatekeeper import __version__
    from gatekeeper.analysis.intervals import CONFIDENCE
    from gatekeeper.analysis.judge_card import card_parts
    from gatekeeper.commands._cards import unfit_for_policies
    from gatekeeper.engine.judges.judging import open_judge
    from gatekeeper.errors import UsageError, excerpt
    from gatekeeper.evidence.bundle import check_writable, write_bytes
    from gatekeeper.evidence.wire_judge_card import card_to_json
    from gatekeeper.records.judge_card import JudgeCard
    from gatekeeper.records.judge_options import split_options
    from gatekeeper.records.reasoning import Reasoning
    from gatekeeper.records.replies import of_replies
    from gatekeeper.suites.labels import read_labels

    if out is not None:
        check_writable(out)
        _check_replaceable(out)
    if cache is not None and not cache.is_dir():
        raise UsageError("--cache is no directory", where=excerpt(cache), remedy="make it first")
    replies, raw = read_labels(labels)
    if evidence is not None:
        from gatekeeper.commands._label_sample import with_origin
        from gatekeeper.commands._verdicts import bundle_of
        from gatekeeper.evidence.bundle import read_bundle

        replies = with_origin(replies, read_bundle(bundle_of(evidence)))
    opened = open_judge(name, split_options(judge_options), cache)
    by_reply = of_replies(opened, Reasoning(max_tokens=0, marks=reasoning or ()))
    said = by_reply.judgements([(r.prompt, r.reply) for r in replies])
    card = JudgeCard(
        judge=opened.id,
        version=opened.version,
        settings=opened.settings,
        tool_version=__version__,
        labels_digest="sha256:" + hashlib.sha256(raw).hexdigest(),
        confidence=CONFIDENCE,
        checkpoint=_same_checkpoint(replies),
        made=datetime.now(UTC).date(),
        parts=card_parts(replies, [said[r.prompt, r.reply].outcome for r in replies]),
    )
    _print(card)
    if out is not None:
        text = json.dumps(card_to_json(card), indent=2, sort_keys=True, ensure_ascii=False)
        write_bytes(out, text.encode() + b"\n")
        click.echo(f"card written to {excerpt(out)}")
        if (why := unfit_for_policies(card)) is not None:
            click.echo(f"warning: {why}", err=True)


def _check_replaceable(out: Path) -> None:
    """Refuses to write a card over anything but a card: labels are hours of somebody's work.

    Raises:
        UsageError: something else is there.
    """
    from gatekeeper.errors import UsageError, excerpt
    from gatekeeper.verify.judge_card import read_card

    if not out.exists() or out.stat().st_size == 0:
        return
    try:
        read_card(out)
    except UsageError:
        raise UsageError(
            "holds something that is no card", where=excerpt(out), remedy="choose another --out"
        ) from None


def _same_checkpoint(replies: Sequence[Labelled]) -> str | None:
    """The one checkpoint that all labelled replies are of, if they are."""
    digests = {r.checkpoint for r in replies}
    return digests.pop() if len(digests) == 1 else None


def _print(card: JudgeCard) -> None:
    click.echo(f"{card.judge}, version {card.version}; {card.confidence:.0%} intervals in brackets")
    for part in card.parts:
        _print_part(part)


def _print_part(part: CardPart) -> None:
    from gatekeeper.records.trial import LABELS, OUTCOMES

    click.echo(f"\n{part.name} (n = {part.n:,})")
    for title, number, scale in (
        ("sensitivity", part.sensitivity, 100),
        ("specificity", part.specificity, 100),
        ("precision", part.precision, 100),
        ("accuracy", part.accuracy, 100),
        ("kappa", part.kappa, 1),
    ):
        click.echo(f"  {title:12} {_number(number, scale)}")
    click.echo("  label \\ judge" + "".join(f"{outcome:>12}" for outcome in OUTCOMES))
    for label in LABELS:
        cells = "".join(f"{part.counts[label][outcome]:>12,}" for outcome in OUTCOMES)
        click.echo(f"  {label:13}{cells}")


def _number(number: Agreement, scale: int) -> str:
    if number.value is None or number.interval is None:
        return f"–  {number.reason}"
    value, low, high = (
        x * scale for x in (number.value, number.interval.low, number.interval.high)
    )
    if scale == 1:
        return f"{value:5.2f}    ({low:.2f} to {high:.2f}), n = {number.n:,}"
    return f"{value:5.1f} %  ({low:.1f} to {high:.1f}), n = {number.n:,}"


@judge.command("label")
@click.argument("evidence", type=click.Path(path_type=Path))
@click.option(
    "--suite",
    type=click.Path(path_type=Path),
    help="The suite of the audit, to show each request above its reply; evidence holds no prompts.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="JSONL file the labels are appended to; those in it are not asked for again. With "
    "--sample and no terminal, or as .csv: a sheet to fill in.",
)
@click.option(
    "--sample",
    "sampled",
    is_flag=True,
    help="Draw 60 replies as a card takes them (half an hour): unmasked and masked, of each prompt "
    "set, with each of the judge's outcomes.",
)
@click.option(
    "--count",
    type=click.IntRange(1, 100_000),
    help="Replies to label in all, half of them of the unmasked model.  [default: 100; with "
    "--sample 60]",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Which replies, and in what order.",
)
def label(
    evidence: Path, suite: Path | None, out: Path, sampled: bool, count: int | None, seed: int
) -> None:
    """Label replies blind: neither the mask nor what the judge said is shown.

    Keys: r refuse, c comply, d degenerate, s skip, q quit. Each label is on disk before the next
    reply is shown; the same command goes on where it stopped. What is shown may be harmful. The
    file holds replies: keep it as the evidence is kept.

    A sheet has request, reply and an empty label, to be filled in with refuse, comply or
    degenerate; `judge calibrate --evidence` knows the rest.

    \b
    Example:
      gatekeeper judge label out/ --suite suite/ --sample --out labels.jsonl
      gatekeeper judge label out/ --suite suite/ --sample --out sheet.csv
      gatekeeper judge calibrate --labels sheet.csv --evidence out/ --out card.json
    """
    from gatekeeper.commands._label_sample import SAMPLE, sample, told, write_sheet
    from gatekeeper.commands._labelling import (
        ask_labels,
        at_terminal,
        choose,
        read_requests,
        require_terminal,
    )
    from gatekeeper.commands._verdicts import bundle_of
    from gatekeeper.errors import excerpt
    from gatekeeper.evidence.bundle import read_bundle

    sheet = sampled and (out.suffix != ".jsonl" or not at_terminal())
    if not sheet:
        require_terminal()
    read = read_bundle(bundle_of(evidence))
    requests = read_requests(read, suite)
    if suite is None:
        click.echo(
            "warning: replies without their requests, which evidence lacks → add --suite", err=True
        )
    count = count or (SAMPLE if sampled else 100)
    items = sample(read, count, seed) if sampled else choose(read, count, seed)
    if sheet:
        write_sheet(items, requests, out)
    if sampled:
        click.echo(f"{len(items)} replies to label: {told(items, read, count)}")
    if sheet:
        click.echo(f"written to {excerpt(out)}")
        return
    done = ask_labels(items, requests, out)
    click.echo(f"{done} labelled, in {out}")


COMMAND = judge
