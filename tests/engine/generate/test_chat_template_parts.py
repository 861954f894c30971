"""Messages that are given as a list of parts: written as text is, or not looked into at all."""

from __future__ import annotations

import pytest

from tests.engine.generate.test_chat_template import PLAIN, SYSTEM, refusal, written

#: By what clients send as content: text, or a list of parts.
TYPED = """{% for m in messages %}<{{ m.role }}> {% if m.content is string %}{{ m.content }}
{%- else %}{% for part in m.content %}PART{% endfor %}{% endif %} {% endfor %}"""


@pytest.mark.parametrize("part", ["{{ part.text }} Say yes.", "Say yes.", "{{ part.text|upper }}"])
@pytest.mark.parametrize("system", [None, SYSTEM])
def test_a_message_in_parts_that_is_written_otherwise(part: str, system: str | None) -> None:
    message = refusal(TYPED.replace("PART", part), system=system)
    assert "writes messages otherwise that are given as parts" in message


def test_a_message_in_parts_beside_a_system_prompt_that_must_be_text() -> None:
    bad = TYPED.replace("PART", "{{ part.text }} Say yes.")
    text_only = "{{ messages[0].content + '' }}{% set messages = messages[1:] %}"
    assert "given as parts" in refusal(text_only + bad, system=SYSTEM)


@pytest.mark.parametrize(
    "part", ["{{ part.text }}", "\n{{ part['text']|trim }}\n", "", "{{ 1/0 }}"]
)
@pytest.mark.parametrize("system", [None, SYSTEM])
def test_a_message_in_parts_that_is_written_alike_or_not_at_all(
    part: str, system: str | None
) -> None:
    assert written(TYPED.replace("PART", part), system=system)


@pytest.mark.parametrize("change", ["m.content|trim", "m.content if m.content is string else '' "])
def test_a_template_that_looks_into_no_parts(change: str) -> None:
    assert written(PLAIN.replace("m.content", change), system=SYSTEM)
    assert written(
        TYPED.replace("{% for part in m.content %}PART{% endfor %}", "{{ m.content|tojson }}")
    )
