"""One policy laid over another, key by key, with the place that each value comes from.

Mappings are merged, and so are rules of one `id`; lists and single values replace what they lie
over. A rule has one limit: one of another kind takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatekeeper.errors import UsageError, did_you_mean, excerpt
from gatekeeper.records.policy import Change
from gatekeeper.strict_yaml import Route, YamlDocument

#: Keys of a rule of which it has one.
LIMITS = ("max", "min", "between", "max_regression")
#: Keys that each file has for itself: who a policy is and what it covers, and exceptions that were
#: granted under it.
_OWN = ("id", "version", "about", "waivers")
#: Keys that say how files are put together, and that no policy has once they are.
_STEPS = ("extends", "remove")
#: Keys of which nobody needs to be told that they were changed.
_NAMES = (
    "schema",
    "id",
    "version",
    "title",
    "owner",
    "review_by",
    "about",
    "waivers",
    "tier",
    "tiers",
)
#: Keys of a rule that decide nothing, and stand beside the rule wherever it is shown.
_WORDS = ("rationale", "remedy", "controls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A value of a document, with where it stands."""

    document: YamlDocument
    route: Route
    value: Any

    def at(self, key: str | int) -> Part:
        """A value inside this one."""
        return Part(document=self.document, route=(*self.route, key), value=self.value[key])


def whole(document: YamlDocument) -> Part:
    """All of a document."""
    return Part(document=document, route=(), value=document.data)


def extended(parent: YamlDocument, child: YamlDocument) -> YamlDocument:
    """The parent's policy with what the child says over it; without `extends` and `remove`.

    Raises:
        UsageError: the child removes a rule that the parent lacks, or one that it gives itself;
            or it gives a rule twice, or changes one that the parent lacks.
    """
    removed = _removed(parent, child)
    _refuse_strangers(parent, child)
    below = {key: whole(parent).at(key) for key in parent.data if key not in _OWN}
    above = {key: whole(child).at(key) for key in child.data if key not in _STEPS}
    rules = _by_id(below.pop("rules", None))
    changes = _by_id(above.pop("rules", None))
    maker = Maker(source=child.source)
    keys = dict.fromkeys((*child.data, *parent.data))
    data = {
        key: maker.over(below.get(key), above.get(key), (key,))
        for key in keys
        if key in below or key in above
    }
    kept = [(name, part) for name, part in rules if name not in removed]
    names = [name for name, _ in kept]
    changed = dict(changes)
    merged = [(part, changed.get(name)) for name, part in kept]
    merged += [(part, None) for name, part in changes if name not in names]
    data["rules"] = [
        maker.over(part, change, ("rules", i)) for i, (part, change) in enumerate(merged)
    ]
    maker.put(("rules",), whole(child).at("rules") if changes else whole(parent).at("rules"))
    maker.put((), whole(child))
    return maker.document(data)


def _removed(parent: YamlDocument, child: YamlDocument) -> set[str]:
    known = [rule["id"] for rule in parent.data["rules"]]
    given = {rule["id"] for rule in child.data.get("rules", ())}
    for i, name in enumerate(child.data.get("remove", ())):
        where = child.where(("remove", i))
        if name not in known:
            message = f"{parent.data['id']} has no rule {excerpt(name)!r} to remove"
            raise UsageError(message, where=where, remedy=did_you_mean(name, known))
        if name in given:
            message = f"rule {name} is removed, and given again"
            raise UsageError(message, where=where, remedy="do one of them")
    return set(child.data.get("remove", ()))


def _refuse_strangers(parent: YamlDocument, child: YamlDocument) -> None:
    known = [rule["id"] for rule in parent.data["rules"]]
    seen: set[str] = set()
    for i, rule in enumerate(child.data.get("rules", ())):
        where = child.where(("rules", i, "id"))
        if rule["id"] in seen:
            message = f"rule id {rule['id']} given twice"
            raise UsageError(message, where=where, remedy="give each rule an id of its own")
        if rule["id"] not in known and "metric" not in rule:
            message = f"{parent.data['id']} has no rule {rule['id']} to change"
            remedy = did_you_mean(rule["id"], known, "add metric, if the rule is a new one")
            raise UsageError(message, where=where, remedy=remedy)
        seen.add(rule["id"])


