"""KEEP, its gain filter and its cross-frame attention against the official network's golden figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from baselines.keep.cfa import CrossFrameAttention
from baselines.keep.kalman import KalmanFilter
from baselines.keep.network import KEEP
from tests.baselines.taps import code_taps
from tests.baselines.taps import taps as tap_tools

LIMIT = 1e-3
FLIP_GAP = 1e-3  # a token may flip in an end-to-end case only if its two codes lie closer than this
BUILDERS: dict[str, Callable[[], torch.nn.Module]] = {
    "keep": KEEP,
    "keep_v1": lambda: KEEP(layout="asian"),
    "keep_kalman": KalmanFilter,
    "keep_cfa": CrossFrameAttention,
}
PACKS = {name: tap_tools.pack(name) for name in BUILDERS}


SLOW = ("keep-t2_end_to_end", "keep-t3_given_flows", "keep_v1-b2_t2_given_flows")


def cases(*packs: str, slow: Sequence[str] = ()) -> list[Any]:
    return tap_tools.cases({pack: PACKS[pack] for pack in packs}, slow)


@pytest.fixture(scope="module")
def filled() -> Callable[[str], torch.nn.Module]:
    made: dict[str, torch.nn.Module] = {}

    def get(pack: str) -> torch.nn.Module:
        if pack not in made:
            made.clear()  # one large network at a time
            made[pack] = tap_tools.filled(BUILDERS[pack], PACKS[pack])
        return made[pack]

    return get


def case_of(pack: str, name: str) -> dict[str, Any]:
    return next(c for c in PACKS[pack]["cases"] if c["name"] == name)


def too_far(taps: dict[str, torch.Tensor], case: dict[str, Any]) -> dict[str, float]:
    """Taps beyond the limit, which is the official network's own rounding where that is larger."""
    wanted = {tap: value for tap, value in taps.items() if tap in case["outputs"]}
    noise = case.get("float64_difference", {})
    differences = tap_tools.differences(wanted, case["outputs"])
    return {tap: d for tap, d in differences.items() if not d < max(LIMIT, noise.get(tap, 0.0))}


def frame_of(tap: str) -> int:
    """The frame that a tap belongs to; -1 for those of the whole clip."""
    number = tap.rpartition("_")[2]
    return int(number) if number.isdigit() and not tap.startswith("uncertainty") else -1


@pytest.mark.parametrize("pack", BUILDERS)
def test_names_shapes_and_types_are_the_checkpoints(pack: str) -> None:
    with torch.device("meta"):
        assert tap_tools.layout(BUILDERS[pack]()) == tap_tools.pack_layout(PACKS[pack])


def test_release_1_has_the_tensors_of_release_0_under_two_other_names() -> None:
    with torch.device("meta"):
        v0, v1 = tap_tools.layout(KEEP(layout="v0")), tap_tools.layout(KEEP(layout="v1"))
    renamed = {k.replace("cross_fuse.", "cfa.").replace("fuse_convs_dict.", "cft."): v for k, v in v0.items()}
    assert renamed == v1


@pytest.mark.parametrize(("pack", "name"), cases("keep", "keep_v1", slow=SLOW))
def test_every_tap_is_the_official_networks(filled: Callable, pack: str, name: str) -> None:
    """Where an end-to-end case flips a token, all taps before it must hold, and all frames with the
    official codes forced; the message says which token it was, and by what gap."""
    net, case = filled(pack), case_of(pack, name)
    with torch.inference_mode():
        taps = code_taps.keep(net, case)
    flips = code_taps.flipped(taps, case)
    bad = too_far(taps, case)
    if not flips:
        assert not bad
        return
    assert "flows" not in case["inputs"], f"tokens flipped: {flips}"
    assert max(flip.gap for flip in flips) < FLIP_GAP, f"tokens flipped: {flips}"
    before = {tap: d for tap, d in bad.items() if frame_of(tap) < flips[0].frame}
    assert not before.keys() - {"out", "top_idx"}, f"tokens flipped: {flips}"
    codes = taps["top_idx"].clone()
    for flip in flips:
        codes[flip.row, flip.token] = flip.official
    codes = codes.unflatten(0, (-1, taps["out"].shape[0])).transpose(0, 1)
    with torch.inference_mode():
        forced = too_far(code_taps.keep(net, case, codes=codes), case)
    assert not [tap for tap in forced if tap == "out" or tap.startswith("frame_")], f"flipped: {flips}"


@pytest.mark.parametrize(("pack", "name"), cases("keep_kalman"))
def test_gain_filter(filled: Callable, pack: str, name: str) -> None:
    with torch.inference_mode():
        assert not too_far(code_taps.kalman(filled(pack), case_of(pack, name)), case_of(pack, name))


@pytest.mark.parametrize(("pack", "name"), cases("keep_cfa"))
def test_cross_frame_attention(filled: Callable, pack: str, name: str) -> None:
    with torch.inference_mode():
        assert not too_far(code_taps.cross_frame(filled(pack), case_of(pack, name)), case_of(pack, name))


def test_a_flip_is_named_with_its_gap() -> None:
    logits = torch.zeros(2, 256, 1024)
    logits[1, 7, 3], logits[1, 7, 5] = 0.25, 0.5
    samples = [[256 + 7, 3], [256 + 8, 0], [7, 0]]
    case = {"outputs": {"top_idx": {"samples": samples}}}
    taps = {"out": torch.zeros(1, 2, 3, 8, 8), "logits_0": logits[:1], "logits_1": logits[1:]}
    assert code_taps.flipped(taps, case) == [code_taps.Flip(1, 1, 7, 5, 3, 0.25)]
