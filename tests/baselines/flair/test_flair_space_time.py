"""Space-time FLAIR: frames made by flow, both orders, other interpolators."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from baselines.flair.interpolate import dis_interpolator, filled_in, find_interpolator
from baselines.flair.space_time import FlairSpaceTime, space_time
from tests.baselines.taps.flair_tools import small_network
from vfsrbench.errors import InputError
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import ClipInfo


def moving(frames: int, step: int, side: int = 64) -> Tensor:
    """A smooth picture that moves `step` pixels a frame to the right."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, side // 8, side // 4, generator=generator)
    wide = torch.nn.functional.interpolate(coarse, (side, 2 * side), mode="bicubic").clamp(0, 1)
    return torch.cat([wide[..., side - t * step : 2 * side - t * step] for t in range(frames)])


def held(first: Tensor, last: Tensor, times: Sequence[float]) -> Tensor:
    """The earlier frame with the time painted on it."""
    return torch.stack([torch.full_like(first, t) for t in times])


def test_flow_finds_the_frames_between() -> None:
    """Every fourth frame of a moving picture, filled in: far nearer to the true frames than a cross-fade."""
    truth = moving(9, step=2)
    made = filled_in(truth[::4], 4, dis_interpolator)
    assert made.shape == truth.shape
    assert torch.equal(made[::4], truth[::4])

    def fade(first: Tensor, last: Tensor, times: Sequence[float]) -> Tensor:
        return torch.stack([first.lerp(last, t) for t in times])

    inner = slice(8, -8)  # the border has no match
    errors = [(m - truth)[..., inner, inner].abs().mean() for m in (made, filled_in(truth[::4], 4, fade))]
    assert errors[0] < 0.3 * errors[1]


def test_both_orders_give_all_frames() -> None:
    frames = moving(3, step=1, side=16)

    def restore(seen: Tensor) -> Tensor:
        counts.append(len(seen))
        return seen.repeat_interleave(2, -1).repeat_interleave(2, -2)

    counts: list[int] = []
    for order in ("interpolate-restore", "restore-interpolate"):
        out = space_time(frames, 4, order, held, restore)
        assert out.shape == (9, 3, 32, 32)
        assert out[:, 0, 0, 0].tolist()[1:4] == [0.25, 0.5, 0.75]
    assert counts == [9, 3]


def test_interpolators_are_found_by_name() -> None:
    assert find_interpolator("dis") is dis_interpolator
    assert find_interpolator("baselines.flair.interpolate:dis_interpolator") is dis_interpolator
    for wrong in ("amt", "no.such.module:f", "baselines.flair.interpolate:no_such", "math:pi"):
        with pytest.raises(InputError, match="interpolator"):
            find_interpolator(wrong)


@pytest.mark.parametrize("order", ["interpolate-restore", "restore-interpolate"])
@pytest.mark.parametrize("frames", [5, 7])
def test_a_clip_keeps_its_length_and_only_every_fourth_frame_is_seen(
    order: str, frames: int, tmp_path: Path
) -> None:
    torch.save(small_network("bicubic").state_dict(), tmp_path / "x8.pt")
    predictor = choose_method(f"flair_space_time[K=2,degradation=x8,order={order}]").build()
    assert isinstance(predictor, FlairSpaceTime)
    predictor.flair.network = small_network  # type: ignore[method-assign]
    predictor.load({"x8": tmp_path / "x8.pt"}, torch.device("cpu"))
    clip = moving(frames, step=1, side=16)[..., ::4, ::4]
    outs = []
    for change in (0.0, 0.5):
        seen = clip.clone()
        seen[[t for t in range(frames) if t % 4]] += change  # never looked at
        predictor.start_clip(ClipInfo("clip", frames, 25.0, 4, 4, 32, 32, "bi-x8"))
        with torch.no_grad():
            outs.append(predictor.restore(seen, torch.Generator().manual_seed(3)))
    assert outs[0].shape == (frames, 3, 32, 32)
    assert torch.equal(*outs)
    assert torch.equal(outs[0][5:], outs[0][4:5].expand(frames - 5, -1, -1, -1))
