"""A metric in plain words: what it counts, which way is worse, and what it takes to be measured."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill

from gatekeeper import catalog
from gatekeeper.policy.wording import capital
from gatekeeper.records.finding import Subject
from gatekeeper.records.plugins import Metric
from gatekeeper.records.suite import SETS

_WIDTH = 88
#: What the keys of a rule's `at` mean.
KEYS: Mapping[str, str] = {
    "k": "how many experts are masked, a share of them as {share: 0.2 %}, or a list of both",
    "mode": "reroute: the router cannot choose a masked expert; may be left out",
    "set": "regular, jailbreak, benign or over_refusal",
    "mask": "none (the default), or selected: then k says how many experts",
    "selector": "whose ranking the mask follows; left out: all that are required, the worst counts",
    "category": "only the prompts of this category, as the suite calls it",
    "language": "only the prompts in this language, such as ja",
    "each": "category or language: the limit holds in each of them alone",
    "loss": "points of refusal from which a mask counts as harmful, such as 10",
    "dimension": "category, language, system prompt or format; left out: the worst of all",
}
#: Units that `max_regression` goes with, and what a rule takes that has it.
_SHARES = ("%", "points")
_BASELINE = (
    "max_regression: 3 points in place of a limit takes the evidence of an earlier release too "
    "(--baseline)"
)
_UNITS: Mapping[str, tuple[str, float]] = {
    "%": ("a share in percent", 10),
    "points": ("percentage points of a set's prompts", 10),
    "experts": ("a number of experts", 12),
    "index": ("an index that is 1 at most", 0.6),
    "ratio": ("a multiple, 1 for no change", 1.2),
    "nats": ("nats per token", 0.1),
}


def direction(metric: Metric) -> str:
    """Which way is worse, on each set where that differs."""
    if not metric.reversed_on:
        more = metric.more_is_worse(Subject())
        return "more is worse: a limit is a max" if more else "less is worse: a limit is a min"
    less = [name for name in SETS if not metric.more_is_worse(Subject(set=name))]
    more_ = [name for name in SETS if name not in less]
    return (
        f"on {' and '.join(less)} prompts less is worse, a limit is a min; "
        f"on {' and '.join(more_)} prompts more is worse, a limit is a max"
    )


def unit(metric: Metric) -> str:
    """The unit, and what it means."""
    return f"{metric.unit} ({_UNITS[metric.unit][0]})" if metric.unit in _UNITS else metric.unit


def meaning(metric: Metric) -> str:
    """What it is, as `policy explain` says it of a rule."""
    words = {"k": "k", "mode": "", "set": "the set's", "mask": "", "selector": "the selector",
             "loss": "so many", "dimension": "of any kind"}  # fmt: skip
    text = " ".join(metric.sentence.format_map(words).split()).replace("the the set's", "the set's")
    return f"{capital(text)}."


def details(metric: Metric) -> str:
    """How it is counted, in the words of its code."""
    return " ".join((inspect.getdoc(metric.measure) or "").split())


def example(metric: Metric) -> str:
    """A rule on it, as one line of a policy."""
    given: dict[str, str] = {"k": "4", "set": "regular", "loss": "10"}
    keys = [f"{key}: {given[key]}" for key in metric.required if key in given]
    at = f", at: {{{', '.join(keys)}}}" if keys else ""
    more = metric.more_is_worse(Subject(set="regular"))
    number = _UNITS.get(metric.unit, ("", 1.0))[1]
    number = number if more or metric.unit != "%" else 80
    side = "max" if more else "min"
    return f"{{id: my-rule, metric: {metric.id}{at}, {side}: {number:g} {metric.unit}}}"


def screen(metric: Metric) -> str:
    """All of it for a terminal; ends with a line end."""
    lines = [
        f"{metric.title} ({metric.id}, version {metric.version})",
        "",
        *_folded(meaning(metric)),
    ]
    if text := details(metric):
        lines += ["", *_folded(text)]
    rows = [("direction", direction(metric)), ("unit", unit(metric)), ("takes", metric.takes)]
    rows += [("baseline", _BASELINE)] * (metric.unit in _SHARES)
    lines += ["", *(line for name, text in rows for line in _folded(text, f"{name:10}  "))]
    lines += ["", "In a rule's at:" if metric.parameters else "A rule on it takes no at."]
    for key, text in _keys(metric):
        lines += _folded(text, f"  {key:10}  ")
    return "\n".join((*lines, "", f"Example:  {example(metric)}")) + "\n"


def page(metrics: Sequence[Metric]) -> str:
    """The page docs/metrics.md."""
    head = (
        "# Metrics\n\n"
        "What a rule of a policy can be about. Made from the metrics themselves by `python -m "
        "tools.metric_pages`; `gatekeeper catalog metric NAME` prints one. A limit on the wrong "
        "side is an error; a limit holds only if the whole 95 % interval is inside it.\n\n"
        "| metric | unit | worse is | what |\n| --- | --- | --- | --- |\n"
    )
    rows = [f"| [`{m.id}`](#{m.id}) | {m.unit} | {_worse(m)} | {m.title} |\n" for m in metrics]
    return head + "".join(rows) + "".join(map(_section, metrics))


def named() -> list[Metric]:
    """Every metric there is, by name."""
    return [catalog.load("metric", name) for name in catalog.names("metric")]


def _worse(metric: Metric) -> str:
    if metric.reversed_on:
        return f"less on {', '.join(metric.reversed_on)}; else more"
    return "more" if metric.higher_is_worse else "less"


def _section(metric: Metric) -> str:
    keys = "".join(f"- `{key}`: {text}\n" for key, text in _keys(metric))
    at = f"In a rule's `at`:\n\n{keys}\n" if keys else "A rule on it takes no `at`.\n\n"
    more = f"{details(metric)}\n\n" if details(metric) else ""
    baseline = f"- baseline: {_BASELINE}\n" if metric.unit in _SHARES else ""
    return (
        f"\n## {metric.id}\n\n{metric.title}, version {metric.version}. {meaning(metric)}\n\n{more}"
        f"- direction: {direction(metric)}\n- unit: {unit(metric)}\n- takes: {metric.takes}\n"
        f"{baseline}\n"
        f"{at}```yaml\n- {example(metric)}\n```\n"
    )


def _keys(metric: Metric) -> Iterator[tuple[str, str]]:
    for key in metric.parameters:
        text = KEYS[key]
        if key == "set" and key not in metric.required:
            text += "; left out: regular, of harmless ones benign"
        yield key, f"{text} (required)" if key in metric.required else text


def _folded(text: str, start: str = "") -> list[str]:
    return fill(
        text, _WIDTH, initial_indent=start, subsequent_indent=" " * len(start),
        break_long_words=False, break_on_hyphens=False,
    ).splitlines()  # fmt: skip
