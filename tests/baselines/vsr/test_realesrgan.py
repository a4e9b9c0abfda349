"""Real-ESRGAN: the network against basicsr's and its port's graph, half-precision files read strictly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from baselines.basicsr_bridge import library
from baselines.realesrgan.half_precision import FLOAT16, read_half_precision
from baselines.realesrgan.network import RRDBNet
from tests.baselines.taps.ncnn_graph import both, fetch_port
from tests.vfsrbench.references import reference
from vfsrbench.errors import InputError


def small() -> RRDBNet:
    torch.manual_seed(3)
    return RRDBNet(channels=7, blocks=2, growth=5).eval()


def write_half_precision(path: Path, net: RRDBNet) -> None:
    """Layer after layer in the order in which `forward` calls them, found by running it."""
    order: list[torch.nn.Module] = []
    hooks = [
        module.register_forward_hook(lambda module, *_: order.append(module))
        for module in net.modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    with torch.no_grad():
        net(torch.zeros(1, 3, 4, 4))
    for hook in hooks:
        hook.remove()
    data = b""
    for module in order:
        assert isinstance(module, torch.nn.Conv2d) and module.bias is not None
        weight = module.weight.detach().numpy().astype("<f2").tobytes()
        data += FLOAT16.to_bytes(4, "little") + weight + bytes(-len(weight) % 4)
        data += module.bias.detach().numpy().astype("<f4").tobytes()
    path.write_bytes(data)


def test_half_precision_weights_come_back_under_their_names(tmp_path: Path) -> None:
    net = small()
    write_half_precision(tmp_path / "net.bin", net)
    found = read_half_precision(tmp_path / "net.bin", small())
    wanted = net.state_dict()
    assert list(found) == list(wanted)
    for name, value in found.items():
        exact = wanted[name].half().float() if name.endswith("weight") else wanted[name]
        assert torch.equal(value, exact), name


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[:-3], "ends within layer conv_last"),
        (lambda data: data + bytes(4), "4 bytes behind the last layer"),
        (lambda data: b"\0" + data[1:], "does not begin as half-precision"),
        (lambda data: data[:4] + np.float16(np.nan).tobytes() + data[6:], "not finite"),
        (lambda data: b"", "ends within layer conv_first"),
    ],
)
def test_any_other_file_is_refused(tmp_path: Path, damage, said: str) -> None:
    write_half_precision(tmp_path / "net.bin", small())
    path = tmp_path / "other.bin"
    path.write_bytes(damage((tmp_path / "net.bin").read_bytes()))
    with pytest.raises(InputError, match=said):
        read_half_precision(path, small())


def test_names_and_shapes_are_those_of_the_official_checkpoint() -> None:
    with torch.device("meta"):
        state = RRDBNet().state_dict()
    convolutions = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    assert len(convolutions) == 351 and len(state) == 702
    for block in (0, 22):
        for dense in (1, 2, 3):
            shapes = [tuple(state[f"body.{block}.rdb{dense}.conv{i}.weight"].shape) for i in range(1, 6)]
            assert shapes == [(32 if i < 4 else 64, 64 + 32 * i, 3, 3) for i in range(5)]
    others = [name for name in convolutions if not name.startswith("body.")]
    assert others == ["conv_first", "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]
    assert sum(value.numel() for value in state.values()) == 16_697_987


@pytest.mark.slow
def test_the_network_is_the_graph_of_the_port(tmp_path: Path) -> None:
    try:
        fetch_port(tmp_path)
    except InputError as error:
        pytest.skip(str(error))
    found, wanted = both(tmp_path)
    assert found.shape == (1, 3, 96, 80)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4 * float(wanted.std()))


@pytest.mark.slow
def test_the_network_is_basicsrs() -> None:
    with library.torchvision_of_then():
        reference("basicsr.archs.rrdbnet_arch")
    facts = {"num_in_ch": 3, "num_out_ch": 3, "scale": 4, "num_feat": 64, "num_block": 23, "num_grow_ch": 32}
    torch.manual_seed(4)
    theirs = library.build(library.architecture("RRDBNet"), facts).eval()
    ours = RRDBNet().eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    with torch.no_grad():
        picture = torch.rand(1, 3, 20, 24)
        found, wanted = ours(picture), theirs(picture)
    assert found.shape == (1, 3, 80, 96)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4 * float(wanted.std()))
