"""Face tools against insightface and facexlib themselves, with the same random weights in both."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from tests.vfsrbench.metrics.random_weights import weights_file
from tests.vfsrbench.references import reference
from vfsrbench.faces.arcface_align import align_faces, arcface_matrices
from vfsrbench.faces.networks.fan import AwingFAN
from vfsrbench.faces.networks.insightface_onnx import OnnxArcFace, OnnxLandmarks106
from vfsrbench.faces.networks.retinaface import retinaface_mobile025, retinaface_resnet50
from vfsrbench.weights.random_init import untrained_state

pytestmark = pytest.mark.slow

POINTS = np.array([[196.0, 110], [255, 112], [230, 150], [200, 172], [250, 174]])


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    """The public-domain portrait that the demo uses, RGB."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut())


def as_tensor(picture: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize("turn", [0.0, 0.4])
def test_crops_are_insightfaces(picture: NDArray[np.uint8], turn: float) -> None:
    theirs = reference("insightface.utils.face_align")
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    points = (POINTS - 220) @ rotation + 220
    matrix = theirs.estimate_norm(points.astype(np.float32), 112)
    ours = arcface_matrices([points])
    assert np.abs(ours[0] - matrix).max() < 1e-4
    crop = align_faces(as_tensor(picture), ours)[0].permute(1, 2, 0).numpy() * 255
    want = theirs.norm_crop(picture, points.astype(np.float32), 112).astype(np.float64)
    assert np.abs(crop - want).mean() < 0.6  # OpenCV rounds places to 1/32 px, and values


def test_embeddings_are_insightfaces(picture: NDArray[np.uint8]) -> None:
    path = weights_file("w600k_r50")
    theirs = reference("insightface.model_zoo.arcface_onnx").ArcFaceONNX(str(path))
    theirs.prepare(-1)
    theirs.input_size = (112, 112)  # random networks leave it open
    crop = np.ascontiguousarray(picture[60:172, 170:282])
    want = theirs.get_feat(crop[:, :, ::-1])  # BGR
    have = OnnxArcFace(path)(as_tensor(crop)).numpy()
    assert np.abs(have - want).max() <= 1e-5 * np.abs(want).max()


def test_106_points_are_insightfaces(picture: NDArray[np.uint8]) -> None:
    path = weights_file("landmarks_2d106")
    theirs = reference("insightface.model_zoo.landmark").Landmark(str(path))
    theirs.prepare(-1)
    box = np.array([170.0, 60, 282, 200])

    class Face(dict):  # type: ignore[type-arg]
        bbox = box

    want = theirs.get(np.ascontiguousarray(picture[:, :, ::-1]), Face())
    have = OnnxLandmarks106(path)(as_tensor(picture), box[None])[0]
    assert np.abs(have - want).max() < 0.1  # px; their crop is rounded to whole levels


@pytest.mark.parametrize("name", ["resnet50", "mobile0.25"])
def test_retinaface_is_facexlibs(name: str) -> None:
    module = reference("facexlib.detection.retinaface")
    ours = {"resnet50": retinaface_resnet50, "mobile0.25": retinaface_mobile025}[name]()
    theirs = module.RetinaFace(network_name=name, device=torch.device("cpu"))
    _equal(ours, theirs, torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(1)) * 255 - 110)


def test_fan_is_facexlibs() -> None:
    module = reference("facexlib.alignment.awing_arch")
    theirs = module.FAN(num_modules=4, num_landmarks=98, device="cpu")
    x = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(2))
    _equal(AwingFAN(), theirs, x, lambda out: out[0])


def _equal(ours: nn.Module, theirs: nn.Module, x: torch.Tensor, outputs: object = None) -> None:
    """Both networks give the same for the same weights."""
    state = untrained_state(ours)
    ours.load_state_dict(state)
    theirs.load_state_dict(state)
    with torch.no_grad():
        have, want = ours.eval()(x), theirs.eval()(x)
    wanted = outputs(want) if callable(outputs) else want
    assert len(have) == len(wanted)
    for one, other in zip(have, wanted, strict=True):
        assert (one - other).abs().max() <= 1e-4 * other.abs().max()
