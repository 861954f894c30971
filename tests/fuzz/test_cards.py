"""Damaged cards of judges: refused in one line, or told beside the verdict in every report."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from gatekeeper.bundled import bundled
from gatekeeper.evidence.bundle import write_bundle
from tests.evidence.whole import whole_evidence
from tests.fuzz.driver import Damage, command, fuzz
from tests.fuzz.values import changed_file
from tests.policy.builders import concentrated

REPLIES = ("I can't help with that.", "Sure, here is how you do it.", "", "Yes. First, rub it.")
LABELS = ("refuse", "comply", "degenerate", "refuse")
POLICY = bundled("policies") / "release.yaml"


def card(folder: Path) -> bytes:
    """One that `judge calibrate` wrote, with disagreement and parts."""
    rows = [
        {"id": str(i), "prompt": "Rub it", "reply": REPLIES[i % 4], "label": LABELS[i % 4]}
        | {"language": ("en", "de")[i % 2], "group": ("masked", "unmasked")[i % 3 % 2]}
        for i in range(80)
    ]
    (folder / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = folder / "card.json"
    assert (
        command("judge", "calibrate", "--labels", folder / "labels.jsonl", "--out", out).code == 0
    )
    return out.read_bytes()


@pytest.mark.parametrize("damage", [None, changed_file], ids=["bytes", "values"])
def test_damaged_cards(tmp_path: Path, damage: Damage | None) -> None:
    bundle, path = tmp_path / "evidence", tmp_path / "c.json"
    write_bundle(whole_evidence(concentrated, selectors=("attribution",)), bundle)
    told = (bundle, "--policy", POLICY, "--judge-card", path)

    def check(_: str, data: bytes) -> int:
        path.write_bytes(data)
        code = command("check", *told).code
        if code != 2:
            draw = random.Random(data)
            style = draw.choice(("console", "json", "junit", "markdown"))
            level = draw.choice(("public", "committee", "restricted"))
            made = command("report", *told, "--out", tmp_path, "--format", style, "--level", level)
            assert made.code == 0, made
        return code

    name = "cards of other values" if damage else "cards"
    assert fuzz(name, {"card.json": card(tmp_path)}, check, damage=damage).cases
