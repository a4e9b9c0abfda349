"""ONNX recognition networks as ours: filled from the file, equal to onnxruntime and to the golden packs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.baselines.taps import taps
from tests.parity import parity
from tests.vfsrbench.faces.networks.arcface_files import Style, write
from vfsrbench.faces.networks.iresnet import Block, IResNet, iresnet50, iresnet100
from vfsrbench.faces.networks.onnx_files.arcface import NoMatch, fill_from_onnx
from vfsrbench.faces.networks.onnx_files.read import UnreadableGraph, read_graph
from vfsrbench.metrics.estimators import face_embeddings
from vfsrbench.metrics.estimators.face_embeddings import TorchRecognizer, recognizer

onnx = pytest.importorskip("onnx")
CPU = torch.device("cpu")
STYLES = {
    "as torch writes it": Style(),
    "norms apart": Style(fused=False),
    "a product and a sum": Style(product="MatMul", flat="Reshape"),
    "weights that stand straight": Style(transposed=False, wide_slopes=True),
    "weights as nodes": Style(constants=True, dropout=True),
    "the last norm with an axis more": Style(around=True, listed=True),
}


class Narrow(IResNet):
    """The same layers with few channels and blocks."""

    def __init__(self, blocks: tuple[int, int, int, int] = (1, 2, 1, 1)) -> None:
        nn.Module.__init__(self)
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.bn1, self.prelu = nn.BatchNorm2d(4), nn.PReLU(4)
        inputs = 4
        for stage, (planes, count) in enumerate(zip((4, 8, 8, 12), blocks, strict=True), start=1):
            rest = [Block(planes, planes, 1) for _ in range(count - 1)]
            self.add_module(f"layer{stage}", nn.Sequential(Block(inputs, planes, 2), *rest))
            inputs = planes
        self.bn2, self.fc = nn.BatchNorm2d(12), nn.Linear(12 * 7 * 7, 512)
        self.features = nn.BatchNorm1d(512)


def small() -> IResNet:
    """With weights and statistics that show."""
    net = Narrow().eval()
    draw = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if name.endswith("running_var"):
                value.copy_(0.5 + torch.rand(value.shape, generator=draw))
            elif value.ndim == 1:
                value.copy_(0.3 * torch.randn(value.shape, generator=draw) + name.endswith("weight"))
            elif value.ndim > 1:
                value.copy_(torch.randn(value.shape, generator=draw) / value[0].numel() ** 0.5)
    return net


def empty() -> IResNet:
    return Narrow().eval()


def filled(path: Path) -> IResNet:
    net = empty()
    fill_from_onnx(net, path)
    return net.eval()


def crops(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, 112, 112, generator=torch.Generator().manual_seed(count))


def by_onnxruntime(path: Path, x: torch.Tensor) -> np.ndarray:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {entry: one[None].numpy()})[0] for one in x])


def apart(found: torch.Tensor, wanted: torch.Tensor | np.ndarray) -> float:
    wanted = torch.as_tensor(wanted)
    return float((found - wanted).abs().max() / wanted.std())


@pytest.mark.parametrize("name", STYLES)
def test_a_file_of_any_export_gives_what_onnxruntime_gives(tmp_path: Path, name: str) -> None:
    net = small()
    path = write(net, tmp_path / "r.onnx", STYLES[name])
    onnx.checker.check_model(str(path))
    x = 2 * crops() - 1
    with torch.no_grad():
        found, wanted = filled(path)(x), net(x)
    assert apart(found, wanted) < 1e-5 and apart(found, by_onnxruntime(path, x)) < 1e-5


@pytest.mark.parametrize("folding", [True, False])
@pytest.mark.filterwarnings("ignore")
def test_what_torch_itself_exports(tmp_path: Path, folding: bool) -> None:
    net, path = small(), tmp_path / "r.onnx"
    x = 2 * crops() - 1
    mode = torch.onnx.TrainingMode
    torch.onnx.export(
        net,
        (x,),
        str(path),
        dynamo=False,
        input_names=["input.1"],
        dynamic_axes={"input.1": {0: "n"}},
        opset_version=11,
        do_constant_folding=folding,
        training=mode.EVAL if folding else mode.PRESERVE,
    )
    with torch.no_grad():
        assert apart(filled(path)(x), net(x)) < 1e-5


@pytest.mark.parametrize("backend", ["w600k_r50", pytest.param("glintr100", marks=pytest.mark.slow)])
def test_the_official_layouts_filled_from_a_file_give_the_golden_figures(
    tmp_path: Path, backend: str
) -> None:
    make: Callable[[], IResNet] = iresnet50 if backend == "w600k_r50" else iresnet100
    golden = taps.pack(make.__name__)
    official = taps.filled(make, golden)
    case = golden["cases"][0]
    (x,) = parity.inputs(case).values()
    # folding the norms rounds the weights anew
    for style, allowed in ((Style(fused=False), 1e-5), (Style(), 1.5e-5)):
        path = write(official, tmp_path / "r.onnx", style)
        net = make().eval()
        fill_from_onnx(net, path)
        with torch.no_grad():
            out = net(x)
        assert taps.differences({"out": out}, {"out": case["outputs"]["out"]})["out"] < allowed
    found = recognizer(backend, path, CPU, "strict")
    assert isinstance(found, TorchRecognizer) and found.runs_on == "" and found.size == 112
    # convolutions in the memory order that is quickest on a CPU sum in another order
    assert apart(found((x + 1) / 2), out) < 2e-5


def test_neither_onnx_nor_onnxruntime_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(small(), tmp_path / "r.onnx")
    for name in [n for n in sys.modules if n.partition(".")[0] in ("onnx", "onnxruntime")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("onnx", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(face_embeddings._ONNX, "w600k_r50", empty)
    found = recognizer("w600k_r50", path, CPU, "strict")(crops())
    assert found.shape == (2, 512) and torch.isfinite(found).all()


def _swish(writer, out):
    return writer.add("Sigmoid", out)


def _other_stride(writer, out):
    convs = [n for n in writer.nodes if n.op_type == "Conv"]
    strides = [a for n in convs for a in n.attribute if a.name == "strides" and list(a.ints) == [2, 2]]
    strides[0].ints[:] = [1, 1]


def _other_sum(writer, out):
    adds = [n for n in writer.nodes if n.op_type == "Add"]
    adds[1].input[1] = adds[1].input[0]


def _scaled(writer, out):
    node = next(n for n in writer.nodes if n.op_type == "Gemm")
    next(a for a in node.attribute if a.name == "alpha").f = 2.0


def _relu(writer, out):
    node = next(n for n in writer.nodes if n.op_type == "PRelu")
    node.op_type = "Relu"
    del node.input[1:]


def _two_outputs(writer, out):
    writer.add("Sigmoid", writer.nodes[3].output[0])


CHANGED = [_swish, _other_stride, _other_sum, _scaled, _relu, _two_outputs]


@pytest.mark.parametrize("change", CHANGED)
def test_a_graph_that_does_anything_else_is_no_match(tmp_path: Path, change) -> None:
    with pytest.raises(NoMatch):
        filled(write(small(), tmp_path / "r.onnx", changed=change))


def test_a_network_of_another_depth_is_no_match(tmp_path: Path) -> None:
    path = write(small(), tmp_path / "r.onnx")
    for blocks in ((1, 1, 1, 1), (1, 2, 2, 1), (2, 2, 1, 1)):
        with pytest.raises(NoMatch):
            fill_from_onnx(Narrow(blocks), path)


def test_what_does_not_match_runs_in_onnxruntime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setitem(face_embeddings._ONNX, "glintr100", empty)
    path = write(small(), tmp_path / "r.onnx", changed=_swish)
    found = recognizer("glintr100", path, CPU, "strict")
    assert found.runs_on == "onnxruntime: CPUExecutionProvider"
    assert apart(found(crops()), by_onnxruntime(path, 2 * crops() - 1)) < 1e-5


@pytest.mark.parametrize("keep", [0, 1, 7, 100, 5000, 900_000])
def test_files_that_are_cut_are_unreadable(tmp_path: Path, keep: int) -> None:
    path = write(small(), tmp_path / "r.onnx")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises((UnreadableGraph, ValueError)):
        read_graph(path)
    with pytest.raises(NoMatch):
        filled(path)


def test_bytes_that_are_flipped_never_crash(tmp_path: Path) -> None:
    path = write(small(), tmp_path / "r.onnx")
    whole = path.read_bytes()
    draw = np.random.default_rng(0)
    for _ in range(30):
        data = bytearray(whole[-40_000:])
        for at in draw.integers(0, len(data), 20):
            data[at] ^= 1 << int(draw.integers(8))
        path.write_bytes(data)
        with pytest.raises(NoMatch):
            filled(path)
