"""Column slices: the column that moves is found, and every frame's column stands at its time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vfsrbench.datasets.demo import clips as demo_clips
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.io.safety.sealed import write_arrays
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.slice_store import StripStore, TruthStrip, read_strip, write_strip
from vfsrbench.results.temporal_slices import choose_column, choose_rows, cut, face_spots, motion

HEIGHT, WIDTH, TIME = 96, 128, 20


def moving(column: int = 80, row: int = 40) -> Clip:
    """A still picture in which one small patch flickers."""
    rng = np.random.default_rng(1)
    still = rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    frames = np.repeat(still[None], TIME, axis=0)
    frames[::2, row - 4 : row + 4, column - 3 : column + 3] = 255
    frames[1::2, row - 4 : row + 4, column - 3 : column + 3] = 0
    return Clip.from_array(frames, "moving")


def test_the_automatic_column_and_rows_are_where_things_move() -> None:
    truth = TruthStrip.of(moving())
    assert abs(truth.column - 80) <= 4
    assert truth.rows[0] <= 36 and truth.rows[1] >= 44 and truth.rows[1] - truth.rows[0] == HEIGHT // 4


def test_motion_at_the_border_does_not_win() -> None:
    frames = moving().read(0, TIME)
    frames[::2, :, :6] = 255
    frames[1::2, :, :6] = 0
    column = TruthStrip.of(Clip.from_array(frames, "border")).column
    assert abs(column - 80) <= 4


def test_motion_sums_steps_across_windows() -> None:
    clip = moving()
    frames = clip.read(0, TIME).astype(int)
    assert np.array_equal(motion(clip), np.abs(np.diff(frames, axis=0)).sum(axis=(0, 3)))


def test_a_chosen_column_is_a_fraction_of_the_width() -> None:
    assert choose_column(0.25, 128) == 32
    assert choose_column(1.0, 128) == 127
    assert choose_rows(np.zeros((10, 10)), 5, 20) == (0, 10)


def test_the_strip_holds_the_column_of_each_frame_at_its_time() -> None:
    clip = moving()
    frames = clip.read(0, TIME)
    strip = cut(clip, 33)
    assert strip.shape == (HEIGHT, TIME, 3)
    for t in (0, 7, 8, TIME - 1):
        assert np.array_equal(strip[:, t], frames[t, :, 33])


def test_a_smaller_clip_is_cut_at_the_matching_place() -> None:
    frames = moving().read(0, TIME)[:, ::4, ::4]
    small = Clip.from_array(np.ascontiguousarray(frames), "small")
    assert np.array_equal(cut(small, 81, of_width=WIDTH)[:, 3], frames[3, :, 20])


def test_files_come_back_as_they_were(tmp_path: Path) -> None:
    truth = TruthStrip.of(moving())
    truth.write(tmp_path / "t.npz")
    back = TruthStrip.read(tmp_path / "t.npz")
    assert np.array_equal(back.strip, truth.strip) and np.array_equal(back.frame, truth.frame)
    assert (back.column, back.rows) == (truth.column, truth.rows)
    write_strip(tmp_path / "s.npz", truth.strip)
    assert np.array_equal(read_strip(tmp_path / "s.npz"), truth.strip)
    (tmp_path / "bad.npz").write_bytes(b"no")
    with pytest.raises(InputError, match=r"bad\.npz: is damaged"):
        read_strip(tmp_path / "bad.npz")


def test_a_jobs_strips_are_found_by_its_record(tmp_path: Path) -> None:
    clip = moving()
    restored = Clip.from_array(clip.read(0, TIME) // 2, "moving")
    small = Clip.from_array(np.ascontiguousarray(clip.read(0, TIME)[:, ::4, ::4]), "moving")
    facts = {"key": "k", "restore_key": "r", "status": "ok", "dataset": "d", "split": "s", "clip": "Clip+-1a"}
    record = JobRecord(
        **facts,
        method="odd/name[x=1]",
        gt_digest=clip.digest(),
        lq_digest=small.digest(),
        restored_digest=restored.digest(),
    )
    store = StripStore(tmp_path, "auto")
    assert store.truth(record) is None and store.restored(record) is None
    store.keep(record, clip, small, restored)
    truth = store.truth(record)
    assert truth is not None and np.array_equal(truth.strip, cut(clip, truth.column))
    assert np.array_equal(store.restored(record), cut(restored, truth.column))
    degraded = store.degraded(record)
    assert degraded is not None and degraded.shape == (HEIGHT // 4, TIME, 3)
    other = record.model_copy(update={"restored_digest": "0" * 64})
    assert store.restored(other) is None, "another restoration must not borrow this one's picture"
    assert StripStore(tmp_path, 0.5).truth(record) is None


FACE = np.array([[30.0, 30.0], [50.0, 30.0], [40.0, 40.0], [32.0, 52.0], [48.0, 52.0]])


def test_with_landmarks_the_automatic_column_lies_on_the_face_and_not_on_what_moves_behind_it() -> None:
    face = np.repeat(FACE[None], TIME, axis=0)
    face[3] = np.nan  # a frame without a face
    clip = moving(80, 40)
    assert abs(TruthStrip.of(clip).column - 80) <= 4
    truth = TruthStrip.of(clip, face=face)
    assert truth.column in {30, 50, 32, 48, 40} and truth.where.startswith("through the ")
    lively = TruthStrip.of(moving(50, 30), face=face)
    assert (lively.column, lively.place) == (50, "Column 50 (through the right eye)")
    assert lively.rows[0] <= 30 < lively.rows[1] and lively.rows[1] - lively.rows[0] == HEIGHT // 4
    assert TruthStrip.of(clip, 0.5, face=face).place == "Column 64", "a column that was asked for"


def test_without_a_face_the_column_is_where_most_moves() -> None:
    nowhere = np.full((TIME, 5, 2), np.nan)
    for face in (None, nowhere, np.full((TIME, 5, 2), 500.0)):
        truth = TruthStrip.of(moving(), face=face)
        assert abs(truth.column - 80) <= 4 and truth.where == "where most moves"


def test_of_68_landmarks_the_five_count() -> None:
    outline = np.zeros((2, 68, 2))
    outline[:, 36:42], outline[:, 42:48] = FACE[0], FACE[1]
    outline[:, 30], outline[:, 48], outline[:, 54] = FACE[2], FACE[3], FACE[4]
    known = [(s.name, s.x, s.y, s.rows) for s in face_spots(np.repeat(FACE[None], 2, axis=0), HEIGHT, WIDTH)]
    assert [(s.name, s.x, s.y, s.rows) for s in face_spots(outline, HEIGHT, WIDTH)] == known
    assert [name for name, *_ in known][-1] == "the hairline" and known[-1][1:3] == (40.0, 8.0)


def test_files_of_earlier_runs_do_not_say_where_the_column_lies(tmp_path: Path) -> None:
    truth = TruthStrip.of(moving())
    truth.write(tmp_path / "new.npz")
    assert TruthStrip.read(tmp_path / "new.npz").where == "where most moves"
    numbers = {"column": np.array(truth.column), "rows": np.array(truth.rows)}
    write_arrays(tmp_path / "old.npz", {"strip": truth.strip, "frame": truth.frame, **numbers})
    assert TruthStrip.read(tmp_path / "old.npz").place == f"Column {truth.column}"


def test_a_planted_edge_behind_a_demo_clips_face_does_not_draw_the_column() -> None:
    """A bright bar that blinks beside the head moves more than the face does."""
    clip = demo_clips.demo_clip("demo-calm", 4)
    frames = clip.read(0, 4).copy()
    frames[::2, :, 380:400], frames[1::2, :, 380:400] = 255, 0
    planted = Clip.from_array(frames, "demo-calm")
    points = demo_clips.demo_landmarks("demo-calm", 4)
    assert 370 <= TruthStrip.of(planted).column <= 410
    truth = TruthStrip.of(planted, face=points)
    spots = {
        "eye": points[:, :2],
        "mouth": points[:, 3:],
        "hairline": points[:, :2].mean(axis=1, keepdims=True),
    }
    near = np.median(next(v for k, v in spots.items() if k in truth.where), axis=0)[:, 0]
    assert np.abs(near - truth.column).min() <= 1
