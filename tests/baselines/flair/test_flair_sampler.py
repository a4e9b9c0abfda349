"""FLAIR's schedule and sampler against the released code's tables and traces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from baselines.flair.diffusion.sampler import Walk, noised, sample
from baselines.flair.diffusion.schedule import consistency_weights, keep_weights, make_schedule
from baselines.flair.diffusion.tasks import TASKS
from degradations.errors import InputError
from tests.baselines.taps import flair_taps
from tests.baselines.taps import taps as tap_tools

GOLDEN = tap_tools.pack("flair_sampler")
DEMOS = GOLDEN["config"]


def test_schedules_and_weights_are_the_released_tables() -> None:
    for name, (ours, released) in flair_taps.tables(GOLDEN).items():
        assert len(ours) == len(released) == 100
        np.testing.assert_allclose(ours, released, rtol=1e-6, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("demo", DEMOS)
def test_the_demos_settings_are_the_released_ones(demo: str) -> None:
    settings, task = DEMOS[demo], TASKS[flair_taps.DEMOS[demo]]
    assert (task.keep, task.rho) == (settings["w"], settings["rho"])
    assert task.zeta == (None if settings["zeta"] == -1 else settings["zeta"])


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


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_traces_are_the_released_codes(case: dict[str, Any]) -> None:
    differences = tap_tools.differences(flair_taps.sampler(None, case), case["outputs"])
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
