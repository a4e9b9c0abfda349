"""insightface's ONNX networks through onnxruntime: recognition (w600k_r50, glintr100) and 106 landmarks.

The steps before and after a network are insightface's (arcface_onnx.py, landmark.py), but batched and on any
device. insightface itself is not needed; onnxruntime is an extra (`pip install 'vfsrbench[onnx]'`).
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degradations.errors import InputError
from vfsrbench.faces.arcface_align import align_faces
from vfsrbench.faces.similarity import invert, transform_points
from vfsrbench.runtime.memory import is_out_of_memory

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
GPU = (
    "on a GPU it takes onnxruntime-gpu in its place, and CUDA's libraries: pip install 'vfsrbench[onnx-gpu]'"
)
BATCH = 32
RECOGNITION_SIDE, EMBEDDING = 112, 512
LANDMARK_SIDE, LANDMARKS, ROOM = 192, 106, 1.5
_LOG = logging.getLogger("vfsrbench")


class OnnxNetwork:
    """One input, one output, float32; `provider` (in records `runs_on`) says what it runs on.

    A CUDA device needs onnxruntime-gpu; without it the network runs on the CPU, and the log says so.
    """

    def __init__(self, path: str | Path, device: torch.device | str = "cpu") -> None:
        """InputError when onnxruntime or the file is missing, or the file is no ONNX network."""
        self.path = Path(path)
        ort = _onnxruntime()
        self._session = _open(ort, self.path, _providers(ort, torch.device(device)))
        self.provider: str = self._session.get_providers()[0]
        if torch.device(device).type == "cuda" and self.provider == CPU:
            _LOG.warning(
                "onnxruntime does not compute on the GPU: %s runs on the CPU (%s)", self.path.name, GPU
            )
        self.runs_on = f"onnxruntime: {self.provider}"
        entry, out = self._session.get_inputs()[0], self._session.get_outputs()[0]
        self._names = entry.name, out.name
        self.input_shape, self.output_shape = tuple(entry.shape), tuple(out.shape)
        fixed = self.input_shape[0] if self.input_shape else None
        self._fixed = fixed if isinstance(fixed, int) else None

    def check(self, what: str, channels: int, side: int, values: int) -> None:
        """InputError when the file declares other sizes than `what` has. Free sizes pass."""
        wanted = (channels, side, side)
        taken, given = self.input_shape[1:], self.output_shape[-1:]
        fits = len(taken) == 3 and all(
            not isinstance(have, int) or have == want
            for have, want in zip((*taken, *given), (*wanted, values), strict=False)
        )
        if not fits:
            raise InputError(
                f"{self.path}: takes {_text(taken)} and gives {_text(given)} values, but {what} takes "
                f"{_text(wanted)} and gives {values}; it is the file of another network"
            )

    def __call__(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, ...), on the device of `x`. Any N; rows do not see each other."""
        host: NDArray[np.float32] = x.detach().to("cpu", torch.float32).contiguous().numpy()
        size = self._fixed or BATCH
        parts = [self._run(host[first : first + size]) for first in range(0, len(host), size)]
        if not parts:
            declared = [n if isinstance(n, int) else 0 for n in self.output_shape[1:]]
            return torch.empty(0, *declared, device=x.device)
        return torch.from_numpy(np.concatenate(parts)).to(x.device)

    def _run(self, part: NDArray[np.float32]) -> NDArray[np.float32]:
        count = len(part)
        if self._fixed is not None and count < self._fixed:
            part = np.concatenate([part, np.zeros((self._fixed - count, *part.shape[1:]), np.float32)])
        entry, out = self._names
        result: NDArray[np.float32] = self._session.run([out], {entry: part})[0]
        if len(result) != len(part):
            raise InputError(f"{self.path}: gives {len(result)} results for {len(part)} pictures")
        return result[:count]


class OnnxArcFace:
    """Face recognition: insightface's w600k_r50, glintr100, or another ArcFace network at 112x112."""

    def __init__(self, path: str | Path, device: torch.device | str = "cpu") -> None:
        """InputError as `OnnxNetwork`, and for the file of another network."""
        self.network = OnnxNetwork(path, device)
        self.network.check("an ArcFace network", 3, RECOGNITION_SIDE, EMBEDDING)
        self.runs_on = self.network.runs_on

    def __call__(self, crops: Tensor) -> Tensor:
        """Aligned crops (N, 3, 112, 112), RGB in [0, 1] (see `arcface_align`) -> embeddings (N, 512), not
        normalised. The networks take (level - 127.5) / 127.5."""
        return self.network(crops * 2 - 1).reshape(len(crops), EMBEDDING)


