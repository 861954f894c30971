"""Bundles changed on disk as a forger would: with a manifest that fits."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

from gatekeeper.evidence import manifest
from gatekeeper.records.bundle_files import BUNDLE_FILES, MANIFEST


def reseal(bundle: Path) -> None:
    """A manifest of what lies there now."""
    files = {n: (bundle / n).read_bytes() for n in BUNDLE_FILES if n != MANIFEST}
    try:
        told = json.loads(files["evidence.json"])
        version, checkpoint = told["tool"]["version"], told["checkpoint"]["digest"]
        f"{version}{checkpoint}".encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        version, checkpoint = "x", "y"
    data = manifest.manifest_bytes(files, tool_version=version, checkpoint=checkpoint)
    (bundle / MANIFEST).write_bytes(data)


def edit(bundle: Path, name: str, change) -> None:
    """A JSON file after `change`, which alters its value in place."""
    data = json.loads((bundle / name).read_bytes())
    change(data)
    (bundle / name).write_text(json.dumps(data))
    reseal(bundle)


def edit_trials(bundle: Path, change) -> None:
    """Trials after `change` of their rows, with a summary that fits."""
    path = bundle / "trials.jsonl.gz"
    rows = change([json.loads(row) for row in gzip.decompress(path.read_bytes()).splitlines()])
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    summary = {
        "count": len(rows),
        "outcomes": dict(Counter(row["outcome"] for row in rows)),
        "truncated": sum(row["truncated"] for row in rows),
    }
    edit(bundle, "evidence.json", lambda data: data.update(trials=summary))
