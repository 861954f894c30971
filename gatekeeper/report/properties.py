"""The verdict as names with values, for formats whose own words cannot say all of it."""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.report.parts import ReportView
from gatekeeper.report.text import clean


def verdict_properties(view: ReportView) -> Iterator[tuple[str, str]]:
    """What every output says of a verdict; `waived` and `departure` may come more than once."""
    verdict = view.verdict
    yield "verdict", verdict.result
    yield "headline", verdict.headline
    yield "fail_on", verdict.fail_on
    yield "summary", clean(verdict.summary, 800)
    yield "model", view.model.name
    yield "checkpoint", verdict.checkpoint_digest
    yield "evidence", verdict.evidence_digest
    yield "policy", verdict.policy_digest
    yield "policy_version", view.policy.version
    if verdict.waivers_digest is not None:
        yield "waivers", verdict.waivers_digest
    if view.policy.tier is not None:
        yield "policy_tier", view.policy.tier
    yield "document", view.document.id
    for waiver in view.headline.waivers:
        yield "waived", waiver
    for d in verdict.departures:
        name, value, default = clean(d.name, 80), clean(d.value, 120), clean(d.default, 80)
        text = view.words("cover.departure", name=name, value=value, default=default)
        yield "departure", text


def digest_hex(digest: str) -> str:
    """The hex digits of a `sha256:` digest."""
    return digest.removeprefix("sha256:")
