"""Plain scripts, as a user would write them: packages and networks called frame by frame.

Each function takes restored and ground-truth frames (T, H, W, 3) and gives frame values (T,).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tests.vfsrbench.metrics import clips
from tests.vfsrbench.metrics.random_weights import weights_file
from vfsrbench.faces.arcface_align import ARCFACE_112
from vfsrbench.metric import Frames
from vfsrbench.weights.manifest import load_manifest
from vfsrbench.weights.random_init import build_network

SIDE, FRAMES = 128, 4
STEPS = np.arange(FRAMES)[:, None, None] * np.array(clips.STEP) * 0.5
LANDMARKS = ARCFACE_112[None] + 8 + STEPS

Values = NDArray[np.float64]


def batch(frames: Frames) -> torch.Tensor:
    """(n, 3, H, W) in [0, 1]."""
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255


@cache
def filled(name: str) -> nn.Module:
    """The network of a manifest entry with its random weights."""
    from safetensors.torch import load_file

    network = build_network(load_manifest()[name])
    network.load_state_dict(load_file(weights_file(name)))
    return network.eval()


# --- LPIPS ---------------------------------------------------------------------------------------------


@cache
def package_lpips(backbone: str, name: str) -> Any:
    """The lpips package's own network with the random backbone."""
    import lpips
    from safetensors.torch import load_file

    network = lpips.LPIPS(net=backbone, pnet_rand=True, verbose=False)
    state = load_file(weights_file(name))
    for part in network.net.children():
        for index, layer in part.named_children():
            prefix = f"features.{index}."
            own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            if own:
                layer.load_state_dict(own)
    return network.eval()


def lpips_values(backbone: str, name: str, a: torch.Tensor, b: torch.Tensor, **options: bool) -> Values:
    network = package_lpips(backbone, name)
    with torch.inference_mode():
        found = [network(x[None], y[None], **options).item() for x, y in zip(a, b, strict=True)]
    return np.array(found)


def lpips(backbone: str, name: str) -> Callable[[Frames, Frames], Values]:
    return lambda a, b: lpips_values(backbone, name, batch(a), batch(b), normalize=True)


def tlp(a: Frames, b: Frames) -> Values:
    def between(frames: Frames) -> Values:
        x = batch(frames)
        return lpips_values("alex", "alexnet", x[:-1], x[1:], normalize=True)

    return np.concatenate([[0.0], np.abs(between(a) - between(b))])


def script_lpips(a: Frames, b: Frames) -> Values:
    """BFVR-STC's feeding: BGR, scaled to [-1, 1] twice."""
    x, y = (((batch(frames[..., ::-1].copy()) * 2 - 1) - 0.5) / 0.5 for frames in (a, b))
    return lpips_values("vgg", "vgg16", x, y)


# --- identity ------------------------------------------------------------------------------------------


def crop_by_hand(frame: Frames, points: Values, side: int) -> Values:
    """Umeyama's fit (scikit-image) and bilinear sampling in float64, (side, side, 3) on 0..255."""
    from scipy.ndimage import map_coordinates
    from skimage.transform import SimilarityTransform

    target = ARCFACE_112 if side == 112 else ARCFACE_112 + np.array([8.0, 0.0])
    fit = SimilarityTransform.from_estimate(points, target)
    columns, rows = np.meshgrid(np.arange(side), np.arange(side))
    at = fit.inverse(np.stack([columns.ravel(), rows.ravel()], axis=1))
    planes = [
        map_coordinates(np.pad(frame[..., c].astype(np.float64), 1), [at[:, 1] + 1, at[:, 0] + 1], order=1)
        for c in range(3)
    ]
    return np.stack(planes, axis=-1).reshape(side, side, 3)


def embeddings(frames: Frames, embed: Callable[[Values], Values], side: int, points: Values) -> Values:
    rows = [embed(crop_by_hand(frame, p, side)) for frame, p in zip(frames, points, strict=True)]
    found = np.array(rows, dtype=np.float64)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@cache
