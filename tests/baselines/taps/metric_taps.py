"""The golden packs of networks that metrics run: their weights filled in, and every tap of a case."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.baselines.taps import taps
from tests.parity import parity
from vfsrbench.metrics.networks.clip.rn50 import ClipRN50, LearnedPrompts
from vfsrbench.metrics.networks.clip.vit_b32 import ClipViTB32
from vfsrbench.metrics.networks.dists import DISTS
from vfsrbench.metrics.networks.dover import DOVER
from vfsrbench.metrics.networks.maniqa import MANIQA, SIDE
from vfsrbench.metrics.networks.musiq import MUSIQ, tokens_of
from vfsrbench.metrics.papers.dists import shrunk
from vfsrbench.metrics.quality import clipiqa, liqe
from vfsrbench.metrics.quality.maniqa import enlarged, even


def pictures(case: dict[str, Any]) -> Tensor:
    """A case's pictures, (B, 3, H, W) in [0, 1]."""
    if case["inputs"]:
        return parity.inputs(case)["x"]
    array = parity.u8_inputs(case)["x"]
    return torch.from_numpy(array if array.ndim == 4 else array[None]).float() / 255


def dists_net() -> DISTS:
    """With the published heads."""
    golden = taps.pack("dists")
    net = taps.filled(DISTS, golden)
    assert isinstance(net, DISTS)
    for name in ("alpha", "beta"):
        getattr(net, name).data = torch.tensor(golden["kept_values"][name]).view(1, -1, 1, 1)
    return net.requires_grad_(False)


def dists_pairs(case: dict[str, Any]) -> tuple[Tensor, Tensor]:
    if not case.get("u8"):
        given = parity.inputs(case)
        return given["x"], given["y"]
    made = [np.clip(np.rint(parity.make_array(case["u8"][k])), 0, 255).astype(np.uint8) for k in "xy"]
    small = [shrunk(np.ascontiguousarray(p.transpose(1, 2, 0))[None], 256) for p in made]
    x, y = (torch.from_numpy(s).permute(0, 3, 1, 2).float() / 255 for s in small)
    return x, y


def dists(net: DISTS, case: dict[str, Any]) -> dict[str, Tensor]:
    x, y = dists_pairs(case)
    seen = {f"feature{number}": found for number, found in enumerate(net.features(x)) if number}
    return seen | {"prepared0": x, "prepared1": y, "score": net(x, y)}


def musiq_net(classes: int = 1) -> MUSIQ:
    golden = taps.pack("musiq")
    if classes == 10:
        kept = [row for row in golden["tensors"] if not row[0].startswith("head.")]
        golden = {**golden, "tensors": kept + golden["tensors_10_classes"]}
    net = taps.filled(lambda: MUSIQ(num_classes=classes), golden)
    assert isinstance(net, MUSIQ)
    return net


def musiq(net: MUSIQ, case: dict[str, Any]) -> dict[str, Tensor]:
    """The distribution, which is no tap, is `dist`."""
    if case.get("classes", 1) != 1:
        net = musiq_net(case["classes"])
    images = pictures(case)
    inside = "transformer_encoder."
    known = {name for name, _ in net.named_modules()}
    paths = {tap: inside + tap if inside + tap in known else tap for tap in case["outputs"]}
    with torch.inference_mode(), taps.tapped(net, paths.values(), last=True) as modules:
        found = net.distribution(images)
    seen = {tap: modules[path] for tap, path in paths.items() if path in modules}
    seen |= {"patches": tokens_of(images).patches, "dist": found}
    if "embedding" in seen:
        seen["embedding"] = seen["embedding"].view(*seen["patches"].shape[:2], -1)
    return seen


class ClipIqa(nn.Module):
    """CLIP RN50 with the learned prompts that the pack keeps beside it."""

    def __init__(self, net: ClipRN50, prompts: LearnedPrompts) -> None:
        super().__init__()
        self.net, self.prompts = net, prompts


def clipiqa_net() -> ClipIqa:
    golden = taps.pack("clipiqa")
    state = parity.state_dict(golden)
    prompts = LearnedPrompts()
    prompts.load_state_dict({"ctx": state.pop("prompt_learner.ctx")}, strict=True)
    net = ClipRN50().eval()
    scale = {"logit_scale": torch.tensor(golden["kept_values"]["logit_scale"])}
    net.load_state_dict(state | scale, strict=True)
    return ClipIqa(net, prompts)


