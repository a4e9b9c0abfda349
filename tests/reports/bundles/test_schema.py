"""The form of bundles is documented key by key."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.bundles.schema import CellClaim, Head, RowClaim, Tables
from reports.bundles.verdicts import Checked, Difference, RowVerdict
from vfsrbench.results.board_note import Protocol

DOCS = (Path(__file__).parents[3] / "docs" / "bundles.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", [Head, CellClaim, RowClaim, Tables, Checked, RowVerdict, Difference])
def test_every_key_is_in_the_document(model: type[Head]) -> None:
    assert [key for key in model.model_fields if f"`{key}`" not in DOCS] == []


def test_the_protocols_keys_are() -> None:
    assert [key for key in Protocol.__dataclass_fields__ if f"`{key}`" not in DOCS] == []
