"""The recipes of DicFace and BFVR-STC: kernels, ranges and order as their authors' text and options state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from degradations.errors import InputError
from degradations.operators.blur import Blur, make_kernel
from degradations.recipe import load_recipe
from tests.degradations.clips import moving_clip

HEAD = 'name = "mine"\nversion = 1\nstatus = "extrapolated"\nsource = "us"\ndescription = "a test"\n'


def stated_kernel(size: int, sigma_x: float, sigma_y: float, angle: float) -> NDArray[np.float64]:
    """exp(-q / 2) over whole pixels around the middle, q by the turned covariance; its sum is 1."""
    reach = np.arange(size) - size // 2
    x, y = np.meshgrid(reach, reach)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    inverse = np.linalg.inv(turn @ np.diag([sigma_x**2, sigma_y**2]) @ turn.T)
    places = np.stack([x, y], -1)
    kernel = np.exp(-0.5 * np.einsum("...i,ij,...j", places, inverse, places))
    return np.asarray(kernel / kernel.sum())


def blurs(name: str, clips: int) -> list[dict[str, Any]]:
    """What the recipe's blur draws for so many clips, with its kernel."""
    blur = load_recipe(name).operators[0]
    assert isinstance(blur, Blur)
    from degradations.operators.base import ClipRun, Place

    found = []
    for number in range(clips):
        place = Place(ClipRun(f"{name}@1", 0, f"clip{number}", 25.0, (16, 16)), "0:blur")
        list(blur.run(iter(moving_clip(1, 16, 16)), place))
        found.append(place.record)
    return found


@pytest.mark.parametrize(
    ("name", "size", "low", "high", "isotropic"),
    [("dicface", 21, 0.1, 10, 0.7), ("bfvr-stc", 11, 2, 5, 1.0)],
)
def test_kernels_are_what_the_text_states(
    name: str, size: int, low: float, high: float, isotropic: float
) -> None:
    drawn = blurs(name, 150)
    assert np.mean([d["kind"] == "isotropic" for d in drawn]) == pytest.approx(isotropic, abs=0.1)
    sigmas = [d[key] for d in drawn for key in ("sigma", "sigma_y") if key in d]
    assert low <= min(sigmas) < low + 0.05 * (high - low) and high - 0.05 * (high - low) < max(sigmas) <= high
    for d in drawn[:40]:
        values = {k: v for k, v in d.items() if k not in ("op", "kind", "size")}
        ours = make_kernel(d["kind"], d["size"], values).weights()
        stated = stated_kernel(size, d["sigma"], d.get("sigma_y", d["sigma"]), d.get("angle", 0.0))
        assert ours.shape == (size, size)
        assert np.abs(ours - stated).max() < 1e-4  # whole multiples of 2^-16
    if isotropic < 1:
        angles = [d["angle"] for d in drawn if "angle" in d]
        assert -np.pi <= min(angles) < -2 and 2 < max(angles) <= np.pi


def test_dicface_goes_back_to_full_size_by_the_drawn_method() -> None:
    recipe = load_recipe("dicface")
    clip = moving_clip(2, 64, 64)
    methods = set()
    for number in range(30):
        made = recipe.apply(clip, f"clip{number}")
        _, down, noise, quantize, codec, up = made.parameters["operators"]
        assert up["method"] == down["method"] and made.frames.shape == clip.shape
        assert all(0 <= frame["sigma"] <= 10 for frame in noise["frames"]) and 18 <= codec["crf"] <= 24
        assert codec["encoder"] == "libx264" and codec["fps"] == "1"
        assert quantize["op"] == "quantize"
        methods.add(down["method"])
    assert methods == {"area", "linear", "cubic"}
    blind = load_recipe("vfhq-blind")
    assert recipe.operators[:-1] == blind.operators, "the same degradation, without the enlargement"


def test_bfvr_stc_has_one_noise_field_for_all_frames() -> None:
    recipe = load_recipe("bfvr-stc")
    blur, down, noise, _, _, codec = recipe.operators
    still = np.full((5, 48, 48, 3), 120, np.uint8)
    made = recipe.apply(still, "a")
    before = recipe.replace(operators=(blur, down, noise)).apply(still, "a")
    assert all(np.array_equal(before.frames[0], frame) for frame in before.frames[1:])
    sigma = before.parameters["operators"][2]["frames"][0]["sigma"]
    assert 0 <= sigma <= 5 and before.frames[0].std() == pytest.approx(sigma, rel=0.2, abs=0.3)
    other = recipe.replace(operators=(blur, down, noise)).apply(still, "b")
    assert not np.array_equal(other.frames[0], before.frames[0])
    assert 2 <= made.parameters["operators"][1]["factor"] <= 4
    assert made.frames.shape == still.shape and (codec.encoder, codec.fps) == ("mpeg4", "clip")


def test_what_is_not_published_is_said() -> None:
    assert load_recipe("dicface").status == "official"
    bfvr = load_recipe("bfvr-stc")
    assert bfvr.status == "extrapolated" and "bit rate" in bfvr.source


@pytest.mark.parametrize(
    ("operators", "message"),
    [
        (['op = "gaussian-noise"\nsigma = 3\nstill = true'], "needs draw = .*clip"),
        (
            ['op = "gaussian-noise"\nsigma = [1, 3]\nstill = true\ndraw = "clip"\nsigma_step = 0.1'],
            "no 'sigma_step'",
        ),
        (['op = "resize"\nmethod = "same"\nfactor = 2\ndraw = "frame"'], "drawn once a clip"),
        (['op = "resize"\nmethod = "same"\nzoom = [0.5, 1.5]'], "drawn once a clip"),
        (['op = "resize"\nmethod = "sane"\nfactor = 2'], "did you mean 'same'"),
    ],
)
def test_mistakes_are_named(operators: list[str], message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + "".join(f"[[operators]]\n{text}\n" for text in operators))
    with pytest.raises(InputError, match=message):
        load_recipe(path)


def test_the_same_method_needs_one_before_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + '[[operators]]\nop = "resize"\nmethod = "same"\nfactor = 2\n')
    with pytest.raises(InputError, match="needs one before it"):
        load_recipe(path).apply(moving_clip(1, 16, 16), "a")
