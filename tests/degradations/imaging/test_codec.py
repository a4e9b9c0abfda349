"""The codec gives every frame back, in order, and the same bits whatever the machine does."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from degradations.errors import InputError
from degradations.imaging.codec import Encoding, round_trip
from tests.degradations.clips import moving_clip


def coded(clip: NDArray[np.uint8], **options: Any) -> NDArray[np.uint8]:
    settings = {"encoder": "libx264", "fps": Fraction(25), "crf": 25, "x264_params": "mbtree=0", **options}
    return np.stack(list(round_trip(iter(clip), Encoding(**settings))))


@pytest.mark.parametrize("size", [(64, 64), (33, 47), (2, 2), (128, 96)])
@pytest.mark.parametrize("count", [1, 9])
def test_every_frame_comes_back_in_order(size: tuple[int, int], count: int) -> None:
    clip = moving_clip(count, *size)
    out = coded(clip, crf=10)
    assert out.shape == clip.shape
    apart = [[np.abs(a.astype(int) - b).mean() for b in clip] for a in out]
    assert np.argmin(apart, axis=1).tolist() == list(range(count))


@pytest.mark.parametrize("size", [(64, 64), (96, 160)])
def test_two_encodings_and_all_asm_levels_give_the_same_bits(size: tuple[int, int]) -> None:
    clip = moving_clip(12, *size)
    want = coded(clip)
    assert np.array_equal(coded(clip), want)
    # without SSSE3 x264 may decide otherwise; NumPy's wheels need SSE4.2 anyway
    for level in ("sse4.2", "avx", "avx2"):
        assert np.array_equal(coded(clip, x264_params=f"mbtree=0:asm={level}"), want)


def test_the_rate_is_spent_by_frame_duration() -> None:
    """At one frame a second the same CRF codes far better than at 25: fps is part of a recipe."""
    clip = moving_clip(10, 64, 64)
    errors = [np.abs(coded(clip, crf=35, fps=Fraction(fps)).astype(int) - clip).mean() for fps in (1, 25)]
    assert errors[0] < 0.9 * errors[1]


def test_a_higher_crf_and_a_lower_bitrate_are_worse() -> None:
    clip = moving_clip(10, 64, 64)

    def error(**options: Any) -> float:
        return float(np.abs(coded(clip, **options).astype(int) - clip).mean())

    assert error(crf=18) < error(crf=30) < error(crf=45)
    assert error(crf=None, bitrate=300_000) < error(crf=None, bitrate=20_000)


@pytest.mark.parametrize("encoder", ["mpeg4", "libx265", "libvpx-vp9"])
def test_other_encoders_work(encoder: str) -> None:
    clip = moving_clip(4, 64, 64)
    rate = {"crf": None, "bitrate": 400_000} if encoder == "mpeg4" else {"crf": 20}
    out = coded(clip, encoder=encoder, x264_params="", **rate)
    assert np.abs(out.astype(int) - clip).mean() < 12


def test_red_and_blue_come_back_where_they_were() -> None:
    clip = np.full((3, 32, 32, 3), (220, 90, 20), np.uint8)
    for swap in (False, True):
        for swscale in (False, True):
            out = coded(clip, crf=5, swap_red_blue=swap, swscale=swscale)
            assert np.abs(out.astype(int) - clip).max() <= 6


def test_frames_are_read_before_any_is_given_and_only_once() -> None:
    read = []

    def frames() -> Iterator[NDArray[np.uint8]]:
        for index, frame in enumerate(moving_clip(5, 32, 32)):
            read.append(index)
            yield frame

    out = round_trip(frames(), Encoding("libx264", Fraction(1), crf=20))
    assert read == []
    next(out)
    assert read == list(range(5))
    assert len(list(out)) == 4


def test_nothing_in_nothing_out() -> None:
    assert list(round_trip(iter(()), Encoding("libx264", Fraction(1), crf=20))) == []


def test_which_settings_are_steady() -> None:
    pinned = Encoding("libx264", Fraction(1), crf=20, x264_params="mbtree=0")
    tree = Encoding("libx264", Fraction(1), crf=20)
    assert pinned.steady(96) and tree.steady(128) and not tree.steady(96)
    assert not Encoding("libx265", Fraction(1), crf=20).steady(128)
    assert not Encoding("libx264", Fraction(1), crf=20, threads=2, x264_params="mbtree=0").steady(128)


def test_an_encoder_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="no encoder libnone"):
        next(round_trip(iter(moving_clip(1, 16, 16)), Encoding("libnone", Fraction(1), crf=20)))


def test_settings_that_the_encoder_refuses_are_one_line() -> None:
    with pytest.raises(InputError, match="libx264 refuses frames of 32x32") as error:
        next(
            round_trip(iter(moving_clip(1, 32, 32)), Encoding("libx264", Fraction(1), crf=20, preset="quick"))
        )
    assert "\n" not in str(error.value)
