"""The option that names the evidence of an earlier release to compare with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.errors import EvidenceError, UsageError, excerpt

if TYPE_CHECKING:  # numpy is behind it; --help has no use for it
    from gatekeeper.records.evidence import Evidence

baseline_option = click.option(
    "--baseline",
    "baseline_path",
    metavar="BUNDLE",
    type=click.Path(path_type=Path),
    help="Evidence of an earlier release, for rules with max_regression; without it they are "
    "inconclusive.",
)


def baseline_evidence(path: Path | None) -> Evidence | None:
    """The evidence in a bundle, or in the output of `gatekeeper run`, all derived again.

    Raises:
        EvidenceError: it was altered, or cannot be read.
    """
    if path is None:
        return None
    from gatekeeper.commands._verdicts import bundle_of
    from gatekeeper.evidence.bundle import read_bundle
    from gatekeeper.verify.verify import recheck

    return recheck(read_bundle(bundle_of(path))).evidence


def baseline_of(
    digest: str | None, path: Path | None, *, compared: bool = False
) -> Evidence | None:
    """The evidence that a verdict compares with, if it does.

    Args:
        digest: that the verdict names; path: what was given.
        compared: whether a comparison lies beside the verdict, whatever its rules ask.

    Raises:
        UsageError: it was not given, or the verdict compares with none.
        EvidenceError: another was.
    """
    if digest is None and compared:
        return None  # which release it is, the comparison is held against
    if digest is None:
        if baseline_evidence(path) is not None:
            raise UsageError(
                "the verdict compares with no baseline",
                where=excerpt(path),
                remedy="leave --baseline out; what it would change, `gatekeeper check` tells",
            )
        return None
    remedy = f"name the evidence {excerpt(digest)} with --baseline"
    baseline = baseline_evidence(path)
    if baseline is None:
        raise UsageError("the verdict compares with a baseline", where="--baseline", remedy=remedy)
    if baseline.digest != digest:
        raise EvidenceError("not the baseline of the verdict", where="--baseline", remedy=remedy)
    return baseline
