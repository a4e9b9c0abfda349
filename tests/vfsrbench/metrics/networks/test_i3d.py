"""I3D against the PyTorch port's golden figures."""

from __future__ import annotations

import pytest
import torch

from degradations.errors import InputError
from tests.baselines.taps import taps
from tests.parity import parity
from vfsrbench.metrics.networks.i3d import I3D, MIN_FRAMES, i3d_input

PACK = taps.pack("i3d")
WHOLE = [case for case in PACK["cases"] if "module" not in case]
BLOCKS = [case for case in PACK["cases"] if "module" in case]


@pytest.fixture(scope="module")
def net() -> I3D:
    return taps.filled(I3D, PACK)


def test_names_and_shapes_are_the_files(net: I3D) -> None:
    assert taps.layout(net) == taps.pack_layout(PACK)


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: case["name"])
def test_whole_network(net: I3D, case: dict) -> None:
    x = parity.inputs(case)["x"].permute(0, 2, 1, 3, 4)
    with torch.no_grad(), taps.tapped(net, case["outputs"]) as seen:
        seen["out"] = net(x)
    differences = taps.differences(seen, case["outputs"])
    assert max(differences.values()) < 1e-4, differences


@pytest.mark.parametrize("case", BLOCKS, ids=lambda case: case["module"])
def test_a_block_alone(net: I3D, case: dict) -> None:
    with torch.no_grad():
        out = net.get_submodule(case["module"])(**parity.inputs(case))
    assert parity.compare(out, case["outputs"]["out"]) < 1e-4


def test_the_shortest_clip(net: I3D) -> None:
    with torch.no_grad():
        assert net(torch.zeros(1, 3, MIN_FRAMES, 224, 224)).shape == (1, 400)
    with pytest.raises(InputError, match="at least 9 frames, got 8"):
        net(torch.zeros(1, 3, MIN_FRAMES - 1, 224, 224))


def test_input_is_the_resized_centre_in_minus_one_to_one() -> None:
    wide = torch.zeros(1, 2, 3, 112, 200)
    wide[..., 100:] = 1
    clip = i3d_input(wide)
    assert clip.shape == (1, 3, 2, 224, 224)
    assert clip.min() == -1 and clip.max() == 1
    # the edge stays in the middle
    assert clip[0, 0, 0, 100, :110].max() == -1 and clip[0, 0, 0, 100, 114:].min() == 1
    assert i3d_input(wide.transpose(3, 4)).shape == (1, 3, 2, 224, 224)
