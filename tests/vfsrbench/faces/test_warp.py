from __future__ import annotations

import zlib

import numpy as np
import pytest

from degradations.errors import InputError
from tests.parity import parity
from vfsrbench.faces.warp import warp_affine, warp_map


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    noise = parity.make_array({"shape": [3, 300, 420], "seed": 7, "low": 0, "high": 255})
    return np.rint(noise).astype(np.uint8).transpose(1, 2, 0).copy()


# CRC-32 of what cv2.warpAffine (OpenCV 4.10, bilinear, constant border) made of the same noise
@pytest.mark.parametrize(
    ("matrix", "size", "crc"),
    [
        ([[0.83, 0.31, -40.7], [-0.31, 0.83, 66.25]], (512, 512), 3221661660),
        ([[2.6, -0.4, -300.123], [0.4, 2.6, -210.5]], (512, 512), 1246479144),
        ([[0.3, 0.05, 10.2], [-0.05, 0.3, 20.9]], (128, 96), 528149240),
        ([[1.0, 0.0, 900.5], [0.0, 1.0, 0.25]], (64, 64), 461638005),
    ],
    ids=["turned", "enlarged", "shrunk", "outside"],
)
def test_bytes_are_those_of_opencv_4_10(picture, matrix, size, crc):
    assert zlib.crc32(warp_affine(picture, matrix, size, (132, 133, 135)).tobytes()) == crc


def test_near_the_installed_opencv(picture):
    cv2 = pytest.importorskip("cv2")
    smooth = cv2.GaussianBlur(picture, (0, 0), 4)
    matrix = np.array([[0.83, 0.31, -40.7], [-0.31, 0.83, 66.25]])
    theirs = cv2.warpAffine(smooth, matrix, (512, 512), borderValue=(132, 133, 135))
    ours = warp_affine(smooth, matrix, (512, 512), (132, 133, 135))
    # OpenCV 5 does not round positions to 1/32 pixel: at most 2 grey levels on a smooth picture
    assert np.abs(ours.astype(int) - theirs).max() <= 2


def test_whole_shift_copies_and_fills_with_the_border(picture):
    out = warp_affine(picture, [[1, 0, 5], [0, 1, -3]], (300, 420), (1, 2, 3))
    assert (out[:297, 5:] == picture[3:, :415]).all()
    assert (out[:, :5] == [1, 2, 3]).all() and (out[297:] == [1, 2, 3]).all()


def test_half_pixel_averages_and_rounds_half_up():
    row = np.array([[[0] * 3, [1] * 3, [3] * 3]], np.uint8)
    out = warp_affine(row, [[1, 0, -0.5], [0, 1, 0]], (1, 2))
    assert out[0, :, 0].tolist() == [1, 2]


def test_a_clip_equals_its_frames(picture):
    frames = np.stack([picture, picture[::-1], picture[:, ::-1]])
    matrices = np.array([[[1, 0.1, i], [-0.1, 1, 2 * i]] for i in range(3)], dtype=float)
    together = warp_affine(frames, matrices, (64, 80), (9, 9, 9))
    assert together.shape == (3, 64, 80, 3)
    for i in range(3):
        assert (together[i] == warp_affine(frames[i], matrices[i], (64, 80), (9, 9, 9))).all()


def test_a_part_is_cut_out_of_the_whole(picture):
    matrix = [[0.83, 0.31, -40.7], [-0.31, 0.83, 66.25]]
    whole = warp_affine(picture, matrix, (400, 420), (9, 9, 9))
    part = warp_affine(picture, matrix, (100, 61), (9, 9, 9), origin=(57, 203))
    assert (part == whole[57:157, 203:264]).all()
    assert (warp_affine(picture[None], matrix, (100, 61), (9, 9, 9), (57, 203))[0] == part).all()


def test_maps_are_carried_like_pictures_but_not_rounded(picture):
    matrix = [[0.83, 0.31, -40.7], [-0.31, 0.83, 66.25]]
    found = warp_map(picture[..., 1].astype(float), matrix, (200, 220), origin=(30, 20))
    rounded = warp_affine(picture, matrix, (200, 220), origin=(30, 20))[..., 1]
    assert (np.floor(found + 0.5) == rounded).all()
    assert (found != rounded).any()


def test_a_map_is_zero_outside():
    found = warp_map(np.ones((4, 4)), [[1, 0, 1.5], [0, 1, 2]], (7, 7))
    assert found[4].tolist() == [0, 0.5, 1, 1, 1, 0.5, 0]
    assert found[:, 3].tolist() == [0, 0, 1, 1, 1, 1, 0]


def test_bad_input_is_refused(picture):
    with pytest.raises(InputError, match="uint8"):
        warp_affine(picture.astype(np.float32), np.eye(2, 3), (4, 4))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="affine"):
        warp_affine(picture, np.full((2, 3), np.nan), (4, 4))
    with pytest.raises(InputError, match="map"):
        warp_map(picture, np.eye(2, 3), (4, 4))
