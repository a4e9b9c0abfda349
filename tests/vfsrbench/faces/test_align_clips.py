from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vfsrbench.datasets.demo.clips import demo_clip, demo_landmarks
from vfsrbench.errors import InputError
from vfsrbench.faces.align_clips import align_files, aligned_frames, batches, enlarged, find_alignment
from vfsrbench.faces.face_tools import FaceFinder
from vfsrbench.faces.ffhq_align import FFHQ_512, Alignment
from vfsrbench.faces.similarity import transform_points
from vfsrbench.io.clip import Clip
from vfsrbench.io.safety.ownership import NOTE

NONE = np.full((5, 2), np.nan)
FACE = FFHQ_512 * 0.9 + np.array([90, 20])
MOVE = np.array([8, 4])


class Known:
    """A detector that knows the points of every frame, in order, and keeps the frames it was shown."""

    def __init__(self, points: NDArray[np.float64]) -> None:
        self.points, self.seen = points, []  # type: ignore[var-annotated]

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float64]:
        first = sum(map(len, self.seen))
        self.seen.append(frames)
        return self.points[first : first + len(frames)]


def _frames(count: int, height: int = 520, width: int = 640) -> NDArray[np.uint8]:
    noise = np.random.RandomState(count).randint(0, 256, (height, width, 3)).astype(np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 5)
    return np.stack([np.roll(smooth, 3 * i, axis=1) for i in range(count)])


def _clip(count: int, name: str = "c", **size: int) -> Clip:
    return Clip.from_array(_frames(count, **size), name)


def test_small_frames_are_enlarged_to_a_shorter_side_of_512() -> None:
    small = _clip(2, height=90, width=128)
    big = enlarged(small)
    assert (big.height, big.width, len(big)) == (512, 728, 2)
    factor = 512 / 90
    want = cv2.resize(small.read(1, 2)[0], None, fx=factor, fy=factor)
    assert (big.read(1, 2)[0] == want).all()
    large = _clip(1)
    assert enlarged(large) is large


def test_every_frame_comes_once_and_large_ones_singly() -> None:
    clip = _clip(9, height=64, width=64)
    parts = list(batches(clip))
    assert [(first, len(frames)) for first, frames in parts] == [(0, 8), (8, 1)]
    assert (np.concatenate([frames for _, frames in parts]) == clip.read(0, 9)).all()
    wide = Clip.from_array(np.zeros((2, 1500, 2000, 3), np.uint8), "wide")
    assert [len(frames) for _, frames in batches(wide)] == [1, 1]


def test_frames_without_a_face_lie_between_their_neighbours() -> None:
    points = np.stack([FACE, NONE, FACE + MOVE, NONE])
    alignment = find_alignment(_clip(4), Known(points), sigma=0)
    assert alignment.found.tolist() == [True, False, True, False]
    assert np.allclose(alignment.landmarks, [FACE, FACE + MOVE / 2, FACE + MOVE, FACE + MOVE])
    assert alignment.source_size == (520, 640)


def test_the_points_are_smoothed_over_the_whole_clip_not_over_batches() -> None:
    points = np.stack([FACE + np.array([3 * (i % 2), 0]) for i in range(20)])
    clip = _clip(20, height=512, width=512)
    alignment = find_alignment(clip, Known(points))
    assert np.ptp(alignment.landmarks[:, 0, 0]) < 0.3
    assert np.ptp(find_alignment(clip, Known(points), sigma=0).landmarks[:, 0, 0]) == 3


def test_a_clip_without_faces_is_named() -> None:
    with pytest.raises(InputError, match=r"clip 'empty': no face was found in any of the clip's 3 frames"):
        find_alignment(_clip(3, "empty"), Known(np.stack([NONE] * 3)))


def test_points_come_to_the_template() -> None:
    frames = np.zeros((1, 520, 640, 3), np.uint8)
    for x, y in np.rint(FACE).astype(int):
        cv2.circle(frames[0], (int(x), int(y)), 4, (255, 255, 255), -1)
    clip = Clip.from_array(frames, "dots")
    alignment = find_alignment(clip, Known(FACE[None]))
    face = next(aligned_frames(clip, alignment))
    dots = cv2.connectedComponentsWithStats((face[..., 0] > 127).astype(np.uint8))[3][1:]
    border = np.abs(dots - FFHQ_512[:, None]).max(-1).min(1)  # each template point has a dot
    assert face.shape == (512, 512, 3) and border.max() < 1


