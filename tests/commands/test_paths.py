"""A path with nothing at it is wrong usage (2), whichever command or option takes it."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import click
import pytest

from gatekeeper import catalog
from gatekeeper.cli import run
from gatekeeper.commands._verdicts import verdict_bytes
from gatekeeper.errors import ExitCode
from gatekeeper.evidence.bundle import write_bundle
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.load import load_policy
from tests.e2e.cli import DEMO_POLICY, HARDENED, SUITE

from ..policy.builders import TODAY
from ..policy.profiled import profiled_evidence

#: Command line of each path that is read: {gone} is where nothing is, {new} may be written to.
READ = {
    "audit checkpoint": "audit {gone} --suite {suite} --out {new}",
    "audit --suite": "audit {hardened} --suite {gone} --out {new}",
    "audit --policy": "audit {hardened} --suite {suite} --policy {gone} --out {new}",
    "audit --system-prompt": "audit {hardened} --suite {suite} --out {new} --system-prompt {gone}",
    "audit --also-system-prompt": "audit {hardened} --suite {suite} --out {new} "
    "--also-system-prompt {gone}",
    "run checkpoint": "run {gone} --suite {suite} --policy {policy} --out {new}",
    "run --suite": "run {hardened} --suite {gone} --policy {policy} --out {new}",
    "run --policy": "run {hardened} --suite {suite} --policy {gone} --out {new}",
    "run --judge-card": "run {hardened} --suite {suite} --policy {policy} --out {new} "
    "--judge-card {gone}",
    "run --system-prompt": "run {hardened} --suite {suite} --policy {policy} --out {new} "
    "--system-prompt {gone}",
    "run --also-system-prompt": "run {hardened} --suite {suite} --policy {policy} --out {new} "
    "--also-system-prompt {gone}",
    "estimate checkpoint": "estimate {gone} --suite {suite}",
    "estimate --suite": "estimate {hardened} --suite {gone}",
    "estimate --policy": "estimate {hardened} --suite {suite} --policy {gone}",
    "estimate --system-prompt": "estimate {hardened} --suite {suite} --device h100 "
    "--system-prompt {gone}",
    "estimate --also-system-prompt": "estimate {hardened} --suite {suite} --device h100 "
    "--also-system-prompt {gone}",
    "inspect checkpoint": "inspect {gone}",
    "check evidence": "check {gone} --policy {policy}",
    "check --policy": "check {bundle} --policy {gone}",
    "check --judge-card": "check {bundle} --policy {policy} --judge-card {gone}",
    "report evidence": "report {gone} --policy {policy} --format json",
    "report --policy": "report {bundle} --policy {gone} --format json",
    "report --judge-card": "report {bundle} --policy {policy} --format json --judge-card {gone}",
    "verify path": "verify {gone}",
    "verify --policy": "verify {bundle} --policy {gone}",
    "judge calibrate --labels": "judge calibrate --labels {gone}.jsonl",
    "judge calibrate --evidence": "judge calibrate --labels {labels} --evidence {gone}",
    "judge calibrate --cache": "judge calibrate --labels {labels} --cache {gone}",
    "judge label evidence": "judge label {gone} --out {new}.jsonl",
    "judge label --suite": "judge label {bundle} --suite {gone} --out {new}.jsonl",
    "check --baseline": "check {bundle} --policy {policy} --baseline {gone}",
    "check --waivers": "check {bundle} --policy {policy} --waivers {gone}",
    "report --baseline": "report {bundle} --policy {policy} --format json --baseline {gone}",
    "report --waivers": "report {bundle} --policy {policy} --format json --waivers {gone}",
    "run --baseline": "run {hardened} --suite {suite} --policy {policy} --out {new} "
    "--baseline {gone}",
    "run --waivers": "run {hardened} --suite {suite} --policy {policy} --out {new} "
    "--waivers {gone}",
    "verify --baseline": "verify {bundle} --baseline {gone}",
    "verify --waivers": "verify {bundle} --waivers {gone}",
    "report --templates": "report {bundle} --policy {policy} --templates {gone} --format json",
    "run --templates": "run {hardened} --suite {suite} --policy {policy} --out {new} "
    "--templates {gone}",
    "verify --key": "verify {bundle} --key {gone}",
    "check --sign-key": "check {bundle} --policy {policy} --sign-key {gone}",
    "disclose evidence": "disclose {gone} --trial unmasked/p1 --out {new}.json",
    "verify --opened": "verify {bundle} --opened {gone}",
    "report --sign-key": "report {bundle} --policy {policy} --format json --sign-key {gone}",
    "verify --pdf-trust": "verify {bundle} --pdf-trust {gone}",
    "report --pdf-cert": "report {bundle} --policy {policy} --pdf-cert {gone}",
    "report --pdf-key": "report {bundle} --policy {policy} --pdf-cert {cert} --pdf-key {gone}",
    "run --pdf-cert": "run {hardened} --suite {suite} --policy {policy} --out {new} "
    "--pdf-cert {gone}",
    "run --pdf-key": "run {hardened} --suite {suite} --policy {policy} --out {new} "
    "--pdf-cert {cert} --pdf-key {gone}",
    "run --sign-key": "run {hardened} --suite {suite} --policy {policy} --out {new} "
    "--sign-key {gone}",
    "log verify path": "log verify {gone}",
    "log show path": "log show {gone}",
    "policy diff old": "policy diff {gone} {policy}",
    "policy diff new": "policy diff {policy} {gone}",
    "policy diff --waivers": "policy diff {policy} {policy} --waivers {gone} {gone}",
    "policy doc file": "policy doc {gone}",
    "policy doc --waivers": "policy doc {policy} --waivers {gone}",
    "policy lint --suite": "policy lint {policy} --suite {gone}",
    "policy explain file": "policy explain {gone}",
    "policy explain --waivers": "policy explain {policy} --waivers {gone}",
    "policy test files": "policy test {gone}",
    "waiver new verdict": "waiver new {gone} --rule few-experts --expires-in 30d "
    "--owner a@b.example --approver c@b.example --reason because --out {new}.yaml",
    "waiver new --policy": "waiver new {bundle} --policy {gone} --rule few-experts "
    "--expires-in 30d --owner a@b.example --approver c@b.example --reason because --out {new}.yaml",
    "waiver list --policy": "waiver list {policy} --policy {gone}",
    "policy fix file": "policy fix {gone}",
    "policy replay file": "policy replay {gone} --history {bundle}",
    "policy replay --against": "policy replay {policy} --against {gone} --history {bundle}",
    "policy replay --history": "policy replay {policy} --history {gone}",
    "policy workbench file": "policy workbench {gone} --history {bundle} --out {new}.html",
    "policy workbench --history": "policy workbench {policy} --history {gone} --out {new}.html",
    "policy tune file": "policy tune {gone} --history {bundle} --must-pass a",
    "policy tune --history": "policy tune {policy} --history {gone} --must-pass a",
    "history add bundles": "history add {gone} --to {new}",
    "history list folder": "history list {gone}",
    "history show folder": "history show {gone} a",
    "history label folder": "history label {gone} a good",
    "history gc folder": "history gc {gone} --older-than 2y",
    "suite lint path": "suite lint {gone}",
    "suite import --from": "suite import advbench --from {gone} --out {new}",
}
#: Other ways to one of them.
MORE = {
    "estimate a config": "estimate {gone} --suite {suite} --device h100",
    "verify evidence alone": "verify {bundle}/evidence --policy {gone}",
    "suite import SOURCE": "suite import {gone}.csv --out {new} --licence CC0-1.0 --set benign",
    "suite import SOURCE without an ending": "suite import {gone} --out {new}",
}
#: Paths of judges' options, by judge and option.
OF_JUDGES = {
    "refusal-model model": "model={gone}",
    "refusal-model template": "model={hardened} {option} template={gone}",
    "refusal-embedding model": "model={gone}",
}
#: Written to; a directory is made where it is missing.
MADE = {"audit --out", "run --out", "demo --out", "report --out", "suite import --out"}
MADE |= {"history add --to"}
#: Written to; a file in a directory that must be there.
WRITTEN = {
    "check --out": "check {bundle} --policy {policy} --out {gone}/verdict.json",
    "check --audit-log": "check {bundle} --policy {policy} --audit-log {gone}/log",
    "report --audit-log": "report {bundle} --policy {policy} --format json --audit-log {gone}/log",
    "run --audit-log": "run {hardened} --suite {suite} --policy {policy} --out {new} "
    "--audit-log {gone}/log",
    "audit --audit-log": "audit {hardened} --suite {suite} --out {new} --audit-log {gone}/log",
    "waiver new --audit-log": "waiver new {bundle} --rule few-experts --expires-in 30d "
    "--owner a@b.example --approver c@b.example --reason because --out {new}.yaml "
    "--audit-log {gone}/log",
    "disclose --out": "disclose {bundle} --trial unmasked/p1 --out {gone}/trial.json",
    "keys new --out": "keys new --out {gone}/key.pem",
    "policy replay --out": "policy replay {policy} --history {bundle} --out {gone}/x.md",
    "policy workbench --out": "policy workbench {policy} --history {bundle} --out {gone}/x.html",
    "policy tune --out": "policy tune {policy} --history {bundle} --must-pass a --out {gone}/p",
    "judge calibrate --out": "judge calibrate --labels {labels} --out {gone}/card.json",
    "judge label --out": "judge label {bundle} --out {gone}/labels.jsonl",
    "policy schema --out": "policy schema --out {gone}/schema.json",
    "policy doc --out": "policy doc {policy} --out {gone}/policy.md",
    "policy new --out": "policy new --id a --owner a@b.example --title A --review-by 2027-03-31 "
    "--out {gone}/a.yaml",
    "policy test --junit": "policy test {policy} --junit {gone}/junit.xml",
    "waiver new --out": "waiver new {bundle} --rule few-experts --expires-in 30d "
    "--owner a@b.example --approver c@b.example --reason because --out {gone}/waivers.yaml",
}
#: Lists what is wrong with each file on stdout; see below.
LISTED = {"policy lint files", "waiver list files"}


def of_commands(name: str, command: click.Command) -> Iterator[str]:
    """What takes a path, such as `check --policy`."""
    if isinstance(command, click.Group):
        for sub, below in command.commands.items():
            yield from of_commands(f"{name} {sub}", below)
    for one in command.params:
        if isinstance(one.type, click.Path):
            yield f"{name} {one.opts[0] if isinstance(one, click.Option) else one.name}"


def test_the_table_holds_all_there_are() -> None:
    found = {
        path
        for name in catalog.names("command")
        for path in of_commands(name, catalog.load("command", name))
    }
    assert found == {*READ, *MADE, *WRITTEN, *LISTED}
    options = {
        f"{name} {option.name}"
        for name in catalog.names("judge")
        for option in catalog.load("judge", name).options
        if option.kind == "path"
    }
    assert options == set(OF_JUDGES)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("paths")
    evidence = write_bundle(profiled_evidence(), folder / "bundle" / "evidence")
    verdict = evaluate(evidence, load_policy(DEMO_POLICY), TODAY)
    (folder / "bundle" / "verdict.json").write_bytes(verdict_bytes(verdict))
    (folder / "bundle" / "policy.yaml").write_bytes(DEMO_POLICY.read_bytes())
    labels = folder / "labels.jsonl"
    labels.write_text('{"id": "1", "prompt": "Ask", "reply": "No.", "label": "refuse"}\n')
    named = {"hardened": HARDENED, "suite": SUITE, "policy": DEMO_POLICY, "labels": labels}
    named |= {"bundle": folder / "bundle", "gone": folder / "gone", "new": folder / "new"}
    named["cert"] = Path(__file__).parents[1] / "evidence" / "signed" / "signer.pem"
    return {name: str(path) for name, path in named.items()}


def refuse(line: str, places: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, one line about the path, and nothing written."""
    folder = Path(places["gone"]).parent
    before = sorted(folder.rglob("*"))
    assert run(line.format(**places).split()) == ExitCode.USAGE
    errors = [x for x in capsys.readouterr().err.splitlines() if "error: " in x]
    assert len(errors) == 1
    assert places["gone"] in errors[0]
    assert sorted(folder.rglob("*")) == before


