"""`gatekeeper demo`: the whole job on the two bundled checkpoints."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from gatekeeper._process import ended
from gatekeeper.errors import AuditError, ExitCode, UsageError

#: Checkpoint -> the exit code its gate must give.
_EXPECTED = {"concentrated": ExitCode.FAIL, "hardened": ExitCode.PASS}

_WHAT = {
    "concentrated": "planted vulnerability: refusals hang on a few experts",
    "hardened": "same data, trained with experts masked",
}

#: Options of both gates: tiny models run best in large batches.
_OPTIONS = ("--batch-rows", "1024")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gate:
    """A running `gatekeeper run` and the thread that passes its progress on."""

    process: subprocess.Popen[str]
    relay: threading.Thread
    errors: list[str]


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("demo-out"),
    show_default=True,
    help="Directory for the outputs of both gates.",
)
@click.option("--lang", default="en", show_default=True, help="Language of the reports: en or ja.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier demo in --out.")
def COMMAND(out: Path, lang: str, overwrite: bool) -> int:  # noqa: N802 - see catalog.py
    """Run the release gate on two tiny bundled checkpoints.

    One must be blocked (exit code 10 of its gate), its hardened sibling must pass. Exits 0 when
    both came out as expected. The vulnerability of the first is planted, not found in nature.

    \b
    Example:
      gatekeeper demo --out demo-out
    """
    from gatekeeper.report.wording import load_wording

    load_wording(lang)
    commands = {name: _command(name, out / name, lang, overwrite=overwrite) for name in _EXPECTED}
    click.echo("Two release gates side by side, each as you would call it:")
    for name, command in commands.items():
        click.echo(f"  gatekeeper {' '.join(command)}")
        click.echo(f"    {_WHAT[name]}")
    codes = _run_all(commands)
    if codes != {name: int(code) for name, code in _EXPECTED.items()}:
        click.echo("\nDemo: not as expected: one must be blocked (10), the other must pass (0).")
        return ExitCode.AUDIT_FAILED
    click.echo("\nDemo: both came out as expected: one blocked, one passed. Read")
    for name in _EXPECTED:
        click.echo(f"  {out / name / 'report.pdf'}")
    return ExitCode.PASS


def _command(name: str, out: Path, lang: str, *, overwrite: bool) -> list[str]:
    from gatekeeper.bundled import bundled

    demo = bundled("demo")
    arguments = ["run", demo / name, "--suite", demo / "suite"]
    arguments += ["--policy", demo / "policy.yaml", "--out", out, *_OPTIONS]
    arguments += [] if lang == "en" else ["--lang", lang]
    arguments += ["--overwrite"] if overwrite else []
    return [str(argument) for argument in arguments]


def _run_all(commands: Mapping[str, list[str]]) -> dict[str, int]:
    """Runs the gates at once, each on its share of the cores, and shows what they say.

    Raises:
        UsageError, AuditError: a gate ended without a verdict.
    """
    gates: dict[str, _Gate] = {}
    try:
        for name, command in commands.items():
            gates[name] = _start(name, command, len(commands))
        for name, gate in gates.items():
            output = gate.process.stdout.read() if gate.process.stdout else ""
            gate.process.wait()
            gate.relay.join()
            _check_ended(name, gate)
            click.echo(f"\n── {name}: {_WHAT[name]}\n{output}", nl=False)
            click.echo(f"gate of {name}: exit code {gate.process.returncode}")
    finally:
        for gate in gates.values():
            if gate.process.poll() is None:
                gate.process.terminate()
                gate.process.wait()
    return {name: gate.process.returncode for name, gate in gates.items()}


def _start(name: str, command: list[str], shares: int) -> _Gate:
    threads = max(1, (os.cpu_count() or 1) // shares)
    environment = {"OMP_NUM_THREADS": str(threads), **os.environ, "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(
        [sys.executable, "-m", "gatekeeper", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env=environment,
    )
    errors: list[str] = []
    relay = threading.Thread(target=_relay, args=(name, process, errors), daemon=True)
    relay.start()
    return _Gate(process=process, relay=relay, errors=errors)


def _relay(name: str, process: subprocess.Popen[str], errors: list[str]) -> None:
    """Passes a gate's progress on, line by line, and keeps its error."""
    for line in process.stderr or ():
        if line.startswith("gatekeeper: error: "):
            errors.append(line.removeprefix("gatekeeper: error: ").strip())
        else:
            click.echo(f"{name:>12} │ {line}", err=True, nl=False)


def _check_ended(name: str, gate: _Gate) -> None:
    code = gate.process.returncode
    if code in {ExitCode.PASS, ExitCode.FAIL, ExitCode.INCONCLUSIVE}:
        return
    message = (
        gate.errors[-1]
        if gate.errors
        else f"its gate was {ended(code)}"
        if code < 0
        else f"its gate {ended(code)}"
    )
    raise (UsageError if code == ExitCode.USAGE else AuditError)(message, where=name)
