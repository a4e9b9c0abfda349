"""MUSIQ against its golden pack: tokens as integers, every tap, scores of both heads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from degradations.errors import InputError
from tests.baselines.taps import taps
from tests.parity import parity
from vfsrbench.metrics.networks.musiq import MUSIQ, tokens_of

PACK = taps.pack("musiq")
CASES = {case["name"]: case for case in PACK["cases"]}
TEN = "ten"


def _network(classes: int) -> MUSIQ:
    pack = dict(PACK)
    if classes == 10:
        kept = [row for row in PACK["tensors"] if not row[0].startswith("head.")]
        pack["tensors"] = kept + PACK["tensors_10_classes"]
    net = MUSIQ(num_classes=classes).eval()
    net.load_state_dict(parity.state_dict(pack), strict=True)
    return net


def _images(case: dict[str, Any]) -> Tensor:
    if case["inputs"]:
        return parity.inputs(case)["x"]
    array = parity.u8_inputs(case)["x"]
    array = array if array.ndim == 4 else array[None]
    return torch.from_numpy(array).float() / 255


def _collect(net: MUSIQ, images: Tensor, wanted: dict[str, Any]) -> tuple[dict[str, Tensor], Tensor]:
    """The taps by the pack's names, and the heads' output."""
    seen = {"patches": tokens_of(images).patches}

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            seen[name] = output.detach()

        return hook

    for name, module in net.named_modules():
        name = name.removeprefix("transformer_encoder.")
        if name in wanted:
            module.register_forward_hook(keep(name))
    with torch.inference_mode():
        found = net.distribution(images)
    if "embedding" in seen:
        seen["embedding"] = seen["embedding"].view(*seen["patches"].shape[:2], -1)
    return seen, found


def _check(case: dict[str, Any]) -> None:
    values, images = case["values"], _images(case)
    cut = tokens_of(images)
    assert len(cut.real) == values["tokens"] and int(cut.real.sum()) == values["real_tokens"]
    assert cut.positions.tolist() == values["positions"]
    assert cut.scales.tolist() == values["scales"]
    assert cut.real.int().tolist() == values["mask"]
    net = _network(case.get("classes", 1))
    seen, found = _collect(net, images, case["outputs"])
    assert set(seen) == set(case["outputs"])
    for tap, want in case["outputs"].items():
        assert parity.compare(seen[tap], want) < 1e-4, tap
    np.testing.assert_allclose(found.numpy(), values["dist"], atol=1e-5)
    with torch.inference_mode():
        np.testing.assert_allclose(net(images).numpy(), values["mos"], atol=1e-5)


SMALL = [name for name, case in CASES.items() if "512" not in name]


@pytest.mark.parametrize("name", SMALL)
def test_every_tap_and_score_is_the_official(name: str) -> None:
    _check(CASES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(CASES) - set(SMALL)))
def test_every_tap_and_score_of_a_large_picture_is_the_official(name: str) -> None:
    _check(CASES[name])


def test_pictures_of_a_batch_leave_each_other_alone() -> None:
    net = _network(1)
    pictures = torch.rand(2, 3, 60, 90, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        together = net(pictures)
        alone = torch.cat([net(picture[None]) for picture in pictures])
    assert torch.allclose(together, alone, atol=1e-6) and together[0] != together[1]


def test_another_number_of_classes_is_refused() -> None:
    with pytest.raises(InputError, match="number of classes"):
        MUSIQ(num_classes=5)