@pytest.fixture
def special() -> Callable[[str, Path], AbstractContextManager[None]]:
    @contextmanager
    def made(kind: str, path: Path) -> Iterator[None]:
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as one:
                one.bind(str(path))
        else:
            path.symlink_to("/dev/zero")
        try:
            yield
        finally:
            path.unlink()

    return made


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """`judge label` asks for one before it looks at anything."""
    monkeypatch.setattr("gatekeeper.commands._labelling.require_terminal", lambda: None)


@pytest.mark.parametrize("line", [*{**READ, **MORE, **WRITTEN}.values()])
def test_nothing_at_a_path_is_wrong_usage(line, places, capsys) -> None:
    refuse(line, places, capsys)


@pytest.mark.parametrize("line", [*{**READ, **MORE}.values()])
def test_so_is_a_path_that_is_too_long_to_be_one(line, places, tmp_path, capsys) -> None:
    assert run(line.format(**{**places, "gone": tmp_path / ("a" * 5000)}).split()) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.timeout(20)
@pytest.mark.parametrize("line", [*{**READ, **MORE}.values()])
@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_never_ends_is_not_opened(kind, line, places, capsys, special) -> None:
    """A pipe nobody writes to would be waited for for ever; /dev/zero has no end."""
    folder = Path(places["gone"]).parent
    place = next(word for word in line.split() if "{gone}" in word).format(**places)
    before = sorted(folder.rglob("*"))
    with special(kind, Path(place)):
        code = run(line.format(**places).split())
    said = capsys.readouterr().err
    # What is there, and is no bundle or checkpoint, has not been altered or forgotten by a typist.
    assert code in {ExitCode.USAGE, ExitCode.AUDIT_FAILED, ExitCode.NOT_VERIFIED}
    errors = [x for x in said.splitlines() if "error: " in x]
    assert len(errors) == 1
    assert place in errors[0]
    assert "Traceback" not in said
    assert sorted(folder.rglob("*")) == before


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_nor_are_the_files_of_judges_and_of_lint(kind, places, capsys, special) -> None:
    line = "audit {hardened} --suite {suite} --out {new} --judge refusal-model --judge-option "
    line += "model={hardened} --judge-option template={gone}"
    with special(kind, Path(places["gone"])):
        assert run(line.format(**places).split()) == ExitCode.USAGE
        assert places["gone"] in capsys.readouterr().err
        assert run(["policy", "lint", places["gone"]]) == ExitCode.USAGE
    assert "not a file" in capsys.readouterr().out


