"""VQFR v2 against the official network's golden figures, and its fidelity ratio."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from baselines.adapters.ready import ready
from baselines.vqfr.network import VQFR, SerialGroupNorm
from degradations.errors import InputError
from tests.baselines.taps import face_taps
from tests.baselines.taps import taps as tap_tools

PACK = tap_tools.pack("vqfr")
CASES = {case["name"]: case for case in PACK["cases"]}


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    """As the adapter lays it out on a CPU."""
    return ready(tap_tools.filled(VQFR, PACK), torch.device("cpu"))


@pytest.fixture(scope="module")
def small() -> VQFR:
    """The network for 64x64 faces (2x2 codes)."""
    torch.manual_seed(0)
    return VQFR(side=64).eval().requires_grad_(False)


def test_names_shapes_and_types_are_the_checkpoints() -> None:
    with torch.device("meta"):
        assert tap_tools.layout(VQFR()) == tap_tools.pack_layout(PACK)


@pytest.mark.parametrize(("pack", "name"), tap_tools.cases({"vqfr": PACK}, ["vqfr-fidelity_0"]))
def test_every_tap_is_the_official_networks(net: torch.nn.Module, pack: str, name: str) -> None:
    with torch.inference_mode():
        taps = face_taps.vqfr(net, CASES[name])
    differences = tap_tools.differences(taps, CASES[name]["outputs"])
    assert {tap: d for tap, d in differences.items() if not d < 1e-4} == {}
    assert differences["code_indices"] == 0


def test_figures_do_not_depend_on_the_number_of_threads() -> None:
    """Sums over 256x256 places in channels-last order, which torch's own kernel splits among threads."""
    x = torch.rand(1, 64, 256, 256).contiguous(memory_format=torch.channels_last)
    threads = torch.get_num_threads()
    norm = SerialGroupNorm(32, 64, 1e-6)
    try:
        found = []
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append((norm(x), nn.functional.group_norm(x, 32, norm.weight, norm.bias, 1e-6)))
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    (one, plain_one), (two, plain_two) = found
    assert torch.equal(one, two)
    assert torch.equal(one, plain_one)
    assert not torch.equal(plain_one, plain_two)


def test_all_norms_of_channels_last_features_are_serial(small: VQFR) -> None:
    for part in (small.decoder, small.main_branch):
        norms = [m for m in part.modules() if isinstance(m, nn.GroupNorm)]
        assert norms
        assert all(isinstance(m, SerialGroupNorm) and m.eps == 1e-6 for m in norms)


def test_restore_leaves_out_only_what_is_not_seen(small: VQFR) -> None:
    x = torch.rand(2, 3, 64, 64) * 2 - 1
    called = []
    small.main_branch.register_forward_hook(lambda *_: called.append(1))
    for ratio in (0.0, 0.4):
        assert torch.equal(small.restore(x, ratio), small(x, ratio).main_dec)
    assert len(called) == 3
    assert torch.equal(small(x).main_dec, small(x).texture_dec)
    assert not torch.equal(small(x, 0.4).main_dec, small(x).main_dec)


@pytest.mark.parametrize("ratio", [0.0, 0.5])
def test_a_frame_does_not_depend_on_its_batch(small: VQFR, ratio: float) -> None:
    x = torch.rand(3, 3, 64, 64) * 2 - 1
    together = small.restore(x, ratio)
    alone = torch.cat([small.restore(frame[None], ratio) for frame in x])
    assert (together - alone).abs().max() < 1e-4 * alone.std()
    assert (alone[0] - alone[1]).abs().max() > 0.01 * alone.std()


def test_bfloat16_runs_through_the_deformable_convolutions(small: VQFR) -> None:
    x = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.autocast("cpu", dtype=torch.bfloat16):
        fast = small.restore(x, 1.0).float()
    assert torch.isfinite(fast).all()


@pytest.mark.parametrize("shape", [(1, 3, 64, 32), (1, 1, 64, 64), (3, 64, 64)])
def test_frames_of_another_shape_are_refused(small: VQFR, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"VQFR takes RGB faces of 64x64, got \[.*resize"):
        small(torch.zeros(shape))
