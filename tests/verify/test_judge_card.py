from __future__ import annotations

import json

import pytest

from gatekeeper.errors import UsageError
from gatekeeper.evidence.wire_judge_card import card_to_json
from gatekeeper.verify.judge_card import read_card
from tests.report.cards import card_file, judge_card

CARD = judge_card(unmasked=(45, 50, 49, 50), masked=(40, 50, 45, 50))
#: A part that is true to itself, of replies that the whole card does not hold.
MANY = card_to_json(judge_card(masked=(500, 500, 500, 500)))["parts"][1]


def test_round_trip(tmp_path) -> None:
    read, raw = read_card(card_file(tmp_path / "card.json", CARD))
    assert read == CARD
    assert raw == (tmp_path / "card.json").read_bytes()


def test_a_number_that_is_not_defined_is_read(tmp_path) -> None:
    bare = judge_card(every=(0, 0, 9, 10))
    assert read_card(card_file(tmp_path / "card.json", bare))[0] == bare


def test_replies_of_no_known_group_count_in_all_alone(tmp_path) -> None:
    some = judge_card(every=(10, 10, 9, 10), masked=(40, 50, 45, 50))
    assert read_card(card_file(tmp_path / "card.json", some))[0] == some


def _set(*path):
    *route, value = path

    def change(data):
        node = data
        for key in route[:-1]:
            node = node[key]
        if value is None:
            del node[route[-1]]
        else:
            node[route[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_set("parts", None), "no judge's card"),
        (_set("judge", None), "no judge's card"),
        (_set("judge", "version", "2"), "no judge's card"),
        (_set("schema", "gatekeeper/judge-card/v2"), "no judge's card"),
        (_set("more", 1), "no judge's card"),
        (_set("parts", 0, "sensitivity", "value", 1.5), "no judge's card"),
        (_set("parts", 0, "sensitivity", "value", -0.1), "no judge's card"),
        (_set("parts", 0, "counts", "refuse", "refuse", -1), "no judge's card"),
        (_set("parts", 0, "counts", "refuse", "refuse", 1.5), "no judge's card"),
        (_set("parts", 0, "counts", "refuse", "refuse", 10**400), "a number is too large"),
        (_set("parts", 0, "n", 10**60), "no judge's card"),
        (_set("parts", []), "no judge's card"),
        (_set("parts", 0, "name", "some"), "parts are not 'all'"),
        (_set("parts", 1, "name", "all"), "parts are not 'all'"),
        (_set("parts", 0, "n", 199), "not of n replies"),
        (_set("parts", 0, "counts", "refuse", "refuse", 84), "not of n replies"),
        (_set("parts", 0, "sensitivity", "value", 0.99), "the sensitivity of all"),
        (_set("parts", 1, "specificity", "n", 12), "the specificity of group: masked"),
        *(
            (_set("parts", 0, number, key, value), f"the {number} of all")
            for number in ("sensitivity", "specificity", "precision", "accuracy", "kappa")
            for key, value in (("value", 0.5), ("low", 0.01), ("high", 0.999), ("n", 7))
        ),
        (lambda data: data["parts"].__setitem__(1, MANY), "parts by group hold more replies"),
        (lambda data: data["parts"].append({**data["parts"][1], "name": "group: x"}), "by group"),
    ],
)
def test_what_is_no_card_is_refused(change, words, tmp_path) -> None:
    data = card_to_json(CARD)
    change(data)
    path = tmp_path / "card.json"
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError, match=words) as caught:
        read_card(path)
    assert "card.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": 1, "a": 2}', "given twice"),
        (b"[" * 100_000, "not valid JSON"),
        (b"null", "no judge's card"),
        (b" " * (5 << 20), "larger than"),
    ],
)
def test_what_is_not_even_json_is_refused(raw, words, tmp_path) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(raw)
    with pytest.raises(UsageError, match=words):
        read_card(path)


def test_what_cannot_be_read_is_refused(tmp_path) -> None:
    for path in (tmp_path / "absent.json", tmp_path):
        with pytest.raises(UsageError, match=r"cannot be read|not a file"):
            read_card(path)
