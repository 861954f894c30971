"""What the composite action does, on the standard library alone.

`gate.py run` runs the gate and keeps its exit code; `gate.py report` turns what the gate left
behind into outputs, job summary and annotations. Neither fails the step: the action's last step
does, after the report is kept. Inputs come from the environment only.

A reply of the audited model may hold workflow commands (`::set-env …`). So the runner is told to
ignore commands while the gate runs, and the gate cannot see the runner's command files.
"""

from __future__ import annotations

import html
import json
import os
import re
import secrets
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

VERDICTS = {0: "pass", 10: "fail", 11: "inconclusive"}
#: What each may come to in a verdict.json; the first stands in where it names none.
HEADLINES = {
    "pass": ("passed", "passed by exception"),
    "fail": ("failed", "failed on warnings"),
    "inconclusive": ("inconclusive",),
}
USAGE, AUDIT_FAILED = 2, 3

#: GitHub drops a job summary above 1 MiB, while the step passes. A little less: room for doubt.
SUMMARY_LIMIT = 1024 * 1024 - 1024
#: GitHub shows no more than 10 errors and 10 warnings of a step.
ANNOTATION_LIMIT = 10
_TEXT_LIMIT = 600
_VERDICT_BYTES = 16 * 1024 * 1024
_CUT = "\n\n*Cut here: longer than a job summary may be. The report has the rest.*\n"

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

_COMMAND_FILES = (
    "GITHUB_OUTPUT",
    "GITHUB_ENV",
    "GITHUB_PATH",
    "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY",
)
#: What an earlier run on the same runner may have left: it must not pass for this run's answer.
_ANSWERS = (
    "verdict.json",
    "summary.md",
    "junit.xml",
    "report.*",
    "results.sarif",
    "assessment-results.json",
    "bom.cdx.json",
    "verdict.intoto.json",
    "eval-results.yaml",
)


