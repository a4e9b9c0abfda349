"""MUSIQ against its golden pack: tokens as integers, every tap, scores of both heads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from degradations.errors import InputError
from tests.baselines.taps import metric_taps, taps
from vfsrbench.metrics.networks.musiq import MUSIQ, tokens_of

PACK = taps.pack("musiq")
CASES = {case["name"]: case for case in PACK["cases"]}
TEN = "ten"


def _check(case: dict[str, Any]) -> None:
    values, images = case["values"], metric_taps.pictures(case)
    cut = tokens_of(images)
    assert len(cut.real) == values["tokens"] and int(cut.real.sum()) == values["real_tokens"]
    assert cut.positions.tolist() == values["positions"]
    assert cut.scales.tolist() == values["scales"]
    assert cut.real.int().tolist() == values["mask"]
    net = metric_taps.musiq_net(case.get("classes", 1))
    seen = metric_taps.musiq(net, case)
    for tap, difference in taps.differences(seen, case["outputs"]).items():
        assert difference < 1e-4, tap
    np.testing.assert_allclose(seen["dist"].numpy(), values["dist"], atol=1e-5)
    with torch.inference_mode():
        np.testing.assert_allclose(net(images).numpy(), values["mos"], atol=1e-5)


SMALL = [name for name, case in CASES.items() if "512" not in name]


@pytest.mark.parametrize("name", SMALL)
def test_every_tap_and_score_is_the_official(name: str) -> None:
    _check(CASES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(CASES) - set(SMALL)))
def test_every_tap_and_score_of_a_large_picture_is_the_official(name: str) -> None:
    _check(CASES[name])


def test_pictures_of_a_batch_leave_each_other_alone() -> None:
    net = metric_taps.musiq_net()
    pictures = torch.rand(2, 3, 60, 90, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        together = net(pictures)
        alone = torch.cat([net(picture[None]) for picture in pictures])
    assert torch.allclose(together, alone, atol=1e-6) and together[0] != together[1]


def test_another_number_of_classes_is_refused() -> None:
    with pytest.raises(InputError, match="number of classes"):
        MUSIQ(num_classes=5)
