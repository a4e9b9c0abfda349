"""Our DISTS against its golden pack: the authors' code with their alpha and beta."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from tests.baselines.taps import metric_taps, taps
from vfsrbench.errors import InputError
from vfsrbench.metrics.networks.dists import CHANNELS, DISTS

PACK = taps.pack("dists")
CASES = {case["name"]: case for case in PACK["cases"]}


@cache
def network() -> DISTS:
    return metric_taps.dists_net()


@pytest.fixture
def filled() -> DISTS:
    """With the published heads."""
    return metric_taps.dists_net()


def check(net: DISTS, case: dict[str, Any]) -> None:
    (x, y), seen = metric_taps.dists_pairs(case), metric_taps.dists(net, case)
    found = seen["score"]
    wanted = {k: v for k, v in case["outputs"].items() if k != "score" or len(found) > 1}
    for tap, difference in taps.differences(seen, wanted).items():
        assert difference < 1e-3 if tap == "score" else difference < 1e-4, (case["name"], tap, difference)
    assert found.tolist() == pytest.approx(case["values"]["score"], abs=1e-5)
    assert net(y, x).tolist() == pytest.approx(case["values"]["score_swapped"], abs=1e-5)


def test_names_and_shapes_are_the_authors() -> None:
    assert taps.layout(DISTS()) == taps.pack_layout(PACK)


@pytest.mark.parametrize("name", ["noise pairs", "smooth pairs", "odd size"])
def test_taps_and_scores_are_the_authors(filled: DISTS, name: str) -> None:
    check(filled, CASES[name])


@pytest.mark.slow
def test_shrinking_and_scores_are_the_authors(filled: DISTS) -> None:
    check(filled, CASES["prepare_image"])


def test_each_group_alone_is_the_authors(filled: DISTS) -> None:
    case = CASES["noise pairs"]
    x, y = (filled.features(picture) for picture in metric_taps.dists_pairs(case))
    whole = {name: getattr(filled, name).data for name in ("alpha", "beta")}
    starts = np.cumsum([0, *CHANNELS])
    for name in whole:
        for group, want in enumerate(case["values"][f"only_{name}_k"]):
            for other, values in whole.items():
                part = torch.zeros_like(values)
                if other == name:
                    inside = slice(starts[group], starts[group + 1])
                    part[:, inside] = values[:, inside]
                getattr(filled, other).data = part
            assert filled.compare(x, y).tolist() == pytest.approx(want, abs=1e-5), (name, group)


def test_items_of_a_batch_are_the_items_alone(filled: DISTS) -> None:
    x, y = metric_taps.dists_pairs(CASES["noise pairs"])
    together = filled(x, y)
    alone = torch.cat([filled(a[None], b[None]) for a, b in zip(x, y, strict=True)])
    assert torch.allclose(together, alone, atol=1e-6)
    assert filled(x, x).abs().max() < 1e-6


def test_torchvisions_file_and_the_heads_fill_it() -> None:
    own = network().state_dict()
    backbone = {
        f"features.{name.split('.', 1)[1]}": torch.rand(value.shape)
        for name, value in own.items()
        if name.startswith("stage") and not name.endswith("filter")
    }
    heads = {name: torch.rand(1, 1475, 1, 1) for name in ("alpha", "beta")}
    net = DISTS()
    net.load_files(backbone | {"classifier.0.weight": torch.zeros(2)}, heads)
    assert torch.equal(net.get_parameter("stage4.17.weight"), backbone["features.17.weight"])
    assert torch.equal(net.alpha, heads["alpha"])
    for wrong, more, reason in (
        (backbone | {"layer1.weight": torch.zeros(1)}, heads, r"'layer1\.weight' does not belong"),
        (backbone | {"features.99.weight": torch.zeros(1)}, heads, r"features\.99\.weight"),
        ({k: v for k, v in backbone.items() if "28.bias" not in k}, heads, r"stage5\.28\.bias"),
        (backbone, {"alpha": heads["alpha"]}, "beta"),
        (backbone, heads | {"gamma": torch.zeros(1)}, "'gamma' does not belong"),
    ):
        with pytest.raises(InputError, match=reason):
            DISTS().load_files(wrong, more)
