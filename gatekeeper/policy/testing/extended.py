"""Reads a test file over the one that it extends: what holds of a policy, told of another over it.

As in policies, what the file itself says holds in place of what stands below.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gatekeeper.bundled import is_shipped_name
from gatekeeper.errors import UsageError, excerpt
from gatekeeper.policy.extend import file_named
from gatekeeper.policy.merge import Maker, Part, whole
from gatekeeper.policy.problems import in_order
from gatekeeper.policy.schema import first_schema_problem, schema_problems
from gatekeeper.policy.yaml_marks import read_yaml
from gatekeeper.records.policy import Rule
from gatekeeper.strict_yaml import YamlDocument

_ENDING = ".test.yaml"
#: The JSON Schema of test files, as `schema.validator` knows it.
TESTS_SCHEMA = "policy-test-v1"
#: Files in a chain of test files.
_MOST_FILES = 8
_RESULTS = ("fail", "inconclusive", "waived")


def is_test_file(path: Path) -> bool:
    """Whether a file is one of tests, by its name."""
    return path.name.endswith((_ENDING, ".test.yml"))


def path_of_tests(policy: Path, tier: str | None = None) -> Path:
    """Where the tests of a policy lie: `NAME.test.yaml` beside `NAME.yaml`.

    Those of a tier that was asked for lie in `NAME.TIER.test.yaml`.
    """
    return policy.with_name(f"{policy.stem}.{tier}{_ENDING}" if tier else policy.stem + _ENDING)


def policy_of(tests: Path) -> tuple[Path, str | None]:
    """Where the policy of a test file lies, and for which tier they are.

    `NAME.yaml`, or `NAME.yml`, beside `NAME.test.yaml`, or beside `NAME.TIER.test.yaml`.
    """
    stem = tests.name.rpartition(".")[0].removesuffix(".test")
    whole, _, tier = stem.rpartition(".")
    for name, of in ((stem, None), (whole, tier)):
        for ending in ("yml", "yaml"):
            path = tests.with_name(f"{name}.{ending}")
            if name and path.exists():
                return path, of
    return tests.with_name(f"{stem}.yaml"), None


def read_test_document(
    path: Path, rules: Iterable[Rule], children: tuple[Path, ...] = ()
) -> YamlDocument:
    """A test file of the schema, over those that it extends.

    Args:
        rules: of the policy that is tested. What a file below says of others is left out.
        children: the files that extend it.

    Raises:
        UsageError: one of the files is unreadable, not strict YAML or not of the schema; or they
            extend each other.
    """
    document = read_yaml(path)
    if malformed := first_schema_problem(document, TESTS_SCHEMA):
        problems = [malformed, *in_order(schema_problems(document, TESTS_SCHEMA))]
        first, *others = dict.fromkeys(problems)
        raise first.as_error([one.as_error() for one in others])
    if "extends" not in document.data:
        return document
    name, where = document.data["extends"], document.where(("extends",))
    below = file_named(name, path, where)
    below = path_of_tests(below) if is_shipped_name(name) else below
    chain = (*children, path.resolve())
    if below.resolve() in chain or len(chain) >= _MOST_FILES:
        message = f"{excerpt(name)} is extended by this file and extends it, or too many others do"
        raise UsageError(message, where=where, remedy="let one of them stand alone")
    try:
        parent = read_test_document(below, rules, chain)
    except UsageError as error:
        if error.where and str(below) not in error.where:
            raise
        message = f"{excerpt(name)}, which this file extends: {error.message}"
        raise UsageError(message, where=error.where, remedy=error.remedy) from error
    return _over(parent, document, tuple(rules))


def _over(parent: YamlDocument, child: YamlDocument, rules: tuple[Rule, ...]) -> YamlDocument:
    """What a file says over what stands below: limits by rule, cases by name, numbers after."""
    old, new = whole(parent), whole(child)
    names = {rule.id for rule in rules}
    limited = {limit["rule"] for limit in child.data.get("limits", ())}
    named = {case["name"] for case in child.data.get("cases", ())}
    below = {
        "limits": [e for e in _entries(old, "limits") if e.value["rule"] in names - limited],
        "needs": [e for e in _entries(old, "needs") if e.value not in child.data.get("needs", ())],
        "cases": [
            e
            for e in _entries(old, "cases")
            if e.value["name"] not in named and _rules_of(e.value) <= names
        ],
    }
    maker = Maker(source=child.source)
    data: dict[str, Any] = {
        key: maker.over(None, new.at(key), (key,)) for key in ("schema", "policy")
    }
    if base := _base(maker, old, new, {rule.metric for rule in rules}):
        data["base"] = base
    for key, kept in below.items():
        if entries := [*kept, *_entries(new, key)]:
            data[key] = [maker.over(None, one, (key, i)) for i, one in enumerate(entries)]
    maker.put((), new)
    return maker.document(data)


def _base(maker: Maker, old: Part, new: Part, metrics: set[str]) -> dict[str, Any]:
    """Both bases in one: numbers below, those that a rule is about, then the file's own."""
    below, above = (part.at("base") if "base" in part.value else None for part in (old, new))
    if below is None and above is None:
        return {}
    base: dict[str, Any] = maker.over(below, above, ("base",))
    kept = [e for e in _entries(below, "numbers") if e.value["metric"] in metrics]
    numbers = [*kept, *_entries(above, "numbers")]
    base["numbers"] = [maker.over(None, e, ("base", "numbers", i)) for i, e in enumerate(numbers)]
    return base


def _entries(part: Part | None, key: str) -> list[Part]:
    if part is None or key not in part.value:
        return []
    entries = part.at(key)
    return [entries.at(i) for i in range(len(entries.value))]


def _rules_of(case: dict[str, Any]) -> set[str]:
    """The rules that a case expects something of."""
    return {name for result in _RESULTS for name in case["expect"].get(result, ())}