def of_tier(document: YamlDocument, name: str) -> YamlDocument:
    """The policy of one tier: what `tiers` says of it over the rest; `tier` names it.

    Raises:
        UsageError: the tier is about a rule that the policy lacks.
    """
    tier = whole(document).at("tiers").at(name)
    rules = tier.at("rules") if "rules" in tier.value else None
    known = [rule["id"] for rule in document.data["rules"]]
    for rule in rules.value if rules else ():
        if rule not in known:
            raise UsageError(
                f"tier {name} is about an unknown rule {excerpt(rule)!r}",
                where=document.where((*tier.route, "rules", rule), key=True),
                remedy=did_you_mean(rule, known),
            )
    maker, data = Maker(source=document.source), dict[str, Any]()
    for key in document.data:
        below = whole(document).at(key)
        if key == "tiers":
            data["tier"] = name
            maker.put(("tier",), below.at(name))
        elif key == "rules":
            data[key] = [
                maker.over(below.at(i), rules.at(rule) if rules and rule in rules.value else None,
                           ("rules", i))
                for i, rule in enumerate(known)
            ]  # fmt: skip
            maker.put(("rules",), below)
        else:
            above = tier.at(key) if key == "evidence" and key in tier.value else None
            data[key] = maker.over(below, above, (key,))
    if "evidence" in tier.value and "evidence" not in data:
        data["evidence"] = maker.over(None, tier.at("evidence"), ("evidence",))
    maker.put((), whole(document))
    return maker.document(data)


def _by_id(rules: Part | None) -> list[tuple[str, Part]]:
    if rules is None:
        return []
    parts = (rules.at(i) for i in range(len(rules.value)))
    return [(part.value["id"], part) for part in parts]


class Maker:
    """Puts data together and notes where each value is from.

    Args:
        source: the file that the whole is of.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._from: dict[Route, Part] = {}

    def put(self, route: Route, part: Part) -> None:
        """Notes where the value of a route is from."""
        self._from[route] = part

    def over(self, below: Part | None, above: Part | None, to: Route) -> Any:
        """What stands above, merged into what stands below if both are mappings; one is given."""
        top = below if above is None else above
        if top is None:
            raise ValueError("nothing stands here")
        self._from[to] = top
        if isinstance(top.value, list):
            return [self.over(None, top.at(i), (*to, i)) for i in range(len(top.value))]
        if not isinstance(top.value, dict):
            return top.value
        under = below if below is not None and isinstance(below.value, dict) else None
        return {
            key: self.over(
                under.at(key) if under and key in under.value else None,
                top.at(key) if key in top.value and top is above else None,
                (*to, key),
            )
            for key in _keys(under, top, rule=to[:1] == ("rules",) and len(to) == 2)
        }

    def document(self, data: dict[str, Any]) -> YamlDocument:
        """The data as a document whose places are those of the files."""
        values, keys, written, files = {}, {}, {}, {}
        for to, part in self._from.items():
            document, route = part.document, part.route
            values[to] = document.position(route)
            files[to] = document.file(route)
            if route in document.keys:
                keys[to] = document.keys[route]
            for key in (False, True):
                if (route, key) in document.written:
                    written[to, key] = document.written[route, key]
        return YamlDocument(
            data=data,
            source=self._source,
            digest="",
            values=values,
            keys=keys,
            written=written,
            files=files,
        )


def _keys(below: Part | None, top: Part, *, rule: bool) -> tuple[str, ...]:
    """Keys of both; of a rule's limits those that stand above, if any do."""
    keys = dict.fromkeys((*(below.value if below else ()), *top.value))
    if rule and any(key in top.value for key in LIMITS):
        return tuple(key for key in keys if key not in LIMITS or key in top.value)
    return tuple(keys)


def changes(old: Mapping[str, Any], new: Mapping[str, Any], against: str) -> tuple[Change, ...]:
    """What a policy says otherwise than another, in the order of the old one.

    Args:
        against: what the old one is called.
    """
    before, after = _flat(old), _flat(new)
    found = []
    for what in dict.fromkeys((*before, *after)):
        if before.get(what) != after.get(what):
            pair = (before.get(what), after.get(what))
            found.append(Change(against=against, what=what, old=pair[0], new=pair[1]))
    rules = [{rule["id"] for rule in data.get("rules", ())} for data in (old, new)]
    once = rules[0] ^ rules[1]
    told = [c for c in found if c.what.split(" ")[0] not in once]
    for name in (rule["id"] for data in (old, new) for rule in data.get("rules", ())):
        if name in once:
            there = (name in rules[0], name in rules[1])
            # It is named by what it is; what it says stands among the rules.
            pair = ("" if there[0] else None, "" if there[1] else None)
            told.append(Change(against=against, what=f"rule {name}", old=pair[0], new=pair[1]))
    return tuple(told)


def _flat(data: Mapping[str, Any]) -> dict[str, str]:
    """Each value of a policy in words, by what it is of: `single-expert max`, `evidence power`."""
    flat: dict[str, str] = {}

    def put(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                put(f"{name} {key}", inner)
        else:
            flat[name] = _words(value)

    for key, value in data.items():
        if key == "rules":
            for rule in value:
                for inner in rule:
                    if inner != "id" and inner not in _WORDS:
                        put(f"{rule['id']} {inner}", rule[inner])
        elif key not in _NAMES:
            put(key, value)
    return flat


def _words(value: Any) -> str:
    """A value as YAML would have it."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_words(v)}' for key, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_words, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