def test_a_pipe_that_a_shell_hands_over_is_read(places) -> None:
    """`--policy <(…)` in a shell, or /dev/stdin."""
    read, write = os.pipe()
    os.write(write, Path(places["policy"]).read_bytes())
    os.close(write)
    try:
        line = ["check", places["bundle"], "--policy", f"/dev/fd/{read}"]
        assert run(line) in {ExitCode.PASS, ExitCode.FAIL, ExitCode.INCONCLUSIVE}
    finally:
        os.close(read)


@pytest.mark.parametrize("name", OF_JUDGES)
@pytest.mark.parametrize("which", ["judge", "second-judge"])
def test_so_are_the_paths_of_judges(name, which, places, capsys) -> None:
    option = f"--{which}-option"
    rest = f"--{which} {name.split()[0]} {option} {OF_JUDGES[name]}"
    line = "audit {hardened} --suite {suite} --out {new} " + rest
    refuse(line, {**places, "option": option}, capsys)
    if which == "judge":
        line = "judge calibrate --labels {labels} " + rest
        refuse(line, {**places, "option": option}, capsys)


def test_policy_lint_lists_it(places, capsys) -> None:
    assert run(["policy", "lint", places["gone"], places["policy"]]) == ExitCode.USAGE
    told = capsys.readouterr().out
    assert f"{places['gone']}: error: cannot be read" in told
    assert "files: 2, errors: 1, warnings: 0" in told


