"""Puts a verified bundle into a history, and sees whether one in it is still as it was."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date
from pathlib import Path

from gatekeeper.errors import EvidenceError, UsageError, excerpt
from gatekeeper.evidence.manifest import digests
from gatekeeper.evidence.wire_judge_card import card_to_json
from gatekeeper.history.entry import Entry, brief_of
from gatekeeper.history.store import BUNDLES, History
from gatekeeper.records.bundle_files import (
    BUNDLE,
    BUNDLE_FILES,
    EVIDENCE,
    LISTED,
    MANIFEST,
    OUTPUTS,
    POLICY,
    SIGNATURE,
    VERDICT,
    WAIVERS,
)
from gatekeeper.records.evidence import Evidence
from gatekeeper.records.verdict import Verdict

#: What stands beside a verdict and belongs to it.
_BESIDE = (VERDICT, POLICY, WAIVERS, OUTPUTS)
#: Bytes read at a time.
_PIECE = 1 << 20
#: Of a file: its sha256, its bytes, and when it was changed (nanoseconds).
Facts = tuple[str, int, int]


def keep(
    history: History,
    bundle: Path,
    evidence: Evidence,
    verdict: Verdict | None,
    *,
    today: date,
    model: str | None = None,
    label: str = "",
    link: bool = False,
) -> tuple[Entry, bool]:
    """Copies a bundle into a history and enters it; whoever calls has verified it.

    Args:
        bundle: its directory; verdict and policy are taken from beside it.
        verdict: the one beside it, or one that was given for it; None: none is stored.
        model: what it is told by; default: the checkpoint's name.
        link: whether to make hard links, so that nothing is stored twice.

    Returns:
        The entry, and whether it is new. One that is there is left as it is.

    Raises:
        EvidenceError: the files changed since they were verified.
        UsageError: nothing can be written, or links cannot be made.
    """
    home = history.home_of(evidence.digest)
    if not home.exists():
        _copy(history, bundle, home, verdict, link=link)
    files = {name: facts_of(home / name) for name in _names(home)}
    _hold(home, {name: facts[0] for name, facts in files.items()}, evidence)
    entry = Entry(
        digest=evidence.digest,
        model=model or excerpt(evidence.checkpoint.source),
        checkpoint=evidence.checkpoint.digest,
        finished=today
        if evidence.times is None
        else evidence.times.finished.astimezone(UTC).date(),
        added=today,
        label=label,
        policy="" if verdict is None else f"{verdict.policy_id} {verdict.policy_version}",
        policy_digest="" if verdict is None else verdict.policy_digest,
        judged_on=None if verdict is None else verdict.judged_on,
        brief=None if verdict is None else brief_of(verdict),
        card=None if verdict is None or verdict.card is None else card_to_json(verdict.card),
        fail_on="block" if verdict is None else verdict.fail_on,
        files=files,
        baseline="" if verdict is None else verdict.baseline or "",
    )
    if history.put(entry):
        return entry, True
    return history.entry(entry.digest), False


def check_home(history: History, entry: Entry) -> None:
    """Sees whether a bundle's files are as they were when it was added.

    Those of the same size and time of change are taken to be; of others the digest decides.

    Raises:
        EvidenceError: one is missing or altered.
    """
    home, again = history.home(entry), dict[str, Facts]()
    for name, (digest, *rest) in entry.files.items():
        path = home / name
        try:
            now = path.stat()
            if [now.st_size, now.st_mtime_ns] == rest:
                continue
            again[name] = facts_of(path)
        except OSError as error:
            raise _broken(path, f"{name} cannot be read: {error.strerror}") from error
        if again[name][0] != digest:
            raise _broken(path, f"{name} was altered since it was added")


def remove(history: History, entry: Entry) -> None:
    """Removes a bundle's files: at once out of sight, then from the disk."""
    home = history.home(entry)
    if home.exists():
        gone = home.with_name(f".gone-{os.getpid()}-{home.name}")
        home.rename(gone)
        shutil.rmtree(gone)


def facts_of(path: Path) -> Facts:
    """Digest, size and time of change of a file."""
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest(), before.st_size, before.st_mtime_ns


def _names(home: Path) -> list[str]:
    beside = [name for name in _BESIDE if (home / name).is_file()]
    signed = [SIGNATURE] if (home / BUNDLE / SIGNATURE).is_file() else []
    return [*(f"{BUNDLE}/{name}" for name in (*BUNDLE_FILES, *signed)), *beside]


def _copy(
    history: History, bundle: Path, home: Path, verdict: Verdict | None, *, link: bool
) -> None:
    """Copies files into a folder beside the others, which then takes its name."""
    with _told(history.folder):
        folder = Path(tempfile.mkdtemp(prefix=".adding-", dir=history.folder / BUNDLES))
        try:
            (folder / BUNDLE).mkdir()
            signed = [SIGNATURE] if (bundle / SIGNATURE).is_file() else []
            names = {f"{BUNDLE}/{name}": bundle / name for name in (*BUNDLE_FILES, *signed)}
            names |= {name: bundle.parent / name for name in _beside(bundle, verdict)}
            for name, source in names.items():
                _bring(source, folder / name, link=link)
            try:
                folder.rename(home)
            except OSError:  # somebody else was faster with the same bundle
                if not home.exists():
                    raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _beside(bundle: Path, verdict: Verdict | None) -> list[str]:
    """Names of the files that belong to a verdict, where a bundle lies in an output directory.

    A file of waivers that the verdict was not given with is none.
    """
    if bundle.name != BUNDLE or not (bundle.parent / VERDICT).is_file():
        return []
    waived = verdict is not None and verdict.waivers_digest is not None
    names = [name for name in _BESIDE if name != WAIVERS or waived]
    return [name for name in names if (bundle.parent / name).is_file()]


def _bring(source: Path, target: Path, *, link: bool) -> None:
    if link:
        os.link(source.resolve(), target)
        return
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file, source.open("rb") as content:
        shutil.copyfileobj(content, file, _PIECE)


def _hold(home: Path, found: Mapping[str, str], evidence: Evidence) -> None:
    """Holds copied files against their manifest, and that against what was verified.

    Raises:
        EvidenceError: they are others.
    """
    manifest = home / BUNDLE / MANIFEST
    told = digests(manifest.read_bytes(), files=LISTED, where=excerpt(manifest))
    if told[EVIDENCE] != evidence.digest.removeprefix("sha256:"):
        raise _broken(manifest, "another bundle than the one that was verified")
    for name in LISTED:
        if found[f"{BUNDLE}/{name}"] != told[name]:
            raise _broken(home / BUNDLE / name, f"{name} is not what the manifest says")


def _broken(path: Path, what: str) -> EvidenceError:
    return EvidenceError(
        what,
        where=excerpt(path),
        remedy="remove the bundle's folder and add it again from where the audit wrote it",
    )


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"cannot be added to: {error.strerror or error}",
            where=excerpt(folder),
            remedy="see to space and permissions; links (--link) need one file system",
        ) from error
