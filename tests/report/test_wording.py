from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gatekeeper
from gatekeeper import catalog
from gatekeeper.analysis.comparison_masks import BENIGN_TOP, BY_CAUSE
from gatekeeper.bundled import bundled
from gatekeeper.errors import UsageError
from gatekeeper.records.finding import Finding, Interval, Subject
from gatekeeper.records.role import ROLES
from gatekeeper.records.suite import SETS
from gatekeeper.records.trial import PHASES
from gatekeeper.records.verdict import HEADLINES, RESULTS
from gatekeeper.report.disclosure import Disclosure
from gatekeeper.report.wording import Wording, languages, load_wording

ROOT = Path(__file__).resolve().parents[2]
WORDS = load_wording("en")


def _finding(value: float, unit: str) -> Finding:
    return Finding(
        metric="m",
        version=1,
        subject=Subject(),
        value=value,
        unit=unit,
        interval=Interval(low=value - 1, high=value + 1, confidence=0.95, method="x"),
        n=1200,
        clusters=1200,
    )


def test_an_estimate_has_value_interval_confidence_and_n() -> None:
    text = WORDS.estimate(_finding(-2.25, "points")).replace("\N{NO-BREAK SPACE}", " ")
    assert text == "−2.2 points (95 % interval −3.2 to −1.2, n = 1,200)"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0"), (-0.04, "0.0"), (-0.06, "−0.1"), (1234567.891, "1,234,567.9"), (99.95, "100.0")],
)
def test_numbers(value: float, text: str) -> None:
    assert WORDS.number(value) == text


def test_other_signs_for_decimals_and_thousands_do_not_mix() -> None:
    texts = {**WORDS.texts, "number.decimal": ",", "number.thousands": "."}
    assert Wording("xx", texts).number(-12345.6) == "−12.345,6"


@given(st.floats(min_value=-1e6, max_value=1e6, allow_nan=False))
def test_a_number_reads_back(value: float) -> None:
    text = WORDS.number(value, 2).replace("−", "-").replace(",", "")
    assert float(text) == pytest.approx(value, abs=0.0050001)


@pytest.mark.parametrize(
    ("limit", "text"), [(10.0, "10 points"), (2.5, "2.5 points"), (0.25, "0.25 points")]
)
def test_a_limit_has_only_the_decimals_it_was_given(limit: float, text: str) -> None:
    assert WORDS.limit(limit, "points") == text


def test_singular_and_plural() -> None:
    args = {"selector": "s", "rate": "r"}
    assert "the one expert" in WORDS("summary.masked", count=1, **args)
    assert "the 12 experts" in WORDS("summary.masked", count=12, **args)


