"""GFPGAN against the official network's golden figures, and its noise."""

from __future__ import annotations

import pytest
import torch

from baselines.gfpgan.network import GFPGANClean, draw_noise, noise_sizes
from degradations.errors import InputError
from tests.baselines.taps import face_taps
from tests.baselines.taps import taps as tap_tools

PACK = tap_tools.pack("gfpgan")
CASES = {case["name"]: case for case in PACK["cases"]}


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    return tap_tools.filled(GFPGANClean, PACK)


@pytest.fixture(scope="module")
def small() -> GFPGANClean:
    """The network for 64x64 faces with an eighth of the channels, noise and biases switched on."""
    torch.manual_seed(0)
    net = GFPGANClean(side=64, narrow=1 / 8).eval().requires_grad_(False)
    for name, value in net.named_parameters():
        if name.endswith((".bias", "conv1.weight")) or value.ndim == 1:
            value.normal_(std=0.3)
    return net


def test_names_shapes_and_types_are_the_checkpoints() -> None:
    with torch.device("meta"):
        assert tap_tools.layout(GFPGANClean()) == tap_tools.pack_layout(PACK)


@pytest.mark.parametrize(("pack", "name"), tap_tools.cases({"gfpgan": PACK}, ["gfpgan-rgb_pyramid_batch2"]))
def test_every_tap_is_the_official_networks(net: torch.nn.Module, pack: str, name: str) -> None:
    with torch.inference_mode():
        taps = face_taps.gfpgan(net, CASES[name])
    differences = tap_tools.differences(taps, CASES[name]["outputs"])
    assert {tap: d for tap, d in differences.items() if not d < 1e-4} == {}


def test_stored_noise_is_the_default_and_weight_draws(small: GFPGANClean) -> None:
    x = torch.rand(1, 3, 64, 64) * 2 - 1
    assert torch.equal(small(x).image, small(x, randomize_noise=False).image)
    assert not torch.equal(small(x, weight=0.5).image, small(x).image)
    torch.manual_seed(5)
    first = small(x, weight=0.0).image
    torch.manual_seed(5)
    assert torch.equal(small(x, weight=1.0).image, first)


def test_noise_maps_are_drawn_in_the_decoders_order() -> None:
    assert noise_sizes() == [4, 8, 8, 16, 16, 32, 32, 64, 64, 128, 128, 256, 256, 512, 512]
    drawn = draw_noise(2, 16, torch.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(3)
    for noise, size in zip(drawn, [4, 8, 8, 16, 16], strict=True):
        assert torch.equal(noise, torch.randn(2, 1, size, size, generator=generator))


def test_given_noise_is_the_noise_that_is_used(small: GFPGANClean) -> None:
    x = torch.rand(2, 3, 64, 64) * 2 - 1
    noise = draw_noise(2, 64, torch.Generator().manual_seed(1))
    torch.manual_seed(1)
    torch.testing.assert_close(small(x, randomize_noise=True).image, small(x, noise=noise).image)


def test_a_frame_does_not_depend_on_its_batch(small: GFPGANClean) -> None:
    x = torch.rand(3, 3, 64, 64) * 2 - 1
    together, alone = small(x).image, torch.cat([small(frame[None]).image for frame in x])
    assert (together - alone).abs().max() < 1e-4 * alone.std()
    assert (alone[0] - alone[1]).abs().max() > 0.1 * alone.std()


def test_gradients_flow_to_the_input(small: GFPGANClean) -> None:
    x = (torch.rand(1, 3, 64, 64) * 2 - 1).requires_grad_()
    small(x).image.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("shape", [(1, 3, 64, 32), (1, 1, 64, 64), (3, 64, 64)])
def test_frames_of_another_shape_are_refused(small: GFPGANClean, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"GFPGANClean takes RGB faces of 64x64, got \[.*resize"):
        small(torch.zeros(shape))
