"""Columns that newer papers print, each written out anew: plain functions over the weights' tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import map_coordinates
from skimage.transform import SimilarityTransform
from torch import Tensor

from tests.vfsrbench.metrics import clips
from tests.vfsrbench.metrics.checker import scores
from tests.vfsrbench.metrics.network_references import against
from tests.vfsrbench.metrics.outcome import Outcome, Reference
from tests.vfsrbench.metrics.plain_scripts import LANDMARKS, Values, batch, filled
from tests.vfsrbench.metrics.random_weights import metric, weights_file
from vfsrbench.faces.arcface_align import ARCFACE_112
from vfsrbench.metric import Frames, TruthInfo

FLOAT32 = 2e-5

# --- DISTS ---------------------------------------------------------------------------------------------

_LAYERS = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))  # torchvision's numbers


@cache
def tensors(name: str) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(weights_file(name))


def dists_maps(picture: Tensor) -> Iterator[Values]:
    """The picture and its five maps, each (C, pixels) in float64."""
    state = tensors("vgg16")
    yield picture.flatten(1).double().numpy()
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    x = ((picture - mean) / std)[None]
    for stage, layers in enumerate(_LAYERS):
        if stage:
            hann = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
            planes = F.conv2d(x.transpose(0, 1) ** 2, hann[None, None], stride=2, padding=1)
            x = torch.sqrt(planes + 1e-12).transpose(0, 1)
        for layer in layers:
            weight, bias = (state[f"features.{layer}.{part}"] for part in ("weight", "bias"))
            x = F.conv2d(x, weight, bias, padding=1).clamp(min=0)
        yield x[0].flatten(1).double().numpy()


def dists_of(a: Tensor, b: Tensor) -> float:
    """One pair, from E[xy] - E[x]E[y] as the paper writes it."""
    parts = []
    for x, y in zip(dists_maps(a), dists_maps(b), strict=True):
        mx, my = x.mean(1), y.mean(1)
        cov = (x * y).mean(1) - mx * my
        spread = x.var(1) + y.var(1)
        means = (2 * mx * my + 1e-6) / (mx**2 + my**2 + 1e-6)
        parts.append(np.stack([means, (2 * cov + 1e-6) / (spread + 1e-6)]))
    heads = tensors("dists_heads")
    shares = np.stack([heads[name].double().numpy().ravel() for name in ("alpha", "beta")])
    return float(1 - (np.concatenate(parts, 1) * shares).sum() / shares.sum())


def dists(a: Frames, b: Frames) -> Values:
    with torch.inference_mode():
        return np.array([dists_of(x, y) for x, y in zip(batch(a), batch(b), strict=True)])


def dists_by_torchvision() -> Outcome:
    """dists_256 of larger pictures: torchvision shrinks them before they are scored."""
    from PIL import Image
    from torchvision.transforms.functional import resize

    truth = clips.moving(2, 300)[:, :, :280]
    restored = clips.noisy(truth, 0.5)
    small = [
        np.stack([np.asarray(resize(Image.fromarray(f), 256)) for f in frames])  # type: ignore[arg-type]
        for frames in (restored, truth)
    ]
    got = scores(metric("dists_256"), restored, truth, 2, TruthInfo("clip", "", 2))
    return Outcome(float(np.abs(got - dists(*small)).max()), len(got))


# --- AdaFace -------------------------------------------------------------------------------------------


def adaface(backend: str) -> Callable[[Frames, Frames], Values]:
    """The network on crops cut by scikit-image's fit from the template to the points, sampled by scipy."""

    def crop(frame: Frames, points: Values) -> Values:
        fit = SimilarityTransform.from_estimate(ARCFACE_112, points)
        columns, rows = np.meshgrid(np.arange(112), np.arange(112))
        at = fit(np.stack([columns.ravel(), rows.ravel()], axis=1))[:, ::-1].T + 1
        planes = [map_coordinates(np.pad(frame[..., c].astype(float), 1), at, order=1) for c in (2, 1, 0)]
        return np.stack(planes).reshape(3, 112, 112)

    def embeddings(frames: Frames) -> Values:
        crops = np.stack([crop(f, p) for f, p in zip(frames, LANDMARKS, strict=True)])
        with torch.inference_mode():
            return filled(backend)(torch.from_numpy(crops / 127.5 - 1).float()).double().numpy()

    return lambda a, b: (embeddings(a) * embeddings(b)).sum(1)


