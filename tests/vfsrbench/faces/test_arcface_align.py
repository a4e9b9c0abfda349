from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from degradations.errors import InputError
from tests.parity import parity
from vfsrbench.faces.arcface_align import align_faces, arcface_matrices, arcface_template

PACK = parity.load(Path(parity.__file__).parent / "metrics_points.json")["align"]


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    return torch.from_numpy(np.rint(parity.make_array(PACK["image"])))[None]


def test_template_is_insightfaces() -> None:
    assert np.allclose(arcface_template(112), PACK["template_112"], atol=1e-9)
    assert np.allclose(arcface_template(224), 2 * arcface_template(112))
    assert np.allclose(arcface_template(128), arcface_template(112) + np.array([8, 0]))
    with pytest.raises(InputError, match="112 or 128"):
        arcface_template(100)


@pytest.mark.parametrize("case", PACK["cases"])
def test_matrix_and_crop_are_the_golden_ones(case: dict[str, Any], picture: torch.Tensor) -> None:
    size = case["size"]
    matrices = arcface_matrices([case["landmarks"]], size)
    # the official fit runs in float32: 4e-6
    assert np.abs(matrices[0] - case["matrix"]).max() < 1e-5
    crop = align_faces(picture, matrices, size)[0].permute(1, 2, 0)
    exact, opencv = case["exact_bilinear_float64"], case["cv2_uint8"]
    # in grey levels
    assert parity.compare(crop, exact) * exact["std"] < 5e-3
    assert crop.mean().item() == pytest.approx(exact["mean"], abs=1e-3)
    assert parity.compare(crop, opencv) * opencv["std"] < 0.51
    given = align_faces(picture.double(), [case["matrix"]], size)[0].permute(1, 2, 0)
    assert parity.compare(given, exact) * exact["std"] < 1e-4  # the matrix is rounded to 1e-10


def test_faces_of_a_batch_are_cut_out_one_by_one(picture: torch.Tensor) -> None:
    images = torch.cat([picture, picture.flip(2), picture.flip(3)])
    landmarks = np.array([case["landmarks"] for case in PACK["cases"][::2]])
    matrices = arcface_matrices(landmarks)
    together = align_faces(images, matrices)
    for i in range(3):
        assert torch.equal(together[i], align_faces(images[i : i + 1], matrices[i : i + 1])[0])


def test_outside_is_black() -> None:
    white = torch.ones(1, 3, 40, 40)
    crop = align_faces(white, np.array([[[1.0, 0, 30], [0, 1, 30]]]))
    assert crop[0, :, 30:70, 30:70].min() == 1
    crop[0, :, 30:70, 30:70] = 0
    assert crop.abs().max() == 0
    half = align_faces(white, np.array([[[1.0, 0, 30.5], [0, 1, 30]]]))
    assert half[0, 0, 40, 30].item() == 0.5  # half in, half out


def test_counts_must_agree(picture: torch.Tensor) -> None:
    with pytest.raises(InputError, match="1 images need 1"):
        align_faces(picture, arcface_matrices([PACK["cases"][0]["landmarks"]] * 2))