class OnnxLandmarks106:
    """insightface's 2d106det: 106 points by regression, which do not lie on a grid."""

    def __init__(self, path: str | Path, device: torch.device | str = "cpu") -> None:
        """InputError as `OnnxNetwork`, and for the file of another network."""
        self.network = OnnxNetwork(path, device)
        self.network.check("2d106det", 3, LANDMARK_SIDE, 2 * LANDMARKS)
        self.runs_on = self.network.runs_on

    def __call__(self, images: Tensor, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (N, 106, 2) in pixels of images (N, 3, H, W), RGB in [0, 1], one face each.

        boxes: (N, 4) face boxes x1, y1, x2, y2. The crop is a square of 1.5 times the longer side about
        the box's centre, black outside the image. A box that is not finite, or empty, gives NaN.
        """
        boxes = np.asarray(boxes, dtype=np.float64)[:, :4]
        if boxes.shape != (len(images), 4):
            raise InputError(f"{len(images)} images need as many face boxes, got shape {boxes.shape}")
        points = np.full((len(boxes), LANDMARKS, 2), np.nan)
        longer = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
        known = np.flatnonzero(np.isfinite(boxes).all(1) & (longer > 0))
        for rows in np.split(known, range(BATCH, len(known), BATCH)):
            if len(rows):
                points[rows] = self._points(images[rows.tolist()], boxes[rows])
        return points

    def _points(self, images: Tensor, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        matrices = crop_matrices(boxes)
        crops = align_faces(images.float(), matrices, LANDMARK_SIDE)
        # the graph itself takes the mean off grey levels 0..255
        found = self.network(crops * 255).reshape(len(images), LANDMARKS, 2).cpu().numpy().astype(np.float64)
        return transform_points(invert(matrices), (found + 1) * (LANDMARK_SIDE // 2))


def crop_matrices(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrices (N, 2, 3), image -> 2d106det's 192x192 crop, for boxes (N, 4) of positive size."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    scale = LANDMARK_SIDE / (np.maximum(width, height) * ROOM)
    matrices = np.zeros((len(boxes), 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = scale
    matrices[:, 0, 2] = LANDMARK_SIDE / 2 - scale * (boxes[:, 0] + boxes[:, 2]) / 2
    matrices[:, 1, 2] = LANDMARK_SIDE / 2 - scale * (boxes[:, 1] + boxes[:, 3]) / 2
    return matrices


def _onnxruntime() -> Any:
    """The package, with its telemetry off. InputError when it is not installed."""
    # official builds since 1.29 report every session to their makers unless this is set before they start
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise InputError(
            f"ONNX networks need onnxruntime, which cannot be imported ({error}); "
            "install it: pip install 'vfsrbench[onnx]'"
        ) from None
    ort.disable_telemetry_events()
    return ort


def _providers(ort: Any, device: torch.device) -> list[Any]:
    if device.type != "cuda":
        return [CPU]
    if CUDA not in ort.get_available_providers():
        return [CPU]
    if hasattr(ort, "preload_dlls"):
        ort.preload_dlls()  # finds the CUDA libraries that came with torch
    exact = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
    return [(CUDA, {"device_id": str(device.index or 0), **exact}), CPU]


def _open(ort: Any, path: Path, providers: list[Any]) -> Any:
    if not path.is_file():
        raise InputError(f"{path}: no such ONNX file; `vfsrbench weights list` says where to get it")
    options = ort.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.use_deterministic_compute = True
    options.log_severity_level = 3  # the official files declare one result; a batch would be warned of
    try:
        return ort.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime has a class for each kind of damage, and no common one
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split()).rpartition(" : ")[2][:120] or type(error).__name__
        raise InputError(
            f"{path}: not a readable ONNX network ({path.stat().st_size} bytes; {reason}); download it again"
        ) from None


def _text(shape: tuple[Any, ...]) -> str:
    return "x".join(str(n) if isinstance(n, int) else "?" for n in shape) or "nothing"
