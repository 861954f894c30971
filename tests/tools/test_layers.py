from __future__ import annotations

import re

from tools.layers import PAGE, picture


def test_the_page_shows_the_layers_of_the_contract() -> None:
    shown = picture()
    assert shown in PAGE.read_text(encoding="utf-8")
    assert '["audit · history"]' in shown
    assert '"engine · policy · formats"' in shown


def test_the_files_that_the_page_names_are_there() -> None:
    named = re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", PAGE.read_text(encoding="utf-8"))
    assert len(named) > 15
    package = PAGE.parents[1] / "gatekeeper"
    assert [name for name in named if not (package / name).is_file()] == []
