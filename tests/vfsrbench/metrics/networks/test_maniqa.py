"""MANIQA against its golden pack: crops, every tap, scores."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from tests.baselines.taps import metric_taps, taps
from tests.parity import parity
from vfsrbench.metrics.networks.maniqa import MANIQA, SIDE, pooled
from vfsrbench.metrics.quality.maniqa import drawn

PACK = taps.pack("maniqa")
CASES = {case["name"]: case for case in PACK["cases"]}
SMALL = "three crops of 384"


@cache
def _network() -> MANIQA:
    return metric_taps.maniqa_net()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["kind"] == "crops"])
def test_crops_are_the_official(name: str) -> None:
    case = CASES[name]
    (image,) = metric_taps.pictures(case)
    crops = metric_taps.maniqa_crops(image, case["crops"])
    assert len(crops) == case["values"]["number"]
    assert parity.compare(crops, case["outputs"]["crops"]) < 1e-6


def _check(case: dict[str, Any]) -> None:
    seen = metric_taps.maniqa(_network(), case)
    scores = [float(pooled(of_one)) for of_one in seen["of_patches"]]
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
