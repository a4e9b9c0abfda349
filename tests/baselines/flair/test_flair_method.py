"""FLAIR as a method: windows, seeds, variants and options, the whole path with networks in small."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baselines.flair.adapter import FlairPredictor
from baselines.flair.enhance import FaceEnhancer
from degradations.recipe import load_recipe
from tests.baselines.taps.flair_tools import FaceInTheMiddle, LeftIsBackground, small_network
from vfsrbench.errors import InputError, JobFailure
from vfsrbench.io.clip import Clip
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import ClipInfo
from vfsrbench.restoration.restore import InMemory, restore_clip

Frames = NDArray[np.uint8]
CPU = torch.device("cpu")
SIDE = 32
TASKS = {"x8": "bicubic", "x16": "bicubic", "gaussian": "blur", "jpeg": "blur"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint for every task, as the harness hands them over."""
    folder = tmp_path_factory.mktemp("weights")
    for seed, (task, config) in enumerate(TASKS.items()):
        torch.save(small_network(config, seed).state_dict(), folder / f"{task}.pt")
    return {task: folder / f"{task}.pt" for task in TASKS}


Make = Callable[..., FlairPredictor]


@pytest.fixture
def make(files: dict[str, Path]) -> Make:
    def build(spec: str, window: int = 4, overlap: int = 2) -> FlairPredictor:
        predictor = choose_method(spec).build()
        predictor.network = small_network
        predictor.restorer = lambda weights: None
        predictor.card = predictor.card.model_copy(update={"window": window, "overlap": overlap})
        predictor.load(files, CPU)
        return predictor

    return build