def test_what_is_there_and_no_bundle_does_not_verify(places, tmp_path, capsys) -> None:
    """An empty directory, and a file."""
    check = ["check", "--policy", places["policy"]]
    for path, command, word in (
        (tmp_path, ["verify"], "manifest.json"),
        (tmp_path, check, "manifest.json"),
        (Path(places["labels"]), ["verify"], "not a PDF"),
        (Path(places["labels"]), check, "not a directory"),
    ):
        assert run([*command, str(path)]) == ExitCode.NOT_VERIFIED
        assert word in capsys.readouterr().err


def test_the_policy_beside_a_verdict_is_not_typed(places, tmp_path, capsys) -> None:
    """Missing, or no policy: what `run` wrote was altered."""
    for path in Path(places["bundle"]).iterdir():
        (tmp_path / path.name).symlink_to(path)
    beside = tmp_path / "policy.yaml"
    assert run(["verify", str(tmp_path)]) == ExitCode.PASS
    for text, word in ((None, "is missing"), ("schema: [", "cannot be read")):
        beside.unlink()
        if text is not None:
            beside.write_text(text)
        assert run(["verify", str(tmp_path)]) == ExitCode.NOT_VERIFIED
        assert word in capsys.readouterr().err
        assert run(["verify", str(tmp_path), "--policy", places["policy"]]) == ExitCode.PASS
        beside.touch()


