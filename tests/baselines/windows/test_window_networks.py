"""DicFace's and PGTFormer's way through a clip against the official windows; batches, options, cost."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from baselines.adapters.ready import ready
from baselines.dicface.adapter import kept_frame
from baselines.layers.neighbours import neighbours
from benchmarks import window_transcription as costs
from tests.baselines.windows.small import (
    BUILDERS,
    CPU,
    LENGTHS,
    SIDE,
    far,
    frames,
    official,
    official_window,
    twin,
)
from vfsrbench.errors import InputError
from vfsrbench.plugins import methods


@pytest.mark.parametrize("count", LENGTHS)
@pytest.mark.parametrize("length", [3, 5, 10, 20])
def test_a_frames_neighbours_are_those_of_the_official_windows(count: int, length: int) -> None:
    """DicFace's network cuts windows of 10 and 20 into fives; what is kept sees its own five alone."""
    seen = min(length, 5)
    keep = length // 2 % seen
    for index, around in enumerate(neighbours(count, seen, keep).tolist()):
        first = length // 2 - keep
        assert around == official_window(count, index, length)[first : first + seen]
        assert around[keep] == index
    if length > 3:
        assert keep == kept_frame(length) == (2 if length == 5 else 0)


PLAIN = {(5, 4), (10, 5), (3, 4)}


def ways(*lengths: int) -> list[Any]:
    """(window, clip) for all lengths; but for a few of them they take too long for the plain suite."""
    pairs = [(length, count) for length in lengths for count in LENGTHS]
    return [pytest.param(*pair, marks=() if pair in PLAIN else pytest.mark.slow) for pair in pairs]


