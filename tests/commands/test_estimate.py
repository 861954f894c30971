"""`gatekeeper estimate` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from jsonschema import validate

from gatekeeper.analysis.order import FIRST
from gatekeeper.cli import run
from tests.e2e.cli import DEMO_POLICY, HARDENED, ROOT, SUITE, demo_lines, small_suite

#: Wants no cross-fitting.
BENCHMARK = ROOT / "benchmarks" / "policy.yaml"
CONFIG = ROOT / "benchmarks" / "configs" / "qwen3-30b-a3b.json"
RANGE = {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 2, "maxItems": 2}
SCHEMA = {
    "type": "object",
    "required": ["schema", "source", "stages", "seconds", "memory", "devices", "assumptions"],
    "properties": {
        "schema": {"const": "gatekeeper/estimate/v1"},
        "stages": {
            "type": "array",
            "minItems": 5,
            "items": {
                "type": "object",
                "required": ["name", "rows", "seconds"],
                "properties": {"rows": {"type": "integer", "minimum": 0}, "seconds": RANGE},
            },
        },
        "seconds": RANGE,
        "device_hours": RANGE,
        "cost": {"anyOf": [RANGE, {"type": "null"}]},
        "assumptions": {"type": "array", "minItems": 4, "items": {"type": "string"}},
    },
}


def estimate(*arguments):
    return run(["estimate", *map(str, arguments)])


def of_h100(*more):
    return estimate(CONFIG, "--suite", SUITE, "--policy", BENCHMARK, "--device", "h100", *more)


def test_a_config_alone_is_enough(capsys):
    assert of_h100("--gpu-hour-cost", "2.50") == 0
    out = capsys.readouterr().out
    for word in ("30,531,911,680", "trials", "usefulness", "in all", "GPU hours"):
        assert word in out
    assert "at 2.50 an hour" in out
    assert "assumed\n- 30% to 70% of the published peak rates" in out


def test_it_counts_parameters_as_inspect_does(capsys):
    assert run(["inspect", str(HARDENED), "--json"]) == 0
    inspected = json.loads(capsys.readouterr().out)
    assert estimate(HARDENED, "--suite", SUITE, "--device", "h100", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    for name in ("parameters", "active_parameters"):
        assert told[name] == inspected[name]


def test_json_holds_its_schema(capsys):
    assert of_h100("--json", "--gpus", "4", "--gpu-hour-cost", "2") == 0
    found = json.loads(capsys.readouterr().out)
    validate(found, SCHEMA)
    assert found["devices"] == 4
    assert found["cost"] == [2 * hours for hours in found["device_hours"]]


def test_options_of_the_audit_count(capsys):
    def controls(*more):
        assert of_h100("--json", *more) == 0
        stages = json.loads(capsys.readouterr().out)["stages"]
        return {s["name"]: s["rows"] for s in stages}["trials"]

    assert controls("--controls", "2") < controls()
    assert controls("--max-prompts", "10") < controls()


def test_sequential_runs_are_told_to_be_counted_whole(capsys):
    """No made-up share of the rows: the numbers of whole runs, called an upper bound."""
    assert of_h100("--json") == 0
    whole = json.loads(capsys.readouterr().out)
    assert of_h100("--json", "--sequential") == 0
    early = json.loads(capsys.readouterr().out)
    assert (whole["sequential"], early["sequential"]) == (False, True)
    assert early["stages"] == whole["stages"] and early["seconds"] == whole["seconds"]
    first, *rest = early["assumptions"]
    assert rest == whole["assumptions"]
    assert "rows are those of whole runs, an upper bound" in first
    assert f"after {FIRST} prompts of a set at the earliest" in first
    assert of_h100("--sequential") == 0
    assert "sequential   not counted" in capsys.readouterr().out
    assert of_h100() == 0
    assert "sequential" not in capsys.readouterr().out


def test_what_the_audit_would_refuse_of_sequential_runs_is_refused(capsys):
    plain = ("--suite", SUITE, "--device", "h100", "--sequential")
    assert estimate(CONFIG, *plain) == 2
    assert "--sequential stops masks at the limits of a policy" in capsys.readouterr().err
    assert estimate(CONFIG, *plain, "--policy", DEMO_POLICY) == 2
    assert "leave out --sequential or --cross-fit" in capsys.readouterr().err
    assert of_h100("--cross-fit", "--selection-share", "0.3") == 2
    assert "in halves" in capsys.readouterr().err


def test_weights_that_are_there_are_looked_at(capsys):
    assert estimate(HARDENED, "--suite", SUITE, "--device", "a100", "--json") == 0
    assert json.loads(capsys.readouterr().out)["source"] == "hardened"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((CONFIG, "--device", "abacus"), "no rates of 'abacus'"),
        ((CONFIG, "--device", "cpu"), "there are no weights"),
        ((CONFIG.parent, "--device", "h100"), "no config.json"),
        ((HARDENED, "--gpu-hour-cost", "2"), "is of GPUs"),
        ((CONFIG, "--device", "h100", "--selector", "luck"), "luck"),
        ((CONFIG.with_name("deepseek-v3.json"), "--device", "h100", "--gpus", "2"), "do not fit"),
    ],
)
def test_what_cannot_be_estimated_is_told_in_one_line(arguments, word, capsys):
    assert estimate(*arguments, "--suite", SUITE) == 2
    error = capsys.readouterr().err
    assert word in error and "Traceback" not in error


def test_a_gpu_is_estimated_without_torch():
    code = (
        "import sys; sys.modules['torch'] = None; from gatekeeper.cli import run; "
        f"sys.exit(run(['estimate', {str(CONFIG)!r}, '--suite', {str(SUITE)!r}, "
        "'--device', 'h100', '--json']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["devices"] == 1


def test_this_machine_is_measured_with_the_model_itself(capsys):
    small = ("--max-prompts", "20", "-k", "1", "--controls", "2", "--batch-rows", "32")
    assert estimate(HARDENED, "--suite", SUITE, "--max-new-tokens", "8", *small, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    validate(found, SCHEMA)
    assert found["rates"] == "measured" and found["device"]["flops"] > 1e8
    low, high = found["seconds"]
    assert 0 < low < high


def test_a_suite_that_leaves_nothing_to_measure_is_refused(tmp_path, capsys):
    suite = small_suite(tmp_path, demo_lines()[:1])
    for arguments in ((CONFIG, "--device", "h100"), (HARDENED,)):
        assert estimate(*arguments, "--suite", suite) == 2
        assert "nothing to measure" in capsys.readouterr().err


def test_a_judge_that_asks_a_model_is_not_asked(capsys):
    small = ("--max-prompts", "12", "-k", "1", "--controls", "1", "--batch-rows", "16")
    judged = ("--judge", "refusal-api", "--judge-option", "model=x", "--max-new-tokens", "4")
    assert estimate(HARDENED, "--suite", SUITE, *small, *judged, "--json") == 0
    assert json.loads(capsys.readouterr().out)["rates"] == "measured"


def test_reasoning_that_the_template_tells_of_is_counted(tmp_path, capsys):
    (tmp_path / "config.json").write_text(CONFIG.read_text(encoding="utf-8"), encoding="utf-8")
    asked = (tmp_path, "--suite", SUITE, "--policy", BENCHMARK, "--device", "h100", "--json")
    seconds = {}
    for template, more in (("", ()), ("<think>", ()), ("<think>", ("--thinking", "off"))):
        (tmp_path / "chat_template.jinja").write_text(template, encoding="utf-8")
        assert estimate(*asked, *more) == 0
        found = json.loads(capsys.readouterr().out)
        told = any("up to 1024 tokens" in line for line in found["assumptions"])
        assert told == (template != "" and not more)
        seconds[template, more] = found["seconds"]
    assert seconds["<think>", ()][1] > 2 * seconds["", ()][1]
    assert seconds["<think>", ("--thinking", "off")] == seconds["", ()]
