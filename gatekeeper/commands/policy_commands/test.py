"""`gatekeeper policy test`: whether a policy answers as its tests say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatekeeper.commands._policy_file import PolicyFile
from gatekeeper.commands._tier import tier_option
from gatekeeper.errors import ExitCode

if TYPE_CHECKING:
    from gatekeeper.records.evidence import Evidence


@click.command("test")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=PolicyFile())
@click.option(
    "--mutate",
    is_flag=True,
    help="Weaken each limit, rule and need by one step too, and name what no test notices.",
)
@click.option(
    "--require-tests", is_flag=True, help="A policy without tests, or a rule without one, fails."
)
@click.option(
    "--junit", type=click.Path(path_type=Path), help="Write the results as JUnit XML to this file."
)
@tier_option
def test(
    files: tuple[Path, ...],
    mutate: bool,
    require_tests: bool,
    junit: Path | None,
    tier: str | None,
) -> int:
    """Hold policies against the tests beside them: NAME.test.yaml beside NAME.yaml.

    A test says what an audit found, in numbers or as a bundle, and what the policy must answer:
    which rules do not pass, and the exit code. Each FILE is a policy or its tests. Those of a tier
    lie in NAME.TIER.test.yaml, and are run with --tier, or by their own name. Exits with 0 if
    all is as the tests say, else 2; with --mutate also if a weaker policy would pass them all.

    \b
    Example:
      gatekeeper policy test policies/release.yaml
      gatekeeper policy test --mutate --require-tests --junit tests.xml policies/*.yaml
    """
    from datetime import date

    from gatekeeper.evidence.bundle import check_writable, write_bytes
    from gatekeeper.policy.testing.results import run_tests
    from gatekeeper.policy.testing.show import as_junit, lines

    if junit is not None:
        check_writable(junit)
    results = run_tests(files, date.today(), open_bundle=_evidence, mutate=mutate, tier=tier)
    for result in results:
        for line in lines(result, require_tests=require_tests):
            click.echo(line)
    if junit is not None:
        write_bytes(junit, as_junit(results, require_tests=require_tests))
    held = all(result.held(require_tests=require_tests) for result in results)
    return ExitCode.PASS if held else ExitCode.USAGE


def _evidence(path: Path) -> Evidence:
    """The evidence of a bundle, measured again."""
    from gatekeeper.commands._verdicts import bundle_of
    from gatekeeper.evidence.bundle import read_bundle
    from gatekeeper.verify.verify import recheck

    return recheck(read_bundle(bundle_of(path))).evidence


COMMAND = test
