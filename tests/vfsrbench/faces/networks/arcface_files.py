"""ONNX files of `IResNet`s as exports write them, built node by node."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from vfsrbench.faces.networks.iresnet import IResNet


@dataclass(frozen=True)
class Style:
    """How an export writes things down."""

    fused: bool = True
    """Norms behind a convolution are folded into it, as torch does for evaluation."""
    product: str = "Gemm"
    flat: str = "Flatten"
    dropout: bool = False
    constants: bool = False
    """Weights are nodes, not initialisers."""
    around: bool = False
    """The last norm is written for maps, with an axis more."""
    listed: bool = False
    """Initialisers stand among the inputs too, as in old files."""
    transposed: bool = True
    wide_slopes: bool = False


@dataclass
class Writer:
    style: Style
    nodes: list[Any] = field(default_factory=list)
    tensors: dict[str, np.ndarray] = field(default_factory=dict)

    def tensor(self, values: torch.Tensor | np.ndarray) -> str:
        from onnx import helper, numpy_helper

        array = values.detach().numpy() if isinstance(values, torch.Tensor) else values
        name = f"w{len(self.tensors)}"
        self.tensors[name] = array
        if self.style.constants:
            value = numpy_helper.from_array(array, name)
            self.nodes.append(helper.make_node("Constant", [], [name], value=value))
        return name

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [out], name=f"{op}_{out}", **attributes))
        return out

    def norm(self, x: str, norm: Any) -> str:
        values = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        return self.add("BatchNormalization", x, *map(self.tensor, values), epsilon=norm.eps)

    def convolution(self, x: str, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> str:
        shape = {
            "kernel_shape": list(conv.kernel_size),
            "strides": list(conv.stride),
            "pads": [*conv.padding, *conv.padding],
            "dilations": [1, 1],
            "group": 1,
        }
        if not self.style.fused:
            return self.norm(self.add("Conv", x, self.tensor(conv.weight), **shape), norm)
        assert norm.running_var is not None and norm.running_mean is not None
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        weight = conv.weight * scale[:, None, None, None]
        bias = norm.bias - norm.running_mean * scale
        return self.add("Conv", x, self.tensor(weight), self.tensor(bias), **shape)

    def prelu(self, x: str, prelu: nn.PReLU) -> str:
        slopes = prelu.weight[:, None, None]
        return self.add("PRelu", x, self.tensor(slopes[None] if self.style.wide_slopes else slopes))

    def network(self, net: IResNet) -> str:
        x = self.prelu(self.convolution("input.1", net.conv1, net.bn1), net.prelu)
        for stage in range(1, 5):
            for block in net.get_submodule(f"layer{stage}").children():
                y: Any = block
                out = self.prelu(self.convolution(self.norm(x, y.bn1), y.conv1, y.bn2), y.prelu)
                out = self.convolution(out, y.conv2, y.bn3)
                short = x if y.downsample is None else self.convolution(x, *y.downsample)
                x = self.add("Add", out, short)
        x = self.norm(x, net.bn2)
        x = self.add("Dropout", x) if self.style.dropout else x
        if self.style.flat == "Flatten":
            x = self.add("Flatten", x, axis=1)
        else:
            x = self.add("Reshape", x, self.tensor(np.array([-1, net.fc.in_features], np.int64)))
        x = self.product(x, net.fc)
        if self.style.around:
            x = self.add("Unsqueeze", x, self.tensor(np.array([2], np.int64)))
        x = self.norm(x, net.features)
        if self.style.around:
            x = self.add("Squeeze", x, self.tensor(np.array([2], np.int64)))
        return x

    def product(self, x: str, linear: nn.Linear) -> str:
        if self.style.product == "Gemm":
            turned = self.style.transposed
            weight = linear.weight if turned else linear.weight.T.contiguous()
            given = {"alpha": 1.0, "beta": 1.0, "transB": int(turned)}
            return self.add("Gemm", x, self.tensor(weight), self.tensor(linear.bias), **given)
        made = self.add("MatMul", x, self.tensor(linear.weight.T.contiguous()))
        return self.add("Add", made, self.tensor(linear.bias))


def write(net: IResNet, path: Path, style: Style = Style(), changed: Any = None) -> Path:
    """The network as an ONNX file. `changed` gets the writer before the graph is closed."""
    from onnx import TensorProto, helper, numpy_helper

    writer = Writer(style)
    with torch.no_grad():
        out = writer.network(net)
    out = (changed(writer, out) or out) if changed else out
    kept = {} if style.constants else writer.tensors
    inputs = [helper.make_tensor_value_info("input.1", TensorProto.FLOAT, ["None", 3, 112, 112])]
    if style.listed:
        inputs += [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, list(value.shape))
            for name, value in kept.items()
            if value.dtype == np.float32
        ]
    graph = helper.make_graph(
        writer.nodes,
        "torch-jit-export",
        inputs,
        [helper.make_tensor_value_info(out, TensorProto.FLOAT, [1, 512])],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in kept.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path
