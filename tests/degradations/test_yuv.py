"""The colour conversion is the rounded exact one."""

from __future__ import annotations

import numpy as np

from degradations.yuv import from_yuv420, to_yuv420
from tests.degradations.clips import moving_clip


def test_to_yuv_is_bt601_within_rounding() -> None:
    frame = moving_clip(1, 32, 48)[0]
    planes = to_yuv420(frame)
    rgb = frame.astype(np.float64) / 255
    luma = rgb @ [0.299, 0.587, 0.114]
    quads = rgb.reshape(16, 2, 24, 2, 3).mean(axis=(1, 3))
    mean = quads @ [0.299, 0.587, 0.114]
    u = (quads[..., 2] - mean) / 1.772 * 224 + 128
    v = (quads[..., 0] - mean) / 1.402 * 224 + 128
    assert planes.shape == (48, 48)
    assert np.abs(planes[:32] - (luma * 219 + 16)).max() < 0.51
    assert np.abs(planes[32:40].reshape(16, 24) - u).max() < 0.51
    assert np.abs(planes[40:48].reshape(16, 24) - v).max() < 0.51


def test_from_yuv_is_the_rounded_inverse() -> None:
    planes = np.random.default_rng(0).integers(0, 256, (24, 16), dtype=np.uint8)
    y = (planes[:16].astype(np.float64) - 16) / 219
    u, v = ((p.reshape(8, 8).repeat(2, 0).repeat(2, 1) - 128.0) / 224 for p in (planes[16:20], planes[20:]))
    red, blue = y + 1.402 * v, y + 1.772 * u
    green = (y - 0.299 * red - 0.114 * blue) / 0.587
    want = np.clip(np.stack([red, green, blue], axis=2) * 255, 0, 255)
    assert np.abs(from_yuv420(planes) - want).max() < 0.52


def test_the_way_there_and_back_has_no_bias() -> None:
    frame = moving_clip(1, 128, 128)[0] // 2 + 60
    back = from_yuv420(to_yuv420(frame)).astype(int) - frame
    assert np.abs(back.mean(axis=(0, 1))).max() < 0.1


def test_greys_survive_within_one_level() -> None:
    for level in range(256):
        frame = np.full((2, 2, 3), level, np.uint8)
        assert np.abs(from_yuv420(to_yuv420(frame)).astype(int) - level).max() <= 1
