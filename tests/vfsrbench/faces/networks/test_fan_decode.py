"""Heatmap decoding and crops against facexlib's and face_alignment's golden figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.parity import parity
from vfsrbench.faces.networks.fan_decode import (
    decode_awing,
    decode_fan2d4,
    fan_crop,
    fan_crop_geometry,
    quarter_offsets,
)

PACK = parity.load(Path(parity.__file__).parent / "metrics_points.json")
INSIDE, ANYWHERE = PACK["awing_decode"]["cases"]


def _peaks(case: dict[str, Any]) -> tuple[np.ndarray, Tensor]:
    """Gaussian bumps as the pack describes them: their centres, and heatmaps (1, n, 64, 64)."""
    centres = np.random.RandomState(case["seed"]).uniform(case["low"], case["high"], (case["n"], 2))
    y, x = np.mgrid[0:64, 0:64]
    distance = (x - centres[:, 0, None, None]) ** 2 + (y - centres[:, 1, None, None]) ** 2
    return centres, torch.from_numpy(np.exp(-distance / (2 * case["sigma"] ** 2)).astype(np.float32))[None]


def test_awing_points_are_facexlibs() -> None:
    _, heat = _peaks(INSIDE)
    assert decode_awing(heat, 64, 64)[0].tolist() == INSIDE["heat_points"]
    assert decode_awing(heat, 512, 512)[0].tolist() == INSIDE["pixel_points_512x512"]


def test_the_boundary_map_is_no_landmark() -> None:
    _, heat = _peaks(INSIDE)
    assert decode_awing(torch.cat([heat, torch.ones(1, 1, 64, 64)], 1), 64, 64).shape == (1, 98, 2)


def test_width_and_height_scale_separately() -> None:
    _, heat = _peaks(INSIDE)
    wide = decode_awing(heat, 256, 512)[0]
    assert torch.allclose(wide, torch.tensor(INSIDE["heat_points"]) * torch.tensor([8.0, 4.0]))


def test_a_point_on_the_border_moves_no_other_point() -> None:
    """facexlib's decoder lets it (up to half a cell in y); x is right there, and so is all of ours."""
    centres, heat = _peaks(ANYWHERE)
    ours = decode_awing(heat, 64, 64)[0].numpy()
    official = np.array(ANYWHERE["heat_points"])
    assert (ours[:, 0] == official[:, 0]).all() and np.abs(ours[:, 1] - official[:, 1]).max() == 0.5
    inside = ((centres > 1) & (centres < 62)).all(1)
    assert inside.sum() > 80
    # half a cell is the grid: no point is further than a quarter from its bump in x or in y
    assert np.abs(ours[inside] - 0.5 - centres[inside]).max() <= 0.25
    alone = torch.cat([decode_awing(heat[:, i : i + 1], 64, 64) for i in range(98)], 1)[0]
    assert (ours == alone.numpy()).all()


@pytest.mark.parametrize("corner", [(0, 0), (0, 63), (63, 0), (63, 63)])
def test_a_peak_in_a_corner_moves_inwards(corner: tuple[int, int]) -> None:
    heat = torch.zeros(1, 1, 64, 64)
    heat[0, 0, corner[1], corner[0]] = 1
    want = [0.25 if c == 0 else 62.75 for c in corner]
    assert quarter_offsets(heat)[0, 0].tolist() == want


def test_a_flat_map_takes_the_first_cell() -> None:
    assert decode_awing(torch.zeros(1, 98, 64, 64), 64, 64)[0, 0].tolist() == [0.75, 0.75]


@pytest.mark.parametrize("case", PACK["face_alignment_decode"]["cases"], ids=lambda case: case["name"])
def test_2dfan_points_are_face_alignments(case: dict[str, Any]) -> None:
    _, heat = _peaks(case)
    centre, scale = fan_crop_geometry(np.array([case["box"]]))
    assert centre[0].tolist() == pytest.approx(case["center"]) and scale[0] == pytest.approx(case["scale"])
    where = torch.from_numpy(centre), torch.from_numpy(scale)
    points, scores = decode_fan2d4(heat, *where)
    assert points[0].tolist() == case["image_points"]
    assert scores[0].tolist() == pytest.approx(case["scores"], abs=1e-6)
    fine, _ = decode_fan2d4(heat, *where, whole_pixels=False)
    assert 0.2 < float((fine - points).abs().mean()) < 0.8
    assert (fine.trunc() == points).all()


def test_2dfan_crops_are_face_alignments() -> None:
    golden = PACK["face_alignment_crop"]
    picture = np.rint(parity.make_array(golden["image"])).astype(np.uint8).transpose(1, 2, 0)
    for case in golden["cases"]:
        centre, scale = fan_crop_geometry(np.array([case["box"]]))
        crop = fan_crop(picture, centre[0], float(scale[0]))
        # one grey level is left to other releases of OpenCV
        assert parity.compare(crop, case["out"]) * case["out"]["std"] <= 1
        assert crop.mean() == pytest.approx(case["out"]["mean"], abs=0.05)


def test_a_crop_quite_outside_is_black() -> None:
    assert (fan_crop(np.full((50, 60, 3), 200, np.uint8), np.array([500.0, 500.0]), 0.5) == 0).all()
