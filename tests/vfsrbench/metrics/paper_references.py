"""Columns that newer papers print, each written out anew: plain functions over the weights' tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

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


def _against(metric_id: str, want: Callable[[Frames, Frames], Values], heavy: bool = True) -> Reference:
    return Reference(lambda: against(metric_id, want), FLOAT32, "", heavy)


PAPER_REFERENCES: dict[str, Reference] = {
    "ids_adaface_ir50": _against("ids_adaface_ir50", adaface("adaface_ir50")),
    "ids_adaface_ir101": _against("ids_adaface_ir101", adaface("adaface_ir101")),
    "dists": _against("dists", dists),
    "dists_256": Reference(dists_by_torchvision, FLOAT32, "shrunk by torchvision", True),
}
