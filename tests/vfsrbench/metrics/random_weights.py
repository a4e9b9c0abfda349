"""Random weights in the official layouts, for the metrics' tests; written once a process, gone at its end."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import torch

from vfsrbench import plugins
from vfsrbench.card import MetricCard
from vfsrbench.metric import Metric
from vfsrbench.runtime.precision import Profile
from vfsrbench.weights.manifest import load_manifest
from vfsrbench.weights.random_init import build_network, untrained_state, write_untrained

CPU = torch.device("cpu")


@cache
def folder() -> Path:
    path = Path(tempfile.mkdtemp(prefix="vfsrbench-tests-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@cache
def weights_file(name: str) -> Path:
    """A file for this checkpoint name."""
    if name in ("w600k_r50", "glintr100"):
        return _onnx(name, 112, 512)
    if name == "landmarks_2d106":
        return _onnx(name, 192, 212)
    entry = load_manifest()[name]
    if name == "retinaface_r50":
        return _willing_detector()
    if name in ("raft_large", "raft_things"):
        return _small_motions(name)
    if name == "maniqa_koniq":
        return _moderate_scores()
    return write_untrained(entry, folder(), "features." if name in ("alexnet", "vgg16") else "")


def weights_of(card: MetricCard) -> dict[str, Path]:
    """What `Metric.load` is given for this card; optional files are not here."""
    return {use.role: weights_file(use.name) for use in card.weights if not use.optional}


@cache
def metric(metric_id: str, profile: Profile = "strict", device: str = "cpu") -> Metric:
    """The metric, loaded."""
    built = plugins.build_metric(plugins.choose_metric(metric_id))
    built.profile = profile
    built.load(weights_of(built.card), torch.device(device))
    return built


def _onnx(name: str, side: int, values: int) -> Path:
    """A small network of insightface's inputs and outputs: two strided convolutions and a matrix."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(side)
    left = side // 16
    shapes = {"a": (8, 3, 4, 4), "b": (8, 8, 4, 4), "c": (8 * left * left, values)}
    constants = {
        key: (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        for key, shape in shapes.items()
    }
    constants["c"] *= 0.05 if values == 212 else 1.0
    if values == 212:  # as 2d106det does: the graph takes the mean off itself
        constants |= {"mean": np.float32(127.5), "part": np.float32(1 / 128)}
    first = [
        helper.make_node("Sub", ["x", "mean"], ["x0"], name="_minusscalar0"),
        helper.make_node("Mul", ["x0", "part"], ["x1"], name="_mulscalar0"),
    ]
    nodes = [
        *(first if values == 212 else []),
        helper.make_node("Conv", ["x1" if values == 212 else "x", "a"], ["h"], strides=[4, 4]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Conv", ["r", "b"], ["g"], strides=[4, 4]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("MatMul", ["f", "c"], ["y"]),
    ]
    float32 = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", float32, ["N", 3, side, side])],
        [helper.make_tensor_value_info("y", float32, ["N", values])],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = folder() / f"{name}.untrained.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def _small_motions(name: str) -> Path:
    """RAFT with random weights whose flow is small and smooth enough for forth and back to agree."""
    state = untrained_state(build_network(load_manifest()[name]))
    state["update_block.flow_head.conv2.weight"] *= 0.002
    return _saved(name, state)


def _moderate_scores() -> Path:
    """MANIQA with random weights whose channels attend to many others, and whose scores lie in 0..1: with the
    ones as drawn, each channel picks one other, and rounding decides which."""
    state = untrained_state(build_network(load_manifest()["maniqa_koniq"]))
    for name in state:
        if name.startswith("tablock") and (".c_q." in name or ".c_k." in name):
            state[name] *= 0.03
        elif name.startswith("fc_score.3"):
            state[name] *= 0.005
    return _saved("maniqa_koniq", state)


def _willing_detector() -> Path:
    """RetinaFace with random weights and a bias that makes it see faces; where, depends on the picture."""
    state = untrained_state(build_network(load_manifest()["retinaface_r50"]))
    for name in state:
        if name.startswith("ClassHead") and name.endswith("bias"):
            state[name] = torch.tensor([0.0, 6.0] * 2)
        elif name.startswith(("ClassHead", "BboxHead", "LandmarkHead")):
            state[name] *= 0.01 if name.startswith("ClassHead") else 0.1
    return _saved("retinaface_r50", state)


def _saved(name: str, state: dict[str, torch.Tensor]) -> Path:
    from safetensors.torch import save_file

    path = folder() / f"{name}.untrained.safetensors"
    save_file(state, path)
    return path
