"""The notebook runs from top to bottom on a workspace, and shows what it promises."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import synthetic

TOUR = Path(__file__).parents[2] / "docs" / "tour.ipynb"


def cells() -> list[str]:
    notebook = json.loads(TOUR.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4 and len({c["id"] for c in notebook["cells"]}) == len(notebook["cells"])
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]


def test_the_tour_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    synthetic.write_board(tmp_path / "workspace" / "results")
    monkeypatch.chdir(tmp_path)
    place: dict[str, Any] = {"__name__": "__main__"}
    for number, source in enumerate(cells()):
        exec(compile(source, f"tour.ipynb, code cell {number}", "exec"), place)
    assert len(place["frames"]) == 4 * 3 * 2 * 12
    expected = [synthetic.frame_values("bicubic", "vfhq-mild", c, 12)["psnr"].mean() for c in synthetic.CLIPS]
    assert place["table"].loc["bicubic", "vfhq-mild"] == pytest.approx(sum(expected) / 3)
    assert set(place["board"]["split"]) == {"vfhq-mild", "vfhq-heavy"}
    assert len(place["axes"].lines) == 3, "every method but the yardsticks has its curve"
    assert "lanczos" in capsys.readouterr().out
