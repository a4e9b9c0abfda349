"""RestoreFormer and RestoreFormer++ against the official networks' golden figures."""

from __future__ import annotations

import pytest
import torch

from baselines.adapters.ready import ready
from baselines.restoreformer.network import Attention, Quantizer, RestoreFormer, RestoreFormerPP
from degradations.errors import InputError
from tests.baselines.taps import face_taps
from tests.baselines.taps import taps as tap_tools
from tests.parity import parity

NETWORKS = {"restoreformer": RestoreFormer, "restoreformerpp": RestoreFormerPP}
PACKS = {name: tap_tools.pack(name) for name in NETWORKS}
SLOW = ("restoreformer-native_512", "restoreformerpp-native_512")  # the small ones have every tap of theirs
CASES = {(name, case["name"]): case for name, pack in PACKS.items() for case in pack["cases"]}


@pytest.fixture(scope="module")
def nets() -> dict[str, torch.nn.Module]:
    """As the adapter lays them out on a CPU: channels last, with the GroupNorms that are exact there."""
    found = {name: tap_tools.filled(build, PACKS[name]) for name, build in NETWORKS.items()}
    return {name: ready(net, torch.device("cpu")) for name, net in found.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_names_shapes_and_types_are_the_checkpoints(name: str) -> None:
    with torch.device("meta"):
        assert tap_tools.layout(NETWORKS[name]()) == tap_tools.pack_layout(PACKS[name])


@pytest.mark.parametrize(("name", "case"), tap_tools.cases(PACKS, SLOW))
def test_every_tap_is_the_official_networks(nets: dict[str, torch.nn.Module], name: str, case: str) -> None:
    wanted = CASES[name, case]["outputs"]
    with torch.inference_mode():
        differences = tap_tools.differences(face_taps.restoreformer(nets[name], CASES[name, case]), wanted)
    assert {tap: d for tap, d in differences.items() if not d < 1e-4} == {}
    assert differences["code_indices"] == 0


def test_the_query_asks_and_the_input_answers() -> None:
    """With equal keys everywhere the answer is the mean value, whoever asks; with unequal ones it is not."""
    torch.manual_seed(0)
    layer = Attention(64, heads=4).eval().requires_grad_(False)
    x, query = torch.randn(1, 64, 3, 3), torch.randn(1, 64, 3, 3)
    assert not torch.allclose(layer(x, query), layer(x), atol=1e-4)
    layer.k.weight.zero_()
    mean = layer.v(layer.norm1(x)).mean((2, 3), keepdim=True)
    torch.testing.assert_close(layer(x, query), x + layer.proj_out(mean), atol=1e-5, rtol=1e-4)


def test_the_nearest_codeword_is_taken_and_the_first_of_equals() -> None:
    torch.manual_seed(0)
    quantizer = Quantizer().requires_grad_(False)
    words = quantizer.embedding.weight
    words[700] = words[9]
    wanted = torch.tensor([[3, 9], [1023, 9]])
    z = words[torch.tensor([[3, 9], [1023, 700]])].movedim(-1, 0)[None] + 1e-3
    found, indices = quantizer(z)
    assert torch.equal(indices[0], wanted)
    assert torch.equal(found, words[wanted].movedim(-1, 0)[None])


def test_a_frame_does_not_depend_on_its_batch(nets: dict[str, torch.nn.Module]) -> None:
    x = torch.from_numpy(parity.make_array({"shape": [3, 3, 64, 64], "seed": 5, "low": -1, "high": 1}))
    net = nets["restoreformer"]
    with torch.inference_mode():
        together, alone = net(x)[0], torch.cat([net(frame[None])[0] for frame in x])
    assert (together - alone).abs().max() < 1e-4 * alone.std()
    assert (alone[0] - alone[1]).abs().max() > 0.1 * alone.std()


@pytest.mark.parametrize("shape", [(1, 3, 65, 64), (1, 1, 64, 64), (3, 64, 64), (0, 3, 64, 64)])
def test_sides_are_multiples_of_32(nets: dict[str, torch.nn.Module], shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"RestoreFormerPP takes RGB .* multiples of 32, got \["):
        nets["restoreformerpp"](torch.zeros(shape))
