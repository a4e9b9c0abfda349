"""How KEEP treats clips: first frames, borders of windows, batches, and the paper's ablations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from baselines.keep.network import KEEP
from degradations.errors import InputError
from tests.baselines.face.test_codeformer import small_network


@pytest.fixture(scope="module")
def net() -> KEEP:
    return small_network(KEEP)


@pytest.fixture(scope="module")
def clip() -> Tensor:
    """Five frames of a moving pattern: (1, 5, 3, 64, 64)."""
    frame = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    frame = frame.repeat_interleave(8, 1).repeat_interleave(8, 2)
    return torch.stack([frame.roll(2 * i, 2) for i in range(5)])[None]


@pytest.fixture(scope="module")
def whole(net: KEEP, clip: Tensor) -> Tensor:
    """The clip, restored at once."""
    return net(clip, need_upscale=False)


@pytest.fixture(scope="module")
def unfiltered(net: KEEP, clip: Tensor) -> Tensor:
    return net(clip, need_upscale=False, kfn=False)


@pytest.fixture(scope="module")
def not_ahead(net: KEEP, clip: Tensor) -> Tensor:
    """The clip, restored at once while nothing looks ahead."""
    return without_attention_in_time(net, lambda: net(clip, need_upscale=False))


def close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, atol=1e-3, rtol=1e-3)


def windows(net: KEEP, clip: Tensor, size: int, **options: Any) -> Tensor:
    """The clip, window by window, the state carried on."""
    state, parts = None, []
    for part in clip.split(size, dim=1):
        out, state = net.restore(part, state, **options)
        parts.append(out)
    return torch.cat(parts, dim=1)


def without_attention_in_time(net: KEEP, run: Callable[[], Tensor]) -> Tensor:
    """`run` while attention along time, the one part of the filter that looks ahead, adds nothing."""
    layers = [block.attn_temp.to_out[0] for block in net.kalman_filter.uncertainty_estimator]
    stored = [{k: v.clone() for k, v in layer.state_dict().items()} for layer in layers]
    for layer in layers:
        layer.weight.zero_(), layer.bias.zero_()
    try:
        return run()
    finally:
        for layer, values in zip(layers, stored, strict=True):
            layer.load_state_dict(values)


def test_a_clip_of_one_frame_is_the_first_frame_of_any_clip(net: KEEP, clip: Tensor, whole: Tensor) -> None:
    alone = net(clip[:, :1], need_upscale=False)
    assert alone.shape == (1, 1, 3, 64, 64)
    assert close(alone, net(clip[:, [0, 0]], need_upscale=False)[:, :1])  # the official tool's way
    assert close(alone, whole[:, :1])


def test_later_frames_depend_on_earlier_ones(net: KEEP, clip: Tensor) -> None:
    whole = net(clip[:, :2], need_upscale=False)[:, 1:]
    assert not close(whole, net(clip[:, 1:2], need_upscale=False))


def test_gains_look_ahead(net: KEEP, clip: Tensor) -> None:
    """Official behaviour: replacing the last frame changes the gains of all frames."""
    latents = torch.randn(1, 4, 256, 2, 2)
    changed = latents.clone()
    changed[:, 3] = torch.randn(1, 256, 2, 2)
    before, after = net.kalman_filter(latents), net.kalman_filter(changed)
    assert ((before - after).abs().amax((0, 2, 3, 4)) > 1e-6).all()


def test_without_the_filter_all_gains_are_0(
    net: KEEP, clip: Tensor, whole: Tensor, unfiltered: Tensor
) -> None:
    bias = net.kalman_filter.kalman_gain_calculator[3].bias
    kept = bias.clone()
    bias.fill_(-1e4)
    gain_0 = net(clip, need_upscale=False)
    bias.copy_(kept)
    assert close(unfiltered, gain_0)
    assert not close(unfiltered, whole)


def test_without_cross_frame_attention_26_tensors_are_gone(net: KEEP, clip: Tensor, whole: Tensor) -> None:
    plain = small_network(KEEP, cfa=False)
    weights = {k: v for k, v in net.state_dict().items() if not k.startswith("cross_fuse.")}
    assert len(net.state_dict()) - len(plain.state_dict()) == 26
    plain.load_state_dict(weights, strict=True)
    ablated = plain(clip[:, :2], need_upscale=False)
    assert close(ablated[:, 0], whole[:, 0])
    assert not close(ablated[:, 1], net(clip[:, :2], need_upscale=False)[:, 1])


def test_pwcnet_takes_gmflows_place(net: KEEP, clip: Tensor) -> None:
    other = small_network(KEEP, flow="pwcnet")
    weights = {k: v for k, v in net.state_dict().items() if not k.startswith("flownet.")}
    missing, unexpected = other.load_state_dict(weights, strict=False)
    assert not unexpected
    assert missing
    assert all(name.startswith("flownet.") for name in missing)
    clip = clip[:, :3]
    flows = other.flownet.backwards(clip)
    assert close(other(clip, need_upscale=False), net(clip, need_upscale=False, flows=flows))


def test_clips_of_a_batch_do_not_mix(net: KEEP, clip: Tensor) -> None:
    both = torch.cat((clip[:, :2], clip[:, 1:3].flip(1)))
    together = net(both, need_upscale=False)
    apart = torch.cat([net(one[None], need_upscale=False) for one in both])
    assert close(together, apart)


def test_small_frames_are_enlarged_four_times(net: KEEP, clip: Tensor) -> None:
    small = clip[:, :2, :, ::4, ::4]
    big = torch.nn.functional.interpolate(small[0], scale_factor=4.0, mode="bilinear")[None]
    assert close(net(small), net(big, need_upscale=False))


@pytest.mark.parametrize("size", [1, 2, 4])
def test_carried_state_makes_windows_one_clip_without_the_filter(
    net: KEEP, clip: Tensor, unfiltered: Tensor, size: int
) -> None:
    assert close(windows(net, clip, size, kfn=False), unfiltered)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_carried_state_makes_windows_one_clip_but_for_what_looks_ahead(
    net: KEEP, clip: Tensor, not_ahead: Tensor, size: int
) -> None:
    assert close(without_attention_in_time(net, lambda: windows(net, clip, size)), not_ahead)


def test_a_window_without_state_starts_from_scratch(net: KEEP, clip: Tensor) -> None:
    _, state = net.restore(clip[:, :2])
    carried, _ = net.restore(clip[:, 2:4], state)
    fresh, _ = net.restore(clip[:, 2:4])
    assert close(fresh, net(clip[:, 2:4], need_upscale=False))
    assert not close(carried, fresh)


def test_forced_codes_replace_the_most_likely_ones(net: KEEP, clip: Tensor) -> None:
    codes = torch.full((1, 2, 4), 7)
    forced = net(clip[:, :2], need_upscale=False, codes=codes)
    other = net(clip[:, :2], need_upscale=False, codes=codes + 1)
    assert not close(forced, other)
    best = net.predict(net.encode(clip[:, 0], ())[0]).argmax(-1)
    assert close(
        net(clip[:, :1], need_upscale=False, codes=best[:, None]), net(clip[:, :1], need_upscale=False)
    )


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 0, 3, 64, 64), "at least one frame"),
        ((3, 3, 64, 64), "takes clips"),
        ((1, 2, 3, 64, 50), "RGB faces of 64x64"),
        ((1, 2, 1, 64, 64), "RGB faces of 64x64"),
    ],
)
def test_other_shapes_are_refused_by_name(net: KEEP, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        net(torch.zeros(shape), need_upscale=False)


@pytest.mark.parametrize("option", [{"layout": "asain"}, {"flow": "gmflw"}])
def test_unknown_options_name_the_nearest(option: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"did you mean '(asian|gmflow)'"):
        KEEP(**option)


def test_half_precision_is_near_when_the_codes_are_the_same(net: KEEP, clip: Tensor) -> None:
    codes = torch.randint(0, 1024, (1, 2, 4), generator=torch.Generator().manual_seed(2))
    full = net(clip[:, :2], need_upscale=False, codes=codes)
    with torch.autocast("cpu", torch.bfloat16):
        half = net(clip[:, :2], need_upscale=False, codes=codes)
    assert half.dtype == torch.bfloat16
    assert (half.float() - full).std() < 0.05 * full.std()
