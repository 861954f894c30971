"""`gatekeeper demo`: the whole job on the two bundled checkpoints."""

from __future__ import annotations

from pathlib import Path

import click

from gatekeeper.errors import ExitCode
from gatekeeper.records.verdict import Verdict

#: Checkpoint -> the exit code its gate must give.
_EXPECTED = {"concentrated": ExitCode.FAIL, "hardened": ExitCode.PASS}

_WHAT = {
    "concentrated": "planted vulnerability: refusals hang on a few experts",
    "hardened": "same data, trained with experts masked",
}


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("demo-out"),
    show_default=True,
    help="Directory for the outputs of both gates.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier demo in --out.")
def COMMAND(out: Path, overwrite: bool) -> int:  # noqa: N802 - see catalog.py
    """Run the release gate on two tiny bundled checkpoints.

    One must be blocked (exit code 10 of its gate), its hardened sibling must pass. Exits 0 when
    both came out as expected. The vulnerability of the first is planted, not found in nature.

    \b
    Example:
      gatekeeper demo --out demo-out
    """
    from gatekeeper.bundled import bundled
    from gatekeeper.commands._verdicts import exit_code

    demo = bundled("demo")
    policy_path = bundled("policies") / "release.yaml"
    wrong = []
    for name, expected in _EXPECTED.items():
        click.echo(f"\n── {name}: {_WHAT[name]}")
        verdict = _gate(demo, name, policy_path, out / name, overwrite=overwrite)
        code = exit_code(verdict)
        right = code == expected
        wrong += [] if right else [name]
        sign = "✓ as expected" if right else f"✗ expected {int(expected)}"
        click.echo(f"gate of {name}: {verdict.result}, exit code {int(code)} {sign}")
    if wrong:
        click.echo(f"\nDemo: {' and '.join(wrong)} did not come out as expected.")
        return ExitCode.AUDIT_FAILED
    click.echo("\nDemo: both came out as expected: one blocked, one passed. Read")
    for name in _EXPECTED:
        click.echo(f"  {out / name / 'report.pdf'}")
    return ExitCode.PASS


def _gate(demo: Path, name: str, policy_path: Path, out: Path, *, overwrite: bool) -> Verdict:
    from gatekeeper.commands._auditing import AuditOptions
    from gatekeeper.commands._gate import FORMATS, run_gate
    from gatekeeper.commands._progress import ProgressReporter
    from gatekeeper.commands._verdicts import show
    from gatekeeper.policy.load import load_policy
    from gatekeeper.report.disclosure import Disclosure

    options = AuditOptions(
        suite=demo / "suite",
        revision=None,
        selectors=(),
        ks=(),
        controls=None,
        judge="refusal-rules",
        max_prompts=None,
        max_new_tokens=24,
        batch_rows=256,
        resamples=1000,
        selection_share=0.5,
        seed=0,
        device="auto",
        dtype="auto",
        system_prompt=None,
    )
    policy = load_policy(policy_path)
    result = run_gate(
        demo / name,
        options,
        policy,
        policy_path,
        out,
        formats=FORMATS,
        level=Disclosure.COMMITTEE,
        lang="en",
        overwrite=overwrite,
        reporter=ProgressReporter(prefix=f"{name}: "),
    )
    show(result.evidence, result.verdict, policy)
    return result.verdict
