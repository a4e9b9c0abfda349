"""Frames are read upright: display matrices of videos, EXIF orientations of pictures, all eight of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.vfsrbench.io.films import scene, set_display_matrix, write_film
from vfsrbench.datasets.layouts import find_clips
from vfsrbench.io.clip import Clip
from vfsrbench.io.video.orientation import from_matrix

STORED = scene(3, 32, 48)

# what a camera noted -> the upright frame, by numpy's own words
TURNS = {
    (1, 0, 0, 1): lambda f: f,
    (0, 1, -1, 0): lambda f: np.rot90(f, -1),  # clockwise: a phone held upright
    (-1, 0, 0, -1): lambda f: np.rot90(f, 2),
    (0, -1, 1, 0): lambda f: np.rot90(f, 1),
    (-1, 0, 0, 1): lambda f: f[:, ::-1],
    (1, 0, 0, -1): lambda f: f[::-1],
    (0, 1, 1, 0): lambda f: f.swapaxes(0, 1),
    (0, -1, -1, 0): lambda f: np.rot90(f, 2).swapaxes(0, 1),
}
EXIF = {
    1: lambda f: f,
    2: lambda f: f[:, ::-1],
    3: lambda f: np.rot90(f, 2),
    4: lambda f: f[::-1],
    5: lambda f: f.swapaxes(0, 1),
    6: lambda f: np.rot90(f, -1),
    7: lambda f: np.rot90(f, 2).swapaxes(0, 1),
    8: lambda f: np.rot90(f, 1),
}


@pytest.mark.parametrize("matrix", TURNS)
def test_a_display_matrix_is_applied(tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
    path = write_film(tmp_path / "v.mp4", STORED, "libx264rgb", "rgb24", options={"crf": "0"})
    np.testing.assert_array_equal(Clip.open(path).read(0, 3), STORED)
    set_display_matrix(path, *matrix)
    clip = Clip.open(path)
    wanted = np.stack([TURNS[matrix](frame) for frame in STORED])
    assert (clip.height, clip.width) == wanted.shape[1:3]
    np.testing.assert_array_equal(clip.read(0, 3), wanted)
    np.testing.assert_array_equal(clip.read(1, 2), wanted[1:2])
    assert not clip.notes


def test_an_odd_angle_is_told() -> None:
    turned = np.array([46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30], np.int32)
    assert from_matrix(turned.tobytes()) is None


@pytest.mark.parametrize("number", EXIF)
@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".jpg"])
def test_an_exif_orientation_is_applied(tmp_path: Path, number: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = number
    options = {".webp": {"lossless": True}, ".jpg": {"quality": 100, "subsampling": 0}}.get(suffix, {})
    for place, frame in enumerate(STORED):
        Image.fromarray(frame).save(tmp_path / f"{place}{suffix}", exif=exif, **options)
    clip = Clip.open(tmp_path)
    wanted = np.stack([EXIF[number](frame) for frame in STORED])
    assert (clip.height, clip.width) == wanted.shape[1:3]
    away = np.abs(clip.read(0, 3).astype(int) - wanted)
    assert away.max() <= (4 if suffix == ".jpg" else 0)


def test_a_turned_video_is_upright_in_a_data_set(tmp_path: Path) -> None:
    path = write_film(tmp_path / "set" / "v.mp4", STORED, "libx264rgb", "rgb24", options={"crf": "0"})
    set_display_matrix(path, 0, 1, -1, 0)
    ((_, place),) = find_clips(tmp_path / "set")
    assert (Clip.open(place).head(2).height, Clip.open(place).width) == (48, 32)
