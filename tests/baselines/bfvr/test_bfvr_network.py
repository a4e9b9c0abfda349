"""BFVR-STC's network against the official one's golden figures, its cost, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines.bfvr_stc.network import BFVRSTC, UNUSED, deflicker, motion_residual
from benchmarks import bfvr_transcription as costs
from tests.baselines.taps import bfvr_taps
from tests.baselines.taps import taps as tap_tools
from vfsrbench.errors import InputError
from vfsrbench.plugins import methods
from vfsrbench.runtime.checkpoint import load_checkpoint
from vfsrbench.weights.random_init import untrained_state

WHOLE, LATENT = tap_tools.pack("bfvr_stc"), tap_tools.pack("bfvr_stc_latent")
SIDE = 64


def small_network() -> BFVRSTC:
    """The network for 64x64 frames (8x8 latents) with seeded weights that make pictures."""
    net = BFVRSTC(n_layers=1, side=SIDE).eval().requires_grad_(False)
    net.load_state_dict(untrained_state(net))
    return net


@pytest.fixture(scope="module")
def small() -> BFVRSTC:
    return small_network()


@pytest.fixture(scope="module")
def whole() -> nn.Module:
    return tap_tools.filled(BFVRSTC, WHOLE)


@pytest.fixture(scope="module")
def heads() -> nn.Module:
    return tap_tools.filled(lambda: BFVRSTC(n_layers=0), LATENT)


def test_names_shapes_and_types_are_the_checkpoints() -> None:
    with torch.device("meta"):
        assert tap_tools.layout(BFVRSTC()) == tap_tools.pack_layout(WHOLE)
        assert len(deflicker().state_dict()) == 516


def cases(golden: dict, slow: set[str]) -> list[Any]:
    marks = {True: [pytest.mark.slow], False: []}
    return [
        pytest.param(case, id=case["name"], marks=marks[case["name"] in slow]) for case in golden["cases"]
    ]


@pytest.mark.parametrize("case", cases(WHOLE, {"n3_given_codes", "n4_given_codes"}))
def test_every_tap_is_the_official_networks(whole: BFVRSTC, case: dict) -> None:
    check(bfvr_taps.bfvr_stc(whole, case), case)


@pytest.mark.parametrize("case", cases(LATENT, {"t12"}))
def test_codes_follow_from_latents_as_officially(heads: BFVRSTC, case: dict) -> None:
    check(bfvr_taps.latent(heads, case), case)


def check(taps: dict[str, Tensor], case: dict) -> None:
    assert set(case["outputs"]) <= set(taps)
    found = tap_tools.differences({tap: taps[tap] for tap in case["outputs"]}, case["outputs"])
    assert {tap: d for tap, d in found.items() if not d < 1e-3} == {}


def test_the_residual_is_scrambled_as_released_and_not_a_difference_of_frames() -> None:
    latent = torch.arange(2 * 3 * 2 * 2.0).reshape(1, 2, 3, 2, 2) ** 2
    found = motion_residual(latent)
    planes = latent[0].flatten(0, 1).flatten(1)  # ordered (channel, frame): two planes a row
    for row in (1, 2):
        change = planes[2 * row : 2 * row + 2].flatten() - planes[2 * row - 2 : 2 * row].flatten()
        assert torch.equal(found[row, 0].flatten(), change)
    assert not found[0].any()
    frames = latent[0].flatten(2).permute(1, 2, 0)
    assert not torch.equal(found[1, 0], frames[1] - frames[0])


def test_the_card_states_what_counters_say() -> None:
    card = methods()["bfvr_stc"].card
    with torch.device("meta"):
        assert card.parameters == sum(p.numel() for p in BFVRSTC().parameters())
    assert card.gmacs == pytest.approx(costs.multiply_accumulates(24), rel=1e-3)


def test_a_window_of_24_frames_never_holds_a_matrix_of_scores() -> None:
    assert costs.window_bytes(24) < 2.6e9
    assert costs.window_bytes(24, stored_scores=True) > 19e9
    page = Path(__file__).resolve().parents[3] / "docs/bfvr_stc.md"
    assert f"{costs.window_bytes(24) / 1e9:.2f} GB" in page.read_text(encoding="utf-8")


def test_ours_is_the_transcription_of_the_official_loop(small: BFVRSTC) -> None:
    clip = torch.rand(1, 4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    ours = small(clip)
    with costs.transcribed():
        theirs = small(clip)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-4 * float(other.std()))


def test_codes_given_replace_the_most_likely_ones(small: BFVRSTC) -> None:
    clip = torch.rand(1, 2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    free = small(clip)
    same = small(clip, free.spatial.argmax(-1).float(), free.temporal.argmax(-1))
    assert torch.equal(free.frames, same.frames)
    other = small(clip, torch.zeros(1, 64), free.temporal.argmax(-1))
    assert (other.frames - free.frames).abs().max() > 1e-2
    assert torch.equal(other.spatial, free.spatial)


@pytest.mark.parametrize(("n", "frames"), [(2, 2), (3, 2), (5, 4)])
def test_an_odd_number_of_frames_gives_one_less(small: BFVRSTC, n: int, frames: int) -> None:
    assert small(torch.rand(1, n, 3, SIDE, SIDE)).frames.shape == (1, 3, frames, SIDE, SIDE)


@pytest.mark.parametrize("shape", [(1, 1, 3, 64, 64), (1, 2, 3, 64, 32), (1, 2, 1, 64, 64), (2, 3, 64, 64)])
def test_other_clips_are_refused_in_one_line(small: BFVRSTC, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"BFVRSTC takes clips .* got \[.*resize the frames"):
        small(torch.zeros(shape))


def test_files_with_the_unused_parts_and_the_wrapper_load_and_others_do_not() -> None:
    net = BFVRSTC(n_layers=1, side=SIDE)
    load_checkpoint(net, {"params_ema": small_network().state_dict()})
    with pytest.raises(InputError, match="does not fit BFVRSTC"):
        load_checkpoint(net, {"params_ema": BFVRSTC(n_layers=2, side=SIDE).state_dict()})
    without = {k: v for k, v in net.state_dict().items() if not k.startswith(UNUSED)}
    with pytest.raises(InputError, match="76 missing"):
        load_checkpoint(net, {"params_ema": without})
    before = small_network()(torch.ones(1, 2, 3, SIDE, SIDE)).frames
    net.eval().drop_unused()
    with torch.no_grad():
        assert torch.equal(net(torch.ones(1, 2, 3, SIDE, SIDE)).frames, before)


def test_nothing_in_forward_waits_for_the_device(small: BFVRSTC) -> None:
    """On the device "meta" reading a value raises."""
    with torch.device("meta"):
        net, clip = BFVRSTC(n_layers=1, side=SIDE).eval(), torch.empty(1, 4, 3, SIDE, SIDE)
    with torch.no_grad():
        assert net(clip).frames.shape == (1, 3, 4, SIDE, SIDE)
