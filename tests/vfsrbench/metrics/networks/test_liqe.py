"""CLIP ViT-B/32 and LIQE's crops and sentences against their golden pack."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from degradations.errors import InputError
from tests.baselines.taps import taps
from tests.parity import parity
from vfsrbench.metrics.networks.clip.vit_b32 import ClipViTB32, load_liqe
from vfsrbench.metrics.quality.liqe import SENTENCES, crops_of

PACK = taps.pack("liqe")
CASES = {case["name"]: case for case in PACK["cases"]}
SMALL = "five, batch of two"


@cache
def _network() -> ClipViTB32:
    net = ClipViTB32().eval()
    scale = torch.tensor(PACK["kept_values"]["logit_scale"])
    net.load_state_dict(parity.state_dict(PACK) | {"logit_scale": scale}, strict=True)
    return net


def _images(case: dict[str, Any]) -> Tensor:
    if case["inputs"]:
        return parity.inputs(case)["x"]
    return torch.from_numpy(parity.u8_inputs(case)["x"])[None].float() / 255


def _check(case: dict[str, Any]) -> None:
    net, sentences = _network(), SENTENCES["mix" if case["mtl"] else "five"]()
    crops = torch.cat([crops_of(image) for image in _images(case)])
    assert len(crops) == case["values"]["patches"]
    ends, inside = [len(tokens) - 1 for tokens in sentences], set(case["outputs"]) - {"visual.ln_post"}
    with torch.inference_mode(), taps.tapped(net, inside) as modules:
        images = net(crops)
        seen = {
            name: value.transpose(0, 1) if ".transformer." in name else value
            for name, value in modules.items()
        }
        last = seen["visual.transformer.resblocks.11"].transpose(0, 1)
        seen["visual.ln_post"] = net.visual.ln_post(last[:, 1:])  # the pack's is of the patches
        texts = net.text_features(net.embedded(sentences), ends)
        seen["patches"] = (crops - net.visual.mean) / net.visual.std
    # the pack's features are of unit length or not, as their tap says
    for name, found in (("image_features", images), ("text_features", texts)):
        unit = found / found.norm(dim=-1, keepdim=True)
        seen[name] = unit if case["outputs"][name]["std"] < 0.1 else found
    for tap, difference in taps.differences(seen, case["outputs"]).items():
        assert difference < 1e-4, (tap, difference)
    with torch.inference_mode():
        logits = net.logits(images, texts).double().unflatten(0, (len(_images(case)), -1)).mean(1)
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
