"""CLIP ViT-B/32 and LIQE's crops and sentences against their golden pack."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from degradations.errors import InputError
from tests.baselines.taps import metric_taps, taps
from vfsrbench.metrics.networks.clip.vit_b32 import ClipViTB32, load_liqe
from vfsrbench.metrics.quality.liqe import SENTENCES, crops_of

PACK = taps.pack("liqe")
CASES = {case["name"]: case for case in PACK["cases"]}
SMALL = "five, batch of two"


@cache
def _network() -> ClipViTB32:
    return metric_taps.liqe_net()


def _check(case: dict[str, Any]) -> None:
    net, images = _network(), metric_taps.pictures(case)
    assert sum(len(crops_of(image)) for image in images) == case["values"]["patches"]
    seen = metric_taps.liqe_taps(net, case)
    for tap, difference in taps.differences(seen, case["outputs"]).items():
        assert difference < 1e-4, (tap, difference)
    with torch.inference_mode():
        logits = net.logits(seen["images"], seen["texts"]).double().unflatten(0, (len(images), -1)).mean(1)
        scores = logits.softmax(1).unflatten(1, (5, -1)).sum(2) @ torch.arange(1.0, 6.0).double()
    np.testing.assert_allclose(scores, case["values"]["score"], atol=1e-5)


def test_every_tap_and_score_of_small_pictures_is_the_official() -> None:
    _check(CASES[SMALL])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(CASES) - {SMALL}))
def test_every_tap_and_score_of_other_pictures_and_sentences_is_the_official(name: str) -> None:
    _check(CASES[name])


def test_tokens_are_the_packs() -> None:
    tokens = PACK["tokens"]
    assert [list(row) for row in SENTENCES["five"]()] == list(tokens["five"].values())
    words, parts = list(tokens["mix"]["words"].values()), tokens["mix"]["parts"]
    qualities, scenes, distortions = words[:5], words[5:14], words[14:]
    mix = SENTENCES["mix"]()
    assert len(mix) == 495
    for index, row in enumerate(mix):
        q, s, d = index // 99, index // 11 % 9, index % 11
        assert list(row) == [
            tokens["start"], *parts["a photo of a"], *scenes[s], *parts["with"], *distortions[d],
            *parts["artifacts, which is of"], *qualities[q], *parts["quality"], tokens["end"],
        ]  # fmt: skip


@pytest.mark.slow
def test_the_authors_file_is_read_and_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "liqe.pt"
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in ClipViTB32().state_dict().items()}
    named = {f"clip_model.{name}": torch.zeros(shape, dtype=torch.half) for name, shape in shapes.items()}
    named["clip_model.visual.proj"] += torch.arange(512) / 512
    torch.save({"params": named}, path)
    network = load_liqe(path)
    assert torch.equal(network.visual.proj, named["clip_model.visual.proj"].float())
    torch.save({"params": {"clip_model.visual.proj": named["clip_model.visual.proj"]}}, path)
    with pytest.raises(InputError, match="does not fit ClipViTB32"):
        load_liqe(path)
