"""The guard looks at restored frames once: what it found stays in the record when other metrics are added."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vfsrbench as vb
from vfsrbench.board import Board, DatasetUse, ScoreBoard
from vfsrbench.datasets.demo.clips import demo_clip
from vfsrbench.geometry.guard import VERSION, Guard
from vfsrbench.io.clip import Clip
from vfsrbench.runs import due


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """First frames of the windows that the guard looks at."""
    seen: list[int] = []
    see = Guard.see

    def counted(self: Guard, first: int, *frames: Any) -> Any:
        seen.append(first)
        return see(self, first, *frames)

    monkeypatch.setattr(Guard, "see", counted)
    return seen


def _board(folder: Path, *metrics: str) -> Board:
    use = DatasetUse(layout="folder", path=str(folder))
    base = Board(
        name="once", title="Once", version=1, dataset=use, splits=("all",), methods=("any",), metrics=metrics
    )
    return ScoreBoard.of(base)


def test_frames_are_looked_at_once_and_again_when_they_or_the_guard_change(
    tmp_path: Path, looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    gt = demo_clip("demo-talking", 6).array()[:, 100:356, 100:356].copy()
    moved = np.roll(gt, 2, axis=2)
    for place, frames in (("gt", gt), ("honest", gt), ("moved", moved)):
        Clip.from_array(frames, "one").write(tmp_path / place / "one")
    outputs = {name: tmp_path / name for name in ("honest", "moved")}

    def run(*metrics: str) -> dict[str, Any]:
        looks.clear()
        board = _board(tmp_path / "gt", *metrics)
        done = vb.run_board(board, tmp_path / "w", engine="serial", outputs=outputs)
        return {record.method: record for record in done.records.values()}

    first = run("psnr")
    assert len(looks) == 2 and {r.guard for r in first.values()} == {VERSION}
    assert first["moved"].findings == ["shifted by (2.0, 0.0) px"] and first["honest"].findings == []
    again = run("psnr", "ssim")
    assert looks == []
    for name, record in again.items():
        assert set(record.clip_values) == {"psnr", "ssim"}
        assert (record.findings, record.geometry) == (first[name].findings, first[name].geometry)
        assert record.geometry and record.guard == VERSION

    with monkeypatch.context() as patch:
        patch.setattr(due, "VERSION", VERSION + 1)  # a guard that finds other things
        run("psnr", "ssim", "ssim_vt")
    assert len(looks) == 2
    Clip.from_array(np.roll(gt, 1, axis=1), "one").write(tmp_path / "other" / "one")
    outputs["moved"] = tmp_path / "other"
    assert run("psnr")["moved"].findings == ["shifted by (0.0, 1.0) px"]
    assert len(looks) == 1
