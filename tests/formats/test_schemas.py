"""The validators find what is wrong: else the tests that use them show nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .rendered import rendered
from .schemas import cyclonedx_problems, jenkins_problems, oscal_problems, sarif_problems


def _changed(name: str, *path: Any, to: object) -> Any:
    document = json.loads(rendered(name, "fail"))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return document


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("version",), "2.0.0"),
        (("runs", 0, "results", 0, "level"), "blocked"),
        (("runs", 0, "results", 0, "kind"), "inconclusive"),
        (("runs", 0, "results", 0, "locations"), {}),
        (("runs", 0, "results", 1, "suppressions"), [{"status": "accepted"}]),
    ],
)
def test_what_is_no_sarif_is_found(path: tuple[Any, ...], to: object) -> None:
    assert sarif_problems(_changed("sarif", *path, to=to))


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("specVersion",), 1.7),
        (("metadata", "component", "type"), "model"),
        (("metadata", "component", "hashes", 0, "content"), "sha256:1234"),
        (("metadata", "component", "modelCard", "quantitativeAnalysis", "numbers"), []),
    ],
)
def test_what_is_no_cyclonedx_is_found(path: tuple[Any, ...], to: object) -> None:
    assert cyclonedx_problems(_changed("cyclonedx", *path, to=to))


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("uuid",), "1234"),
        (("metadata", "last-modified"), "yesterday"),
        (("results", 0, "findings", 0, "target", "target-id"), "rule 1"),
        (("results", 0, "findings", 0, "target", "status", "state"), "inconclusive"),
        (("results", 0, "props", 0, "value"), ""),
    ],
)
def test_what_is_no_oscal_is_found(path: tuple[Any, ...], to: object) -> None:
    assert oscal_problems(_changed("oscal", "assessment-results", *path, to=to))


def test_what_jenkins_does_not_take_is_found() -> None:
    data = rendered("junit", "fail")
    assert jenkins_problems(data) == []
    assert jenkins_problems(data.replace(b"<testsuites ", b'<testsuites skipped="0" '))
    assert jenkins_problems(data.replace(b"failure", b"failed"))