def test_the_demo_face_comes_to_the_template() -> None:
    points = demo_landmarks("demo-fast", 4)
    clip = demo_clip("demo-fast", 4)
    alignment = find_alignment(clip, Known(points), sigma=0)
    at = transform_points(alignment.matrices, points)
    assert np.linalg.norm(at - FFHQ_512, axis=-1).mean() < 12
    smooth = find_alignment(clip, Known(points)).matrices
    assert np.abs(np.diff(smooth, axis=0)).max() < np.abs(np.diff(alignment.matrices, axis=0)).max()


def _align(out: Path, points: dict[str, NDArray[np.float64]], **how: object) -> list:
    clips = [_clip(len(p), name) for name, p in points.items()]
    return align_files(clips, out, Known(np.concatenate(list(points.values()))), **how)  # type: ignore[arg-type]


def test_one_clip_without_a_face_does_not_stop_the_others(tmp_path: Path) -> None:
    points = {"a": np.stack([FACE, NONE]), "b": np.stack([NONE, NONE]), "c": np.stack([FACE, FACE + 1])}
    a, b, c = _align(tmp_path, points)
    assert (a.frames, a.missing, a.reason, c.missing) == (2, 1, "", 0)
    assert b.path is None and b.reason.startswith("clip 'b': no face")
    names = ["a", "a.alignment.json", "c", "c.alignment.json"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [NOTE, *names]
    for name in ("a", "c"):
        written = Clip.open(tmp_path / name)
        saved = Alignment.load(tmp_path / f"{name}.alignment.json")
        assert (written.read(0, 2) == saved.apply(_frames(2))).all()
    assert saved.sigma == 5


def test_aligned_clips_are_a_data_set(tmp_path: Path) -> None:
    from vfsrbench.datasets.dataset import open_dataset

    _align(tmp_path, {"a": np.stack([FACE]), "b": np.stack([FACE])})
    assert open_dataset("folder", tmp_path).names == ("a", "b")


def test_small_clips_are_searched_and_aligned_enlarged(tmp_path: Path) -> None:
    find = Known(FACE[None])
    align_files([_clip(1, height=130, width=160)], tmp_path, find)
    assert find.seen[0].shape == (1, 512, 630, 3)
    saved = Alignment.load(tmp_path / "c.alignment.json")
    assert saved.source_size == (512, 630)
    assert (Clip.open(tmp_path / "c").read(0, 1) == saved.apply(find.seen[0])).all()


def test_what_is_there_is_kept_unless_it_was_smoothed_otherwise(tmp_path: Path) -> None:
    points = {"a": np.stack([FACE, NONE])}
    _align(tmp_path, points)
    before = (tmp_path / "a" / "00000000.png").stat().st_mtime_ns
    (again,) = _align(tmp_path, points)
    assert again.kept and again.missing == 1
    (other,) = _align(tmp_path, points, sigma=0.0)
    assert "sigma 5 instead of 0" in other.reason and other.path is None
    assert (tmp_path / "a" / "00000000.png").stat().st_mtime_ns == before
    (fresh,) = _align(tmp_path, points, sigma=0.0, replace=True)
    assert not fresh.kept and fresh.reason == ""
    assert Alignment.load(tmp_path / "a.alignment.json").sigma == 0


def test_an_unfinished_clip_is_not_taken_for_a_finished_one(tmp_path: Path) -> None:
    points = {"a": np.stack([FACE])}
    _align(tmp_path, points)
    (tmp_path / "a.alignment.json").unlink()
    (again,) = _align(tmp_path, points)
    assert again.reason == "" and not again.kept
    assert Alignment.load(tmp_path / "a.alignment.json").found.tolist() == [True]


def test_progress_goes_from_nothing_to_all(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    on_progress: Callable[[str, int, int], None] = lambda *step: told.append(step)  # noqa: E731
    align_files([_clip(2)], tmp_path, Known(np.stack([FACE, FACE])), on_progress=on_progress)
    assert told[0] == ("c: finding faces", 0, 2) and told[-1] == ("c: aligning", 2, 2)


def test_an_alignment_by_another_finder_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    clip, points = _clip(1), Known(np.stack([FACE] * 3))
    (first,) = align_files([clip], tmp_path, FaceFinder("dlib", points))
    assert Alignment.load(tmp_path / "c.alignment.json").finder == "dlib" and not first.kept
    (other,) = align_files([clip], tmp_path, FaceFinder("retinaface", points))
    assert "found by dlib instead of retinaface" in other.reason and "--finder dlib" in other.reason
    assert align_files([clip], tmp_path, FaceFinder("dlib", points))[0].kept