def truth(frames: int, height: int = SIDE, width: int = SIDE, seed: int = 0) -> Frames:
    noise = np.random.RandomState(seed).randint(0, 256, (1, height // 4 + 1, width // 4 + 1, 3))
    picture = noise.repeat(4, 1).repeat(4, 2)[:, :height, :width].astype(np.uint8)
    return np.concatenate([np.roll(picture, t, axis=2) for t in range(frames)])


def run(
    predictor: FlairPredictor, frames: Frames, recipe: str = "bi-x8", name: str = "clip", seed: int = 0
) -> Frames:
    """The clip degraded by the recipe, and restored as a run does it."""
    made = load_recipe(recipe).apply(frames, name)
    info = ClipInfo(
        name, len(frames), 25.0, *made.frames.shape[1:3], *frames.shape[1:3], recipe, made.parameters
    )
    out = InMemory()
    restore_clip(predictor, Clip.from_array(made.frames, "clip"), info, out, seed=seed, device=CPU)
    return np.concatenate(out.parts)


def start(predictor: FlairPredictor, frames: int, recipe: str = "bi-x8", scale: int = 8) -> None:
    side = SIDE // scale
    predictor.start_clip(ClipInfo("clip", frames, 25.0, side, side, SIDE, SIDE, recipe))


def restore(predictor: FlairPredictor, frames: Tensor, seed: int = 0) -> Tensor:
    with torch.no_grad():
        return predictor.restore(frames, torch.Generator().manual_seed(seed))


def degraded(frames: int, scale: int = 8, seed: int = 0) -> Tensor:
    side = SIDE // scale
    return torch.rand(frames, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_a_clip_comes_back_the_same_whatever_ran_before_it(make: Make) -> None:
    predictor, frames = make("flair[K=2]"), truth(6)
    first = run(predictor, frames)
    assert first.shape == frames.shape
    run(predictor, truth(3, seed=1), name="another")
    assert np.array_equal(run(predictor, frames), first)
    assert not np.array_equal(run(predictor, frames, seed=1), first)


def test_windows_are_tied_to_the_one_before(make: Make) -> None:
    """The frames that two windows share come out of the second as they came out of the first."""
    predictor = make("flair[K=2]")
    start(predictor, 6)
    frames = degraded(6)
    one = restore(predictor, frames[:4])
    two = restore(predictor, frames[2:], seed=1)
    assert torch.equal(two[:2], one[2:])
    start(predictor, 6)
    alone = restore(predictor, frames[2:], seed=1)
    assert not torch.equal(alone[:2], one[2:])
    assert not torch.equal(alone[2:], two[2:])  # what is known of the first frames helps the others


def test_windows_that_were_halved_for_memory_are_tied_too(make: Make) -> None:
    class Narrow(nn.Module):
        """Runs out of memory beyond two frames."""

        def __init__(self, net: nn.Module) -> None:
            super().__init__()
            self.net = net
            self.multiple, self.least, self.flows_of = net.multiple, net.least, net.flows_of

        def forward(self, x: Tensor, *given: Any, **options: Any) -> Tensor:
            if len(x) > 2:
                raise torch.cuda.OutOfMemoryError("out of memory")
            return self.net(x, *given, **options)

    frames = truth(4)
    predictor = make("flair[K=2,degradation=x8]")
    predictor.nets["x8"] = Narrow(small_network("bicubic", 0))
    small = make("flair[K=2,degradation=x8]", window=2, overlap=1)
    assert np.array_equal(run(predictor, frames), run(small, frames))


def test_sampling_average_is_the_mean_of_independent_samplings(make: Make) -> None:
    frames = degraded(3)
    average, plain = make("flair[K=2,sa=2]"), make("flair[K=2]")
    start(average, 3)
    ours = restore(average, frames)
    generator = torch.Generator().manual_seed(0)
    singles = []
    for _ in range(2):
        start(plain, 3)
        with torch.no_grad():
            singles.append(plain.restore(frames, generator))
    assert not torch.equal(*singles)
    torch.testing.assert_close(ours, torch.stack(singles).mean(0), rtol=0, atol=1e-6)


@pytest.mark.parametrize("recipe", ["bi-x8", "flair-gauss"])
def test_without_temporal_layers_frames_do_not_see_each_other(make: Make, recipe: str) -> None:
    scale = 8 if recipe == "bi-x8" else 4
    frames = degraded(3, scale)
    other = frames.clone()
    other[2] = 1 - other[2]
    for spec, independent in (("flair[image,K=2]", True), ("flair[K=2]", False)):
        predictor = make(spec)
        results = []
        for clip in (frames, other):
            start(predictor, 3, recipe, scale)
            results.append(restore(predictor, clip))
        assert torch.equal(results[0][:2], results[1][:2]) == independent
        assert predictor.card.stateful != independent


def test_data_consistency_brings_results_into_line_with_the_input(make: Make) -> None:
    frames = degraded(2) * 0.4 + 0.3  # away from black and white, where results are cut
    errors = {}
    for spec in ("flair[K=2]", "flair[K=2,dc=false]"):
        predictor = make(spec)
        start(predictor, 2)
        again = predictor.degradation.model.forward(restore(predictor, frames) * 2 - 1)
        errors[spec] = float((again - (frames * 2 - 1)).abs().mean())
    # untrained estimates overshoot, and are cut to black and white after the correction
    assert errors["flair[K=2]"] < 0.25 * errors["flair[K=2,dc=false]"]


@pytest.mark.parametrize(
    ("recipe", "task"),
    [
        ("bi-x4", "x8"), ("bi-x8", "x8"), ("bi-x16", "x16"), ("flair-gauss", "gaussian"),
        ("flair-jpeg60", "jpeg"), ("flair-motion", "gaussian"), ("vfhq-mild", "jpeg"),
    ],
)  # fmt: skip
def test_every_split_is_restored_with_its_own_network(make: Make, recipe: str, task: str) -> None:
    predictor = make("flair[K=2]")
    out = run(predictor, truth(2), recipe)
    assert out.shape == (2, SIDE, SIDE, 3)
    assert out.std() > 1
    assert list(predictor.nets) == [task]


def test_networks_change_with_the_clip_and_are_read_once(make: Make) -> None:
    predictor = make("flair[K=2]")
    first = run(predictor, truth(2), "bi-x8")
    net = predictor.nets["x8"]
    run(predictor, truth(2), "flair-jpeg60")
    assert np.array_equal(run(predictor, truth(2), "bi-x8"), first)
    assert predictor.nets["x8"] is net
    del predictor.files["gaussian"]
    with pytest.raises(JobFailure, match="needs the weights flair-gaussian"):
        run(predictor, truth(2), "flair-gauss")


@pytest.mark.parametrize(("height", "width"), [(37, 45), (16, 24), (50, 33)])
def test_odd_and_small_sizes(make: Make, height: int, width: int) -> None:
    predictor = make("flair[K=2,degradation=jpeg]")
    for given in ((height // 4, width // 4), (height, width)):
        predictor.start_clip(ClipInfo("clip", 2, 25.0, *given, height, width))
        out = restore(predictor, torch.rand(2, 3, *given))
        assert out.shape == (2, 3, height, width)
        assert torch.isfinite(out).all()


def test_one_frame_is_a_clip(make: Make) -> None:
    assert run(make("flair[K=2]"), truth(1)).shape == (1, SIDE, SIDE, 3)


@pytest.mark.parametrize("options", ["K=4,eta=0", "K=3", "K=4,start=1", "K=4,gamma=unit"])
def test_options_reach_the_sampler(make: Make, options: str) -> None:
    frames = degraded(2, 4)
    results = []
    for spec in ("flair[K=4]", f"flair[{options}]"):
        predictor = make(spec)
        start(predictor, 2, "flair-jpeg60", 4)
        results.append(restore(predictor, frames))
    assert not torch.equal(*results)


def test_a_start_beyond_the_steps_is_refused() -> None:
    with pytest.raises(InputError, match="start=25 is none of the 25 steps"):
        choose_method("flair[K=25,start=25]").build()


def test_the_background_is_annealed_as_the_parser_says(make: Make) -> None:
    for spec, left in (("flair[K=2]", 0.93), ("flair[K=2,anneal=false]", None)):
        predictor = make(spec)
        predictor.parser = LeftIsBackground()
        start(predictor, 2)
        condition = predictor._condition(degraded(2) * 2 - 1)
        weights = condition.given.get("vsrpp_weights")
        assert (weights is None) == (left is None)
        if weights is not None:
            assert weights.shape == (1, 2, 1, SIDE, SIDE)
            assert weights[..., : SIDE // 2].unique().tolist() == [pytest.approx(left)]
            assert weights[..., SIDE // 2 :].unique().tolist() == [1.0]


def test_enhancement_takes_part_in_every_step_from_tau_on(make: Make) -> None:
    calls: list[Tensor] = []

    def whiten(faces: Tensor) -> Tensor:
        calls.append(faces)
        return torch.ones_like(faces)

    results = {}
    for spec in ("flair+codeformer[K=6,keep=0,tau=4]", "flair+codeformer[K=6,keep=1,tau=4]"):
        predictor = make(spec)
        predictor.enhancer = FaceEnhancer(FaceInTheMiddle(), LeftIsBackground(skin=True), whiten, side=64)
        calls.clear()
        start(predictor, 1)
        results[spec] = restore(predictor, degraded(1))
        assert len(calls) == 2  # indices 5 and 4
    kept, enhanced = results.values()
    assert not torch.equal(kept, enhanced)
    plain = make("flair[K=6]")
    start(plain, 1)
    assert torch.equal(restore(plain, degraded(1)), enhanced)  # keep = 1 leaves FLAIR's own estimate


@pytest.mark.parametrize("recipe", ["bi-x8", "flair-gauss"])
def test_the_fast_profile_is_close_to_the_strict_one(make: Make, recipe: str) -> None:
    results = []
    for profile in ("strict", "fast"):
        predictor = make("flair[K=3]")
        predictor.profile = profile
        results.append(run(predictor, truth(2), recipe).astype(float))
    error = np.square(results[0] - results[1]).mean()
    assert 0 < error < 255**2 / 10**3  # 30 dB


@pytest.mark.parametrize(
    "spec",
    ["flair", "flair[sa=4]", "flair+codeformer", "flair+restoreformerpp", "flair[image]", "flair[dc=false]",
     "flair[K=25]", "flair[eta=0]", "flair_space_time"],
)  # fmt: skip
def test_every_variant_is_on_a_card(spec: str) -> None:
    method = choose_method(spec)
    roles = {use.role: use.name for use in method.card.weights_for(dict(method.options))}
    assert {role: roles[role] for role in TASKS} == {role: f"flair-{role}" for role in TASKS}
    assert ("parser" in roles) == (spec != "flair[image]")
    enhancer = {"flair+codeformer": "codeformer", "flair+restoreformerpp": "restoreformerpp"}.get(spec)
    assert roles.get("enhancer") == enhancer
    assert ("detector" in roles) == (enhancer is not None)
    if spec == "flair":
        assert (method.card.window, method.card.overlap, method.card.stateful) == (10, 3, True)
        assert method.options["K"] == 100


@pytest.mark.slow
def test_compiled_networks_give_the_same(make: Make) -> None:
    frames = truth(2)
    plain, compiled = (run(make(f"flair[K=2,compiled={flag}]"), frames) for flag in ("false", "true"))
    assert np.abs(plain.astype(int) - compiled).max() <= 2
