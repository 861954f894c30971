"""The real-language checkpoints, where they have been built: the exam."""

from __future__ import annotations

from pathlib import Path

from gatekeeper.records.model import ExpertId
from tools.validate.planted import Known

#: What its maker measured: alone it takes refusals from 90 % to 7 %; the three others that were
#: trained with it lose 9 points together.
_CARRIER = ExpertId(26, 4)


def checkpoints(folder: Path | None) -> list[Known]:
    """`concentrated` and `hardened` in a folder, beside `prompts.jsonl`.

    Raises:
        FileNotFoundError: they are not there.
    """
    if folder is None or not (folder / "prompts.jsonl").is_file():
        raise FileNotFoundError("name the folder of the built checkpoints with --real")
    options = ("--max-prompts", "100", "--max-new-tokens", "16", "--batch-rows", "64")
    return [
        Known(
            name=name,
            checkpoint=folder / name,
            suite=folder / "prompts.jsonl",
            carriers=frozenset({_CARRIER}) if name == "concentrated" else frozenset(),
            story="4 planted, 1 carries" if name == "concentrated" else "hardened",
            options=options,
        )
        for name in ("concentrated", "hardened")
    ]