def test_lists() -> None:
    assert [WORDS.enumerate(x) for x in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_dates_do_not_depend_on_the_machine() -> None:
    assert WORDS.moment(datetime(2026, 3, 4, 5, 6, tzinfo=UTC)) == "2026-03-04 05:06 UTC"


def test_values_are_not_read_as_templates() -> None:
    text = WORDS("summary.remedy", rule="{remedy}", remedy="{0.__class__}")
    assert text == "{remedy}: {0.__class__}"


def test_an_unknown_language_is_an_error_that_names_the_known() -> None:
    with pytest.raises(UsageError, match=r"no report wording for language 'xx'.*en"):
        load_wording("xx")


def test_a_language_cannot_name_a_file_elsewhere() -> None:
    with pytest.raises(UsageError):
        load_wording("../wording/en")


def test_all_languages_have_the_same_keys_and_names_to_fill() -> None:
    def fields(text: object) -> set[str]:
        return set(re.findall(r"{(\w+)}", str(text))) - {"count"}

    for lang in languages():
        other = load_wording(lang)
        assert other.texts.keys() == WORDS.texts.keys(), lang
        for key, text in WORDS.texts.items():
            assert fields(other.texts[key]) == fields(text), (lang, key)


def test_templates_hold_no_words_of_their_own() -> None:
    """But options of the command that makes the document again."""
    for path in sorted(bundled("report_templates").rglob("*.j2")):
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"(?s)\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text)
        text = re.sub(
            r"<[^<>]*>|--judge-card CARD|--waivers OUT/waivers.yaml|--baseline BASELINE", "", text
        )
        assert not re.search(r"[A-Za-z]{2}", text), path.name


def _used() -> str:
    sources = [*ROOT.glob("gatekeeper/report/*.py"), *ROOT.glob("gatekeeper/formats/*.py")]
    sources += bundled("report_templates").rglob("*.j2")
    return "\n".join(p.read_text(encoding="utf-8") for p in sources)


def test_every_key_that_is_used_exists() -> None:
    keys = set(
        re.findall(r"""(?:\bw|words|w\.lines)\(\s*["']([a-z_]+\.[a-z_]+)["']\s*[,)]""", _used())
    )
    assert len(keys) > 100
    assert keys - set(WORDS.texts) == set()


def test_every_key_is_used() -> None:
    used = _used()
    prefixes = {"level", "decision", "result", "severity", "set", "set_note", "subject", "model"}
    # Built from names; see the next tests.
    prefixes |= {"settings", "suite", "waiver", "self_test", "selector_note"}
    prefixes |= {
        "role_group",
        "role_probe",
        "dimension",
        "mode",
        "beside",
        "glossary",
        "unit",
        "what_if",
    }
    unused = [
        key
        for key in WORDS.texts
        if key not in used
        and key.partition(".")[0] not in prefixes
        and not any(stem in used for stem in _stems(key))
    ]
    assert unused == []


def _stems(key: str) -> list[str]:
    """`rules.bound_upper` is used as `rules.bound_{…}` or `rules.bound_' ~`."""
    stem = key.rpartition("_")[0]
    section = key.partition(".")[0]
    found = [f"{stem}_{{", f"{stem}_'"] if stem else []
    if (section in {"rules", "console"} and "col" in key) or "header" in key:
        found.append(f"{section}.col_{{" if "col" in key else f"{section}.header_{{")
    if key.count(".") > 1:  # named by a headline, or by what stands in the way
        found += [f"{key.rpartition('.')[0]}.{end}" for end in ("{", "'")]
    if section == "breakdown":
        found.append("breakdown.{")
    return found


def test_every_selector_and_check_of_the_hooks_is_explained() -> None:
    source = (Path(gatekeeper.__file__).parent / "engine" / "self_test" / "run.py").read_text()
    checks = re.findall(r'_check\(\s*"(\w+)"', source)
    assert len(checks) == 14
    wanted = {f"self_test.{name}" for name in (*checks, "skip")}  # that of older bundles too
    wanted |= {f"selector_note.{name}" for name in catalog.names("selector")}
    found = {key for key in WORDS.texts if key.startswith(("self_test.", "selector_note."))}
    assert found == wanted


def test_keys_built_from_names_exist() -> None:
    wanted = [f"set.{s}" for s in SETS] + [f"set_note.{s}" for s in SETS]
    wanted += [f"result.{r}" for r in RESULTS] + ["severity.block", "severity.warn"]
    wanted += [f"rules.bound_{b}" for b in ("upper", "lower", "estimate")]
    wanted += [f"level.{d}{suffix}" for d in Disclosure for suffix in ("", "_footer")]
    for headline in HEADLINES:
        wanted += [f"decision.{headline}", f"decision.consequence.{headline}"]
        wanted += [f"summary.do.{headline}"]
    wanted += [f"summary.means.{h}" for h in HEADLINES if not h.startswith("passed")]
    wanted += [f"summary.obstacle.{one}" for one in ("noise", "second judge", "undecided")]
    wanted += [f"mode.{kind}" for kind in ("reroute", "ablate", "scale", "noise", "other")]
    wanted += [f"mode.{phase}" for phase in PHASES if phase != "both"]
    told = [role for role in ROLES if role != "unclear"]
    wanted += [f"beside.{BENIGN_TOP}", *(f"beside.ranking-{role}" for role in told)]
    wanted += [f"beside.{BY_CAUSE}-{role}" for role in told]
    assert set(wanted) <= set(WORDS.texts)


def test_every_term_of_the_glossary_is_told_in_one_sentence() -> None:
    for lang in languages():
        words = load_wording(lang)
        assert words.under("glossary.term") == words.under("glossary.meaning")
        for name in words.under("glossary.term"):
            told = words(f"glossary.meaning.{name}")
            assert told.endswith((".", "。")) and told[:-1].count("。") == 0, name
            assert not re.search(r"[.] [A-Z]", told), name


def test_all_metrics_have_a_title() -> None:
    from gatekeeper.report.rules import metric_title

    for metric in catalog.names("metric"):
        assert metric_title(metric, WORDS)
    assert metric_title("no-such-metric", WORDS) == "no-such-metric"


def test_the_worst_of_many_masks_is_told_with_the_prompts_it_was_run_on() -> None:
    """Of folds, each mask is run on half: 99 points of 240 prompts would be more than there are."""
    whole = Finding(
        metric="worst-mask-drop",
        version=1,
        subject=Subject(k=8),
        value=99.2,
        unit="points",
        interval=Interval(low=85.0, high=99.9, confidence=0.95, method="m"),
        n=240,
        clusters=240,
        counts={"worst_n": 120},
    )
    words = load_wording("en")
    assert words.count(whole) == "120 of 240"
    assert words.count(replace(whole, counts={"worst_n": 240})) == "240"
