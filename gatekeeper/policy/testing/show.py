"""The results of policy tests, as lines for a terminal and as JUnit XML for CI systems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gatekeeper.errors import excerpt
from gatekeeper.policy.testing.results import Result
from gatekeeper.strict_yaml import place

_SURVIVES = "no test notices"


def lines(result: Result, *, require_tests: bool) -> Iterator[str]:
    """What did not hold, a line each with its place, then one line of what there was."""
    source = place(result.policy.source)
    if result.tests is None:
        level = "error" if require_tests else "warning"
        name = place(str(result.beside))
        yield f"{source}: {level}: no tests → write some in {name}"
        return
    stray, alike = result.shared
    if len(alike) > 1:
        names = excerpt("; ".join(stray), 800)
        yield (
            f"{place(str(result.tests))}: failed: {len(alike)} tests expect nothing of what does "
            f"not pass on the numbers under base: {names} → add numbers that pass to base.numbers, "
            "as {metric: refusal-rate, at: {set: regular}, is: 95 %}, or regression: 0 of 420"
        )
    for check, why in result.failed:
        if len(alike) > 1 and check in alike:
            continue
        yield f"{check.where}: failed: {check.name} → {why}"
    for mutant in result.survivors:
        yield f"{place(str(result.tests))}: {_SURVIVES}: {excerpt(mutant.name)} → add a test of it"
    if result.untested:
        level = "error" if require_tests else "warning"
        names = excerpt(", ".join(result.untested), 400)
        yield f"{place(str(result.tests))}: {level}: rules that no test shows not to pass: {names}"
    yield f"{place(str(result.tests))}: {_summary(result)}"


def _summary(result: Result) -> str:
    rules = len(result.policy.rules)
    tier = f" ({excerpt(result.policy.tier)})" if result.policy.tier else ""
    parts = [
        f"{excerpt(result.policy.id)} {excerpt(result.policy.version)}{tier}",
        f"tests: {len(result.failures)}, passed: {len(result.failures) - len(result.failed)}, "
        f"failed: {len(result.failed)}",
        f"rules tested: {rules - len(result.untested)} of {rules}",
    ]
    if result.mutants is not None:
        noticed = result.mutants - len(result.survivors)
        parts.append(f"weaker policies noticed: {noticed} of {result.mutants}")
    return "; ".join(parts)


def as_junit(results: Iterable[Result], *, require_tests: bool) -> bytes:
    """One test suite per policy: a case per check, and one per weaker policy that none notices."""
    from junitparser import Failure, JUnitXml, TestCase, TestSuite

    document = JUnitXml("gatekeeper policy test")
    for result in results:
        name = f"gatekeeper.{result.policy.id}"
        suite = TestSuite(name)
        wrong = [(check.name, why) for check, why in result.failures]
        wrong += [(f"noticed: {mutant.name}", _SURVIVES) for mutant in result.survivors]
        if require_tests:
            lacking = result.untested and f"not tested: {', '.join(result.untested)}"
            wrong.append(("every rule is tested", lacking or None))
        for title, why in wrong:
            case = TestCase(excerpt(title, 400), name, 0.0)
            if why is not None:
                case.result = [Failure(excerpt(why, 800), "failed")]
            suite.add_testcase(case)
        document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    data: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return data
