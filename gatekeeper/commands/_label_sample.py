"""Draws the replies of a bundle that a person labels for a card, and writes their sheet."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from gatekeeper.commands._labelling import Item, distinct_items, ordered
from gatekeeper.errors import UsageError, excerpt
from gatekeeper.evidence.bundle import check_writable, write_bytes
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.judge_card import LEAST_ANSWERS, Labelled

#: Replies that take a person half an hour.
SAMPLE = 60
_COLUMNS = ("id", "prompt", "reply", "label")
#: A cell that begins so is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def sample(evidence: Evidence, count: int, seed: int) -> list[Item]:
    """`count` different replies: of unmasked and masked ones, and of each prompt set, equally many
    as far as there are, in an order that the seed makes.

    Within these the judge's outcomes have the shares that they have in the bundle, but each at
    least one reply: drawn otherwise, a card of them would say that the judge errs less or more than
    it does.
    """
    cells: dict[tuple[str, str], dict[str, list[Item]]] = defaultdict(lambda: defaultdict(list))
    sets = {prompt.id: prompt.set for prompt in evidence.suite.prompts}
    for item in ordered(distinct_items(evidence), seed):
        cells[item.group, sets[item.prompt_id]][item.outcome].append(item)
    sizes = {cell: sum(map(len, kinds.values())) for cell, kinds in sorted(cells.items())}
    chosen: list[Item] = []
    for cell, wanted in _equally(sizes, count).items():
        chosen += _in_proportion(cells[cell], wanted)
    return ordered(chosen, seed, "order")


def _equally(sizes: Mapping[tuple[str, str], int], count: int) -> dict[tuple[str, str], int]:
    """How many replies to draw of each cell: cells give one by turns, while they have any."""
    drawn = dict.fromkeys(sizes, 0)
    remaining = min(count, sum(sizes.values()))
    while remaining:
        for cell in sizes:
            if remaining and drawn[cell] < sizes[cell]:
                drawn[cell] += 1
                remaining -= 1
    return drawn


def _in_proportion(kinds: Mapping[str, Sequence[Item]], wanted: int) -> list[Item]:
    """Draws the first of each outcome, then always of the one that is most behind its share."""
    total = sum(map(len, kinds.values()))
    taken = dict.fromkeys(sorted(kinds, key=lambda kind: (-len(kinds[kind]), kind)), 0)
    for _ in range(min(wanted, total)):
        open_ = [kind for kind in taken if taken[kind] < len(kinds[kind])]
        behind = {kind: taken[kind] - wanted * len(kinds[kind]) / total for kind in open_}
        taken[min(open_, key=lambda kind: (taken[kind] > 0, behind[kind]))] += 1
    return [item for kind, some in taken.items() for item in kinds[kind][:some]]


def write_sheet(items: Sequence[Item], requests: Mapping[str, str], out: Path) -> None:
    """A CSV or JSONL to be labelled elsewhere: request, reply, and an empty label.

    It says neither group nor outcome: `judge calibrate --evidence` reads those from the bundle.

    Raises:
        UsageError: there is such a file already, which may hold labels, or it is of another kind.
    """
    check_writable(out)
    if out.exists():
        raise UsageError(
            "is there already, and may hold labels",
            where=excerpt(out),
            remedy="give another --out, or remove it",
        )
    rows = [
        dict(zip(_COLUMNS, (i.id, requests.get(i.prompt_id, ""), i.reply, ""), strict=True))
        for i in items
    ]
    if out.suffix == ".jsonl":
        text = "".join(json.dumps(row) + "\n" for row in rows)
    elif out.suffix == ".csv":
        file = io.StringIO(newline="")
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
        text = file.getvalue()
    else:
        raise UsageError(
            "a sheet of labels is a .csv or .jsonl file",
            where=excerpt(out),
            remedy="give an --out that ends in .csv: every spreadsheet opens it",
        )
    write_bytes(out, text.encode("utf-8", "backslashreplace"), private=True)


def _words(text: str) -> str:
    """Letters and digits: what no program changes that a sheet is opened with."""
    escaped = text.encode("utf-8", "backslashreplace").decode()
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", escaped).casefold()))


def _cell(value: str) -> str:
    return f" {value}" if value.startswith(_FORMULA) else value


def told(chosen: Sequence[Item], evidence: Evidence, asked: int) -> str:
    """How many replies were drawn of how many there are, and whether they are enough for a card.

    Of what the judge said of them, nothing: whoever labels reads it.
    """
    there = Counter(item.group for item in distinct_items(evidence))
    drawn = Counter(item.group for item in chosen)
    few = f"; {asked} were asked for, and there are no more different ones"
    text = ", ".join(f"{drawn[g]} of {there[g]} {g}" for g in ("unmasked", "masked"))
    text += few if len(chosen) < asked else ""
    lacking = ", more than there are here" if drawn["masked"] < LEAST_ANSWERS else ""
    return (
        f"{text}; a policy that demands a card (on: masked) takes {LEAST_ANSWERS} masked ones that "
        f"people call compliance{lacking}"
    )


def with_origin(replies: Sequence[Labelled], evidence: Evidence) -> tuple[Labelled, ...]:
    """Labels of a sheet, with what the bundle says of each reply: its group and checkpoint, and its
    text as it was, whatever a spreadsheet has made of its spaces and signs.

    Raises:
        UsageError: a label is of no reply of the bundle, or beside other words than the reply's.
    """
    known = {item.id: item for item in distinct_items(evidence)}
    matched = []
    for label in replies:
        item = known.get(label.id)
        if item is None:
            raise UsageError(
                f"id {excerpt(label.id)} is of no reply of the bundle",
                where=label.where,
                remedy="give the bundle that the sheet was drawn from",
            )
        if _words(label.reply) != _words(item.reply):
            raise UsageError(
                f"the reply of id {excerpt(label.id)} is not as the bundle has it",
                where=label.where,
                remedy="a label is of the reply that was drawn: put it back and label it again, or "
                "leave the label empty",
            )
        matched.append(
            Labelled(
                id=label.id,
                prompt=label.prompt,
                reply=item.reply,
                label=label.label,
                group=item.group,
                language=item.language,
                on_topic=label.on_topic,
                checkpoint=evidence.checkpoint.digest,
            )
        )
    return tuple(matched)
