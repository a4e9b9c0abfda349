"""insightface's ONNX recognition networks (w600k_r50, glintr100) as ours: an `IResNet` filled from a file.

The graph is walked beside our network, layer by layer; one that does anything else in any place is no match.
What an export changes and what changes no number is seen through: a norm folded into the convolution before
it, layers that do nothing outside training, how vectors are flattened.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vfsrbench.faces.networks.iresnet import Block, IResNet
from vfsrbench.faces.networks.onnx_files.read import Graph, Node, UnreadableGraph, read_graph

_NOTHING = frozenset({"Identity", "Dropout"})
"""Give what they take."""
_VECTOR = frozenset({"Unsqueeze", "Squeeze"})
"""Some exports put them around a norm of vectors."""


class NoMatch(Exception):
    """The file holds another network, or one that is written down in a way not known here."""


def fill_from_onnx(network: nn.Module, path: Path) -> None:
    """Fill our network with an ONNX file's weights.

    Args:
        network: An `IResNet`; only for evaluation from then on.
        path: The ONNX file.

    Raises:
        NoMatch: The file's graph is another one. The reason names the place.
    """
    assert isinstance(network, IResNet)
    try:
        graph = read_graph(path)
    except (UnreadableGraph, OSError) as error:
        raise NoMatch(str(error)) from None
    with torch.no_grad():
        _Walk(graph).fill(network)


class _Walk:
    """A graph's nodes by what they take; each is taken once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.constants = dict(graph.constants)
        self.takers: dict[str, list[Node]] = {}
        self.left: set[int] = set()
        for node in graph.nodes:
            values = self.computed(node)
            if values is not None:
                self.constants[node.outputs[0]] = values
                continue
            self.left.add(id(node))
            for name in node.inputs:
                self.takers.setdefault(name, []).append(node)

    def computed(self, node: Node) -> NDArray[Any] | None:
        """What an operation on constants gives (exports that fold nothing leave some); None for others."""
        if node.op == "Constant":
            return np.asarray(node.attributes.get("value"))
        given = self.constants.get(node.inputs[0]) if node.inputs else None
        if given is None or node.op not in {"Identity", "Transpose", "Unsqueeze"}:
            return None
        if node.op == "Transpose":
            return given.transpose(node.attributes.get("perm"))
        if node.op == "Unsqueeze":
            axes = node.attributes.get("axes") or self.constant(node.inputs[1]).tolist()
            return np.expand_dims(given, tuple(axes))
        return given

    def fill(self, network: IResNet) -> None:
        if len(self.graph.inputs) != 1 or len(self.graph.outputs) != 1:
            raise NoMatch(f"{len(self.graph.inputs)} inputs and {len(self.graph.outputs)} outputs")
        value = self.convolution(self.graph.inputs[0], network.conv1, network.bn1)
        value = self.prelu(value, network.prelu)
        for stage in range(1, 5):
            for block in network.get_submodule(f"layer{stage}").children():
                assert isinstance(block, Block)
                value = self.block(value, block)
        value = self.norm(value, network.bn2)
        value = self.flat(value, network.fc.in_features)
        value = self.linear(value, network.fc)
        value = (
            self.norm(value, network.features)
            if self.has(value, "BatchNormalization")
            else self.none(value, network.features)
        )
        if self.through(value, _NOTHING | _VECTOR) != self.graph.outputs[0] or self.left:
            raise NoMatch(f"{len(self.left)} operations beside the network's")

    def block(self, value: str, block: Block) -> str:
        out = self.norm(value, block.bn1)
        out = self.prelu(self.convolution(out, block.conv1, block.bn2), block.prelu)
        out = self.convolution(out, block.conv2, block.bn3)
        short = value
        if isinstance(block.downsample, nn.Sequential):
            conv, norm = block.downsample
            assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
            short = self.convolution(value, conv, norm)
        added = self.take(out, "Add")
        if sorted(added.inputs) != sorted((out, short)):
            raise NoMatch("a block's sum takes other values")
        return added.outputs[0]

    def convolution(self, value: str, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> str:
        """A convolution and the norm behind it, which may be folded into it."""
        node = self.take(value, "Conv")
        padding, stride = list(conv.padding) * 2, list(conv.stride)  # type: ignore[arg-type]
        same = (
            node.attributes.get("strides", [1, 1]) == stride
            and node.attributes.get("pads", [0, 0, 0, 0]) == padding
            and node.attributes.get("dilations", [1, 1]) == [1, 1]
            and node.attributes.get("group", 1) == 1
            and node.attributes.get("auto_pad", "NOTSET") == "NOTSET"
        )
        if not same:
            raise NoMatch(f"a convolution of other strides or borders: {node.attributes}")
        self.copy(conv.weight, node.inputs[1])
        bias = self.constant(node.inputs[2]) if len(node.inputs) > 2 else np.zeros(1, np.float32)
        out = node.outputs[0]
        if self.has(out, "BatchNormalization"):
            out = self.norm(out, norm)
            assert norm.running_mean is not None
            norm.running_mean -= torch.from_numpy(bias.astype(np.float32))
            return out
        out = self.none(out, norm)
        self.check(norm.bias, bias.shape)
        norm.bias.copy_(torch.from_numpy(bias.astype(np.float32)))
        return out

    def norm(self, value: str, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> str:
        node = self.take(value, "BatchNormalization")
        if node.attributes.get("training_mode", 0):
            raise NoMatch("a norm that trains")
        for target, name in zip(
            (norm.weight, norm.bias, norm.running_mean, norm.running_var), node.inputs[1:], strict=True
        ):
            assert target is not None
            self.copy(target, name)
        norm.eps = float(np.float32(node.attributes.get("epsilon", 1e-5)))
        return node.outputs[0]

    def none(self, value: str, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> str:
        """No norm here: ours is made one that changes nothing, to the bit."""
        norm.reset_running_stats()
        nn.init.ones_(norm.weight)
        nn.init.zeros_(norm.bias)
        norm.eps = 0.0
        return value

    def prelu(self, value: str, prelu: nn.PReLU) -> str:
        node = self.take(value, "PRelu")
        slopes = self.constant(node.inputs[1])
        if slopes.shape not in {(prelu.num_parameters, 1, 1), (1, prelu.num_parameters, 1, 1)}:
            raise NoMatch(f"slopes of the shape {slopes.shape}")
        prelu.weight.copy_(torch.from_numpy(slopes.reshape(-1).astype(np.float32)))
        return node.outputs[0]

    def flat(self, value: str, length: int) -> str:
        value = self.through(value, _NOTHING)
        if self.has(value, "Flatten"):
            node = self.take(value, "Flatten")
            if node.attributes.get("axis", 1) != 1:
                raise NoMatch("flattened along another axis")
            return node.outputs[0]
        node = self.take(value, "Reshape")
        shape = self.constant(node.inputs[1]).tolist()
        if len(shape) != 2 or shape[1] not in (-1, length):
            raise NoMatch(f"reshaped to {shape}")
        return node.outputs[0]

    def linear(self, value: str, linear: nn.Linear) -> str:
        value = self.through(value, _NOTHING)
        if self.has(value, "Gemm"):
            node = self.take(value, "Gemm")
            given = node.attributes
            if given.get("alpha", 1.0) != 1 or given.get("beta", 1.0) != 1 or given.get("transA", 0):
                raise NoMatch(f"a product with {given}")
            self.copy(linear.weight, node.inputs[1], turned=not given.get("transB", 0))
            self.copy(linear.bias, node.inputs[2])
            return node.outputs[0]
        node = self.take(value, "MatMul")
        self.copy(linear.weight, node.inputs[1], turned=True)
        added = self.take(node.outputs[0], "Add")
        (bias,) = (name for name in added.inputs if name != node.outputs[0])
        self.copy(linear.bias, bias)
        return added.outputs[0]

    def through(self, value: str, kinds: frozenset[str]) -> str:
        """The value behind operations of these kinds, which change no number."""
        while len(takers := self.takers.get(value, [])) == 1 and takers[0].op in kinds:
            self.left.discard(id(takers[0]))
            value = takers[0].outputs[0]
        return value

    def has(self, value: str, op: str) -> bool:
        value = self.through(value, _NOTHING | _VECTOR)
        return any(node.op == op and id(node) in self.left for node in self.takers.get(value, []))

    def take(self, value: str, op: str) -> Node:
        """The one operation of this kind that takes a value."""
        value = self.through(value, _NOTHING | _VECTOR)
        found = [node for node in self.takers.get(value, []) if node.op == op and id(node) in self.left]
        if len(found) != 1:
            others = ", ".join(sorted({node.op for node in self.takers.get(value, [])})) or "nothing"
            raise NoMatch(f"{op} is expected behind {value!r}, there is {others}")
        self.left.discard(id(found[0]))
        return found[0]

    def constant(self, name: str) -> NDArray[Any]:
        if name not in self.constants:
            raise NoMatch(f"{name!r} is no constant")
        return self.constants[name]

    def copy(self, target: torch.Tensor, name: str, turned: bool = False) -> None:
        values = self.constant(name)
        values = values.T if turned else values
        self.check(target, values.shape)
        target.copy_(torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)))

    def check(self, target: torch.Tensor, shape: tuple[int, ...]) -> None:
        if tuple(target.shape) != tuple(shape):
            raise NoMatch(f"a tensor of the shape {tuple(shape)} for {tuple(target.shape)}")
