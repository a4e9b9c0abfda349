"""GPEN against the official network's golden figures."""

from __future__ import annotations

import pytest
import torch

from baselines.gpen.network import GPEN
from degradations.errors import InputError
from tests.baselines.taps import face_taps
from tests.baselines.taps import taps as tap_tools

PACK = tap_tools.pack("gpen")
CASES = {case["name"]: case for case in PACK["cases"]}


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    return tap_tools.filled(GPEN, PACK)


@pytest.fixture(scope="module")
def small() -> GPEN:
    """The network for 64x64 faces with an eighth of the channels; features are let in."""
    torch.manual_seed(0)
    net = GPEN(side=64, narrow=1 / 8).eval().requires_grad_(False)
    for name, value in net.named_parameters():
        if name.endswith(("bias", "noise.weight")):
            value.normal_(std=0.3)
    return net


def test_names_shapes_and_types_are_the_checkpoints() -> None:
    net = GPEN()
    assert tap_tools.layout(net) == tap_tools.pack_layout(PACK)
    for name in PACK["keep"]:
        kernel = net.state_dict()[name]
        assert kernel[1, 2] == pytest.approx(9 / 64 * (1 if name.startswith("ecd") else 4))
        assert kernel.sum() == pytest.approx(1 if name.startswith("ecd") else 4)


def test_the_network_for_256_has_the_published_size() -> None:
    with torch.device("meta"):
        state = GPEN(side=256, channel_multiplier=1, narrow=0.5).state_dict()
    parameters = [value.numel() for name, value in state.items() if not name.endswith("kernel")]
    assert (len(state), sum(parameters)) == (144, 18_879_010)


@pytest.mark.parametrize(
    ("pack", "name"), tap_tools.cases({"gpen": PACK}, ["gpen-decoder_alone", "gpen-loud_1e6"])
)
def test_every_tap_is_the_official_networks(net: torch.nn.Module, pack: str, name: str) -> None:
    with torch.inference_mode():
        taps = face_taps.gpen(net, CASES[name])
    differences = tap_tools.differences(taps, CASES[name]["outputs"])
    assert {tap: d for tap, d in differences.items() if not d < 1e-4} == {}


def test_a_frame_does_not_depend_on_its_batch(small: GPEN) -> None:
    x = torch.rand(3, 3, 64, 64) * 2 - 1
    together, alone = small(x)[0], torch.cat([small(frame[None])[0] for frame in x])
    assert (together - alone).abs().max() < 1e-4 * alone.std()
    assert (alone[0] - alone[1]).abs().max() > 0.01 * alone.std()


def test_gradients_flow_to_the_input(small: GPEN) -> None:
    x = (torch.rand(1, 3, 64, 64) * 2 - 1).requires_grad_()
    small(x)[0].sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("shape", [(1, 3, 64, 32), (1, 1, 64, 64), (3, 64, 64)])
def test_frames_of_another_shape_are_refused(small: GPEN, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"GPEN takes RGB faces of 64x64, got \[.*resize"):
        small(torch.zeros(shape))


def test_a_call_without_anything_says_what_is_missing(small: GPEN) -> None:
    with pytest.raises(TypeError, match="needs an image"):
        small()
