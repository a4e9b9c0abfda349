"""Tampered bundles of each kind are caught, or it is said that they cannot be checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.bundles.reading import read_bundle
from reports.sharing.auditing import Auditor
from reports.sharing.checking import check_bundle
from reports.sharing.writing import write_bundle
from tests.reports.sharing import labs
from tests.reports.sharing.tampering import TAMPERINGS, Tampering, as_table, tampered
from vfsrbench.errors import InputError

DOCS = Path(__file__).parents[3] / "docs" / "bundles.md"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("bundle") / "lab.vfsr.zip"
    root = labs.lab()
    write_bundle(labs.board(root / "data"), root / "workspace", target, with_frames=1)
    return target


@pytest.mark.parametrize("how", TAMPERINGS, ids=lambda how: how.what)
def test_the_bundle_alone(bundle: Path, tmp_path: Path, how: Tampering) -> None:
    changed = tampered(bundle, tmp_path / "liar.vfsr.zip", how)
    assert changed.read_bytes() != bundle.read_bytes()
    if how.alone == "refused":
        with pytest.raises(InputError):
            read_bundle(changed)
        return
    checked = check_bundle(changed)
    row = next(row for row in checked.rows if row.method == "bicubic")
    if how.alone == "contradicted":
        assert not checked.ok and (row.problems or checked.problems)
    else:
        assert checked.ok and row.verdict == "consistent"
        assert any("frames were not looked at" in line for line in row.unchecked)


@pytest.mark.parametrize(
    "how", [how for how in TAMPERINGS if how.alone == "not checkable"], ids=lambda how: how.what
)
def test_with_the_data_set_and_frames(bundle: Path, tmp_path: Path, how: Tampering) -> None:
    changed = tampered(bundle, tmp_path / "liar.vfsr.zip", how)
    root = labs.lab()
    outputs = {"": root / "workspace"} if "shifted" not in how.what else {}
    checked = check_bundle(changed, Auditor(dataset=root / "data", outputs=outputs, count=3))
    row = next(row for row in checked.rows if row.method == "bicubic")
    assert not checked.ok and row.verdict == "contradicted", row


def test_the_table_in_the_document_is_this_list() -> None:
    assert as_table() in DOCS.read_text(encoding="utf-8")
