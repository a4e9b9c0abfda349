"""The notebook runs from top to bottom in a Jupyter kernel, and shows what it promises."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.reports import synthetic

TOUR = Path(__file__).parents[2] / "docs" / "tour.ipynb"
ASK = """
import json, sys
print(json.dumps({
    "python": sys.executable,
    "frames": len(frames),
    "bicubic": table.loc["bicubic", "vfhq-mild"],
    "splits": sorted(set(board["split"])),
    "lines": len(axes.lines),
    "by hand": [list(scores), len(scores), bool(scores["psnr"].min() > 20)],
}))
"""


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook after it ran beside a workspace, with one cell more that tells what it found."""
    place = tmp_path_factory.mktemp("tour")
    results = place / "workspace" / "results"
    synthetic.write_board(results)
    synthetic.write_result(results, "bicubic", "vfhq-mild", "own", dataset="my clips")
    notebook = nbformat.read(TOUR, as_version=4)
    nbformat.validate(notebook)
    notebook.cells.append(nbformat.v4.new_code_cell(ASK))
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(place)}})
    return client.execute()


def outputs(notebook: Any, word: str) -> list[Any]:
    """What the cell with this word in it showed."""
    cell = next(c for c in notebook.cells if c.cell_type == "code" and word in c.source)
    return list(cell.outputs)


def test_the_tour_finds_the_figures(tour: Any) -> None:
    found = json.loads(tour.cells[-1].outputs[0].text)
    assert Path(found["python"]).resolve() == Path(sys.executable).resolve(), "this installation's kernel"
    assert found["frames"] == 4 * 3 * 2 * 12
    expected = [synthetic.frame_values("bicubic", "vfhq-mild", c, 12)["psnr"].mean() for c in synthetic.CLIPS]
    assert found["bicubic"] == pytest.approx(sum(expected) / 3)
    assert found["splits"] == ["vfhq-heavy", "vfhq-mild"]
    assert found["by hand"] == [["frame", "name", "psnr", "ssim"], 4, True]
    assert found["lines"] == 3, "every method but the reference rows has its curve"


def test_the_tour_shows_tables_a_curve_and_statistics(tour: Any) -> None:
    assert all("error" not in o.output_type for c in tour.cells for o in c.get("outputs", ()))
    for word in ("frames.head()", "table.round", "to_frame(tables)", "scores.round"):
        assert "<table" in outputs(tour, word)[-1].data["text/html"], word
    picture = outputs(tour, "figure.subplots")[-1].data["image/png"]
    assert base64.b64decode(picture).startswith(b"\x89PNG"), "needs the inline backend"
    assert "lanczos" in outputs(tour, "as against")[-1].text


def test_the_notebook_is_kept_without_what_a_run_leaves() -> None:
    notebook = nbformat.read(TOUR, as_version=4)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert all(not c.outputs and c.execution_count is None for c in code)
