"""FLAIR's data consistency: the released operators' golden figures, the mathematics, the recipes' frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.flair.diffusion.consistency import Bicubic, Blur
from baselines.flair.diffusion.jpeg import jpeg_round_trip
from baselines.flair.diffusion.tasks import covered, find_degradation
from degradations.errors import InputError
from degradations.imaging.jpeg import flair_jpeg
from degradations.recipe import Recipe, load_recipe
from tests.baselines.taps import flair_taps
from tests.baselines.taps import taps as tap_tools
from tests.baselines.taps.flair_tools import official_kernel
from tests.parity import parity

GOLDEN = {case["name"]: case for case in tap_tools.pack("flair_dc")["cases"]}
BORDER = 6
"""Degraded pixels at the border where a blur with replicated borders is no convolution."""


@pytest.mark.parametrize("name", GOLDEN)
def test_operators_are_the_released_ones(name: str) -> None:
    """With their kernels, inverse filters, singular values and quantization tables; JPEG's coefficients are
    equal, one that rounded the other way would be a whole step off."""
    case = GOLDEN[name]
    differences = tap_tools.differences(flair_taps.consistency(None, case), case["outputs"])
    assert {tap: d for tap, d in differences.items() if not d <= 1e-5} == {}
    assert not any(differences.get(tap) for tap in ("luma", "chroma"))


@pytest.mark.parametrize("quality", [60, 10])
def test_jpeg_changes_nothing_the_second_time(quality: int) -> None:
    once = jpeg_round_trip(parity.inputs(GOLDEN[f"jpeg{quality}_roundtrip"])["x"], quality)
    torch.testing.assert_close(jpeg_round_trip(once, quality), once, rtol=0, atol=1e-5)


def test_jpeg_fills_odd_sides_as_the_recipes_operator_does() -> None:
    picture = np.random.RandomState(0).randint(0, 256, (21, 35, 3), dtype=np.uint8)
    levels = (jpeg_round_trip(as_frames(picture[None]), 40)[0] + 1) * 127.5
    expected = flair_jpeg(picture, 40) / 64
    assert np.abs(levels.permute(1, 2, 0).numpy() - expected).max() <= 1 / 64


def smooth(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    noise = np.random.RandomState(seed).randint(0, 256, (2, height // 8, width // 8, 3))
    return noise.repeat(8, 1).repeat(8, 2).astype(np.uint8)


def as_frames(pictures: NDArray[Any]) -> Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def inside(y: Tensor) -> Tensor:
    return y[..., BORDER:-BORDER, BORDER:-BORDER]


def motion() -> Recipe:
    return load_recipe("flair-motion")


@pytest.mark.parametrize("factor", [4, 8, 16])
@pytest.mark.parametrize("real", [False, True])
def test_bicubic_estimates_that_are_corrected_degrade_to_what_was_given(factor: int, real: bool) -> None:
    model = Bicubic(factor, real)
    x, y = as_frames(smooth(64, 96)), torch.rand(2, 3, 64 // factor, 96 // factor) * 2 - 1
    torch.testing.assert_close(model.forward(model.inverse(y)), y, rtol=0, atol=1e-4)
    torch.testing.assert_close(model.forward(x - model.correction(x, y)), y, rtol=0, atol=1e-4)


@pytest.mark.parametrize("recipe", ["flair-gauss", "bd-x4"])
def test_blurred_estimates_that_are_corrected_degrade_to_what_was_given(recipe: str) -> None:
    """Exactly but for a few pixels at the border."""
    model = find_degradation("auto", recipe).model
    x, other = as_frames(smooth(96, 128)), as_frames(smooth(96, 128, seed=1))
    y = model.forward(other)  # without noise
    again = model.forward(model.inverse(y))
    torch.testing.assert_close(inside(again), inside(y), rtol=0, atol=1e-4)
    corrected = model.forward(x - model.correction(x, y))
    torch.testing.assert_close(inside(corrected), inside(y), rtol=0, atol=1e-4)
    before = (model.forward(x) - y).square().mean()
    assert (corrected - y).square().mean() < 0.01 * before  # the border's share


def test_a_correction_moves_an_estimate_as_little_as_possible() -> None:
    """A+ (A x - y) is orthogonal to all that the degradation does not see: x - correction is a projection."""
    model = Bicubic(8)
    x, y = as_frames(smooth(64, 64)), torch.rand(2, 3, 8, 8) * 2 - 1
    once = x - model.correction(x, y)
    torch.testing.assert_close(once - model.correction(once, y), once, rtol=0, atol=1e-5)
    unseen = torch.randn(2, 3, 64, 64)
    unseen = unseen - model.inverse(model.forward(unseen))
    product = (model.correction(x, y) * unseen).sum()
    assert product.abs() < 1e-3 * model.correction(x, y).norm() * unseen.norm()


def test_motion_blur_is_inverted_up_to_what_it_all_but_removes() -> None:
    """Some shakes remove frequencies; there the inverse is held back, so the residue shrinks less."""
    shrunk = []
    for index in range(12):
        drawn = {"operators": [{"kind": "motion", "size": 25, "index": index, "length": 14.0}]}
        model = find_degradation("auto", "flair-motion", drawn).model
        x, other = as_frames(smooth(128, 128)), as_frames(smooth(128, 128, seed=1))
        y = model.forward(other)
        residue = inside(model.forward(x) - y).square().mean()
        left = inside(model.forward(x - model.correction(x, y)) - y).square().mean()
        shrunk.append(float((left / residue).sqrt()))
    assert max(shrunk) < 0.15
    assert np.median(shrunk) < 0.02


@pytest.mark.parametrize(
    ("recipe", "task", "noise"),
    [
        ("bi-x4", "x8", 0.0),
        ("bi-x8", "x8", 0.0),
        ("bi-x16", "x16", 0.0),
        ("vfhq-bicubic", "x8", 0.0),
        ("bd-x4", "gaussian", 0.0),
        ("flair-gauss", "gaussian", 2.55),
        ("flair-motion", "gaussian", 12.75),
        ("flair-jpeg60", "jpeg", 12.75),
    ],
)
def test_what_a_recipe_did_is_what_is_inverted(recipe: str, task: str, noise: float) -> None:
    """The forward model gives the recipe's own frames, but for noise and rounding to 8 bits."""
    pictures = smooth(128, 128)
    plain = load_recipe(recipe)
    quiet = plain.model_copy(update={"operators": tuple(o for o in plain.operators if "noise" not in o.op)})
    made = quiet.apply(pictures, "some clip", seed=5)
    found = find_degradation("auto", recipe, plain.apply(pictures, "some clip", seed=5).parameters)
    assert (found.task, found.noise) == (task, noise)
    levels = (found.model.forward(as_frames(pictures)) + 1) * 127.5
    difference = levels.permute(0, 2, 3, 1).clamp(0, 255).numpy() - made.frames
    # half a level of rounding and the 1/64 steps between operators; these tip some JPEG coefficients over,
    # and each of them shows in a whole block
    assert np.quantile(np.abs(difference), 0.8 if task == "jpeg" else 1.0) <= 0.6