def write_output(name: str, value: str) -> None:
    """Set an output of the step; the random delimiter keeps a value from ending itself."""
    delimiter = f"gatekeeper-{secrets.token_hex(16)}"
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.write(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")


def one_line(text: object) -> str:
    """Foreign text as one line of printable characters of bounded length."""
    line = "".join(c if c.isprintable() else " " for c in str(text)).replace("##[", "# #[")
    line = " ".join(line.split())
    return line if len(line) <= _TEXT_LIMIT else line[: _TEXT_LIMIT - 1] + "…"


def annotate(level: str, text: object, **properties: object) -> None:
    """Write an annotation (`error` or `warning`); no text or property can end it or start another.

    Args:
        properties: `title`, and `file` and `line` where the run's page should anchor it.
    """
    parts = (f"{name}={_escaped(value, ':,')}" for name, value in properties.items() if value)
    sys.stdout.write(f"::{level} {','.join(parts)}::{_escaped(text)}\n")


def _escaped(text: object, further: str = "") -> str:
    return "".join(f"%{ord(c):02X}" if c in "%" + further else c for c in one_line(text))


def gate_command(environment: dict[str, str]) -> list[str]:
    """The command line of the gate.

    Values are bound to their option by `=` and the checkpoint follows `--`, so that none of them is
    read as an option; the fixed options come after the extra ones and so win over them.

    Raises:
        ValueError: an input is empty, or the extra arguments have an unclosed quote.
    """
    values = {
        name: environment.get(f"GATE_{name.upper()}", "") for name in ("suite", "policy", "out")
    }
    values["checkpoint"] = environment.get("GATE_CHECKPOINT", "")
    empty = [name for name, value in values.items() if not value.strip()]
    if empty:
        raise ValueError(f"input {empty[0]} is empty")
    try:
        extra = shlex.split(environment.get("GATE_ARGS", ""))
    except ValueError as error:
        raise ValueError(f"input args cannot be split into words: {error}") from error
    if "--" in extra:
        raise ValueError("input args must not hold a bare --")
    fixed = [f"--{name}={values[name]}" for name in ("suite", "policy", "out")]
    command = environment.get("GATE_COMMAND") or "gatekeeper"
    return [command, "run", *extra, *fixed, "--", values["checkpoint"]]


def run_quietly(command: list[str]) -> int:
    """Run the gate while the runner takes no commands from the log; return its exit code."""
    environment = {k: v for k, v in os.environ.items() if k not in _COMMAND_FILES}
    token = secrets.token_hex(16)
    sys.stdout.write(f"::stop-commands::{token}\n")
    sys.stdout.flush()
    try:
        code = subprocess.run(command, env=environment, check=False).returncode
    finally:
        # On a line of its own even if the gate's last line was not finished.
        sys.stdout.write(f"\n::{token}::\n")
        sys.stdout.flush()
    return code if code >= 0 else AUDIT_FAILED  # negative: killed by a signal


def run() -> None:
    """Run the gate; its exit code becomes the output `exit-code`."""
    write_output("started", str(time.time()))
    try:
        command = gate_command(dict(os.environ))
        for pattern in _ANSWERS:
            for old in Path(os.environ["GATE_OUT"]).glob(pattern):
                old.unlink()
        code = run_quietly(command)
    except ValueError as error:
        annotate("error", error, title="Gatekeeper: wrong input")
        code = USAGE
    except OSError as error:
        annotate("error", error, title="Gatekeeper: could not run")
        code = AUDIT_FAILED
    write_output("exit-code", str(code))


def read_verdict(folder: Path) -> dict[str, Any]:
    """The verdict in `folder`; empty if there is none that can be trusted to be one."""
    try:
        with (folder / "verdict.json").open("rb") as file:
            verdict = json.loads(file.read(_VERDICT_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(verdict, dict) or verdict.get("schema") != "gatekeeper/verdict/v1":
        return {}
    return verdict


def settle(code_text: str, verdict: dict[str, Any]) -> tuple[int, str, str]:
    """(exit code, verdict, one sentence) from the two answers of the gate. Fails closed.

    The exit code decides; but a zero counts as a pass only beside a written verdict that says so
    (`gatekeeper run --help` exits 0 too).
    """
    code = int(code_text) if code_text.isdecimal() else AUDIT_FAILED
    said = one_line(verdict.get("summary", ""))
    if code == 0 and verdict.get("result") != "pass":
        return AUDIT_FAILED, "error", "exit code 0, but no verdict.json that says pass: not a pass"
    if code in VERDICTS:
        told = verdict.get("result")
        if told is not None and told != VERDICTS[code]:
            said = f"exit code {code}, but verdict.json says {one_line(told)}"
        return code, VERDICTS[code], said or f"exit code {code}; no summary was written"
    return code, "error", f"no verdict: the gate ended with exit code {code}, see its log above"


def headline(result: str, verdict: dict[str, Any]) -> str:
    """What the verdict comes to, as every other output of the gate says it."""
    known = HEADLINES.get(result, (result,))
    told = verdict.get("headline")
    return told if told in known else known[0]


def annotate_rules(verdict: dict[str, Any], policy: str, left: dict[str, int]) -> None:
    """One annotation for each rule that did not pass, at its line of the policy file.

    Args:
        left: how many more annotations of each level GitHub will show.
    """
    outcomes = verdict.get("outcomes")
    for outcome in outcomes if isinstance(outcomes, list) else []:
        rule = outcome.get("rule") if isinstance(outcome, dict) else None
        if not isinstance(rule, dict) or outcome.get("result") in ("pass", "waived"):
            continue
        warns = rule.get("severity") == "warn" and verdict.get("fail_on") != "warn"
        level = "warning" if warns else "error"
        left[level] -= 1
        if left[level] >= 0:
            title = f"{rule.get('id')}: {outcome.get('result')}"
            text = f"{outcome.get('explanation')}"
            # What is open is to be measured, not mended.
            if verdict.get("result") == outcome.get("result") == "fail" and rule.get("remedy"):
                text += f" → {rule.get('remedy')}"
            annotate(level, text, file=policy, line=rule.get("line"), title=title)


def write_annotations(result: str, sentence: str, verdict: dict[str, Any]) -> None:
    """The verdict, unless it is a plain pass, and what became of the rules behind it."""
    left = {"error": ANNOTATION_LIMIT, "warning": ANNOTATION_LIMIT}
    word = headline(result, verdict)
    if word != "passed":
        level = "warning" if result == "pass" else "error"
        annotate(level, sentence, title=f"Gatekeeper: {word}")
        left[level] -= 1
    if result != "error":
        annotate_rules(verdict, os.environ.get("GATE_POLICY", ""), left)


def cut_to_limit(text: bytes, limit: int) -> bytes:
    """`text` as valid UTF-8 of at most `limit` bytes; what is cut ends at a line, with a note."""
    text = text.decode("utf-8", errors="replace").encode("utf-8")
    if len(text) <= limit:
        return text
    room = limit - len(_CUT.encode())
    if room < 0:
        return b""
    kept = text[:room].rpartition(b"\n")[0] or text[:room]
    return (kept.decode("utf-8", errors="ignore") + _CUT).encode("utf-8")


def write_summary(folder: Path, result: str, word: str, sentence: str) -> None:
    """Append the gate's summary.md, or else the bare verdict, to the job summary.

    Args:
        word: the verdict's headline.
    """
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if not target:
        return
    try:
        with (folder / "summary.md").open("rb") as file:
            text = file.read(SUMMARY_LIMIT + 1)
    except OSError:
        text = b""
    if result == "error" or not text.strip():
        # A summary beside an error is not this verdict's: it may say "pass".
        shown = html.escape(sentence)
        text = f"### Gatekeeper: {word}\n\n<pre>{shown}</pre>\n".encode()
    with Path(target).open("ab") as file:
        file.write(cut_to_limit(text, SUMMARY_LIMIT - file.tell()))


def evidence_of_this_run(folder: Path, result: str) -> str:
    """Path of the bundle, or empty.

    A self-hosted runner may still hold an earlier audit's bundle: beside an error it counts only if
    it was written since the start.
    """
    bundle = folder / "evidence"
    try:
        written = (bundle / "evidence.json").stat().st_mtime
        since = float(os.environ.get("GATE_STARTED", "inf"))
    except (OSError, ValueError):
        return ""
    return str(bundle) if result != "error" or written >= since else ""


def checkpoint_digest(verdict: dict[str, Any]) -> str:
    """The digest of the checkpoint that was judged; empty if there is none."""
    checkpoint = verdict.get("checkpoint")
    digest = checkpoint.get("digest") if isinstance(checkpoint, dict) else None
    return digest if isinstance(digest, str) and _DIGEST.fullmatch(digest) else ""


def report() -> None:
    """Write outputs, job summary and annotations from what the gate left behind."""
    folder = Path(os.environ["GATE_OUT"])
    verdict = read_verdict(folder)
    code, result, sentence = settle(os.environ.get("GATE_EXIT_CODE", ""), verdict)
    write_output("exit-code", str(code))
    word = headline(result, verdict)
    write_output("verdict", result)
    write_output("headline", word)
    told = verdict.get("fail_on")
    write_output("fail-on", told if told in ("block", "warn") else "")
    write_output("report", str(folder / "report.pdf") if (folder / "report.pdf").is_file() else "")
    write_output("evidence", evidence_of_this_run(folder, result))
    write_output("checkpoint-digest", checkpoint_digest(verdict))
    write_annotations(result, sentence, verdict)
    write_summary(folder, result, word, sentence)


if __name__ == "__main__":
    {"run": run, "report": report}[sys.argv[1]]()
