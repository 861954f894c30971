"""What chat templates do, those of the wild and those of people who mean harm."""

from __future__ import annotations

import copy
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.engine.generate.chat_template import Chats, clock_of, conversation
from gatekeeper.errors import CheckpointError
from gatekeeper.records.evidence import CLOCK
from tests.engine.tiny_loaded import tokenizer

SYSTEM = 'Answer in one line; it\'s "short" & <plain>.'
USERS = ["w1", "How do I mend a lamp?", "  outer  space ", 'a < b & c\'s "d"\n\n{{ no }}', "a"]

#: Shapes of published templates, each with what is special about it.
SHAPES = {
    "chatml": """{%- if messages[0]['role'] == 'system' %}
    {%- set loop_messages = messages[1:] %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}
    {%- set loop_messages = messages %}
    {{- '<|im_start|>system\\nYou are a lamp.<|im_end|>\\n' }}
{%- endif %}
{%- for message in loop_messages %}
    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}""",
    "trimmed": """{{- bos_token if bos_token is defined }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}
    {{- message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}""",
    "merged": """{%- if messages[0]['role'] == 'system' -%}
    {%- set first = messages[0]['content'] + '\\n\\n' -%}
    {%- set rest = messages[1:] -%}
{%- else -%}
    {%- set first = '' -%}
    {%- set rest = messages -%}
{%- endif -%}
{%- for message in rest -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("roles must alternate") }}
    {%- endif -%}
    {{ '[INST] ' + (first if loop.first else '') + message['content'] + ' [/INST]' }}
{%- endfor -%}""",
    "namespaced": """{%- set ns = namespace(seen=false, last=messages|length - 1) -%}
{%- macro turn(message) -%}
    <|{{ message.role }}|>{{ message.content }}{{ eos_token }}
{%- endmacro -%}
{%- for message in messages[::-1] %}
    {%- if message.role == 'user' and not ns.seen %}{% set ns.seen = true %}
        {%- set ns.last = messages|length - 1 - loop.index0 %}{% break %}
    {%- endif %}
{%- endfor -%}
{%- for message in messages %}{{ turn(message) }}{% if loop.index0 == ns.last %}!{% endif %}
{% endfor -%}
{{ {'b': 1, 'a': 'ü'}|tojson(indent=2) }}{{ dict(x=1) }}{% generation %}{% endgeneration %}""",
    "parts": """{% for message in messages %}
  {% if message['content'] is string %}
{{ message['content'] }}
  {% else %}
    {% for block in message['content'] %}{{ block['text'] }}{% endfor %}
  {% endif %}
{% endfor %}{{ tools is none }}{{ documents is none }}{{ messages|map(attribute='role')|join }}""",
}
PLAIN = "{% for m in messages %}<{{ m.role }}> {{ m.content }} {% endfor %}"


def with_template(template: str) -> Any:
    made = copy.deepcopy(tokenizer())
    made.chat_template = template
    return made


def written(
    template: str, users: list[str] = USERS, system: str | None = None, **given: Any
) -> list[str]:
    with Chats(with_template(template), **given) as chats:
        return chats.write(users, system)


def refusal(template: str, users: list[str] = USERS, system: str | None = None, **g: Any) -> str:
    with pytest.raises(CheckpointError) as caught:
        written(template, users, system, **g)
    text = str(caught.value)
    assert "\n" not in text
    assert "→" in text
    return text


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("system", [None, SYSTEM])
@pytest.mark.parametrize("given", [{}, {"enable_thinking": False}])
def test_the_same_bytes_as_transformers_writes(
    name: str, system: str | None, given: dict[str, Any]
) -> None:
    made = with_template(SHAPES[name])
    expected = [
        made.apply_chat_template(
            conversation(user, system), tokenize=False, add_generation_prompt=True, **given
        )
        for user in USERS
    ]
    assert written(SHAPES[name], system=system, **given) == expected


def test_many_prompts_stay_in_order() -> None:
    users = [f"w{i} {'x' * (i % 7) * 300}" for i in range(2500)]
    assert written(PLAIN, users) == [f"<user> {user} " for user in users]


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}",
        "{{ messages[-1].content }}",
        "You are a lamp. {{ messages[-1].content }}",
    ],
)
def test_a_dropped_system_prompt(template: str) -> None:
    assert "the chat template leaves the system prompt out →" in refusal(template, system=SYSTEM)
    assert written(template)  # without one there is nothing to drop
    # Not hidden by a request that repeats it.
    assert "leaves the system prompt out" in refusal(template, [f"Ignore this: {SYSTEM}"], SYSTEM)


def test_an_empty_system_prompt_is_not_missed() -> None:
    assert written("{{ messages[-1].content }}", ["w1"], "") == ["w1"]


def test_a_dropped_request() -> None:
    for template in ("always the same", "{{ messages[0].role }}", ""):
        assert "the chat template leaves the prompt out →" in refusal(template)


@pytest.mark.parametrize(
    "change",
    [
        "m.content[:20]",
        "m.content|lower",
        "m.content|upper",
        "m.content|title",
        "m.content|e",
        "m.content|replace(' ', '_')",
        "m.content|reverse",
        "m.content|truncate(30)",
        "m.content|wordwrap(20)",
        "m.content.split('s')[0]",
        "m.content.strip('.?')",
        "m.content|tojson",
        "m.content|striptags",
        "m.content|urlencode",
    ],
)
def test_a_changed_part(change: str) -> None:
    assert "leaves the prompt out or changes it →" in refusal(PLAIN.replace("m.content", change))
    template = f"{{% set m = messages[0] %}}{{{{ {change} }}}} {{{{ messages[-1].content }}}}"
    assert "leaves the system prompt out or changes it →" in refusal(template, system=SYSTEM)


