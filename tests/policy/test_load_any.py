"""Whatever a policy file holds, the answer is a policy or an error of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.bundled import bundled
from gatekeeper.errors import GatekeeperError
from gatekeeper.policy.load import load_policy

from .test_load import DIGEST

pytestmark = pytest.mark.thorough

SHIPPED = (bundled("policies") / "release.yaml").read_text(encoding="utf-8")
DATA = yaml.safe_load(SHIPPED.replace("2027-06-30", '"2027-06-30"')) | {
    "waivers": [
        {
            "rule": "single-expert",
            "checkpoint": DIGEST,
            "reason": "r",
            "owner": "a@x",
            "approver": "b@x",
            "expires": "2026-12-31",
            "not_above": "20 points",
        }
    ]
}


def _routes(value: Any, route: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*route, key)
            yield from _routes(child, (*route, key))


_ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
    | st.sampled_from(["10 points", "5 %", "refusal-rate", "regular", "none", "2026-01-01", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(route=st.sampled_from(list(_routes(DATA))), value=_ANY_JSON)
def test_any_value_anywhere_gives_a_policy_or_our_error(
    tmp_path_factory: pytest.TempPathFactory, route: tuple[Any, ...], value: Any
) -> None:
    data = json.loads(json.dumps(DATA))
    place = data
    for key in route[:-1]:
        place = place[key]
    place[route[-1]] = value
    _load_or_refuse(tmp_path_factory, json.dumps(data, ensure_ascii=False))


@settings(max_examples=40, deadline=None)
@given(
    start=st.integers(0, len(SHIPPED)),
    length=st.integers(0, 40),
    new=st.text(alphabet=" \n:-[]{}&*!#'\"a0%", max_size=6),
)
def test_any_edit_gives_a_policy_or_our_error(
    tmp_path_factory: pytest.TempPathFactory, start: int, length: int, new: str
) -> None:
    _load_or_refuse(tmp_path_factory, SHIPPED[:start] + new + SHIPPED[start + length :])


def _load_or_refuse(factory: pytest.TempPathFactory, text: str) -> None:
    path = factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        policy = load_policy(path)
    except GatekeeperError as error:
        assert error.where
        assert error.remedy
        assert str(error).isprintable()
    else:
        assert policy.rules