def compared(count: int) -> list[int]:
    """Frames at the ends, in the middle, and where windows of 24 meet."""
    return sorted({i for i in (0, count // 2, 21, 23, 24, count - 2, count - 1) if 0 <= i < count})[-5:]


@pytest.mark.parametrize(("length", "count"), ways(5, 10))
def test_dicface_restores_what_the_official_windows_do(dicface: Any, length: int, count: int) -> None:
    x = frames(count)
    ours = dicface.restore(x, kept_frame(length))
    assert ours.shape == x.shape
    for index in compared(count) if length == 5 else compared(count)[:1]:
        assert far(ours[index], official(dicface, x, index, length)) < 1e-4


@pytest.mark.slow
def test_max_length_20_gives_what_10_gives(dicface: Any) -> None:
    x = frames(6)
    assert far(official(dicface, x, 3, 20), official(dicface, x, 3, 10)) < 1e-4


def test_a_frame_sees_both_sides_only_in_centred_windows(dicface: Any) -> None:
    x = frames(4)
    before, after = x.clone(), x.clone()
    before[1], after[3] = -x[1], -x[3]
    centred, forward = (dicface.restore(x, kept_frame(n))[2] for n in (5, 10))
    assert far(dicface.restore(before)[2], centred) > 1e-4
    assert far(dicface.restore(after)[2], centred) > 1e-4
    assert far(dicface.restore(before, kept_frame(10))[2], forward) < 1e-6
    assert far(dicface.restore(after, kept_frame(10))[2], forward) > 1e-4


@pytest.mark.parametrize(("length", "count"), ways(3))
def test_pgtformer_restores_what_the_official_windows_do(pgtformer: Any, length: int, count: int) -> None:
    x = frames(count, low=0)
    ours = pgtformer.restore(x)
    assert ours.shape == x.shape
    for index in compared(count):
        assert far(ours[index], official(pgtformer, x, index, length)) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("w", [0.0, 0.5])
def test_w_reaches_what_is_kept(pgtformer: Any, dicface: Any, w: float) -> None:
    x = frames(3, low=0)
    whole = pgtformer(x, w)[0]
    assert far(pgtformer.restore(x, w)[1], whole[1]) < 1e-4
    assert far(whole, pgtformer(x)[0]) > 1e-3
    clip = frames(5)
    whole = dicface(clip, w=w, adain=True)[0]
    assert far(dicface.restore(clip, w=w, adain=True)[2], whole[2]) < 1e-4
    assert far(whole, dicface(clip, w=w)[0]) > 1e-3


def test_given_weights_and_codes_replace_the_networks(dicface: Any, pgtformer: Any) -> None:
    x = frames(5)
    out, latent, alpha = dicface(x)
    tokens = (SIDE // 32) ** 2
    assert latent.shape == (5, 256, SIDE // 32, SIDE // 32) and alpha.shape == (5, tokens, 1024)
    mean = alpha - 1e-6
    assert far(dicface(x, weights=mean / mean.sum(-1, keepdim=True))[0], out) < 1e-4
    assert far(dicface(x, weights=torch.eye(1024)[:tokens].expand(5, -1, -1))[0], out) > 1e-3
    window = frames(3, low=0)
    out, logits, latent = pgtformer(window)
    grid = SIDE // 16
    assert logits.shape == (3, grid, grid, 1, 1024) and latent.shape == (3, 512, grid, grid)
    best = logits.argmax(-1)
    assert torch.equal(pgtformer(window, codes=best.float())[0], out)
    other = (best + torch.arange(grid)[:, None]) % 1024
    assert far(pgtformer(window, codes=other)[0], out) > 1e-3


def test_results_do_not_depend_on_the_batch(dicface: Any, pgtformer: Any) -> None:
    x = frames(3)
    assert far(dicface.restore(x, batch=2), dicface.restore(x, batch=1)) < 1e-4
    y = frames(2, low=0)
    assert far(pgtformer.restore(y, batch=2), pgtformer.restore(y, batch=1)) < 1e-4


@pytest.mark.slow
def test_results_of_any_batch_and_neighbours_are_the_same(dicface: Any, pgtformer: Any) -> None:
    x = frames(6)
    want = dicface.restore(x, batch=2)
    for batch in (1, 5, 6):
        assert far(dicface.restore(x, batch=batch), want) < 1e-4
    both = torch.cat((x[:5], x[1:6]))
    assert far(dicface(both)[0][5:], dicface(x[1:6])[0]) < 1e-4
    y = frames(6, low=0)
    assert far(pgtformer.restore(y[:4], batch=3), pgtformer.restore(y[:4])) < 1e-4
    assert far(pgtformer(y)[0][3:], pgtformer(y[3:])[0]) < 1e-4


@pytest.mark.parametrize("shape", [(4, 3, 64, 64), (5, 1, 64, 64), (5, 3, 64, 96), (0, 3, 64, 64), (5, 64)])
def test_dicface_refuses_other_shapes(dicface: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"DicFace takes .*got \[") as refused:
        dicface(torch.zeros(shape))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("shape", [(4, 3, 64, 64), (3, 1, 64, 64), (3, 3, 64, 96), (0, 3, 64, 64), (3, 64)])
def test_pgtformer_refuses_other_shapes(pgtformer: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"PGTFormer takes .*got \[") as refused:
        pgtformer(torch.zeros(shape))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["dicface", pytest.param("pgtformer", marks=pytest.mark.slow)])
def test_made_ready_for_a_cpu_it_is_the_same_network(name: str, request: pytest.FixtureRequest) -> None:
    net, x = request.getfixturevalue(name), frames(2, low=0)
    assert far(ready(twin(net), CPU).restore(x), net.restore(x)) < 1e-3


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] * (n != "dicface, max_length 5")) for n in costs.LOOPS],
)
def test_the_cards_cost_is_counted_and_below_the_official_loops(name: str) -> None:
    """Of a frame inside a long clip, counted from shapes."""
    ours, official_cost = costs.count(costs.LOOPS[name])
    assert methods()[name.partition(",")[0]].card.gmacs == pytest.approx(ours, abs=0.06)
    least = {"pgtformer": 1.3, "dicface, max_length 5": 4.5, "dicface, max_length 10": 9.0}
    assert official_cost / ours > least.get(name, 18)


@pytest.mark.slow
@pytest.mark.parametrize("name", costs.LOOPS)
def test_ours_is_the_faster_one_and_gives_the_same(name: str) -> None:
    """CPU seconds, both in turns in this process."""
    taken = costs.compare(costs.LOOPS[name], frames=4, side=SIDE, repeat=2)
    assert taken.official / taken.ours > (1.0 if name == "pgtformer" else 2.5)
    assert taken.difference < 1e-3


@pytest.mark.parametrize("name", BUILDERS)
def test_nothing_waits_for_the_device(name: str) -> None:
    """On the device "meta" reading a value raises."""
    with torch.device("meta"), torch.inference_mode():
        net: Any = BUILDERS[name](side=SIDE).eval()
        assert net.restore(torch.empty(7, 3, SIDE, SIDE)).shape == (7, 3, SIDE, SIDE)
