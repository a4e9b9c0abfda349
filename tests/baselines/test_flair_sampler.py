"""FLAIR's schedule and sampler against the released code's tables and traces."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import parity
import pytest
import torch
from torch import Tensor

from baselines.flair.consistency import Bicubic, Blur, ForwardModel
from baselines.flair.sampler import Walk, noised, sample
from baselines.flair.schedule import consistency_weights, keep_weights, make_schedule
from baselines.flair.tasks import TASKS
from degradations.errors import InputError

sys.path.insert(0, str(Path(__file__).parent))
from flair_tools import official_kernel
from taps import pack

GOLDEN = pack("flair_sampler")
TABLES, DEMOS = GOLDEN["tables"], GOLDEN["config"]
SHORT = {"x8_bicubic": "x8", "x16_bicubic": "x16", "gaussian": "gaussian", "jpeg": "jpeg"}


@pytest.mark.parametrize(("network", "name"), [("bicubic", "face_bicubic"), ("blur", "face_blur")])
def test_the_schedule_is_the_released_one(network: str, name: str) -> None:
    schedule, table = make_schedule(network), TABLES[name]
    assert list(schedule.steps) == table["timestep_map"]
    np.testing.assert_allclose(schedule.alpha_bar, table["alphas_cumprod"], rtol=1e-12)
    before = np.array([schedule.alpha_bar_before(i) for i in range(len(schedule))])
    np.testing.assert_allclose(1 - np.array(schedule.alpha_bar) / before, table["betas"], rtol=1e-9)
    if "noise_level_input" in table:
        np.testing.assert_allclose(np.sqrt(schedule.alpha_bar), table["noise_level_input"], rtol=1e-6)


@pytest.mark.parametrize("demo", DEMOS)
def test_the_weights_of_both_corrections_are_the_released_ones(demo: str) -> None:
    settings, task, table = DEMOS[demo], TASKS[SHORT[demo]], TABLES[demo]
    schedule = make_schedule(task.network)
    assert (task.keep, task.rho) == (settings["w"], settings["rho"])
    assert task.zeta == (None if settings["zeta"] == -1 else settings["zeta"])
    gammas = consistency_weights(schedule, settings["noise_level"], task.zeta)
    np.testing.assert_allclose(gammas, table["gamma_by_index"], atol=1e-7)
    keeps = keep_weights(len(schedule), task.keep, settings["tau"])
    np.testing.assert_allclose(keeps, table["keep_weight_by_index"], atol=1e-7)


def test_gamma_in_units_of_the_full_range_trusts_the_degraded_frames_more() -> None:
    schedule = make_schedule("blur")
    official, unit = (consistency_weights(schedule, 12.75, 1.0, scale) for scale in ("official", "unit"))
    assert all(a <= b for a, b in zip(official, unit, strict=True))
    # 1 - sigma^2 / (noise-to-signal power), where that is neither cut nor taken for 1
    index = next(i for i, g in enumerate(unit) if 0.01 < g < 0.9)
    ratio = (1 - schedule.alpha_bar[index]) / schedule.alpha_bar[index]
    assert unit[index] == pytest.approx(1 - 0.05**2 / ratio)


@pytest.mark.parametrize("count", [2, 5, 25, 100])
def test_fewer_steps_still_run_from_the_first_to_the_last(count: int) -> None:
    schedule = make_schedule("blur", count)
    assert len(schedule) == count
    assert (schedule.steps[0], schedule.steps[-1]) == (0, 999)
    assert max(np.diff(schedule.steps)) - min(np.diff(schedule.steps)) <= 1


def test_steps_that_there_are_not_are_refused() -> None:
    with pytest.raises(InputError, match="2 to 1000 steps, got 1001"):
        make_schedule("blur", 1001)


def operator(task: str) -> ForwardModel:
    if task.endswith("bicubic"):
        return Bicubic(16 if task.startswith("x16") else 8, real=True)
    return Blur(official_kernel(), quality=60 if task == "jpeg" else None)


def official_walk(task: str, start: int | None) -> Walk:
    settings = DEMOS[task]
    schedule = make_schedule(TASKS[SHORT[task]].network)
    zeta = None if settings["zeta"] == -1 else settings["zeta"]
    return Walk(
        schedule,
        consistency_weights(schedule, settings["noise_level"], zeta),
        keep_weights(len(schedule), settings["w"], settings["tau"], start),
        settings["rho"],
        settings["tau"],
        start,
    )


def recorded_noise(case: dict[str, Any]) -> Callable[[], Tensor]:
    count = iter(range(1000))
    shape, root = case["inputs"]["x_T"]["shape"], 3**0.5

    def draw() -> Tensor:
        seed = case["noise_seed"] + next(count)
        recipe = {"shape": shape, "seed": seed, "low": -root, "high": root, "kind": "noise"}
        return torch.from_numpy(parity.make_array(recipe))

    return draw


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_traces_are_the_released_codes(case: dict[str, Any]) -> None:
    """100 steps with the pack's stand-ins for network and enhancer, and the real consistency operators."""
    given, task = parity.inputs(case), case["task"]
    walk = official_walk(task, None if case["t_start"] < 0 else case["t_start"])
    model, enlarged, degraded = operator(task), given["low_res_input"][0], given["y"][0]

    def predict(x: Tensor, index: int) -> Tensor:
        bicubic = task.endswith("bicubic")
        level = walk.schedule.alpha_bar[index] ** 0.5 if bicubic else walk.schedule.steps[index] / 1000
        return 0.6 * x + 0.2 * enlarged + 0.1 * level

    taps = {}

    def watch(index: int, clean: Tensor, x: Tensor) -> None:
        taps[f"x0_{index}"], taps[f"sample_{index}"] = clean.clone(), x.clone()

    taps["out"] = sample(
        given["x_T"],
        walk,
        predict,
        recorded_noise(case),
        lambda x: model.correction(x, degraded),
        lambda x: 0.9 * x - 0.05,
        given["prev_recon"][0] if "prev_recon" in given else None,
        watch,
    )
    differences = {name: parity.compare(taps[name], want) for name, want in case["outputs"].items()}
    assert {name: d for name, d in differences.items() if not d <= 1e-4} == {}


