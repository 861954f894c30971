"""Labels of a judge's classifier: by number, or refused before anything is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatekeeper.engine.judges.judge_models import Reader
from gatekeeper.errors import CheckpointError
from tests.engine.tiny_checkpoint import folder

CONFIG = {"model_type": "bert", "architectures": ["BertForSequenceClassification"]}


@pytest.mark.parametrize("labels", [{"x": "a"}, {"9" * 5000: "a"}, {"\u00b2": "a"}, [], 5, None])
def test_what_numbers_no_labels_is_refused(tmp_path: Path, labels: Any) -> None:
    path = folder(tmp_path, CONFIG | {"id2label": labels})
    with pytest.raises(CheckpointError, match="id2label"):
        Reader(path, "cpu")


def test_labels_stand_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    path = folder(tmp_path, CONFIG | {"id2label": {"10": "c", "2": "b", "0": "a"}})
    assert Reader(path, "cpu").labels == ("a", "b", "c")
