from __future__ import annotations

import numpy as np
import pytest

from degradations.errors import InputError
from vfsrbench.datasets.dataset import DatasetClip
from vfsrbench.datasets.reference import gt_facts, gt_side, lq_side
from vfsrbench.faces.ffhq_align import FFHQ_512
from vfsrbench.faces.pair_align import pair_transforms, read_landmarks_file
from vfsrbench.faces.similarity import transform_points
from vfsrbench.io.clip import Clip


def align_pair(gt: np.ndarray, lq: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two clips of a job as a board with `align = true` compares them."""
    clean, degraded = Clip.from_array(gt, "c"), Clip.from_array(lq, "c")
    clip = DatasetClip("c", clean, {"x": degraded}, landmarks)
    facts = gt_facts(clip, clean.digest(), align=True)
    return gt_side(clip, facts)[0].array(), lq_side(clip, facts, degraded).array()


def _line(name: str, points: np.ndarray) -> str:
    return " ".join([name, *(f"{v:.3f}" for v in points.ravel())])


def test_landmarks_file_is_read_by_name(tmp_path):
    rng = np.random.RandomState(0)
    points = {f"{i:08d}.png": (FFHQ_512 + rng.normal(0, 5, (5, 2))).round(3) for i in (4, 2, 9)}
    text = ["Clip+-1Jouc19Ixo+P0+C1+F4196-4320", "FPS: 25", ""] + [_line(n, p) for n, p in points.items()]
    path = tmp_path / "clip.txt"
    path.write_text("\n".join(text) + "\n")
    read = read_landmarks_file(path)
    assert list(read) == list(points)
    assert all((read[name] == points[name]).all() for name in points)


def test_frames_need_not_be_numbered(tmp_path):
    (tmp_path / "c.txt").write_text("heading\n" + _line("frame_a.png", FFHQ_512) + "\n")
    assert np.allclose(read_landmarks_file(tmp_path / "c.txt")["frame_a.png"], FFHQ_512, atol=1e-3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0001.png 1 2 3\n", "line 1: expected a frame name and 10 numbers"),
        ("a heading\n0001.png 1 2 3 4 5 6 7 8 9 ten\n", "line 2: expected"),
        ("0001.png 1 2 3 4 5 6 7 8 9 nan\n", "not finite"),
        ("0001.png 1 2 3 4 5 6 7 8 9 10\n" * 2, "line 2: frame 0001.png is listed twice"),
        ("nothing here\n", "holds no landmarks"),
    ],
)
def test_a_bad_landmarks_file_is_one_clear_line(tmp_path, text, message):
    (tmp_path / "c.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        read_landmarks_file(tmp_path / "c.txt")


def test_a_missing_landmarks_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no\.txt"):
        read_landmarks_file(tmp_path / "no.txt")


def test_both_clips_land_on_their_templates():
    landmarks = np.stack([FFHQ_512 * 1.1 + [-20 + i, 12] for i in range(4)])
    gt, lq, size = pair_transforms(landmarks, (512, 512), (128, 128))
    assert size == (128, 128)
    assert np.allclose(transform_points(gt, landmarks), FFHQ_512, atol=1e-9)
    assert np.allclose(transform_points(lq, landmarks / 4), FFHQ_512 / 4, atol=1e-9)


def test_the_degraded_clip_stays_in_register():
    """Every fourth pixel of a smooth picture, aligned, is every fourth pixel of the aligned picture."""
    y, x = np.mgrid[0:512, 0:512]
    wave = 127 + 60 * np.sin(x / 40) + 50 * np.cos(y / 55)
    gt = np.repeat(np.rint(wave).astype(np.uint8)[None, ..., None], 3, axis=-1)
    # pixel (u, v) of the small picture stands for the large picture's 4u, 4v, as the scaled landmarks say
    lq = gt[:, ::4, ::4]
    landmarks = (FFHQ_512 @ np.array([[0.96, 0.2], [-0.2, 0.96]]) + [90, -60])[None]
    big, small = align_pair(gt, lq, landmarks)
    assert big.shape == (1, 512, 512, 3) and small.shape == (1, 128, 128, 3)
    inside = (slice(None), slice(30, 98), slice(30, 98))
    assert np.abs(big[:, ::4, ::4][inside].astype(int) - small[inside]).max() <= 3


def test_outside_is_the_official_grey_in_rgb():
    frames = np.zeros((1, 512, 512, 3), np.uint8)
    big, small = align_pair(frames, frames[:, ::4, ::4], (FFHQ_512 + np.array([250, 0]))[None])
    assert big[0, 0, -1].tolist() == [132, 133, 135] and small[0, 0, -1].tolist() == [132, 133, 135]


def test_odd_scales_are_refused():
    frames = np.zeros((2, 512, 512, 3), np.uint8)
    with pytest.raises(InputError, match="one ratio"):
        align_pair(frames, frames[:, :128, :100], np.stack([FFHQ_512] * 2))
