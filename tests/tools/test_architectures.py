"""The page of architectures says what transformers has and what the invariants showed."""

from __future__ import annotations

import re

import pytest
import transformers

from gatekeeper import catalog
from gatekeeper.engine.model.unsupported import refusal_of
from tests.engine import zoo
from tests.engine.model import test_invariants
from tools import architectures


@pytest.fixture(scope="module")
def text() -> str:
    return architectures.PAGE.read_text(encoding="utf-8")


def rows(text: str, heading: str) -> dict[str, str]:
    section = text.split(f"## {heading}\n")[1].split("\n## ", maxsplit=1)[0]
    return dict(re.findall(r"^\| `([\w-]+)` \| (.*) \|$", section, re.MULTILINE))


def test_every_mixture_of_transformers_is_named(text):
    named = set(rows(text, "Audited")) | set(rows(text, "Refused by name"))
    assert set(zoo.mixtures()) - named == set(), "run `make architectures`, add what is new"
    assert set(rows(text, "Audited")) == set(zoo.AUDITABLE)


def test_it_is_of_the_transformers_that_is_installed(text):
    assert f"with transformers {transformers.__version__}," in text


def test_every_invariant_there_is_was_run_on_every_architecture(text):
    count = sum(name.startswith("test_") for name in dir(test_invariants))
    for name, cells in rows(text, "Audited").items():
        held, total = map(int, cells.rsplit("| ", 1)[1].split(" of "))
        skipped = len(re.findall(rf"^- `{name}`, ", text, re.MULTILINE))
        assert total == count, f"{name}: run `make architectures`"
        assert held + skipped == total


def test_what_is_refused_is_refused_and_the_rest_is_not(text):
    for name in rows(text, "Refused by name"):
        assert refusal_of(name) is not None
    for name in zoo.AUDITABLE:
        assert refusal_of(name) is None


def test_every_exception_is_one_of_a_type_that_exists():
    known = {t.removesuffix("_text").replace("_", "-") for t in zoo.mixtures()}
    assert set(catalog.names("architecture")) - {"default"} <= known | set(zoo.mixtures())
