"""Given clips are decoded once a run: for their digest, for scoring and for the reports' strips together."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.boards import data_set
from vfsrbench.board import Board, DatasetUse, ScoreBoard
from vfsrbench.datasets.layouts import REAL_SPLIT
from vfsrbench.io.clip import Clip
from vfsrbench.io.images.folder import PictureSource
from vfsrbench.io.raw import DecodedFrames
from vfsrbench.results.load import find_results
from vfsrbench.runs import run as runs
from vfsrbench.runs.jobs import Options
from vfsrbench.runs.summary import RunSummary

FRAMES = 6


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Folder -> how many of its frames were decoded."""
    counts: Counter[str] = Counter()
    read = PictureSource.read

    def counting(self: PictureSource, start: int, stop: int) -> np.ndarray:
        counts[str(self._files[0].parent)] += stop - start
        return read(self, start, stop)

    monkeypatch.setattr(PictureSource, "read", counting)
    return counts


def board(data: Path, layout: str = "folder", metrics: tuple[str, ...] = ("psnr", "ssim_vt")) -> Board:
    use = DatasetUse(layout=layout, path=str(data), scale=2 if layout == "real" else None)
    split = REAL_SPLIT if layout == "real" else "outputs"
    return ScoreBoard.of(
        Board(
            name="s", title="S", version=1, dataset=use, splits=(split,), methods=("theirs",), metrics=metrics
        )
    )


def score(made: Board, workspace: Path, outputs: Path) -> RunSummary:
    summary = runs.run_board(made, workspace, Options(outputs={"theirs": outputs}), engine="serial")
    assert {record.status for record in summary.records.values()} == {"ok"}
    assert not list((workspace / "scratch").rglob("*.raw"))
    return summary


def values(workspace: Path) -> dict[str, dict[str, bytes]]:
    found = {r.record.clip: r for r in find_results([workspace / "results"])}
    return {clip: {m: v.tobytes() for m, v in r.values.items()} for clip, r in found.items()}


def test_each_given_frame_is_decoded_once(
    tmp_path: Path, decoded: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = data_set(tmp_path / "data", frames=FRAMES)
    theirs = data_set(tmp_path / "theirs", ["two", "one"], frames=FRAMES)
    shutil.rmtree(theirs / "two")
    shutil.copytree(data / "two", theirs / "two")  # as the ground truth: one digest, two clips
    shutil.rmtree(theirs / "one")
    Clip.from_array(Clip.open(data / "one").array()[:, ::-1].copy()).write(theirs / "one")
    decoded.clear()
    score(board(data), tmp_path / "w", theirs)
    # theirs/two has the bytes of data/two: not even its digest takes decoding
    places = {data / "one": FRAMES, data / "two": FRAMES - 1, theirs / "one": FRAMES}
    assert decoded == {str(place): count for place, count in places.items()}
    monkeypatch.setattr(runs, "DECODED_BYTES", 0)
    decoded.clear()
    score(board(data), tmp_path / "again", theirs)
    assert min(decoded.values()) > FRAMES  # what the frames that are kept save
    assert values(tmp_path / "again") == values(tmp_path / "w")


def test_clips_without_ground_truth_too(tmp_path: Path, decoded: Counter[str]) -> None:
    data = data_set(tmp_path / "lq", ["one"], frames=FRAMES)
    big = np.repeat(np.repeat(Clip.open(data / "one").array(), 2, 1), 2, 2)
    Clip.from_array(big).write(tmp_path / "theirs" / "one")
    decoded.clear()
    score(board(data, "real", ("ewarp_self_dis",)), tmp_path / "w", tmp_path / "theirs")
    assert set(decoded.values()) == {FRAMES} and len(decoded) == 2


def test_files_that_change_meanwhile_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = data_set(tmp_path / "data", ["one"], frames=FRAMES)
    theirs = tmp_path / "theirs"
    shutil.copytree(data, theirs)
    work = runs._work

    def changed(*given: object) -> None:
        pictures = sorted((theirs / "one").glob("*.png"))
        shutil.copy(pictures[0], pictures[-1])
        work(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(runs, "_work", changed)
    made = runs.run_board(board(data), tmp_path / "w", Options(outputs={"theirs": theirs}), engine="serial")
    (record,) = made.records.values()
    assert record.status == "failed" and "changed while the run was going on" in record.reason


def test_what_is_kept_stays_within_its_limit(tmp_path: Path) -> None:
    clips = [Clip.open(p) for p in sorted(data_set(tmp_path / "d", ["a", "b", "c"], frames=4).iterdir())]
    size = [len(c) * c.height * c.width * 3 for c in clips]
    store = DecodedFrames(tmp_path / "kept", size[0] + size[2])
    assert [store.digest(clip) for clip in clips] == [clip.digest() for clip in clips]
    assert set(store.kept) == {clips[0].digest(), clips[2].digest()}
    assert sum(p.stat().st_size for p in (tmp_path / "kept").iterdir()) == size[0] + size[2]
    for clip in (clips[0], clips[2]):
        raw = store.kept[clip.digest()]
        assert np.array_equal(raw.read(1, 2), clip.read(1, 2)) and raw.names == clip.frame_names
    assert store.digest(clips[0]) == clips[0].digest() and len(store.kept) == 2
    blocked = tmp_path / "file"
    blocked.touch()
    assert DecodedFrames(blocked / "x", 1 << 30).digest(clips[0]) == clips[0].digest()
