"""Two labs' bundles, one clip of which differs: merged with what fits, the rest listed with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reports.bundles.reading import read_bundle
from reports.bundles.verdicts import file_beside, write_check
from reports.compare import compare
from reports.material import gather
from reports.sharing.checking import check_bundle
from reports.sharing.writing import write_bundle
from reports.tables.formats import to_csv, to_markdown
from reports.tables.layout import lay_out
from reports.tables.model import Table
from reports.tables.terminal import print_tables
from tests.reports.sharing import labs
from vfsrbench.errors import InputError
from vfsrbench.results.power.clips_needed import clips_needed


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """`north` and `south`; `ben` differs in the south, which did not run nearest."""
    folder = tmp_path_factory.mktemp("bundles")
    made = []
    for name, root in (("north", labs.lab()), ("south", labs.lab("ben", ("bicubic", "oracle", "lanczos")))):
        target = folder / f"{name}.vfsr.zip"
        board = labs.board(root / "data").replace(methods=("bicubic", "nearest", "lanczos", "oracle"))
        write_bundle(board, root / "workspace", target)
        made.append(target)
    return made[0], made[1]


def rows(table: Table) -> dict[str, tuple[int, int]]:
    return {row.method: (row.done, row.total) for row in table.rows}


def test_compare_keeps_rows_apart_and_lists_what_does_not_fit(bundles: tuple[Path, Path]) -> None:
    tables, skipped = compare([], bundles=bundles, versus="bicubic @ north")
    assert [table.split for table in tables] == ["bi-x4"]
    assert rows(tables[0]) == {
        "bicubic @ north": (3, 3),
        "bicubic @ south": (2, 3),
        "nearest": (3, 3),
        "lanczos": (2, 3),
        "oracle": (3, 3),
    }, "the reference row, alike in both, stands there once"
    assert "left out: 3 results of south: of other frames of the clip 'ben'" in skipped
    versus = tables[0].row("bicubic @ south").cells["psnr"].versus
    assert versus is not None and versus.n == 2 and versus.difference == 0, "the same method gave the same"
    (note,) = [note for note in tables[0].notes if note.startswith("PSNR: clips that a paired t-test")]
    needed = clips_needed(*(values(bundles[0], method) for method in ("bicubic", "nearest")))
    assert f"Bicubic (OpenCV) @ north and Nearest neighbour {needed} (3 here)" in note, note
    assert "Bicubic (OpenCV) @ north and Bicubic (OpenCV) @ south no number is enough (2 here)" in note


def values(bundle: Path, method: str) -> np.ndarray:
    results = [r.record for r in read_bundle(bundle).results if r.record.method == method]
    return np.array([r.clip_values["psnr"] for r in sorted(results, key=lambda record: record.clip)])


def test_a_workspace_and_a_bundle_stand_on_one_board_with_a_badge(bundles: tuple[Path, Path]) -> None:
    root = labs.lab()
    board = labs.board(root / "data")
    material = gather(board, root / "workspace", bundles=[bundles[1]])
    (table,) = material.tables
    assert {"bicubic", "bicubic @ south", "nearest", "lanczos", "oracle"} == set(rows(table))
    assert any("3 results of other frames of the same clips" in line for line in material.skipped)
    row = table.row("bicubic @ south")
    assert (row.origin, row.verdict) == ("south", "not checked here") and not table.row("bicubic").verdict
    ours = {r.record.clip: r for r in material.results if r.record.method == "bicubic"}
    theirs = {r.record.clip: r for r in material.results if r.record.method == "bicubic @ south"}
    assert set(theirs) == {"ann", "cleo"}
    for clip, result in theirs.items():
        assert np.array_equal(result.values["psnr"], ours[clip].values["psnr"])


def test_the_badge_is_what_a_check_found(bundles: tuple[Path, Path]) -> None:
    root, south = labs.lab(), bundles[1]
    try:
        file_beside(south).write_text('{"mine": 1}')
        with pytest.raises(InputError, match="move it away"):
            write_check(file_beside(south), check_bundle(south))
        file_beside(south).unlink()
        write_check(file_beside(south), check_bundle(south))
        (table,) = gather(labs.board(root / "data"), root / "workspace", bundles=[south]).tables
        assert table.row("lanczos").verdict == "consistent"
        line = next(line for line in lay_out(table).lines if line.method == "lanczos")
        assert line.badge == "consistent" and "[consistent]" in line.full_name
        assert "consistent" in to_markdown(table) and ",south,consistent" in to_csv([table])
    finally:
        file_beside(south).unlink()


def test_bundles_alone_make_a_report(bundles: tuple[Path, Path], tmp_path: Path) -> None:
    material = gather(labs.board(tmp_path / "data"), tmp_path / "none", bundles=bundles)
    assert {r.method for r in material.tables[0].rows} >= {"bicubic @ north", "bicubic @ south", "nearest"}
    print_tables(material.tables)


def test_a_bundle_of_another_board_is_left_out(bundles: tuple[Path, Path]) -> None:
    root = labs.lab()
    board = labs.board(root / "data").replace(name="other")
    material = gather(board, tmp := root / "workspace", bundles=[bundles[0]])
    assert tmp and "left out: 9 results of north, a bundle of the board 'labs'" in material.skipped


def test_bundles_of_one_name_are_refused_and_a_copy_counts_once(
    bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "north.vfsr.zip").write_bytes(bundles[1].read_bytes())
    with pytest.raises(InputError, match="the same name"):
        compare([], bundles=[bundles[0], tmp_path / "north.vfsr.zip"])
    copy = tmp_path / "copy.vfsr.zip"
    copy.write_bytes(bundles[0].read_bytes())
    tables, _ = compare([], bundles=[bundles[0], copy])
    assert set(rows(tables[0])) == {"bicubic", "nearest", "oracle"}


def test_other_weights_of_a_metric_are_not_merged(bundles: tuple[Path, Path], tmp_path: Path) -> None:
    from dataclasses import replace

    from reports.inputs.bundled import with_bundles

    north, south = (read_bundle(path) for path in bundles)

    def weighted(bundle: object, digest: str) -> object:
        made = []
        for result in bundle.results:  # type: ignore[attr-defined]
            score = result.record.scores["psnr"].model_copy(update={"weights": {"net": digest}})
            scores = {**result.record.scores, "psnr": score}
            made.append(replace(result, record=result.record.model_copy(update={"scores": scores})))
        return replace(bundle, results=tuple(made))  # type: ignore[type-var]

    found, lines = with_bundles([], [weighted(north, "a"), weighted(south, "b")])  # type: ignore[list-item]
    without = {r.record.method for r in found if "psnr" not in r.record.clip_values}
    assert without == {"bicubic @ south", "oracle @ south", "lanczos"}
    assert any("values of psnr in south, by other weights" in line for line in lines)
