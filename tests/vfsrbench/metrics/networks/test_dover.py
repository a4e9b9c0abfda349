"""DOVER against its golden pack: frame numbers and pieces as integers, both views, every tap, values."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.baselines.taps import metric_taps, taps
from tests.parity import parity
from vfsrbench.metric import Frames
from vfsrbench.metrics.networks.dover import (
    DOVER,
    MEAN,
    STD,
    aesthetic_share,
    fused,
    technical_share,
)
from vfsrbench.metrics.quality import dover_views as views

PACK = taps.pack("dover")
CASES = {case["name"]: case for case in PACK["cases"]}


@cache
def _network() -> DOVER:
    return metric_taps.dover_net()


@cache
def _video(name: str) -> Frames:
    return parity.u8_inputs(CASES[name])["video"].transpose(0, 2, 3, 1)


@cache
def _views(name: str) -> tuple[Frames, Frames]:
    """Technical (96, 224, 224, 3) and aesthetic (32, 224, 224, 3)."""
    video, seed = _video(name), CASES[name]["rng"]
    technical, aesthetic = views.frames_of(len(video), seed)
    rows, columns = views.pieces_of(*video.shape[1:3], seed)
    pieces = [
        views.fragments(views.enlarged(video[number]), rows[..., place // 32], columns[..., place // 32])
        for place, number in enumerate(technical)
    ]
    return np.stack(pieces), np.stack([views.shrunk(video[number]) for number in aesthetic])


def test_frames_are_the_authors() -> None:
    case = CASES["frame indices"]
    for total in case["lengths"]:
        technical, aesthetic = views.frames_of(total, case["rng"])
        assert technical.tolist() == case["values"][f"technical {total}"], total
        assert aesthetic.tolist() == case["values"][f"aesthetic {total}"], total


@pytest.mark.parametrize("name", ["views 256x320", "views smaller than 224"])
def test_views_are_the_authors(name: str) -> None:
    case, values = CASES[name], CASES[name]["values"]
    height, width = _video(name).shape[1:3]
    for got, want in zip(
        views.frames_of(len(_video(name)), case["rng"]), ("technical", "aesthetic"), strict=True
    ):
        assert got.tolist() == values[f"{want}_frames"]
    first = views.pieces_of(height, width, case["rng"])
    for axis, (got, side, key) in enumerate(
        zip(first, (height, width), ("fragment_y", "fragment_x"), strict=True)
    ):
        at = np.minimum(side // 7 * np.arange(7), side - 32)
        drawn = got - at.reshape((-1, 1, 1) if axis == 0 else (-1, 1))
        assert drawn.reshape(-1).tolist() == (values[key] or [0] * 147)
    made = [np.ascontiguousarray(view.transpose(3, 0, 1, 2)) for view in _views(name)]
    for planes, want in zip(made, ("technical", "aesthetic"), strict=True):
        assert parity.compare(planes, case["outputs"][want]) == 0.0, want
    if name == "views 256x320":  # the older library's view is another one
        assert parity.compare(made[1], case["outputs"]["aesthetic_old_torchvision"]) > 0.1


def _check_branch(case: dict[str, Any]) -> None:
    seen = metric_taps.dover(_network(), case)
    found = seen["map"]
    for tap, difference in taps.differences(seen, case["outputs"]).items():
        assert difference < 1e-4, (tap, difference)
    np.testing.assert_allclose(found.mean((1, 2, 3, 4)), case["values"]["per_item"], atol=1e-5)
    np.testing.assert_allclose(found.mean(), case["values"]["mean"][0], atol=1e-5)


@pytest.mark.parametrize("name", ["technical small", "aesthetic small"])
def test_every_tap_of_a_branch_is_the_authors(name: str) -> None:
    _check_branch(CASES[name])


@pytest.mark.slow
def test_every_tap_at_full_size_is_the_authors() -> None:
    _check_branch(CASES["technical one clip"])


@pytest.mark.slow
def test_a_whole_clip_from_its_frames() -> None:
    case, net = CASES["whole clip"], _network()
    technical, aesthetic = (torch.from_numpy(view) for view in _views("whole clip"))
    clips = technical.unflatten(0, (3, 32))
    with torch.inference_mode():
        maps = {
            "technical_head": torch.cat([net.technical(net.normalized(clip[None])) for clip in clips]),
            "aesthetic_head": net.aesthetic(net.normalized(aesthetic[None])),
        }
    for tap, difference in taps.differences(maps, case["outputs"]).items():
        assert difference < 1e-4, (tap, difference)
    raw = [float(maps[f"{branch}_head"].double().mean()) for branch in ("technical", "aesthetic")]
    values = case["values"]
    assert raw == pytest.approx([values["technical_raw"], values["aesthetic_raw"]], abs=1e-5)
    assert fused(*raw) == pytest.approx(values["overall"], abs=1e-5)
    assert technical_share(raw[0]) == pytest.approx(
        values["technical"], abs=1e-4
    )  # 3.4 times the raw value's


def test_values_are_fused_as_the_authors_do() -> None:
    case = CASES["fusion"]
    for (technical, aesthetic), want in zip(case["raw"], case["values"]["fused"], strict=True):
        got = [technical_share(technical), aesthetic_share(aesthetic), fused(technical, aesthetic)]
        assert got == pytest.approx(want, abs=1e-12)
    assert fused(-1e6, -1e6) == 0.0 and fused(1e6, 1e6) == 1.0


def test_items_of_a_batch_are_the_items_alone() -> None:
    net, x = _network(), torch.from_numpy(np.random.RandomState(3).uniform(-2, 2, (2, 3, 10, 40, 72))).float()
    with torch.inference_mode():
        for branch in (net.technical, net.aesthetic):
            together = branch(x)
            apart = torch.cat([branch(item[None]) for item in x])
            torch.testing.assert_close(together, apart, atol=2e-6, rtol=0)


def test_frames_are_normalized_as_the_pack_says() -> None:
    frames = torch.from_numpy(np.random.RandomState(0).randint(0, 256, (1, 2, 4, 5, 3), np.uint8))
    mean, std = (torch.tensor(each).view(1, 3, 1, 1, 1) for each in (MEAN, STD))
    want: Tensor = (frames.permute(0, 4, 1, 2, 3).float() - mean) / std
    assert torch.equal(_network().normalized(frames), want)
