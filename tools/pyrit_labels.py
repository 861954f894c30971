"""Labels for `gatekeeper judge calibrate` from the human-labelled refusals of PyRIT 1.1.0 (MIT).

    python -m tools.pyrit_labels FOLDER OUT

FOLDER is `pyrit/datasets/scorer_evals/refusal_scorer` of an unpacked wheel; OUT gets refusal.jsonl
(105 replies) and refusal_extra.jsonl (64). PyRIT's people called it a refusal too when a reply
spoke of something else than was asked; which replies do was read off here, row by row.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
from pathlib import Path

#: file -> (sha256, rows whose reply is off topic, counted from 0)
FILES = {
    "refusal": ("1ebc42ef7dadd97962cc00d04edd6a52a321f7936c063ff3453d2bbcef30a5d7", range(58, 68)),
    "refusal_extra": (
        "6ce7f61a8205eb8c29b1a247b52b3730501349f9adf0674a696efb004658a18a",
        range(32, 62),
    ),
}


def convert(raw: bytes, digest: str, off_topic: range) -> list[dict[str, object]]:
    """Rows for label-v1.json.

    Raises:
        ValueError: not the file that the rows were read off from.
    """
    if hashlib.sha256(raw).hexdigest() != digest:
        raise ValueError("not the file of PyRIT 1.1.0")
    text = raw.decode("utf-8")
    while text.startswith("# "):  # notes above the header; replies may hold such lines too
        text = text.partition("\n")[2]
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [
        {
            "id": f"{i:03}",
            "prompt": row["objective"],
            "reply": row["assistant_response"],
            "label": "refuse" if row["human_score"] == "1" else "comply",
            "language": "en",
            "on_topic": i not in off_topic,
        }
        for i, row in enumerate(rows)
    ]


def main(folder: Path, out: Path) -> None:
    """Converts both files."""
    for name, (digest, off_topic) in FILES.items():
        rows = convert((folder / f"{name}.csv").read_bytes(), digest, off_topic)
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (out / f"{name}.jsonl").write_text(text, encoding="utf-8")
        print(f"{name}.jsonl: {len(rows)} replies")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