def test_every_clip_of_the_motion_split_has_its_own_kernel() -> None:
    pictures = smooth(32, 32)
    models = [
        find_degradation("auto", "flair-motion", motion().apply(pictures, name).parameters).model
        for name in ("clip A", "clip B")
    ]
    assert all(isinstance(model, Blur) for model in models)
    assert not torch.equal(*(model.weights for model in models))  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="draws a kernel for each clip"):
        find_degradation("auto", "flair-motion")


@pytest.mark.parametrize("recipe", ["vfhq-mild", "vfhq-heavy", "realesrgan", "", "somebody-elses"])
def test_other_splits_are_restored_as_flair_jpeg60(recipe: str) -> None:
    found = find_degradation("auto", recipe)
    assert (found.task, found.noise) == ("jpeg", 12.75)
    assert isinstance(found.model, Blur)
    assert found.model.quality == 60


def test_recipes_beyond_eq_10_are_not_covered() -> None:
    gauss = load_recipe("flair-gauss")
    blur, subsample, *rest = gauss.operators
    for operators in (
        (blur, blur, subsample, *rest),
        (subsample, blur),
        (blur.model_copy(update={"probability": 0.5}), subsample),
        (blur.model_copy(update={"draw": "frame"}), subsample),
        (blur, subsample.model_copy(update={"step": 2, "phase": 0})),
    ):
        assert covered(gauss.model_copy(update={"operators": operators})) is None
    assert covered(gauss) is not None


def test_tasks_can_be_chosen_and_unknown_ones_are_named() -> None:
    assert isinstance(find_degradation("x16", "vfhq-mild").model, Bicubic)
    with pytest.raises(InputError, match="did you mean 'gaussian'"):
        find_degradation("gausian")
    with pytest.raises(InputError, match="cannot be 8 times smaller"):
        Bicubic(8).forward(torch.zeros(1, 3, 12, 16))


@pytest.mark.gpu
def test_the_gpu_agrees_even_where_tf32_is_allowed() -> None:
    x, y = as_frames(smooth(96, 128)), as_frames(smooth(24, 32, seed=1)[:, :24, :32])
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    for model in (Bicubic(4), Blur(official_kernel()), Blur(official_kernel(), quality=60)):
        ours = model.correction(x.cuda(), y.cuda()).cpu()
        torch.testing.assert_close(ours, model.correction(x, y), rtol=0, atol=1e-4)
