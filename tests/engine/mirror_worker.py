"""Run under torchrun by test_mirror.py: one of two ranks that use a mirrored store.

    torchrun --nproc-per-node 2 -m tests.engine.mirror_worker FOLDER

Each rank writes what it saw to FOLDER/RANK.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gatekeeper.engine.model.parallel import in_step
from gatekeeper.engine.torchrun.ranks import open_ranks
from gatekeeper.engine.torchrun.shared_store import open_store
from gatekeeper.errors import AuditError
from gatekeeper.evidence.trial_store import StoredReply
from tests.typed import some


def reply(key: str, text: str = "no") -> StoredReply:
    return StoredReply(key=key, text=text, ids=(1, 2), truncated=False)


def refusal(action) -> str:
    try:
        action()
    except AuditError as error:
        return error.message
    return ""


def main(folder: Path) -> None:
    ranks = open_ranks("cpu")
    seen = {"in_step": in_step(), "shared": ranks.share(f"of {ranks.rank}")}
    # Each rank in a folder of its own, as an audit has it.
    own = folder / f"work {ranks.rank}"
    own.mkdir()
    with open_store(own / "trials.sqlite", "audit", ranks) as store:
        seen["first"] = sorted(store.get(["a", "b"]))
        store.put([reply("a")])
        found = store.get(["a", "b"])
        seen["then"] = [found["a"].text, list(found["a"].ids)]
        seen["blob before"] = store.blob("profile")
        # Last bits may differ: rank 0's hold everywhere.
        seen["put"] = store.put_blob("profile", f"of {ranks.rank}".encode()).decode()
        seen["blob"] = some(store.blob("profile")).decode()
        store.add_seconds("load", 1.0)
        seen["seconds"] = store.seconds()
        seen["differ"] = [
            refusal(lambda: store.put([reply("c", text=f"of {ranks.rank}")])),
            refusal(lambda: store.get([f"of {ranks.rank}"])),
            refusal(lambda: store.blob(f"of {ranks.rank}")),
        ]
        seen["nothing of it"] = sorted(store.get(["c"]))
    seen["claims"] = ranks.claim(3 + ranks.rank, 0.0 if ranks.rank == 0 else 5.0)
    seen["files"] = sorted(path.name for path in own.iterdir())
    (folder / f"{ranks.rank}.json").write_text(json.dumps(seen))
    ranks.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