def clipiqa_sentences(kind: str) -> list[tuple[int, ...]]:
    words = clipiqa.SENTENCES["five" if kind == "clipiqa" else "learned"]
    return [(49406, *sentence, 49407) for sentence in words]


def clipiqa_taps(both: ClipIqa, case: dict[str, Any]) -> dict[str, Tensor]:
    """Of cases of the towers that we have; `short_features` is of sentences that are not filled up to 77."""
    if case["kind"] not in ("clipiqa", "clipiqa+"):
        return {}
    net, sentences, seen = both.net, clipiqa_sentences(case["kind"]), {}
    ends = [len(tokens) - 1 for tokens in sentences]
    with torch.inference_mode(), taps.tapped(net, case["outputs"]) as modules:
        short, embedded = net.embedded(sentences), net.embedded(sentences, 77)
        if case["kind"] == "clipiqa+":
            short, embedded = both.prompts(short), both.prompts(embedded)
            seen["prompts"] = embedded
        texts, images = net.text_features(embedded, ends), net(pictures(case))
    seen |= _batch_first(modules, "transformer.")
    with torch.inference_mode():
        seen["short_features"] = net.text_features(short, ends)
    return seen | {"text_features": texts, "image_features": images}


def liqe_net() -> ClipViTB32:
    golden = taps.pack("liqe")
    net = ClipViTB32().eval()
    scale = {"logit_scale": torch.tensor(golden["kept_values"]["logit_scale"])}
    net.load_state_dict(parity.state_dict(golden) | scale, strict=True)
    return net


def liqe_taps(net: ClipViTB32, case: dict[str, Any]) -> dict[str, Tensor]:
    """`images` and `texts` are the features as the network gives them, whatever their length."""
    sentences = liqe.SENTENCES["mix" if case["mtl"] else "five"]()
    crops = torch.cat([liqe.crops_of(image) for image in pictures(case)])
    ends, inside = [len(tokens) - 1 for tokens in sentences], set(case["outputs"]) - {"visual.ln_post"}
    with torch.inference_mode(), taps.tapped(net, inside) as modules:
        images = net(crops)
        seen = _batch_first(modules, "visual.transformer.")
        last = modules["visual.transformer.resblocks.11"]
        seen["visual.ln_post"] = net.visual.ln_post(last[:, 1:])  # the pack's is of the patches
        texts = net.text_features(net.embedded(sentences), ends)
        seen["patches"] = (crops - net.visual.mean) / net.visual.std
    # the pack's features are of unit length or not, as their tap says
    for name, found in (("image_features", images), ("text_features", texts)):
        unit = found / found.norm(dim=-1, keepdim=True)
        seen[name] = unit if case["outputs"][name]["std"] < 0.1 else found
    return seen | {"images": images, "texts": texts}


def _batch_first(modules: dict[str, Tensor], blocks: str) -> dict[str, Tensor]:
    """What transformer blocks put out as the packs have it: tokens first."""
    return {name: out.transpose(0, 1) if name.startswith(blocks) else out for name, out in modules.items()}


def maniqa_net() -> MANIQA:
    net = taps.filled(MANIQA, taps.pack("maniqa"))
    assert isinstance(net, MANIQA)
    return net


def maniqa_crops(image: Tensor, count: int) -> Tensor:
    large = enlarged(image)
    places = even(large.shape[1], large.shape[2], count)
    return torch.stack([large[:, top : top + SIDE, left : left + SIDE] for top, left in places])


def maniqa(net: MANIQA, case: dict[str, Any]) -> dict[str, Tensor]:
    """`of_patches` is what the network gives for each crop of each picture."""
    images = pictures(case)
    crops = torch.cat([maniqa_crops(image, case["crops"]) for image in images])
    if case["kind"] == "crops":
        return {"crops": crops}
    with torch.inference_mode(), taps.tapped(net, case["outputs"]) as seen:
        found = net(crops).unflatten(0, (len(images), -1))
    return seen | {"of_patches": found}


def dover_net() -> DOVER:
    net = taps.filled(DOVER, taps.pack("dover"))
    assert isinstance(net, DOVER)
    return net


def dover(net: DOVER, case: dict[str, Any]) -> dict[str, Tensor]:
    """Of cases of one branch; `map` is the branch's own output."""
    if case["kind"] != "network":
        return {}
    with torch.inference_mode(), taps.tapped(net, case["outputs"]) as seen:
        found = getattr(net, case["branch"])(parity.inputs(case)["x"])
    return seen | {"map": found}
