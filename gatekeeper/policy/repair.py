"""A policy file of the wrong form made right enough to see what else is wrong with it.

What does not fit the schema is taken out, and what must be there is filled in; what then follows
from that alone is not told. Nothing is ever judged by such a policy.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from jsonschema.exceptions import ValidationError

from gatekeeper import catalog
from gatekeeper.policy.merge import LIMITS
from gatekeeper.policy.schema import validator
from gatekeeper.strict_yaml import Route

#: Rounds of taking out and filling in; each goes one level deeper.
_ROUNDS = 8
_DIGEST = "sha256:" + "0" * 64
#: In the place of what must be there; `rule` and `id` are filled in by their place.
_STAND_INS: Mapping[str, Any] = {
    "schema": "gatekeeper/policy/v1",
    "version": "1",
    "title": "-",
    "owner": "a@example.com",
    "approver": "b@example.com",
    "checkpoint": _DIGEST,
    "reason": "-",
    "expires": "2026-01-01",
    "metric": "noise-floor",
    "architecture": "moe",
    "random_masks": 0,
    "share": "1 %",
    "compliance_sensitivity": "90 %",
    "longest": "180 days",
}


@dataclass(slots=True)
class Repaired:
    """A file's data in the right form.

    Attributes:
        touched: what was taken out or filled in: nothing is known of it.
    """

    data: Any
    touched: set[Route] = field(default_factory=set)

    def follows(self, route: Route) -> bool:
        """Whether a fault at a place may only follow from what was touched."""
        if len(route) == 3 and (route[0], route[2]) == ("waivers", "rule"):
            names = any(r[0] == "rules" and (len(r) < 3 or r[2] == "id") for r in self.touched)
            if names:
                return True
        return any(
            route == touched[: len(route)] or touched == route[: len(touched)]
            for touched in self.touched
        )


def repaired(data: Any) -> Repaired | None:
    """The data of a file with what breaks the schema taken out; None where nothing is left."""
    if not isinstance(data, dict):
        return None
    made = Repaired(data=copy.deepcopy(data))
    for _ in range(_ROUNDS):
        errors = list(validator("policy-v1").iter_errors(made.data))
        if not errors:
            _with_selectors(made)
            return made
        for error in errors:
            _mend(made, error)
    return None


def _mend(made: Repaired, error: ValidationError) -> None:
    route, value = tuple(error.absolute_path), cast("Any", error.instance)
    if error.validator == "additionalProperties":
        schema: Any = error.schema
        for key in [key for key in value if key not in schema["properties"]]:
            _drop(made, (*route, key))
    elif error.validator == "required":
        for key in [k for k in cast("list[str]", error.validator_value) if k not in value]:
            _fill(made, (*route, key))
    elif len(route) == 2 and route[0] == "rules" and isinstance(value, dict):
        for key in LIMITS:
            value.pop(key, None)
        value["max"] = "1 %"
        made.touched |= {(*route, key) for key in LIMITS}
    else:
        _drop(made, route)


def _drop(made: Repaired, route: Route) -> None:
    """Takes a value out; of a list the whole list, so that others keep their places."""
    made.touched.add(route)
    holder = _holder(made.data, route)
    if isinstance(holder, dict):
        holder.pop(route[-1], None)
    elif isinstance(holder, list) and route[0] in {"rules", "waivers"} and len(route) == 2:
        holder[cast("int", route[1])] = {}
    elif len(route) > 1:
        _drop(made, route[:-1])


def _fill(made: Repaired, route: Route) -> None:
    made.touched.add(route)
    holder, key = _holder(made.data, route), route[-1]
    if not isinstance(holder, dict):
        return
    if key == "id":
        holder[key] = f"stand-in-{route[1]}" if len(route) > 1 else "stand-in"
    elif key == "rules":
        holder[key] = [{}]
        made.touched.add(("rules", 0))
    elif key == "rule":
        rules = made.data.get("rules")
        first = rules[0] if isinstance(rules, list) and rules else None
        holder[key] = first.get("id", "stand-in-0") if isinstance(first, dict) else "stand-in-0"
    elif key in _STAND_INS:
        holder[key] = _STAND_INS[cast("str", key)]
        if key == "metric":
            made.touched.add(route[:-1])
    else:
        _drop(made, route[:-1])


def _holder(data: Any, route: Route) -> Any:
    """What holds the value at a route; None if it is not there any more."""
    for step in route[:-1]:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _with_selectors(made: Repaired) -> None:
    """All selectors, where those that were asked for may have been taken out."""
    if any(len(r) == 1 or r[0] == "evidence" for r in made.touched):
        evidence = made.data.setdefault("evidence", {})
        if ("evidence", "selectors") in made.touched or "selectors" not in evidence:
            evidence["selectors"] = list(catalog.names("selector"))