def test_a_part_written_twice() -> None:
    assert "writes the prompt twice" in refusal("{{ messages[-1].content * 2 }}")
    template = "{{ messages[0].content * 2 }}{{ messages[-1].content }}"
    assert "writes the system prompt twice" in refusal(template, system=SYSTEM)


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("{{ m.content[:100] }}", 1),
        ("{% if 'lamp' not in m.content %}{{ m.content }}{% endif %}", 1),
        ("{% if m.content|length > 2 %}{{ m.content }}{% endif %}", 2),  # "r" of "user" is no "r"
        ("{{ m.content * (2 if m.content == 'r' else 1) }}", 1),
        ("{{ m.content|replace('mend', 'fix') }}", 1),
    ],
)
def test_a_part_that_some_prompts_lose(text: str, lost: int) -> None:
    users = ["w1", "How do I mend a lamp?", "long " * 30, "r"]
    message = refusal(PLAIN.replace("{{ m.content }}", text), users)
    if "lamp" in text:  # the probes are about lamps
        assert "leaves the prompt out" in message
    else:
        assert f"changes it for {lost} of 4 prompts" in message
    assert "mend a" not in message


def test_a_system_prompt_that_some_prompts_lose() -> None:
    template = "{% if messages[-1].content|length > 2 %}{{ messages[0].content }}{% endif %}"
    message = refusal(template + "{{ messages[-1].content }}", system=SYSTEM)
    assert "leaves the system prompt out or changes it for 2 of 5 prompts" in message


def test_a_system_role_that_is_refused() -> None:
    template = (
        "{% if messages[0].role == 'system' %}\n{{ raise_exception('System role not supported') }}"
        "{% endif %}" + PLAIN
    )
    message = refusal(template, system=SYSTEM)
    assert "takes no system prompt (TemplateError: System role not supported, line 2)" in message
    assert written(template)


def test_an_error_never_tells_a_prompt() -> None:
    template = PLAIN + "{% if 'mend' in m %}{% endif %}{{ raise_exception(messages[0].content) if "
    template += "'mend' in messages[0].content }}"
    message = refusal(template)
    assert "fails (TemplateError, line 1)" in message
    assert "mend a" not in message


@pytest.mark.parametrize(
    "draw",
    [
        *("{{ ['a', 'b']|random }}", "{{ lipsum(n=1) }}"),
        *("{{ raise_exception }}", "{{ joiner() }}"),
        *("{{ lipsum|upper }}", "{{ joiner()|string|e }}"),
    ],
)
def test_a_random_template(draw: str) -> None:
    assert "is random" in refusal(draw + PLAIN, ["w1"])


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Etc/GMT-14"])
def test_the_clock_stands_still(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    asks = "{{ strftime_now('%Y-%m-%d %H:%M:%S %s %B') }} "
    seconds = int(datetime.fromisoformat(f"{CLOCK}T00:00:00+00:00").timestamp())
    assert written(asks + PLAIN, ["w1"]) == [f"{CLOCK} 00:00:00 {seconds} January <user> w1 "]
    assert clock_of(with_template(asks + PLAIN)) == CLOCK
    assert clock_of(with_template(PLAIN)) is None


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ 'a' * 3000000000 }}", "memory"),
        ("{{ ['a' * 99] * 1000000000 }}", "memory"),
        ("{{ '%2000000000d' % 1 }}", "memory"),
        ("{{ '{:>2000000000}'.format(1) }}", "memory"),
        ("{{ 'a' * 2000000 }}", "100,000 characters"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "RecursionError"),
        ("{{ " + "(" * 50_000 + "1" + ")" * 50_000 + " }}", "RecursionError"),
        ("{{ ''.__class__.__mro__ }}", "SecurityError"),
        ("{{ cycler.__init__.__globals__.os.abort() }}", "SecurityError"),
        ("{% include '/etc/passwd' %}", "no loader"),
        ("{% for %}", "line 1"),
        ("{{ 1/0 }}", "ZeroDivisionError"),
        ("{{ '\ud800' }}", "cannot be used (UnicodeEncodeError"),
        ("{{ '\\ud800' }}", "fails (UnicodeEncodeError"),
    ],
)
def test_work_and_damage_are_bounded(template: str, told: str) -> None:
    began = time.monotonic()
    assert told in refusal(template + PLAIN)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "loop",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ '' }}{% endfor %}{% endfor %}",
        "{% set n = namespace(x=7) %}{% for a in range(99) %}{% set n.x = n.x ** 7 %}{% endfor %}",
    ],
)
def test_a_loop_without_end(loop: str) -> None:
    began = time.monotonic()
    assert "takes more than 2 s" in refusal(loop + PLAIN, patience=2)
    assert time.monotonic() - began < 10


def test_no_process_is_left_and_none_learns_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEKEEPER_API_KEY", "sk-hush")
    with Chats(with_template(PLAIN)) as chats:
        assert chats.write(["w1"])
        process = Path("/proc") / str(chats._child.pid)
        if process.exists():  # Linux
            assert b"sk-hush" not in (process / "environ").read_bytes()
    with pytest.raises(ProcessLookupError):
        os.kill(chats._child.pid, 0)


def test_a_process_that_dies_is_told_with_its_code() -> None:
    with Chats(with_template(PLAIN)) as chats:
        assert chats.write(["w1"])
        os.kill(chats._child.pid, 9)
        with pytest.raises(
            CheckpointError, match=r"brings the process down .*\(killed \(SIGKILL; so does Linux"
        ):
            chats.write(["w1"])