def onnx_embedder(name: str) -> Callable[[Values], Values]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(weights_file(name)), providers=["CPUExecutionProvider"])

    def embed(crop: Values) -> Values:
        blob = ((crop - 127.5) / 127.5).transpose(2, 0, 1)[None].astype(np.float32)
        return np.asarray(session.run(None, {session.get_inputs()[0].name: blob})[0][0])

    return embed


@cache
def torch_embedder(backend: str) -> Callable[[Values], Values]:
    network = filled("arcface_resnet18" if backend == "resnet18_gray" else backend)

    def embed(crop: Values) -> Values:
        x = torch.from_numpy((crop - 127.5) / 127.5).permute(2, 0, 1)[None].float()
        if backend == "resnet18_gray":
            x = (x * torch.tensor([0.2989, 0.5870, 0.1140])[:, None, None]).sum(1, keepdim=True)
        with torch.inference_mode():
            return network(x)[0].numpy()

    return embed


def embedder(backend: str) -> tuple[Callable[[Values], Values], int]:
    if backend in ("w600k_r50", "glintr100"):
        return onnx_embedder(backend), 112
    return torch_embedder(backend), 128 if backend == "resnet18_gray" else 112


def both(backend: str, a: Frames, b: Frames) -> tuple[Values, Values]:
    embed, side = embedder(backend)
    return embeddings(a, embed, side, LANDMARKS), embeddings(b, embed, side, LANDMARKS)


def ids(backend: str) -> Callable[[Frames, Frames], Values]:
    def values(a: Frames, b: Frames) -> Values:
        ours, theirs = both(backend, a, b)
        return (ours * theirs).sum(1)

    return values


def detected(backend: str) -> Callable[[Frames, Frames], Values]:
    def values(a: Frames, b: Frames) -> Values:
        embed, side = embedder(backend)
        ours, theirs = (embeddings(f, embed, side, found_alone(f)) for f in (a, b))
        return (ours * theirs).sum(1)

    return values


def found_alone(frames: Frames) -> Values:
    """RetinaFace's points of each frame, called one by one."""
    from vfsrbench.faces.detect import FaceDetector, detect_landmarks

    detector = FaceDetector(filled("retinaface_r50"))
    return np.concatenate([detect_landmarks(detector, frame[None], padding=0.25) for frame in frames])


def vidd(backend: str) -> Callable[[Frames, Frames], Values]:
    def values(a: Frames, b: Frames) -> Values:
        ours, _ = both(backend, a, b)
        return np.concatenate([[0.0], np.linalg.norm(ours[1:] - ours[:-1], axis=1)])

    return values


def local_figure(rows: Values) -> float:
    return float(np.mean([rows[t] @ rows[t - 1] for t in range(1, len(rows))]))


def global_figure(rows: Values) -> float:
    count = len(rows)
    return float(np.mean([rows[i] @ rows[j] for i in range(count) for j in range(count) if i != j]))


# --- landmarks, flow -----------------------------------------------------------------------------------


def relative_akd(detector: str) -> Callable[[Frames, Frames], Values]:
    """Pictures here are SIDE pixels wide and high."""
    return lambda a, b: akd(detector)(a, b) / SIDE


def akd(detector: str) -> Callable[[Frames, Frames], Values]:
    def points(frame: Frames, face: Values) -> Values:
        from vfsrbench.faces.networks import fan_decode, insightface_onnx
        from vfsrbench.metrics.estimators.dense_landmarks import face_boxes

        box = face_boxes(face[None])
        if detector == "2d106":
            return insightface_onnx.OnnxLandmarks106(weights_file("landmarks_2d106"))(
                batch(frame[None]), box
            )[0]
        with torch.inference_mode():
            if detector == "awing98":
                x = torch.nn.functional.interpolate(batch(frame[None]), (256, 256), mode="bilinear")
                heat = filled("fan_awing98")(x)[-1]
                return fan_decode.decode_awing(heat, SIDE, SIDE)[0].double().numpy()
            centre, scale = fan_decode.fan_crop_geometry(box)
            crop = fan_decode.fan_crop(frame, centre[0], float(scale[0]))
            heat = filled("fan_2d4")(batch(crop[None]))[-1].double()
            place = torch.from_numpy(centre), torch.from_numpy(scale)
            return fan_decode.decode_fan2d4(heat, *place, whole_pixels=False)[0][0].numpy()

    def values(a: Frames, b: Frames) -> Values:
        found = [[points(f, face) for f, face in zip(x, LANDMARKS, strict=True)] for x in (a, b)]
        return np.array(
            [np.mean(np.hypot(*(p - q).T)) for p, q in zip(*found, strict=True)], dtype=np.float64
        )

    return values


