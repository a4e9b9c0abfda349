"""Operators draw what they say, in the ranges they are given, per clip, per frame or walking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degradations.apply import Degraded
from degradations.recipe import Recipe, load_recipe
from tests.degradations.clips import moving_clip

HEAD = 'name = "mine"\nversion = 1\nstatus = "extrapolated"\nsource = "us"\ndescription = "a test"\n'
CLIP = moving_clip(6, 48, 48)


@pytest.fixture
def recipe(tmp_path: Path) -> Any:
    def make(*operators: str) -> Recipe:
        path = tmp_path / "mine.toml"
        path.write_text(HEAD + "".join(f"[[operators]]\n{text}\n" for text in operators))
        return load_recipe(path)

    return make


def drawn(made: Degraded, place: int = 0) -> dict[str, Any]:
    record: dict[str, Any] = made.parameters["operators"][place]
    return record


def test_values_of_a_frame_are_drawn_anew_and_those_of_a_clip_once(recipe: Any) -> None:
    once = recipe('op = "gaussian-noise"\nsigma = [2, 30]\ngrey = 0.5\ndraw = "clip"')
    anew = recipe('op = "gaussian-noise"\nsigma = [2, 30]\ngrey = 0.5\ndraw = "frame"')
    record = drawn(once.apply(CLIP, "a"))
    assert len({frame["sigma"] for frame in record["frames"]}) == 1 and "grey" in record
    record = drawn(anew.apply(CLIP, "a"))
    assert len({frame["sigma"] for frame in record["frames"]}) == 6
    assert {frame["grey"] for frame in record["frames"]} == {True, False}


def test_noise_is_new_in_every_frame_and_as_strong_as_recorded(recipe: Any) -> None:
    noise = recipe('op = "gaussian-noise"\nsigma = [5, 20]')
    still = np.full((8, 64, 64, 3), 128, np.uint8)
    made = noise.apply(still, "a")
    found = made.frames.astype(float) - 128
    for frame, record in zip(found, drawn(made)["frames"], strict=True):
        assert frame.std() == pytest.approx(record["sigma"], rel=0.1)
    assert not np.array_equal(made.frames[0], made.frames[1])


def test_a_walk_moves_by_its_step_and_stays_inside(recipe: Any) -> None:
    walking = recipe('op = "gaussian-noise"\nsigma = [4, 5]\nsigma_step = 0.4\ndraw = "clip"')
    values = [f["sigma"] for f in drawn(walking.apply(moving_clip(40, 16, 16), "w"))["frames"]]
    steps = np.abs(np.diff(values))
    assert len(set(values)) > 20 and steps.max() <= 0.4
    assert min(values) >= 4 and max(values) <= 5


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("isotropic", {"sigma"}),
        ("anisotropic", {"sigma", "sigma_y", "angle"}),
        ("generalized-isotropic", {"sigma", "beta"}),
        ("plateau-anisotropic", {"sigma", "sigma_y", "angle", "beta"}),
        ("sinc", {"cutoff"}),
        ("motion", {"length", "index"}),
        ("given", set()),
    ],
)
def test_a_kernel_kind_draws_its_own_values(recipe: Any, kind: str, values: set[str]) -> None:
    settings = 'op = "blur"\nsize = 9\nsigma = [1, 3]\nlength = [3, 5]\nweights = [[1, 2], [3, 4]]\n'
    record = drawn(recipe(settings + f'kind = "{kind}"').apply(CLIP, "k"))
    assert set(record) == {"op", "kind", "size"} | values
    assert record["kind"] == kind


def test_kernels_are_chosen_by_their_probabilities_and_ranges_are_kept(recipe: Any) -> None:
    blur = recipe(
        'op = "blur"\nkind = { isotropic = 0.7, anisotropic = 0.3 }\nsize = [7, 9, 11]\n'
        "sigma = [1, 4]\nsigma_y = [5, 6]"
    )
    tiny = moving_clip(1, 16, 16)
    records = [drawn(blur.apply(tiny, f"clip{number}")) for number in range(200)]
    kinds = [record["kind"] for record in records]
    assert 40 <= kinds.count("anisotropic") <= 80
    assert {record["size"] for record in records} == {7, 9, 11}
    sigmas = [record["sigma"] for record in records]
    assert min(sigmas) < 1.2 and max(sigmas) > 3.8
    assert all(1 <= sigma < 4 for sigma in sigmas)
    assert all(5 <= record["sigma_y"] < 6 for record in records if "sigma_y" in record)


def test_beta_is_below_one_in_half_of_the_draws(recipe: Any) -> None:
    blur = recipe(
        'op = "blur"\nkind = "generalized-isotropic"\nsize = 3\nsigma = 1\nbeta_generalized = [0.5, 4]'
    )
    tiny = moving_clip(1, 8, 8)
    betas = [drawn(blur.apply(tiny, f"clip{number}"))["beta"] for number in range(60)]
    assert 18 <= sum(beta < 1 for beta in betas) <= 42
    assert min(betas) >= 0.5 and 2 < max(betas) < 4


def test_blur_per_frame_and_walking_blur(recipe: Any) -> None:
    anew = drawn(recipe('op = "blur"\nsize = 9\nsigma = [1, 3]\ndraw = "frame"').apply(CLIP, "b"))
    assert len({frame["sigma"] for frame in anew["frames"]}) == 6
    walk = drawn(
        recipe('op = "blur"\nkind = "anisotropic"\nsize = 9\nsigma = [1, 3]\nangle_step = 0.3').apply(
            CLIP, "b"
        )
    )
    assert len({frame["angle"] for frame in walk["frames"]}) == 6
    assert len({frame["sigma"] for frame in walk["frames"]}) == 1


def test_sizes(recipe: Any) -> None:
    def size(text: str) -> tuple[int, ...]:
        made = recipe(f'op = "resize"\nmethod = "linear"\n{text}').apply(CLIP, "s")
        return tuple(made.frames.shape[1:3])

    assert size("factor = 4") == (12, 12)
    assert size("factor = [5, 6]") in {(8, 8), (9, 9)}
    assert size("to_scale = 3") == (16, 16)
    made = recipe(
        'op = "resize"\nmethod = "area"\nfactor = 3',
        'op = "resize"\nmethod = "cubic"\nto_scale = 1',
    ).apply(CLIP, "s")
    assert made.frames.shape == CLIP.shape


def test_zoom_goes_up_or_down_and_walks(recipe: Any) -> None:
    text = 'op = "resize"\nmethod = "area"\nzoom = [0.5, 1.5]\nzoom_mode = {{ up = {up}, down = {down} }}\n'
    back = 'op = "resize"\nmethod = "linear"\nto_scale = 1'
    zooms = {}
    for name, up in (("up", 1.0), ("down", 0.0)):
        made = recipe(text.format(up=up, down=1 - up), back).apply(CLIP, "z")
        zooms[name] = drawn(made)["frames"]
    assert all(1 <= frame["zoom"] < 1.5 for frame in zooms["up"])
    assert all(0.5 <= frame["zoom"] < 1 for frame in zooms["down"])
    walking = recipe(text.format(up=0.0, down=1.0) + "zoom_step = 0.1\neven = true\n", back).apply(CLIP, "z")
    frames = drawn(walking)["frames"]
    assert len({frame["zoom"] for frame in frames}) == 6
    assert all(side % 2 == 0 for frame in frames for side in frame["size"])


def test_frames_of_walking_sizes_enter_a_codec_at_one_size(recipe: Any) -> None:
    made = recipe(
        'op = "resize"\nmethod = "area"\nzoom = [0.5, 1.5]\nzoom_mode = "down"\nzoom_step = 0.2',
        'op = "codec"\ncrf = 20',
    ).apply(CLIP, "v")
    sizes = [tuple(frame["size"]) for frame in drawn(made)["frames"]]
    assert len(set(sizes)) > 1
    assert made.frames.shape[1:3] == sizes[0]


def test_jpeg_quality_once_anew_and_walking(recipe: Any) -> None:
    once = drawn(recipe('op = "jpeg"\nquality = [30, 95]').apply(CLIP, "q"))
    assert 30 <= once["quality"] <= 95
    anew = drawn(recipe('op = "jpeg"\nquality = [30, 95]\ndraw = "frame"').apply(CLIP, "q"))
    assert len({frame["quality"] for frame in anew["frames"]}) > 3
    walk = drawn(recipe('op = "jpeg"\nquality = [30, 95]\nquality_step = 3').apply(CLIP, "q"))
    values = [frame["quality"] for frame in walk["frames"]]
    assert np.abs(np.diff(values)).max() <= 4 and len(set(values)) > 1


def test_crf_reaches_both_ends_of_its_range(recipe: Any) -> None:
    codec = recipe('op = "codec"\ncrf = [18, 20]')
    tiny = moving_clip(1, 16, 16)
    assert {drawn(codec.apply(tiny, f"c{number}"))["crf"] for number in range(25)} == {18, 19, 20}


def test_the_codec_takes_the_clips_own_rate_if_asked(recipe: Any) -> None:
    own = recipe('op = "codec"\ncrf = 20\nfps = "clip"')
    assert drawn(own.apply(CLIP, "f", fps=29.97))["fps"] == "2997/100"
    assert drawn(own.apply(CLIP, "f", fps=30000 / 1001))["fps"] == "30000/1001"
    assert drawn(recipe('op = "codec"\ncrf = 20\nfps = 1').apply(CLIP, "f"))["fps"] == "1"


def test_choosing_and_probability(recipe: Any) -> None:
    choose = recipe(
        'op = "choose"\nweights = [0.25, 0.75]\n'
        'options = [[{ op = "jpeg", quality = 10 }], [{ op = "quantize" }]]'
    )
    sometimes = recipe('op = "jpeg"\nquality = 10\nprobability = 0.25')
    tiny = moving_clip(1, 16, 16)
    chosen = [drawn(choose.apply(tiny, f"c{number}")) for number in range(100)]
    assert 12 <= sum(record["chosen"] == 0 for record in chosen) <= 38
    assert all(
        record["operators"][0]["op"] == ("quantize" if record["chosen"] else "jpeg") for record in chosen
    )
    for number in range(100):
        made = sometimes.apply(tiny, f"c{number}")
        assert drawn(made)["applied"] != np.array_equal(made.frames, tiny)
    applied = sum(drawn(sometimes.apply(tiny, f"c{number}"))["applied"] for number in range(100))
    assert 12 <= applied <= 38


def test_shuffled_groups_are_applied_in_the_order_recorded(recipe: Any) -> None:
    shuffle = recipe(
        'op = "shuffle"\n'
        'groups = [[{ op = "jpeg", quality = 5 }], [{ op = "resize", method = "area", to_scale = 4 }]]'
    )
    plain = {
        order: recipe(
            *(('op = "jpeg"\nquality = 5', 'op = "resize"\nmethod = "area"\nto_scale = 4')[g] for g in order)
        ).apply(CLIP, "x")
        for order in ((0, 1), (1, 0))
    }
    seen = set()
    for number in range(12):
        made = shuffle.apply(CLIP, f"s{number}")
        order = tuple(drawn(made)["order"])
        seen.add(order)
        assert np.array_equal(made.frames, plain[order].frames)
    assert seen == {(0, 1), (1, 0)}


def test_quantizing_truncates_or_rounds(recipe: Any) -> None:
    frame = np.full((1, 4, 4, 3), 10, np.uint8)
    frame[0, 0::2] = 11
    half = 'op = "resize"\nmethod = "area"\nfactor = 2'
    assert (recipe(half, 'op = "quantize"\nrounding = "truncate"').apply(frame, "t").frames == 10).all()
    assert (recipe(half, 'op = "quantize"\nrounding = "round"').apply(frame, "t").frames == 10).all()
    frame[0, 0::2] = 13
    assert (recipe(half, 'op = "quantize"\nrounding = "truncate"').apply(frame, "t").frames == 11).all()
    assert (recipe(half).apply(frame, "t").frames == 12).all()  # 11.5: ties to even


def test_sharpening_leaves_flat_parts_and_raises_edges(recipe: Any) -> None:
    frame = np.full((1, 96, 96, 3), 60, np.uint8)
    frame[0, :, 48:] = 160
    sharp = recipe('op = "sharpen"').apply(frame, "u").frames[0].astype(int)
    assert (sharp[:, :8] == 60).all() and (sharp[:, -8:] == 160).all()
    assert sharp[:, 47].max() < 50 and sharp[:, 48].min() > 170


def test_sharpening_is_basicsrs() -> None:
    """img + soft * (clip(img + 0.5 residue) - img), with OpenCV's Gaussian of 51 pixels."""
    import cv2

    from degradations.numerics.grid import WHITE
    from degradations.operators.blur import Sharpen

    frame = moving_clip(1, 96, 96)[0]
    image = frame.astype(np.float64) / 255
    residue = image - cv2.GaussianBlur(image, (51, 51), 0)
    soft = cv2.GaussianBlur((np.abs(residue) * 255 > 10).astype(np.float64), (51, 51), 0)
    want = soft * np.clip(image + 0.5 * residue, 0, 1) + (1 - soft) * image
    (got,) = Sharpen().apply(iter([frame]), None, None)  # type: ignore[arg-type]
    # a residue of about ten levels may fall on either side of the threshold
    assert np.abs(got / WHITE - want).max() < 0.5 / 255
