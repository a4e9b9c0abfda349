from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from degradations.errors import InputError
from vfsrbench.faces.networks.insightface_onnx import OnnxArcFace, OnnxLandmarks106, OnnxNetwork

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def _save(
    path: Path,
    nodes: Sequence[Any],
    constants: dict[str, np.ndarray],
    taken: Sequence[int | str],
    given: Sequence[int | str],
) -> Path:
    """A network from "x" to "y"."""
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(taken))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, list(given))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def _embedder(path: Path, count: int | str = "N") -> Path:
    """Puts out the mean of each channel of what it is fed, then zeros."""
    from onnx.helper import make_node

    spread = np.zeros((3, 512), np.float32)
    spread[range(3), range(3)] = 1
    nodes = [
        make_node("GlobalAveragePool", ["x"], ["m"]),
        make_node("Flatten", ["m"], ["f"]),
        make_node("MatMul", ["f", "w"], ["y"]),
    ]
    # the official files declare one result though they take any number of pictures
    return _save(path, nodes, {"w": spread}, [count, 3, 112, 112], [count if count != "N" else 1, 512])


def _centroid(path: Path) -> Path:
    """Puts all 106 points on the centre of what is bright in the red channel."""
    from onnx.helper import make_node

    ramp = (np.arange(192, dtype=np.float32) / 96 - 1)[None]  # pixel -> [-1, 1)
    at = np.stack(np.broadcast_arrays(ramp, ramp.T))[None].astype(np.float32)  # (1, 2, 192, 192): x, y
    nodes = [
        make_node("Slice", ["x", "from", "to", "axes"], ["red"]),
        make_node("Mul", ["red", "at"], ["weighted"]),
        make_node("ReduceSum", ["weighted", "hw"], ["moment"], keepdims=0),
        make_node("ReduceSum", ["red", "hw"], ["mass"], keepdims=0),
        make_node("Div", ["moment", "mass"], ["point"]),
        make_node("Tile", ["point", "times"], ["y"]),
    ]
    whole = {"from": [0], "to": [1], "axes": [1], "hw": [2, 3], "times": [1, 106]}
    constants: dict[str, np.ndarray] = {name: np.array(v, np.int64) for name, v in whole.items()}
    return _save(path, nodes, {"at": at, **constants}, ["N", 3, 192, 192], [1, 212])


def _crops(count: int) -> torch.Tensor:
    return torch.rand(count, 3, 112, 112, generator=torch.Generator().manual_seed(count))


def test_recognition_is_fed_rgb_from_minus_one_to_one(tmp_path: Path) -> None:
    crops = torch.zeros(2, 3, 112, 112)
    crops[0, 0], crops[1, 2] = 1.0, 0.25
    found = OnnxArcFace(_embedder(tmp_path / "e.onnx"))(crops)
    assert found.shape == (2, 512) and found.dtype == torch.float32
    assert found[0, :3].tolist() == pytest.approx([1, -1, -1])
    assert found[1, :3].tolist() == pytest.approx([-1, -1, -0.5])
    assert not found[:, 3:].any()


def test_any_number_of_crops_and_each_by_itself(tmp_path: Path) -> None:
    network = OnnxArcFace(_embedder(tmp_path / "e.onnx"))
    crops = _crops(35)  # more than one batch
    together = network(crops)
    assert torch.allclose(together, torch.cat([network(crop[None]) for crop in crops]), atol=1e-6)
    assert torch.allclose(together[:, :3], crops.mean((2, 3)) * 2 - 1, atol=1e-5)
    assert network(crops[:0]).shape == (0, 512)


def test_a_file_that_takes_a_fixed_number_of_pictures(tmp_path: Path) -> None:
    free = OnnxArcFace(_embedder(tmp_path / "free.onnx"))
    fixed = OnnxArcFace(_embedder(tmp_path / "fixed.onnx", count=4))
    crops = _crops(6)
    assert torch.allclose(fixed(crops), free(crops), atol=1e-6)


def test_landmarks_come_back_in_the_images_pixels(tmp_path: Path) -> None:
    images = torch.zeros(3, 3, 300, 400)
    images[0, 0, 118:123, 198:203] = 1.0  # about (200, 120)
    images[1, 0, 80:85, 50:55] = 0.5  # about (52, 82)
    boxes = np.array([[150, 60, 250, 190.0], [10, 40, 90, 100], [np.nan] * 4])
    found = OnnxLandmarks106(_centroid(tmp_path / "l.onnx"))(images, boxes)
    assert found.shape == (3, 106, 2)
    assert np.abs(found[0] - [200, 120]).max() < 0.05
    assert np.abs(found[1] - [52, 82]).max() < 0.05
    assert np.isnan(found[2]).all()