def dis_by_hand(frames: Frames) -> Values:
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    gray = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    return np.array(
        [search.calc(a, b, np.zeros((*a.shape, 2), np.float32)) for a, b in itertools.pairwise(gray)]
    )


def raft_by_hand(frames: Frames) -> Values:
    network = filled("raft_large")
    x = 2 * batch(frames) - 1
    with torch.inference_mode():
        flows = [network(a[None], b[None])[-1][0] for a, b in itertools.pairwise(x)]
    return torch.stack(flows).permute(0, 2, 3, 1).double().numpy()


def tof(flow: Callable[[Frames], Values]) -> Callable[[Frames, Frames], Values]:
    def values(a: Frames, b: Frames) -> Values:
        difference = np.abs(flow(a).astype(np.float64) - flow(b)).mean((1, 2, 3))
        return np.concatenate([[0.0], difference])

    return values


def frechet(a: NDArray[Any], b: NDArray[Any]) -> float:
    from scipy.linalg import sqrtm

    a, b = a.astype(np.float64), b.astype(np.float64)
    ours, theirs = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(ours @ theirs)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ours + theirs - 2 * np.real(root)))


def kid(a: NDArray[Any], b: NDArray[Any]) -> float:
    a, b = a.astype(np.float64), b.astype(np.float64)
    kernel = lambda x, y: (x @ y / len(x) + 1) ** 3  # noqa: E731
    m, n = len(a), len(b)
    aa = sum(kernel(a[i], a[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    bb = sum(kernel(b[i], b[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    ab = sum(kernel(x, y) for x in a for y in b) / (m * n)
    return float(1e3 * (aa + bb - 2 * ab))


# --- legacy --------------------------------------------------------------------------------------------


def by_script(frame: Frames, truth: Frames) -> Values:
    """VQFR's steps with correct_mean_var, on 0..1, channel by channel."""
    ours, theirs = frame.astype(np.float64) / 255, truth.astype(np.float64) / 255
    for _ in range(2):
        for c in range(3):
            ours[..., c] = ours[..., c] - np.mean(ours[..., c]) + np.mean(theirs[..., c])
            ours[..., c] = ours[..., c] / np.std(ours[..., c]) * np.std(theirs[..., c])
    return ours * 255


def corrected(kind: str) -> Callable[[Frames, Frames], Values]:
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    how = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": 2}

    def one(frame: Frames, truth: Frames) -> float:
        ours, theirs = by_script(frame, truth), truth.astype(np.float64)
        if kind == "psnr":
            return float(peak_signal_noise_ratio(theirs, ours, data_range=255))
        return float(structural_similarity(theirs, ours, data_range=255, **how))

    return lambda a, b: np.array([one(x, y) for x, y in zip(a, b, strict=True)])


def angle(a: Frames, b: Frames) -> Values:
    network = filled("arcface_resnet18")

    def embed(frame: Frames) -> Values:
        gray = cv2.resize(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (128, 128))
        with torch.inference_mode():
            found = network(torch.from_numpy((gray.astype(np.float32) - 127.5) / 127.5)[None, None])
        return found[0].double().numpy()

    def angle(x: Values, y: Values) -> float:
        return float(np.degrees(np.arccos(x @ y / np.linalg.norm(x) / np.linalg.norm(y))))

    return np.array([angle(embed(x), embed(y)) for x, y in zip(a, b, strict=True)])
