"""MANIQA against its golden pack: crops, every tap, scores."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.baselines.taps import taps
from tests.parity import parity
from vfsrbench.metrics.networks.maniqa import MANIQA, SIDE, pooled
from vfsrbench.metrics.quality.maniqa import drawn, enlarged, even

PACK = taps.pack("maniqa")
CASES = {case["name"]: case for case in PACK["cases"]}
SMALL = "three crops of 384"


@cache
def _network() -> MANIQA:
    net = MANIQA().eval()
    state = parity.state_dict(PACK)
    missing, foreign = net.load_state_dict(state, strict=False)
    assert not foreign and set(missing) == set(PACK["keep"])
    return net


def _crops(image: Tensor, count: int) -> Tensor:
    large = enlarged(image)
    places = even(large.shape[1], large.shape[2], count)
    return torch.stack([large[:, top : top + SIDE, left : left + SIDE] for top, left in places])


def _images(case: dict[str, Any]) -> Tensor:
    if case["inputs"]:
        return parity.inputs(case)["x"]
    return torch.from_numpy(parity.u8_inputs(case)["x"])[None].float() / 255


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["kind"] == "crops"])
def test_crops_are_the_official(name: str) -> None:
    case = CASES[name]
    (image,) = _images(case)
    crops = _crops(image, case["crops"])
    assert len(crops) == case["values"]["number"]
    assert parity.compare(crops, case["outputs"]["crops"]) < 1e-6


def _check(case: dict[str, Any]) -> None:
    net, images = _network(), _images(case)
    crops = torch.cat([_crops(image, case["crops"]) for image in images])
    with torch.inference_mode(), taps.tapped(net, case["outputs"]) as seen:
        patches = net(crops).unflatten(0, (len(images), -1))
        scores = [float(pooled(of_one)) for of_one in patches]
    for tap, difference in taps.differences(seen, case["outputs"]).items():
        assert difference < 1e-4, (tap, difference)
    np.testing.assert_allclose(scores, case["values"]["score"], atol=1e-5)


def test_every_tap_and_score_of_a_picture_is_the_official() -> None:
    _check(CASES[SMALL])


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c["kind"] == "score" and n != SMALL])
def test_every_tap_and_score_of_other_pictures_is_the_official(name: str) -> None:
    _check(CASES[name])


def test_drawn_crops_come_from_the_seed_and_lie_inside() -> None:
    first = drawn(300, 512, 20, 42)
    assert first == drawn(300, 512, 20, 42) != drawn(300, 512, 20, 43)
    assert len(set(first)) == 20
    assert all(0 <= top <= 300 - SIDE and 0 <= left <= 512 - SIDE for top, left in first)
    assert drawn(225, 225, 50, 42) != [(0, 0)] * 50 and max(max(c) for c in drawn(225, 225, 50, 42)) == 1


def test_the_mean_over_patches_is_weighted_over_all_crops_together() -> None:
    patches = torch.tensor([[[1.0, 0.5], [3.0, 0.5]], [[5.0, 1.0], [9.0, 0.0]]])
    assert float(pooled(patches)) == pytest.approx((0.5 + 1.5 + 5) / 2, rel=1e-7)
