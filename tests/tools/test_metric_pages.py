"""The page of metrics is what the metrics say, and its examples are rules that load."""

from __future__ import annotations

import re
from pathlib import Path

from gatekeeper import catalog
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.metric_words import named, page
from tools.metric_pages import PAGE

HEAD = """\
schema: gatekeeper/policy/v1
id: p
version: "1"
title: P
owner: risk@example.com
evidence: {selectors: [attribution]}
rules:
"""


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(named()), "run python -m tools.metric_pages"
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == list(catalog.names("metric"))


def test_its_examples_are_rules(tmp_path: Path) -> None:
    rules = re.findall(r"^- \{.*\}$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rules) == len(catalog.names("metric"))
    lines = [rule.replace("my-rule", f"r{i}") + "\n" for i, rule in enumerate(rules)]
    path = tmp_path / "p.yaml"
    path.write_text(HEAD + "".join(lines), encoding="utf-8")
    assert len(load_policy(path).rules) == len(rules)
