"""As much of a GitHub runner as the action's steps need: what is tested is the file that ships.

Steps are read from action.yml; `run` scripts get the shell, the environment files and the working
directory that a runner gives them; the log is read the way a runner reads it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / ".github/actions/gatekeeper"

#: Stands for `gatekeeper`: keeps its arguments and environment, then does what plan.json says.
_FAKE = """#!{python} -IS
import json, os, pathlib, signal, sys
here = pathlib.Path(__file__).parent
plan = json.loads((here / "plan.json").read_text())
(here / "calls.jsonl").open("a").write(json.dumps([sys.argv[1:], dict(os.environ)]) + "\\n")
out = next((a[6:] for a in reversed(sys.argv) if a.startswith("--out=")), ".")
for name, text in plan["files"].items():
    path = pathlib.Path(out) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
print(plan["log"], end="", flush=True)
if plan["code"] < 0:
    os.kill(os.getpid(), -plan["code"])
sys.exit(plan["code"])
"""


@dataclass
class Command:
    """A workflow command that a runner would have obeyed."""

    name: str
    properties: dict[str, str]
    message: str


@dataclass
class Outcome:
    """What a run of the action left behind."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str
    commands: list[Command]
    #: arguments and environment of each call of the fake gatekeeper
    calls: list[tuple[list[str], dict[str, str]]]
    #: `with` of each artifact upload that would have run
    uploads: list[dict[str, str]]

    def annotations(self, level: str) -> list[Command]:
        return [c for c in self.commands if c.name == level]


@dataclass
class Runner:
    """A workspace with the fake on PATH; `run` plays the action once."""

    workspace: Path
    temp: Path
    code: int = 0
    log: str = ""
    files: dict[str, str] = field(default_factory=dict)
    fake: bool = True
    #: steps that never came to write an output
    skip: set[str] = field(default_factory=set)

    def run(self, **inputs: str) -> Outcome:
        action = yaml.safe_load((ACTION / "action.yml").read_text(encoding="utf-8"))
        given = {name: str(spec.get("default", "")) for name, spec in action["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        tools = self.temp / "bin"
        tools.mkdir(exist_ok=True)
        if self.fake:
            fake = tools / "gatekeeper"
            fake.write_text(_FAKE.format(python=sys.executable))
            fake.chmod(0o755)
            plan = {"code": self.code, "log": self.log, "files": self.files}
            (tools / "plan.json").write_text(json.dumps(plan))
        play = _Play(self, given, tools)
        for step in action["runs"]["steps"]:
            play.step(step)
        outputs = {k: play.fill(v["value"]) for k, v in action["outputs"].items()}
        calls = tools / "calls.jsonl"
        lines = calls.read_text().splitlines() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return Outcome(
            code=play.code,
            log=play.log,
            outputs=outputs,
            summary=play.summary,
            commands=read_commands(play.log),
            calls=[tuple(json.loads(line)) for line in lines],
            uploads=play.uploads,
        )


class _Play:
    """The state of one run: step outputs, job status, log."""

    def __init__(self, runner: Runner, inputs: dict[str, str], tools: Path) -> None:
        self.runner = runner
        self.inputs = inputs
        self.tools = tools
        self.outputs: dict[str, dict[str, str]] = {}
        self.code = 0
        self.log = ""
        self.summary = ""
        self.uploads: list[dict[str, str]] = []

    def value(self, reference: str) -> str:
        parts = reference.strip().split(".")
        if parts[0] == "inputs":
            return self.inputs[parts[1]]
        assert parts[0] == "steps" and parts[2] == "outputs", reference
        return self.outputs[parts[1]].get(parts[3], "")

    def fill(self, text: str) -> str:
        return re.sub(r"\$\{\{(.+?)\}\}", lambda match: self.value(match[1]), text)

    def wanted(self, condition: str | None) -> bool:
        terms = [term.strip() for term in (condition or "success()").split("&&")]
        for term in terms:
            if term == "success()":
                holds = self.code == 0
            elif term == "always()":
                holds = True
            else:
                reference, empty = term.split(" != ")
                assert empty == "''", term
                holds = self.value(reference) != ""
            if not holds:
                return False
        return True

    def step(self, step: dict[str, Any]) -> None:
        name = step.get("id", step["name"])
        self.outputs[name] = {}
        if name in self.runner.skip or not self.wanted(step.get("if")):
            return
        if "uses" in step:
            self.uploads.append({k: self.fill(str(v)) for k, v in step["with"].items()})
            return
        assert step["shell"] == "bash"
        self.shell(name, step["run"], {k: self.fill(v) for k, v in step["env"].items()})

    def shell(self, name: str, script: str, environment: dict[str, str]) -> None:
        assert "${{" not in script, "an expression inside a script is an injection"
        files = {}
        for variable in ("OUTPUT", "STEP_SUMMARY", "ENV", "PATH", "STATE"):
            path = self.runner.temp / f"{name}-{variable}"
            path.write_text("")
            files[f"GITHUB_{variable}"] = str(path)
        (self.runner.temp / f"{name}.sh").write_text(script)
        done = subprocess.run(
            [
                "bash",
                "--noprofile",
                "--norc",
                "-eo",
                "pipefail",
                str(self.runner.temp / f"{name}.sh"),
            ],
            cwd=self.runner.workspace,
            env={
                "PATH": f"{self.tools}{os.pathsep}{os.environ['PATH']}",
                "GITHUB_ACTION_PATH": str(ACTION),
                "RUNNER_TEMP": str(self.runner.temp),
                **files,
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
        )
        self.log += done.stdout.decode("utf-8", errors="replace")
        self.code = self.code or done.returncode
        self.outputs[name] = read_outputs(Path(files["GITHUB_OUTPUT"]).read_text(encoding="utf-8"))
        self.summary += Path(files["GITHUB_STEP_SUMMARY"]).read_text(encoding="utf-8")
        for untouched in ("ENV", "PATH", "STATE"):
            assert Path(files[f"GITHUB_{untouched}"]).read_text() == ""


def read_outputs(text: str) -> dict[str, str]:
    """GITHUB_OUTPUT as a runner reads it: `name<<END`, lines, `END`; or `name=value`."""
    outputs: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, heredoc, delimiter = line.partition("<<")
        if heredoc and "=" not in name:
            value = []
            for inner in lines:
                if inner == delimiter:
                    break
                value.append(inner)
            else:
                raise AssertionError(f"no end of {name}")
            outputs[name] = "\n".join(value)
        else:
            name, _, value_text = line.partition("=")
            outputs[name] = value_text
    return outputs


def read_commands(log: str) -> list[Command]:
    """The commands in a log that a runner obeys, `stop-commands` included."""
    commands = []
    resume = None
    for raw in re.split(r"\r\n|\n|\r", log):
        line = raw.strip()
        if resume is not None:
            resume = None if line == f"::{resume}::" else resume
            continue
        match = re.match(r"::([\w-]+)(?: (.*?))?::(.*)$", line)
        if match is None:
            assert "##[" not in line, "the old form of a command"
            continue
        if match[1] == "stop-commands":
            resume = match[3]
            continue
        pairs = (pair.split("=", 1) for pair in (match[2] or "").split(",") if pair)
        properties = {key: _unescaped(value) for key, value in pairs}
        commands.append(Command(match[1], properties, _unescaped(match[3])))
    assert resume is None, "commands were never switched on again"
    return commands


def _unescaped(text: str) -> str:
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, character)
    return text
