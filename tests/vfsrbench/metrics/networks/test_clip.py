"""CLIP RN50 and CLIP-IQA's prompts against their golden pack, and the forms in which files come."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from degradations.errors import InputError
from tests.baselines.taps import taps
from tests.parity import parity
from vfsrbench.metrics.networks.clip import rn50
from vfsrbench.metrics.networks.clip.rn50 import ClipRN50, LearnedPrompts, load_prompts
from vfsrbench.metrics.quality.clipiqa import SENTENCES

PACK = taps.pack("clipiqa")
CASES = {case["name"]: case for case in PACK["cases"] if case["kind"] in ("clipiqa", "clipiqa+")}
SMALL = "clipiqa not square"


@cache
def _networks() -> tuple[ClipRN50, LearnedPrompts]:
    state = parity.state_dict(PACK)
    prompts = LearnedPrompts()
    prompts.load_state_dict({"ctx": state.pop("prompt_learner.ctx")}, strict=True)
    net = ClipRN50().eval()
    net.load_state_dict(
        state | {"logit_scale": torch.tensor(PACK["kept_values"]["logit_scale"])}, strict=True
    )
    return net, prompts


def _images(case: dict[str, Any]) -> Tensor:
    if case["inputs"]:
        return parity.inputs(case)["x"]
    return torch.from_numpy(parity.u8_inputs(case)["x"])[None].float() / 255


def _sentences(kind: str) -> list[tuple[int, ...]]:
    return [(49406, *words, 49407) for words in SENTENCES["five" if kind == "clipiqa" else "learned"]]


def _check(case: dict[str, Any]) -> None:
    net, prompts = _networks()
    sentences, seen = _sentences(case["kind"]), {}
    ends = [len(tokens) - 1 for tokens in sentences]
    with torch.inference_mode(), taps.tapped(net, case["outputs"]) as modules:
        short, embedded = net.embedded(sentences), net.embedded(sentences, 77)
        if case["kind"] == "clipiqa+":
            short, embedded = prompts(short), prompts(embedded)
            seen["prompts"] = embedded
        texts = net.text_features(embedded, ends)
        images = net(_images(case))
    seen |= {
        name: value.transpose(0, 1) if name.startswith("transformer.") else value
        for name, value in modules.items()
    }
    seen |= {"text_features": texts, "image_features": images}
    for tap, difference in taps.differences(seen, case["outputs"]).items():
        assert difference < 1e-4, (tap, difference)
    with torch.inference_mode():
        np.testing.assert_allclose(net.text_features(short, ends), texts, atol=1e-5)
        logits = net.logits(images, texts)
    np.testing.assert_allclose(logits, case["values"]["logits"], atol=1e-3)
    parts = logits.unflatten(1, (-1, 2)).softmax(2)[:, :, 0].mean(1)
    np.testing.assert_allclose(parts, case["values"]["score"], atol=1e-5)


def test_every_tap_and_score_of_the_five_pairs_is_the_official() -> None:
    _check(CASES[SMALL])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(CASES) - {SMALL}))
def test_every_tap_and_score_of_other_pictures_and_prompts_is_the_official(name: str) -> None:
    _check(CASES[name])


def test_tokens_are_the_packs() -> None:
    tokens = PACK["tokens"]
    assert _sentences("clipiqa") == [tuple(t) for t in tokens["clipiqa"].values()]
    assert _sentences("clipiqa+") == [tuple(t) for t in tokens["clipiqa+"].values()]
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
