"""`gatekeeper policy new`: a policy of one's own, with the schema its first line names."""

from __future__ import annotations

import io
import re
from datetime import date
from pathlib import Path

import pytest

from gatekeeper.bundled import bundled
from gatekeeper.cli import run
from gatekeeper.errors import UsageError
from gatekeeper.policy.lint import lint_policy
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.new import shipped

FLAGS = ["--id", "chat-release", "--owner", "risk@example.com"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())


@pytest.mark.parametrize("base", shipped())
def test_it_is_the_shipped_policy_under_another_name(base: str, capsys) -> None:
    assert run(["policy", "new", "--from", base, *FLAGS]) == 0
    assert "wrote chat-release.yaml: " in capsys.readouterr().out
    made, old = (
        load_policy(path)
        for path in (Path("chat-release.yaml"), bundled("policies") / f"{base}.yaml")
    )
    assert (made.id, made.owner, made.version) == ("chat-release", "risk@example.com", "1.0")
    assert made.title == old.title and (made.review_by or date.min) > date.today()
    assert made.needs == old.needs
    assert [(r.id, r.maximum, r.minimum, r.subjects) for r in made.rules] == [
        (r.id, r.maximum, r.minimum, r.subjects) for r in old.rules
    ]
    assert lint_policy(Path("chat-release.yaml"), date.today()) == ()


def test_its_first_line_names_a_schema_that_is_there(capsys) -> None:
    Path("mine").mkdir()
    assert run(["policy", "new", *FLAGS, "--out", "mine/p.yaml"]) == 0
    first = Path("mine/p.yaml").read_text().splitlines()[0]
    match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert match and "gatekeeper/policy/v1" in (Path("mine") / match[1]).read_text()
    Path("mine/policy-schema.json").write_text("{}")
    capsys.readouterr()
    assert run(["policy", "new", *FLAGS, "--out", "mine/q.yaml"]) == 0
    assert "left mine/policy-schema.json as it is" in capsys.readouterr().out
    assert Path("mine/policy-schema.json").read_text() == "{}"


def test_it_asks_on_a_terminal_until_the_answer_will_do(monkeypatch, capsys) -> None:
    answers = [
        "strict",
        "Chat Release",
        "chat-release",
        "",
        "risk@example.com",
        "2026-13-01",
        "2027-01-31",
    ]
    monkeypatch.setattr("sys.stdin", Terminal("\n".join(answers) + "\n"))
    assert run(["policy", "new"]) == 0
    out = capsys.readouterr().out
    assert "is not a name in small letters" in out and "no such day: 2026-13-01" in out
    made = load_policy(Path("chat-release.yaml"))
    assert (made.id, str(made.review_by)) == ("chat-release", "2027-01-31")
    assert made.title == load_policy(bundled("policies") / "strict.yaml").title


def test_titles_and_people_of_any_spelling_are_kept() -> None:
    texts = ['Chat: "new" #1', "チャットモデルの公開", "true", "- a", "it's", "a: b"]
    for i, text in enumerate(texts):
        more = ["--title", text, "--out", f"{i}.yaml"]
        assert run(["policy", "new", "--id", "a", "--owner", text, *more]) == 0
        made = load_policy(Path(f"{i}.yaml"))
        assert (made.title, made.owner) == (text, text)


def test_it_is_made_from_a_file_of_ones_own_too() -> None:
    assert run(["policy", "new", *FLAGS]) == 0
    base = Path("chat-release.yaml")
    base.write_text(base.read_text() + "rules: [{id: few-experts, max: 9 points}]\n")
    Path("mine").mkdir()
    more = ["--title", "T", "--out", "mine/b.yaml"]
    assert run(["policy", "new", "--from", str(base), *FLAGS, *more]) == 0
    made = load_policy(Path("mine/b.yaml"))
    assert made.title == "T" and made.review_by is not None
    assert [rule.maximum for rule in made.rules if rule.id == "few-experts"] == [9]
    base.write_text(base.read_text().replace("9 points", "99 points"))
    with pytest.raises(UsageError, match="is of another digest"):
        load_policy(Path("mine/b.yaml"))


def test_the_example_in_it_can_be_taken_out_of_its_comment() -> None:
    assert run(["policy", "new", *FLAGS]) == 0
    path = Path("chat-release.yaml")
    head, tail = path.read_text().split("# rules:\n")
    path.write_text(head + "rules:\n" + tail.replace("#   ", "  ").replace("80 %", "81 %"))
    assert load_policy(path).rules[0].minimum == 81


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--id", "a"], "missing --owner → give it, or call this on a terminal"),
        (["--id", "Chat", "--owner", "b"], "--id: id: 'Chat' is not a name in small letters"),
        (["--id", "a", "--owner", "b\u202ec"], "--owner"),
        (["--id", "a", "--owner", "b", "--title", " "], "--title"),
        (["--id", "a", "--owner", "b", "--from", "strikt"], "--from: no policy 'strikt' → did you"),
        (["--id", "a", "--owner", "b", "--out", "no/where.yaml"], "no: no such directory"),
        (["--id", "a", "--owner", "b", "--review-by", "soon"], "is no day"),
    ],
)
def test_what_will_not_do_is_one_line_and_nothing_is_written(
    arguments: list[str], words: str, capsys
) -> None:
    assert run(["policy", "new", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not list(Path().iterdir())


def test_it_replaces_nothing(capsys) -> None:
    Path("chat-release.yaml").write_text("mine")
    assert run(["policy", "new", *FLAGS]) == 2
    assert "chat-release.yaml: is already there → choose another --out" in capsys.readouterr().err
    assert Path("chat-release.yaml").read_text() == "mine"