def toy(rho: float, keep: float = 1.0) -> Walk:
    schedule = make_schedule("blur", 6)
    return Walk(schedule, (1.0,) * 6, keep_weights(6, keep, 2), rho, tau=2)


def test_without_fresh_noise_the_walk_is_deterministic_and_a_perfect_network_ends_at_its_truth() -> None:
    truth = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    walk = toy(0.0)

    def predict(x: Tensor, index: int) -> Tensor:
        alpha_bar = walk.schedule.alpha_bar[index]
        return (x - alpha_bar**0.5 * truth) / (1 - alpha_bar) ** 0.5

    def no_noise() -> Tensor:
        return torch.zeros(2, 3, 8, 8)

    out = sample(torch.randn(2, 3, 8, 8), walk, predict, no_noise)
    torch.testing.assert_close(out, truth, rtol=0, atol=1e-4)


def test_rho_is_the_share_of_fresh_noise() -> None:
    """With a network that sees no noise at all, each step's sample has rho of its noise from the draw."""
    seen: dict[int, Tensor] = {}
    walk = toy(0.25)
    x = torch.zeros(1, 3, 4, 4)
    sample(
        x,
        walk,
        lambda x, index: torch.zeros_like(x),
        lambda: torch.ones(1, 3, 4, 4),
        watch=lambda index, clean, x: seen.__setitem__(index, x.clone()),
    )
    expected = (1 - walk.schedule.alpha_bar[4]) ** 0.5 * 0.25**0.5
    torch.testing.assert_close(seen[5], torch.full_like(x, expected))


def test_enhancement_counts_from_tau_on_and_known_frames_stay() -> None:
    calls: list[Tensor] = []

    def enhance(x: Tensor) -> Tensor:
        calls.append(x)
        return torch.ones_like(x)

    known = torch.full((1, 3, 4, 4), -0.5)
    out = sample(
        torch.zeros(3, 3, 4, 4),
        toy(0.0, keep=0.0),
        lambda x, index: torch.zeros_like(x),
        lambda: torch.zeros(3, 3, 4, 4),
        enhance=enhance,
        known=known,
    )
    assert len(calls) == 4  # indices 5, 4, 3, 2
    assert torch.equal(out[:1], known)
    assert not torch.equal(out[1:2], known)


def test_the_walk_begins_with_the_first_steps_share_of_noise() -> None:
    walk = toy(0.5)
    frames, noise = torch.full((1, 3, 2, 2), 0.5), torch.ones(1, 3, 2, 2)
    alpha_bar = walk.schedule.alpha_bar[5]
    expected = 0.5 * alpha_bar**0.5 + (1 - alpha_bar) ** 0.5
    torch.testing.assert_close(noised(frames, walk, lambda: noise), torch.full_like(frames, expected))
