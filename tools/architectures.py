"""docs/architectures.md: which MoE architectures are read, and which invariants were run on each.

    make architectures

Made from a run of tests/engine/model/test_invariants.py, never by hand: what did not run is not
claimed.
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from junitparser import JUnitXml, Properties, TestCase

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architectures.md"
TESTS = "tests/engine/model/test_invariants.py"

_HEAD = """# Architectures

Made by `make architectures` with transformers {version}, from a run of the invariants in
`{tests}` on a tiny random model of every type ({tests_count} invariants each; float32, CPU). Every
Mixture-of-Experts that this transformers knows is in one of the two tables; a test fails when there
is one that is not.

A tiny random model shows that the hooks do what they say on the code of a family. A loaded
checkpoint has to pass a self-test of its own before anything is measured on it.

- **scoring**: read off the router's code; how weights are normalised is not told. *bias*: a
  correction that helps to choose but does not weigh. *groups*: the best groups of experts are
  chosen first.
- **layers**: decoder layers with routed experts, of the tiny model's; in brackets how many of them
  follow a fixed table from token to expert, which leaves nothing to reroute: never masked.
- **extra**: choices of the router that are no routed experts (shared, identity or skip): never
  masked.
- **held**: invariants that ran and held. What was not run is named below the table.

"""


@dataclass(slots=True)
class Row:
    """What the run showed of one model type."""

    held: list[str] = field(default_factory=list)
    not_run: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)


def run_invariants(report: Path) -> None:
    """Runs the invariants on every architecture; failures are in the report."""
    command = [sys.executable, "-m", "pytest", TESTS, "-q", "-p", "no:cacheprovider"]
    subprocess.run([*command, f"--junitxml={report}"], cwd=ROOT, check=False)


def read_report(report: Path) -> dict[str, Row]:
    """Rows by model type."""
    rows: dict[str, Row] = defaultdict(Row)
    for suite in JUnitXml.fromfile(str(report)):
        for case in suite:
            found = re.match(r"test_(\w+)\[(\w+)\]", case.name)
            if isinstance(case, TestCase) and found:
                _add(rows[found[2]], found[1].replace("_", " "), case)
    return dict(rows)


def _add(row: Row, invariant: str, case: TestCase) -> None:
    told = case.child(Properties)  # type: ignore[no-untyped-call]
    row.facts |= {p.name: p.value for p in told or ()}
    if case.is_skipped:
        row.not_run[invariant] = case.result[0].message or "skipped"
    elif case.is_passed:
        row.held.append(invariant)
    else:
        row.failed.append(invariant)


def scoring(model_type: str) -> str:
    """How a family scores and chooses, from the code of its router and block."""
    from tests.engine import invariants

    site = invariants.probe(model_type).sites[0]
    block = invariants.probe(model_type).model.get_submodule(site.path)
    code = inspect.getsource(type(site.router))
    if "topk" not in code and "sparsemixer" not in code:
        code += "".join(
            inspect.getsource(getattr(type(block), name))
            for name in ("route_tokens_to_experts", "forward")
            if hasattr(type(block), name)
        )
    steps = {
        "softmax": r"softmax\(",
        "sigmoid": r"sigmoid\(|sigmoid\b.*score|score_func",
        "activation from the config": r"score_fn\(",
        "sparsemixer": r"sparsemixer\(",
        "top-k": r"topk\(",
    }
    found = {name: m.start() for name, rule in steps.items() if (m := re.search(rule, code))}
    chooses = found.pop("top-k", None)
    # Several activations are alternatives that the config decides between.
    text = " or ".join(sorted(found, key=lambda name: found[name]))
    if chooses is not None:
        inner = re.search(r"topk\(\s*\w+\.(?:softmax|sigmoid)\(", code)
        first = inner is not None or min(found.values(), default=0) < chooses
        text = f"{text}, then top-k" if first else f"top-k, then {text}"
    rules = {"bias": r"correction_bias|expert_bias|balancing_bias|moe_statics", "groups": "n_group"}
    more = [name for name, rule in rules.items() if re.search(rule, code)]
    return " + ".join([text, *more])


def page(rows: Mapping[str, Row], refused: Mapping[str, str], version: str) -> str:
    """The whole page."""
    count = max(len(r.held) + len(r.not_run) + len(r.failed) for r in rows.values())
    lines = [_HEAD.format(version=version, tests=TESTS, tests_count=count)]
    lines += ["## Audited\n", *_audited(rows), ""]
    lines += [*_not_run(rows), "", "## Refused by name\n", "| type | reason |", "| --- | --- |"]
    lines += [f"| `{name}` | {reason} |" for name, reason in sorted(refused.items())]
    return "\n".join(lines) + "\n"


def _audited(rows: Mapping[str, Row]) -> list[str]:
    lines = [
        "| type | class | scoring | layers | shared | extra | held |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in sorted(rows.items()):
        facts = row.facts
        layers = facts["layers"] + (f" ({facts['fixed']})" if facts["fixed"] != "0" else "")
        total = len(row.held) + len(row.not_run) + len(row.failed)
        lines.append(
            f"| `{name}` | {facts['class']} | {scoring(name)} | {layers} | {facts['shared']} "
            f"| {facts['extra']} | {len(row.held)} of {total} |"
        )
    return lines


def _not_run(rows: Mapping[str, Row]) -> list[str]:
    return [
        f"- `{name}`, *{invariant}*: not run. {reason}"
        for name, row in sorted(rows.items())
        for invariant, reason in row.not_run.items()
    ]


def refusals(model_types: Sequence[str]) -> dict[str, str]:
    """Why each of these types is refused, as `audit` says it."""
    from gatekeeper.engine.model.unsupported import refusal_of

    found = {}
    for model_type in model_types:
        refusal = refusal_of(model_type)
        if refusal is None:
            raise SystemExit(f"{model_type} is neither audited nor refused: add it to the zoo")
        found[model_type] = refusal[0]
    return found


def main() -> None:
    """Run the invariants and write the page."""
    import transformers

    from tests.engine import zoo

    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "invariants.xml"
        run_invariants(report)
        rows = read_report(report)
    failed = [f"{name}: {what}" for name, row in rows.items() for what in row.failed]
    if failed:
        raise SystemExit("invariants failed, nothing written:\n" + "\n".join(failed))
    rest = [name for name in zoo.mixtures() if name not in rows]
    version = transformers.__version__
    PAGE.write_text(page(rows, refusals(rest), version), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}: {len(rows)} audited, {len(rest)} refused")


if __name__ == "__main__":
    main()
