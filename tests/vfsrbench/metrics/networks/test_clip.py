"""CLIP RN50 and CLIP-IQA's prompts against their golden pack, and the forms in which files come."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from degradations.errors import InputError
from tests.baselines.taps import metric_taps, taps
from vfsrbench.metrics.networks.clip import rn50
from vfsrbench.metrics.networks.clip.image_tower import HEADS, AttentionPool
from vfsrbench.metrics.networks.clip.rn50 import load_prompts
from vfsrbench.metrics.quality.clipiqa import SENTENCES

PACK = taps.pack("clipiqa")
CASES = {case["name"]: case for case in PACK["cases"] if case["kind"] in ("clipiqa", "clipiqa+")}
SMALL = "clipiqa not square"


@cache
def _networks() -> metric_taps.ClipIqa:
    return metric_taps.clipiqa_net()


def _check(case: dict[str, Any]) -> None:
    both = _networks()
    seen = metric_taps.clipiqa_taps(both, case)
    for tap, difference in taps.differences(seen, case["outputs"]).items():
        assert difference < 1e-4, (tap, difference)
    np.testing.assert_allclose(seen["short_features"], seen["text_features"], atol=1e-5)
    with torch.inference_mode():
        logits = both.net.logits(seen["image_features"], seen["text_features"])
    np.testing.assert_allclose(logits, case["values"]["logits"], atol=1e-3)
    parts = logits.unflatten(1, (-1, 2)).softmax(2)[:, :, 0].mean(1)
    np.testing.assert_allclose(parts, case["values"]["score"], atol=1e-5)


def test_every_tap_and_score_of_the_five_pairs_is_the_official() -> None:
    _check(CASES[SMALL])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(CASES) - {SMALL}))
def test_every_tap_and_score_of_other_pictures_and_prompts_is_the_official(name: str) -> None:
    _check(CASES[name])


class PlacedPool(AttentionPool):
    """Of pyiqa's clipiqa+_rn50_512, which no metric is: adds the table of positions, resized whole."""

    def forward(self, x: Tensor) -> Tensor:
        places = x.flatten(2).transpose(1, 2)
        places = torch.cat([places.mean(1, keepdim=True), places], 1)
        table = self.positional_embedding[None, None]
        places = places + F.interpolate(table, places.shape[1:], mode="bicubic", align_corners=False)[0]
        parts = (self.q_proj(places[:, :1]), self.k_proj(places), self.v_proj(places))
        q, k, v = (part.unflatten(2, (HEADS, -1)).transpose(1, 2) for part in parts)
        weights = (q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])).softmax(-1)
        return self.c_proj((weights @ v).transpose(1, 2).flatten(1))


@pytest.mark.slow
def test_our_towers_give_every_tap_of_the_variant_with_positions() -> None:
    """The pack's case clipiqa+_rn50_512: both towers and the learned prompts are those of clipiqa_plus."""
    (case,) = [case for case in PACK["cases"] if case["kind"] == "clipiqa+_rn50_512"]
    both = metric_taps.clipiqa_net()
    pool = PlacedPool(2048, 1024).eval()
    pool.load_state_dict(both.net.visual.attnpool.state_dict(), strict=True)
    both.net.visual.attnpool = pool
    plus = {**case, "kind": "clipiqa+"}
    seen = metric_taps.clipiqa_taps(both, plus)
    assert set(case["outputs"]) <= set(seen)
    for tap, difference in taps.differences(seen, case["outputs"]).items():
        assert difference < 1e-4, (tap, difference)
    with torch.inference_mode():
        logits = both.net.logits(seen["image_features"], seen["text_features"])
    np.testing.assert_allclose(logits, case["values"]["logits"], atol=1e-3)
    np.testing.assert_allclose(logits.softmax(1)[:, 0], case["values"]["score"], atol=1e-5)


def test_tokens_are_the_packs() -> None:
    tokens = PACK["tokens"]
    assert metric_taps.clipiqa_sentences("clipiqa") == [tuple(t) for t in tokens["clipiqa"].values()]
    assert metric_taps.clipiqa_sentences("clipiqa+") == [tuple(t) for t in tokens["clipiqa+"].values()]
    one = [(49406, *words, 49407) for words in SENTENCES["one"]]
    assert one == [tuple(t) for t in tokens["one_pair_of_the_paper"].values()]


def test_prompts_come_bare_or_named(tmp_path: Path) -> None:
    given = torch.rand(2, 16, 512)
    for form in (given, nn.Parameter(given), {"ctx": given}):
        torch.save(form, tmp_path / "prompts.pth")
        assert torch.equal(load_prompts(tmp_path / "prompts.pth").ctx, given)
    torch.save(torch.rand(2, 8, 512), tmp_path / "prompts.pth")
    with pytest.raises(InputError, match=r"of another shape \(ctx"):
        load_prompts(tmp_path / "prompts.pth")


def test_tensors_of_an_archived_program_are_taken_and_others_refused(tmp_path: Path) -> None:
    class Tiny(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.logit_scale = nn.Parameter(torch.tensor(2.0))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.logit_scale

    torch.jit.script(Tiny()).save(str(tmp_path / "RN50.pt"))
    assert rn50._is_program(tmp_path / "RN50.pt")
    assert rn50._program_tensors(tmp_path / "RN50.pt") == {"logit_scale": torch.tensor(2.0)}
    with pytest.raises(InputError, match="does not fit ClipRN50"):
        rn50.load_clip(tmp_path / "RN50.pt")