# --- VIDD as FOS, E*warp as EvalCrafter ----------------------------------------------------------------


def vidd_fos(a: Frames, b: Frames) -> Values:
    """One picture at a time, grey by Pillow's and OpenCV's ways in float64."""

    def embedding(frame: Frames) -> Values:
        small = cv2.resize(frame[..., ::-1], (128, 128)).astype(np.float64) / 255
        grey = torch.from_numpy(small @ [0.114, 0.587, 0.299])[None, None].float()
        with torch.inference_mode():
            return filled("arcface_resnet18")(grey)[0].double().numpy()

    rows = np.array([embedding(frame) for frame in a])
    return np.concatenate([[0.0], np.sqrt(np.square(np.diff(rows, axis=0)).sum(1))])


def halves(frames: Frames) -> Values:
    """Means of 2x2 pixels (T, H/2, W/2, 3) in [0, 1]: what bilinear halving of even sides comes to."""
    count, height, width = frames.shape[:3]
    return frames.reshape(count, height // 2, 2, width // 2, 2, 3).mean((2, 4)) / 255


def ewarp_evalcrafter(a: Frames, b: Frames) -> Values:
    """Pair by pair, pixel positions by scipy, masks written out."""
    pictures = halves(a)
    dark = torch.from_numpy(2 * (pictures / 255) - 1).permute(0, 3, 1, 2).float()

    def flow(first: int, second: int) -> Values:
        with torch.inference_mode():
            found = filled("raft_things")(dark[first][None], dark[second][None], num_flow_updates=20)
        return found[-1][0].double().numpy()

    def sampled(planes: Values, there: Values) -> Values:
        return np.stack([map_coordinates(p, there[::-1], order=1, mode="nearest") for p in planes])

    def one(first: int) -> float:
        fw, bw = flow(first, first + 1), flow(first + 1, first)
        there = fw + np.mgrid[: fw.shape[1], : fw.shape[2]][::-1]
        back = sampled(bw, there)
        size = (fw**2).sum(0)
        hidden = ((fw + back) ** 2).sum(0) > 0.01 * (size + (back**2).sum(0)) + 0.5
        steps = np.zeros_like(fw), np.zeros_like(fw)
        steps[0][:, :, :-1], steps[1][:, :-1] = fw[:, :, 1:] - fw[:, :, :-1], fw[:, 1:] - fw[:, :-1]
        edge = sum((step**2).sum(0) for step in steps) > 0.01 * size + 0.002
        seen = ~(hidden | edge)
        errors = (
            sampled(pictures[first + 1].transpose(2, 0, 1), there).transpose(1, 2, 0) - pictures[first]
        ) ** 2
        return 1e3 * float(errors[seen].sum() / seen.sum())

    return np.array([0.0, *(one(t) for t in range(len(a) - 1))])


def _against(metric_id: str, want: Callable[[Frames, Frames], Values], heavy: bool = True) -> Reference:
    return Reference(lambda: against(metric_id, want), FLOAT32, "", heavy)


def _pairs(metric_id: str, want: Callable[[Frames, Frames], Values], limit: float, note: str) -> Reference:
    return Reference(lambda: against(metric_id, want, slice(1, None)), limit, note, True)


PAPER_REFERENCES: dict[str, Reference] = {
    "idlq_adaface_ir50": _against("idlq_adaface_ir50", adaface("adaface_ir50")),
    "legacy_vidd_fos": _pairs("legacy_vidd_fos", vidd_fos, 1e-3, "raw embeddings are tens long"),
    "ewarp_evalcrafter": _pairs(
        "ewarp_evalcrafter", ewarp_evalcrafter, 1e-3, "masks flip single pixels by rounding"
    ),
    "ids_adaface_ir50": _against("ids_adaface_ir50", adaface("adaface_ir50")),
    "ids_adaface_ir101": _against("ids_adaface_ir101", adaface("adaface_ir101")),
    "dists": _against("dists", dists),
    "dists_256": Reference(dists_by_torchvision, FLOAT32, "shrunk by torchvision", True),
}