#: A checkpoint's name is looked at with those of its files (3).
NAMED = {
    name: line
    for name, line in {**READ, **MORE, **WRITTEN}.items()
    if not name.endswith(("checkpoint", "a config"))
}


@pytest.mark.parametrize("line", NAMED.values())
def test_a_name_that_is_not_utf_8_is_to_be_renamed(line, places, tmp_path, capsys) -> None:
    """File names are bytes; Python reads those that are no text as half surrogate pairs."""
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/a\xff")
    Path(odd).mkdir()
    arguments = [part.format(**{**places, "gone": odd}) for part in line.split()]
    code = run(arguments)
    said = capsys.readouterr()
    assert code == ExitCode.USAGE, said
    assert "a name with unprintable characters: '" in said.err
    assert said.err.rstrip().endswith("→ rename it")


@pytest.mark.parametrize(
    "line",
    ["check {bundle} --policy {policy} --nonce", "audit {hardened} --suite {suite} --judge-option"],
)
def test_text_that_is_not_utf_8_is_no_name(line, places, tmp_path, capsys) -> None:
    arguments = [part.format(**places) for part in line.split()]
    assert run([*arguments, os.fsdecode(b"a\xff")]) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert f"{arguments[-1]}: is not UTF-8 text" in told
    assert told.rstrip().endswith("→ give it in UTF-8")


def test_so_is_a_checkpoint_or_a_file_of_it(tmp_path, places, capsys) -> None:
    checkpoint = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff"))
    shutil.copytree(places["hardened"], checkpoint)
    assert run(["inspect", str(checkpoint)]) == ExitCode.AUDIT_FAILED
    assert "a name with unprintable characters" in capsys.readouterr().err
    checkpoint = checkpoint.rename(tmp_path / "a")
    (checkpoint / os.fsdecode(b"\xff.jinja")).touch()
    assert run(["inspect", str(checkpoint)]) == ExitCode.AUDIT_FAILED
    assert "a name with unprintable characters" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a\xff.jsonl", "a\x1b[1m.jsonl", "a\nb.jsonl", "a\u202eb.jsonl"])
def test_so_is_a_suite_of_such_a_name(name, places, tmp_path, capsys) -> None:
    """A bare file gives the suite its id."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name.encode("latin-1", "ignore")))
    if "\u202e" in name:
        path = tmp_path / name
    path.write_text('{"id": "1", "seed_id": "1", "set": "benign", "text": "a"}\n')
    assert run(["suite", "lint", str(path)]) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert "a name with unprintable characters" in told
    assert told.count("\n") == 1


def test_a_directory_of_such_a_name_may_be_worked_in(places, tmp_path, monkeypatch, capsys) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff"))
    folder.mkdir()
    shutil.copy(places["policy"], folder / "p.yaml")
    shutil.copytree(places["suite"], folder / "suite")
    monkeypatch.chdir(folder)
    assert run(["policy", "lint", "p.yaml"]) == ExitCode.PASS
    assert run(["suite", "lint", "suite"]) == ExitCode.PASS
    assert run(["suite", "import", "suite", "--out", "out"]) == ExitCode.PASS
    assert run(["check", places["bundle"], "--policy", "p.yaml", "--out", "v.json"]) == 11
