from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.errors import EvidenceError
from gatekeeper.evidence.bundle import read_bundle, write_bundle
from gatekeeper.evidence.wire_positive import positive_from_json, positive_to_json
from gatekeeper.records.positive import PositiveControl
from tests.evidence.whole import whole_evidence
from tests.policy.shown import DIRECTION, shown


@pytest.mark.parametrize(
    "given",
    [
        None,
        "not asked for",
        PositiveControl(directions=(DIRECTION,)),
        PositiveControl(directions=(replace(DIRECTION, fold=1), replace(DIRECTION, fold=2))),
    ],
)
def test_it_comes_back_as_it_was(given):
    assert positive_from_json(positive_to_json(given).get("positive_control")) == given


def test_a_bundle_keeps_it_and_an_older_one_has_none(tmp_path):
    made = shown(whole_evidence())
    write_bundle(made, tmp_path / "new")
    read = read_bundle(tmp_path / "new")
    assert read.positive_control == made.positive_control
    assert read.settings.positive_control
    assert [m for m in read.masks if m.arm == "positive"] == [made.masks[-1]]
    write_bundle(whole_evidence(), tmp_path / "old")
    assert read_bundle(tmp_path / "old").positive_control is None


def test_a_direction_of_a_fold_that_the_audit_did_not_have_is_refused(tmp_path):
    one = replace(DIRECTION, fold=2)
    made = replace(shown(whole_evidence()), positive_control=PositiveControl(directions=(one,)))
    write_bundle(made, tmp_path / "bundle")
    with pytest.raises(EvidenceError, match="folds that the audit did not have"):
        read_bundle(tmp_path / "bundle")
