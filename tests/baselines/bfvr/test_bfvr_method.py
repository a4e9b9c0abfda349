"""BFVR-STC as a method: windows, fading, odd lengths, the stretch, options, conformance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.bfvr_stc.adapter import shares, stretched
from baselines.bfvr_stc.network import BFVRSTC
from tests.baselines.bfvr.test_bfvr_network import SIDE, small_network
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import ClipInfo
from vfsrbench.restoration.restore import InMemory, restore_clip
from vfsrbench.windows import method_windows

CPU = torch.device("cpu")
LENGTHS = (1, 2, 4, 5, 24, 25, 51)


@pytest.fixture(scope="module")
def net() -> BFVRSTC:
    small = small_network()
    small.drop_unused()
    return small


def method(spec: str, net: Any) -> Any:
    predictor = choose_method(spec).build()
    predictor.device, predictor.net = CPU, net
    return predictor


def clip(frames: int, height: int = SIDE, width: int = SIDE) -> NDArray[np.uint8]:
    noise = np.random.RandomState(0).randint(0, 256, (frames, height // 8 + 1, width // 8 + 1, 3))
    return noise.repeat(8, 1).repeat(8, 2)[:, :height, :width].astype(np.uint8)


def restore(predictor: Any, frames: NDArray[np.uint8], size: int = SIDE) -> NDArray[np.uint8]:
    info = ClipInfo("clip", len(frames), 25.0, *frames.shape[1:3], size, size)
    written = InMemory()
    restore_clip(predictor, Clip.from_array(frames, "clip"), info, written, seed=0, device=CPU)
    return written.frames()


class Counted:
    """In the network's place: frames come back, moved by `change` of the window's number."""

    side = SIDE

    def __init__(self, change: Callable[[int], float] = lambda number: 0.0) -> None:
        self.windows: list[Tensor] = []
        self.change = change

    def __call__(self, x: Tensor) -> Any:
        self.windows.append(x[0])
        moved = x.transpose(1, 2) + self.change(len(self.windows) - 1)
        return type("Out", (), {"frames": moved})


@pytest.mark.parametrize("length", LENGTHS)
def test_every_length_gives_its_frames_in_order_from_even_windows(length: int) -> None:
    frames, seen = clip(length), Counted()
    assert np.array_equal(restore(method("bfvr_stc", seen), frames), frames)
    assert all(len(window) % 2 == 0 and len(window) <= 24 for window in seen.windows)
    assert [len(window) for window in seen.windows] == {1: [2], 5: [6], 25: [24, 24], 51: [24, 24, 24]}.get(
        length, [length]
    )


@pytest.mark.parametrize("length", [1, 5])
def test_a_clip_of_odd_length_is_restored_with_its_last_frame_doubled(net: BFVRSTC, length: int) -> None:
    frames = clip(length)
    padded = np.concatenate([frames, frames[-1:]])
    alone, longer = restore(method("bfvr_stc", net), frames), restore(method("bfvr_stc", net), padded)
    assert np.array_equal(alone, longer[:length])


@pytest.mark.parametrize("total", [*LENGTHS, 26, 40, 41, 137])
@pytest.mark.parametrize(("window", "overlap"), [(24, 8), (24, 0), (24, 12), (5, 2), (2, 1)])
def test_shares_of_a_frame_sum_up_to_one(total: int, window: int, overlap: int) -> None:
    spans = method_windows(total, window, overlap, "shift")
    sums = torch.zeros(total, dtype=torch.float64)
    for span, share in zip(spans, shares(spans, overlap), strict=True):
        assert share.min() >= 0
        sums[span.start : span.stop] += share
    torch.testing.assert_close(sums, torch.ones_like(sums))


def test_windows_fade_into_each_other() -> None:
    grey = np.full((40, SIDE, SIDE, 3), 100, np.uint8)
    levels = restore(method("bfvr_stc", Counted(lambda number: 80 / 255 * number)), grey)[:, 0, 0, 0].astype(
        int
    )
    assert set(levels[:16]) == {100} and set(levels[24:]) == {180}
    assert levels[16:24].tolist() == [105, 115, 125, 135, 145, 155, 165, 175]
    hard = restore(method("bfvr_stc[overlap=0,window=20]", Counted(lambda number: 80 / 255 * number)), grey)
    assert hard[:, 0, 0, 0].tolist() == [100] * 20 + [180] * 20


def test_later_windows_do_not_change_earlier_frames(net: BFVRSTC) -> None:
    """What the batch, or the rest of the clip, holds: a window's frames depend on its own alone."""
    frames = clip(6)
    spec = "bfvr_stc[window=4,overlap=2]"
    longer, shorter = (restore(method(spec, net), frames[:n]) for n in (6, 4))
    assert np.array_equal(longer[:2], shorter[:2])
    again = restore(method(spec, net), frames)
    assert np.array_equal(longer, again)


def test_a_windows_result_is_the_networks(net: BFVRSTC) -> None:
    frames = clip(4)
    x = torch.from_numpy(frames).permute(0, 3, 1, 2)[None].float() / 255
    wanted = net(x).frames[0].permute(1, 2, 3, 0).mul(255).round().byte().numpy()
    assert np.array_equal(restore(method("bfvr_stc", net), frames), wanted)


def test_the_stretch_is_over_the_whole_clip(net: BFVRSTC) -> None:
    frames = clip(4)
    plain = restore(method("bfvr_stc[window=2,overlap=0]", net), frames).astype(float)
    wide = restore(method("bfvr_stc[window=2,overlap=0,stretch=true]", net), frames)
    assert plain.min() > 0 and plain.max() < 255
    assert (wide.min(), wide.max()) == (0, 255)
    wanted = (plain - plain.min()) / (plain.max() - plain.min()) * 255
    assert np.abs(wide - wanted).max() < 2.5  # the plain clip is rounded to levels before
    flat = torch.full((2, 3, 4, 4), 0.25)
    assert torch.equal(stretched(flat), flat)


def test_frames_are_resized_for_the_network_and_back(net: BFVRSTC) -> None:
    assert restore(method("bfvr_stc", net), clip(2, 16, 24), size=32).shape == (2, 32, 32, 3)


def test_an_overlap_beyond_half_a_window_is_refused() -> None:
    with pytest.raises(InputError, match=r"overlap=8 is more than half of window=12; choose 6 or less"):
        choose_method("bfvr_stc[window=12]").build()
