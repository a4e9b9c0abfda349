"""JPEG round trips: FLAIR's model gives the official figures, libjpeg is used as asked."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import pytest

from degradations.imaging import jpeg as module
from degradations.imaging.jpeg import flair_jpeg, jpeg
from degradations.numerics.grid import STEPS
from tests.degradations.clips import moving_clip
from tests.parity import parity

PACK = parity.load(Path(parity.__file__).parent / "degradations.json")["flair_jpeg_q60"]


def test_flair_coefficients_and_pixels_are_the_official_ones() -> None:
    images = (parity.make_array(PACK["input"]).astype(np.float64) + 1) / 2 * 255
    luma, chroma, decoded = [], [], []
    for image in images.transpose(0, 2, 3, 1):
        planes = module._coefficients(image * STEPS, 60)  # type: ignore[arg-type]
        luma.append(np.rint(planes[0])[None])
        chroma.append(np.rint(np.stack(planes[1:])))
        decoded.append((module._decode(planes, 60) / 255 * 2 - 1).transpose(2, 0, 1))
    for name, got in (("luma_coeffs", luma), ("chroma_coeffs", chroma)):
        assert all(np.stack(got).ravel()[i] == value for i, value in PACK[name]["samples"])
    assert max(abs(np.stack(decoded).ravel()[i] - v) for i, v in PACK["decoded"]["samples"]) < 1e-6


def test_flair_model_keeps_sizes_that_are_not_multiples_of_16() -> None:
    frame = moving_clip(1, 50, 35)[0]
    out = flair_jpeg(frame, 90)
    assert out.shape == frame.shape
    assert np.abs(out / STEPS - frame).mean() < 8


def test_coding_again_changes_little() -> None:
    """FLAIR's consistency: coding what was decoded gives the same coefficients."""
    frame = moving_clip(1, 64, 64)[0]
    once = flair_jpeg(frame, 60)
    assert np.abs(flair_jpeg(once, 60).astype(int) - once).max() <= STEPS // 4


@pytest.mark.parametrize("quality", [5, 30, 95])
def test_libjpeg_gets_rgb_in_the_right_order_and_420(quality: int) -> None:
    frame = moving_clip(1, 64, 80)[0]
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x221111]
    coded = cv2.imencode(".jpg", frame[:, :, ::-1], options)[1]
    want = cv2.imdecode(coded, cv2.IMREAD_COLOR)[:, :, ::-1]
    assert np.array_equal(jpeg(frame, quality), want)


def test_lower_quality_is_worse() -> None:
    frame = moving_clip(1, 64, 64)[0]
    errors = [np.abs(jpeg(frame, q).astype(int) - frame).mean() for q in (95, 60, 20, 5)]
    assert errors == sorted(errors)


def test_a_failing_encoder_is_not_silent() -> None:
    with (
        mock.patch.object(module.cv2, "imencode", return_value=(False, None)),
        pytest.raises(RuntimeError, match="JPEG"),
    ):
        jpeg(moving_clip(1, 16, 16)[0], 50)