def test_landmarks_beside_the_image_are_black(tmp_path: Path) -> None:
    images = torch.zeros(1, 3, 64, 64)
    images[0, 0, 60:, 60:] = 1.0
    found = OnnxLandmarks106(_centroid(tmp_path / "l.onnx"))(images, np.array([[40, 40, 120, 120.0]]))
    assert np.abs(found - 61.5).max() < 0.05  # nothing is bright beyond the image's edge


def test_no_landmarks_without_faces(tmp_path: Path) -> None:
    network = OnnxLandmarks106(_centroid(tmp_path / "l.onnx"))
    assert network(torch.zeros(0, 3, 8, 8), np.empty((0, 4))).shape == (0, 106, 2)
    assert np.isnan(network(torch.ones(1, 3, 8, 8), np.array([[4, 4, 4, 4.0]]))).all()
    with pytest.raises(InputError, match="boxes"):
        network(torch.zeros(2, 3, 8, 8), np.zeros((1, 4)))


def test_another_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"takes 3x112x112 and gives 512 values.*another network"):
        OnnxLandmarks106(_embedder(tmp_path / "e.onnx"))
    with pytest.raises(InputError, match="another network"):
        OnnxArcFace(_centroid(tmp_path / "l.onnx"))


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x08\x07\x12\x05half"])
def test_files_that_are_no_onnx_networks(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.onnx: not a readable ONNX network"):
        OnnxNetwork(path)


def test_truncated_and_missing_files(tmp_path: Path) -> None:
    path = _embedder(tmp_path / "e.onnx")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="not a readable ONNX network"):
        OnnxNetwork(path)
    with pytest.raises(InputError, match="no such ONNX file"):
        OnnxNetwork(tmp_path / "none.onnx")


def test_without_onnxruntime_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # makes the import fail
    with pytest.raises(InputError, match=r"pip install 'vfsrbench\[onnx\]'"):
        OnnxNetwork(_embedder(tmp_path / "e.onnx"))


@pytest.mark.parametrize("reached", [True, False])
@pytest.mark.parametrize("installed", [True, False])
def test_on_a_gpu_onnxruntime_is_asked_for_it_and_what_ran_is_recorded(
    installed: bool, reached: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    """onnxruntime goes on with the CPU, without a word, where CUDA's libraries are not found."""
    import onnxruntime

    path = _embedder(tmp_path / "r.onnx")
    asked: list[list[Any]] = []
    session = onnxruntime.InferenceSession

    def opened(path: str, options: Any, providers: list[Any]) -> Any:
        asked.append(providers)
        real = session(path, options, providers=["CPUExecutionProvider"])
        ran = ["CUDAExecutionProvider"] if installed and reached else []
        monkeypatch.setattr(real, "get_providers", lambda: [*ran, "CPUExecutionProvider"])
        return real

    known = ["CUDAExecutionProvider"] if installed else []
    monkeypatch.setattr(onnxruntime, "InferenceSession", opened)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*known, "CPUExecutionProvider"])
    found = OnnxArcFace(path, "cuda:1")
    cuda = (
        "CUDAExecutionProvider",
        {"device_id": "1", "use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"},
    )
    assert asked == [[cuda, "CPUExecutionProvider"] if installed else ["CPUExecutionProvider"]]
    on_gpu = installed and reached
    assert found.runs_on == f"onnxruntime: {'CUDA' if on_gpu else 'CPU'}ExecutionProvider"
    assert ("onnxruntime-gpu" in caplog.text) == (not on_gpu)
    OnnxArcFace(path, "cpu")
    assert asked[-1] == ["CPUExecutionProvider"] and caplog.text.count("onnxruntime-gpu") == (not on_gpu)


def test_telemetry_is_off_before_onnxruntime_starts(tmp_path: Path) -> None:
    """In a process of its own: the library reads the variable once, when it is loaded."""
    path = _embedder(tmp_path / "e.onnx")
    code = (
        "import sys; from vfsrbench.faces.networks.insightface_onnx import OnnxNetwork;"
        "assert 'onnxruntime' not in sys.modules;"
        f"OnnxNetwork({str(path)!r});"
        "import ctypes; libc = ctypes.CDLL(None); libc.getenv.restype = ctypes.c_char_p;"
        "print(libc.getenv(b'ORT_DISABLE_TELEMETRY'))"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("ORT_DISABLE_TELEMETRY", "CI")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "b'1'"
