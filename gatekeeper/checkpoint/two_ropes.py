"""Refuses rotary positions that a config gives twice, and not alike.

transformers 5 keeps them in `rope_parameters`; earlier ones, and servers that go by them, read
`rope_theta`, `rope_scaling` and `partial_rotary_factor` beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gatekeeper.checkpoint.json_files import CONFIG
from gatekeeper.checkpoint.nested_configs import parts
from gatekeeper.errors import CheckpointError, excerpt

_PARAMETERS, _SCALING, _TEXT = "rope_parameters", "rope_scaling", "text_config"
_LENGTH = "original_max_position_embeddings"
_PARTIAL = "partial_rotary_factor"
#: Names beside `rope_parameters`, and in it.
_BESIDE = {
    "rope_theta": "rope_theta",
    "rotary_emb_base": "rope_theta",
    _PARTIAL: _PARTIAL,
    "rotary_pct": _PARTIAL,
}
#: What the one place may have and the other not.
_OPTIONAL = frozenset(_BESIDE.values())
#: A kind's earlier name and its later one, as publishers write them side by side.
_SAME_KIND = {("su", "longrope"), ("mrope", "default")}


def refuse_two_ropes(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuses a config, or one nested in it, of which loaders would take unlike positions.

    Raises:
        CheckpointError: names both settings.
    """
    for part in parts(config):
        text = part.get(_TEXT)
        # Some loaders lay the text model's settings over those around it.
        laid = {**part, **text} if isinstance(text, Mapping) else {}
        for settings in (part, laid):
            for name, said, other in _unlike(settings):
                raise CheckpointError(
                    f"{name} is {excerpt(repr(said))}, {_PARAMETERS} say {excerpt(repr(other))}: "
                    "some loaders take the one, some the other",
                    where=excerpt(folder / CONFIG),
                    remedy=f"remove {name}, or what is not served of the two",
                )

        _refuse_two_lengths(folder, part)
        for name, positions in _positions_in(part):
            kind, other = positions.get("type"), positions.get("rope_type")
            if None not in (kind, other) and kind != other and (kind, other) not in _SAME_KIND:
                raise CheckpointError(
                    f"{name} has type {excerpt(repr(kind))} and rope_type {excerpt(repr(other))}: "
                    "some loaders take the one, some the other",
                    where=excerpt(folder / CONFIG),
                    remedy="remove what is not served of the two",
                )


def _refuse_two_lengths(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuses a length before scaling that stands beside the positions, and another in them."""
    said = config.get(_LENGTH)
    for name, positions in _positions_in(config):
        if said is not None and positions.get(_LENGTH) not in (None, said):
            raise CheckpointError(
                f"{_LENGTH} is {excerpt(repr(said))}, {name} says "
                f"{excerpt(repr(positions[_LENGTH]))}: some loaders take the one, some the other",
                where=excerpt(folder / CONFIG),
                remedy="remove what is not served of the two",
            )


def scaled_always(config: Mapping[str, Any]) -> Iterator[str]:
    """A line if positions of a config, or one nested in it, are scaled by the text's length."""
    for part in parts(config):
        for name, positions in _positions_in(part):
            # With alpha they are scaled alike whatever the length.
            if _named(positions)["rope_type"] == "dynamic" and not positions.get("alpha"):
                yield (
                    f"not audited: {name} of {CONFIG} has rope_type dynamic, with which vLLM "
                    "scales positions always, and transformers in long texts alone"
                )
                return


def partly_turned(config: Mapping[str, Any]) -> Iterator[str]:
    """Names of settings by which a part of each head is turned, where nothing scales positions.

    Scaled ones are turned so by transformers whatever the family; a family may not know of it.
    """
    positions = list(_positions_in(config))
    plain = [p for p in positions if _named(p[1])["rope_type"] == "default"]
    if plain or not positions:
        for name, key in _BESIDE.items():
            if key == _PARTIAL and config.get(name) not in (None, 1):
                yield name
    yield from (f"{name}.{_PARTIAL}" for name, p in plain if p.get(_PARTIAL) not in (None, 1))


def _positions_in(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each object that tells of positions, with the name it stands under."""
    for name in (_PARAMETERS, _SCALING):
        positions = config.get(name)
        if isinstance(positions, Mapping):
            yield name, positions
            yield from ((name, inner) for inner in positions.values() if isinstance(inner, Mapping))


def _unlike(config: Mapping[str, Any]) -> Iterator[tuple[str, object, object]]:
    positions = config.get(_PARAMETERS)
    if not isinstance(positions, Mapping) or not positions:
        return
    # One for all layers, or one for each kind of layer.
    each = [p for p in positions.values() if isinstance(p, Mapping)] or [positions]
    for name, key in _BESIDE.items():
        said, others = config.get(name), [p[key] for p in each if key in p]
        if said is not None and others and said not in others:
            yield name, said, others[0]
    scaling = config.get(_SCALING)
    if not isinstance(scaling, Mapping) or not scaling or scaling == positions:
        return
    if not any(_alike(_named(scaling), _named(p)) for p in each):
        yield _SCALING, scaling, positions


def _alike(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    both = first.keys() & second.keys()
    keys = {key for key in first.keys() | second.keys() if key not in _OPTIONAL or key in both}
    return all(first.get(key) == second.get(key) for key in keys)


def _named(positions: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of positions, with their kind under its later name."""
    kind = positions.get("rope_type", positions.get("type", "default"))
    return {**{k: v for k, v in positions.items() if k != "type"}, "rope_type": kind}
