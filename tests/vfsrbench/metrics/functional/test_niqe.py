"""NIQE against BasicSR's golden figures (pack metrics_niqe)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.parity import parity
from vfsrbench.errors import InputError
from vfsrbench.metrics.functional import niqe as module
from vfsrbench.metrics.functional.niqe import niqe, niqe_of_gray, pristine_features

PACK = parity.load(Path(parity.__file__).parent / "metrics_niqe.json")


def _picture(spec: dict[str, Any]) -> np.ndarray:
    total = parity.make_array(spec["base"]).astype(np.float64)
    for recipe, weight in spec.get("plus", []):
        total = total + weight * parity.make_array(recipe)
    picture = np.clip(np.rint(total.astype(np.float32)), 0, 255).astype(np.uint8).transpose(1, 2, 0)
    height, width = spec.get("crop", picture.shape[:2])
    return picture[:height, :width]


def test_the_published_parameters_are_carried_over() -> None:
    pristine, golden = pristine_features(), PACK["parameters"]
    assert pristine.mean[:4].tolist() == golden["mu_first4"]
    assert pristine.covariance.trace() == pytest.approx(golden["cov_trace"], rel=1e-12)
    assert (pristine.covariance == pristine.covariance.T).all()
    assert np.linalg.eigvalsh(pristine.covariance).min() > 0


def test_values_are_basicsrs() -> None:
    differences = []
    for case in PACK["cases"]:
        picture = _picture(case["spec"])
        assert picture.mean() == pytest.approx(case["mean_level"], abs=1e-9)
        gray = cv2.cvtColor(picture[..., ::-1] / np.float32(255), cv2.COLOR_BGR2GRAY) * np.float32(255)
        values = {
            "y": niqe(picture),
            "y crop 4": niqe(picture[4:-4, 4:-4]),
            "gray": niqe_of_gray(np.rint(gray)),
        }
        for name, value in values.items():
            if isinstance(case["values"][name], str):  # fewer than two blocks: an exception there
                assert np.isnan(value)
            else:
                differences.append(abs(value - case["values"][name]))
    assert len(differences) == 11
    # one value lies where float32 there tips a fitted shape by a step of 0.001
    assert max(differences) < 2e-3 and sorted(differences)[-3] < 1e-4, differences


def _basicsr_in_float32(picture: np.ndarray) -> float:
    """BasicSR's arithmetic from its facts: the normalized picture in float32 (flat areas are exactly zero) by
    one two-dimensional window; everything after it as here, and held by the pack."""
    from scipy.ndimage import convolve

    window = np.outer(*[np.exp(-0.5 * (np.arange(-3, 4) / (7 / 6)) ** 2)] * 2)
    window /= window.sum()

    def normalized(plane: np.ndarray) -> np.ndarray:
        plane = plane.astype(np.float32)
        mean = convolve(plane, window, mode="nearest")
        deviation = np.sqrt(np.abs(convolve(plane * plane, window, mode="nearest") - mean * mean))
        return (plane - mean) / (deviation + np.float32(1))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_normalized", normalized)
        return niqe(picture)


def _with_bars(picture: np.ndarray) -> np.ndarray:
    barred = picture.copy()
    barred[:40] = barred[-40:] = 0
    return barred


def _with_border(picture: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(picture, 50, 50, 50, 50, cv2.BORDER_CONSTANT, value=(117, 90, 60))


def _with_sky(picture: np.ndarray) -> np.ndarray:
    saturated = picture.copy()
    saturated[20:170, 30:260] = 255
    return saturated


def test_flat_areas_do_not_move_it_from_basicsr() -> None:
    """As it was, the bars moved the astronaut's value by 2.5 %."""
    import skimage.data

    away = {}
    for name in ("astronaut", "chelsea", "coffee"):
        for spoil in (np.copy, _with_bars, _with_border, _with_sky):
            picture = spoil(getattr(skimage.data, name)())
            away[name, spoil.__name__] = abs(niqe(picture) / _basicsr_in_float32(picture) - 1)
    # in one of them float32 tips a fitted shape to the next step of its table
    assert max(away.values()) < 5e-4 and sorted(away.values())[-2] < 2e-5, away


def test_damage_of_a_photograph_raises_it() -> None:
    from skimage.data import astronaut

    photograph = astronaut()
    noise = np.random.RandomState(0).normal(0, 25, photograph.shape)
    noisy = np.clip(np.rint(photograph + noise), 0, 255).astype(np.uint8)
    assert niqe(cv2.GaussianBlur(photograph, (0, 0), 3)) > niqe(photograph) + 1
    assert niqe(noisy) > niqe(photograph) + 1
    assert 2 < niqe(photograph) < 6


def test_too_small_or_flat_is_no_number() -> None:
    assert np.isnan(niqe(np.zeros((100, 150, 3), np.uint8)))
    assert np.isnan(niqe(np.full((200, 200, 3), 90, np.uint8)))


def test_only_whole_pictures_are_taken() -> None:
    with pytest.raises(InputError, match="uint8"):
        niqe(np.zeros((200, 200, 3)))  # type: ignore[arg-type]
