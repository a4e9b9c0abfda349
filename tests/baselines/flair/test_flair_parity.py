"""FLAIR's two networks against the official ones' golden figures (1e-4 of each tap's spread)."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from baselines.flair.unet.network import FlairUNet
from degradations.errors import InputError
from tests.baselines.taps import flair_taps
from tests.baselines.taps import taps as tap_tools

PACKS = {"bicubic": tap_tools.pack("flair_unet"), "blur": tap_tools.pack("flair_unet_blur")}
CASES = tap_tools.cases(PACKS, ["bicubic-clip3", "bicubic-clip4_mask", "blur-clip3"])


class Filled(dict[str, nn.Module]):
    """The networks that tests ask for, filled then."""

    def __missing__(self, config: str) -> nn.Module:
        self.clear()  # one large network at a time
        self[config] = tap_tools.filled(lambda: FlairUNet(config), PACKS[config])
        return self[config]


@pytest.fixture(scope="module")
def networks() -> dict[str, nn.Module]:
    return Filled()


@pytest.mark.parametrize("config", PACKS)
def test_names_and_shapes_are_the_checkpoints(config: str) -> None:
    with torch.device("meta"):
        net = FlairUNet(config)
    assert tap_tools.layout(net) == tap_tools.pack_layout(PACKS[config])


@pytest.mark.parametrize(("config", "case_name"), CASES)
def test_every_tap_is_the_official_networks(
    networks: dict[str, nn.Module], config: str, case_name: str
) -> None:
    case = next(c for c in PACKS[config]["cases"] if c["name"] == case_name)
    with torch.no_grad():
        taps = flair_taps.unet(networks[config], case)
    differences = tap_tools.differences(taps, case["outputs"])
    assert {tap: d for tap, d in differences.items() if not d <= 1e-4} == {}


def test_a_frame_alone_and_without_temporal_parts() -> None:
    """One frame works, and without the temporal parts frames of a clip differ only through normalization."""
    generator = torch.Generator().manual_seed(0)
    x, low = (torch.randn(1, 3, 128, 128, generator=generator) for _ in range(2))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = FlairUNet("bicubic").eval()
    with torch.no_grad():
        one = net(x, torch.tensor([0.5]), low[None])
        plain = net(x, torch.tensor([0.5]), low[None], enable_cross_frames=False)
        twice = net(x.repeat(2, 1, 1, 1), torch.tensor([0.5, 0.5]), low.repeat(2, 1, 1, 1)[None],
                    enable_cross_frames=False)  # fmt: skip
    assert one.shape == (1, 3, 128, 128)
    assert not torch.allclose(one, plain, atol=1e-3)
    torch.testing.assert_close(twice[1:], plain, rtol=1e-3, atol=1e-3)


def test_wrong_sizes_and_names_are_refused() -> None:
    with torch.device("meta"):
        networks = {config: FlairUNet(config) for config in PACKS}
    with pytest.raises(ValueError, match="multiples of 16"):
        networks["bicubic"](torch.zeros(1, 3, 120, 130), torch.ones(1), torch.zeros(1, 1, 3, 120, 130))
    with pytest.raises(ValueError, match="multiples of 64"):
        networks["blur"](torch.zeros(1, 3, 96, 96), torch.ones(1), torch.zeros(1, 1, 3, 96, 96))
    with pytest.raises(InputError, match="did you mean 'bicubic'"):
        FlairUNet("bicubik")
