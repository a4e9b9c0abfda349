"""Applying a recipe: the same frames however they are fed, by however many workers, in whatever order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from degradations.digest import frame_digest
from degradations.errors import InputError
from degradations.recipe import load_recipe
from tests.degradations.clips import moving_clip

RECIPES = ("vfhq-mild", "realbasicvsr")
CLIPS = ("a", "b", "Clip+-1Jouc19Ixo+P0+C1+F4196-4320", "id1/ü 7")


def degraded(job: tuple[str, str]) -> str:
    recipe, clip = job
    made = load_recipe(recipe).apply(moving_clip(3, 64, 64, seed=len(clip)), clip, seed=5)
    return made.digest + json.dumps(made.parameters)


def test_workers_and_order_do_not_matter() -> None:
    jobs = [(recipe, clip) for recipe in RECIPES for clip in CLIPS]
    want = dict(zip(jobs, map(degraded, jobs), strict=True))
    shuffled = sorted(jobs, key=lambda job: hash(job[1][::-1]))
    assert {job: degraded(job) for job in reversed(jobs)} == want
    for workers in (2, 4):
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            assert dict(zip(shuffled, pool.map(degraded, shuffled), strict=True)) == want


def test_clips_and_seeds_have_their_own_numbers() -> None:
    clip = moving_clip(2, 64, 64)
    recipe = load_recipe("vfhq-mild")
    made = {(name, seed): recipe.apply(clip, name, seed).digest for name in ("a", "b") for seed in (0, 1)}
    assert len(set(made.values())) == 4
    assert recipe.apply(clip, "a").digest == made["a", 0]


def test_frames_may_come_in_any_portions() -> None:
    clip = moving_clip(5, 64, 64)
    recipe = load_recipe("vfhq-mild")
    want = recipe.apply(clip, "c")

    def portions() -> Iterator[NDArray[np.uint8]]:
        yield clip[:2]
        yield clip[2]
        yield clip[3:]

    strided = np.concatenate([clip, clip], axis=2)[:, :, :64]
    for frames in (list(clip), iter(clip), portions(), clip[None].squeeze(0), strided):
        made = recipe.apply(frames, "c")
        assert np.array_equal(made.frames, want.frames)
        assert made.parameters == want.parameters


def test_earlier_frames_do_not_depend_on_later_ones_before_the_codec() -> None:
    recipe = load_recipe("flair-jpeg60")
    clip = moving_clip(6, 64, 64)
    assert np.array_equal(recipe.apply(clip[:3], "c").frames, recipe.apply(clip, "c").frames[:3])


def test_a_long_clip_is_never_held_whole() -> None:
    """Frames are let go one by one: at no time are more than a few of them alive."""
    import weakref

    alive: list[Any] = []
    most = 0

    class Frame(np.ndarray):
        """An array that can be watched."""

    def frames() -> Iterator[NDArray[np.uint8]]:
        nonlocal most
        for frame in moving_clip(40, 64, 64):
            watched = frame.copy().view(Frame)
            alive.append(weakref.ref(watched))
            yield watched
            del watched
            most = max(most, sum(ref() is not None for ref in alive))

    for name in ("vfhq-mild", "realesrgan", "realbasicvsr", "gfpgan-train"):
        alive.clear()
        load_recipe(name).apply(frames(), "long")
    assert most <= 3


def test_the_result_says_what_was_done() -> None:
    clip = moving_clip(3, 64, 64)
    made = load_recipe("vfhq-mild").apply(clip, "c", seed=2)
    assert made.frames.shape == (3, 16, 16, 3) and made.frames.dtype == np.uint8
    assert made.digest == frame_digest(made.frames)
    assert made.digest_before_codec != made.digest
    assert json.loads(json.dumps(made.parameters)) == made.parameters
    assert (made.parameters["clip"], made.parameters["seed"]) == ("c", 2)
    operators = made.parameters["operators"]
    assert [o["op"] for o in operators] == [o.op for o in load_recipe("vfhq-mild").operators]
    assert len(operators[1]["frames"]) == len(operators[3]["frames"]) == 3
    assert {"kind", "sigma"} <= set(operators[0]) and "crf" in operators[5]


def test_without_a_codec_both_digests_are_one() -> None:
    made = load_recipe("bi-x4").apply(moving_clip(2, 64, 64), "c")
    assert made.digest_before_codec == made.digest == frame_digest(made.frames)


def test_the_digest_before_the_codec_is_of_what_enters_it() -> None:
    made = load_recipe("vfhq-mild").apply(moving_clip(3, 64, 64), "c")
    recipe = load_recipe("vfhq-mild")
    without = recipe.model_copy(update={"operators": recipe.operators[:-1]})
    assert made.digest_before_codec == without.apply(moving_clip(3, 64, 64), "c").digest


def test_streaming_gives_frames_as_they_are_made() -> None:
    clip = moving_clip(4, 64, 64)
    want = load_recipe("flair-gauss").apply(clip, "c")
    making = load_recipe("flair-gauss").stream(clip, "c")
    got = [next(making) for _ in range(2)]
    assert len(making.parameters["operators"][2]["frames"]) == 2
    assert np.array_equal(np.stack(got + list(making)), want.frames)
    assert (making.digest, making.parameters) == (want.digest, want.parameters)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "has no frames"),
        ([np.zeros((64, 64, 3), np.float32)], "frame 0: uint8 (H, W, 3) is expected, got float32"),
        ([np.zeros((64, 64), np.uint8)], "frame 0: uint8 (H, W, 3) is expected"),
        ([np.zeros((64, 64, 4), np.uint8)], "frame 0: uint8 (H, W, 3) is expected"),
        ([np.zeros((64, 64, 3), np.uint8), np.zeros((64, 60, 3), np.uint8)], "frame 1: 60x64 pixels"),
        ([np.zeros((66, 64, 3), np.uint8)], "is 64x66, but the recipe makes it 4 times smaller"),
    ],
)
def test_frames_that_cannot_be_degraded(frames: list[Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        load_recipe("vfhq-mild").apply(frames, "clip 9")
    assert "'clip 9'" in str(error.value) and message in str(error.value)


@pytest.mark.parametrize(("clip", "fps"), [("", 25.0), ("c", 0.0), ("c", float("inf")), ("c", float("nan"))])
def test_a_clip_needs_a_name_and_a_rate(clip: str, fps: float) -> None:
    with pytest.raises(InputError, match=r"name|per second"):
        load_recipe("bi-x4").apply(moving_clip(1, 32, 32), clip, fps=fps)


def test_the_seed_and_rate_are_part_of_what_is_asked() -> None:
    recipe = load_recipe("vfhq-mild")
    clip = moving_clip(2, 64, 64)
    # vfhq-mild encodes at one frame a second whatever the clip's own rate
    assert recipe.apply(clip, "c", fps=25).digest == recipe.apply(clip, "c", fps=50).digest
