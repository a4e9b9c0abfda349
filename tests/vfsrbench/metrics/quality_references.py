"""Learned quality without a reference against its formulas written out in float64, frame by frame, with the
same random weights. That the layouts are the official ones is shown by golden packs."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.vfsrbench.metrics import clip_references, clips, opinion_references
from tests.vfsrbench.metrics.checker import scores
from tests.vfsrbench.metrics.outcome import Outcome, Reference
from tests.vfsrbench.metrics.random_weights import metric, weights_file, weights_of
from vfsrbench.metric import TruthInfo

State = dict[str, Tensor]
Opinion = Callable[[State, Tensor], float]
SIDE, FRAMES = 72, 2  # not a whole number of patches


def opinion(metric_id: str, want: Opinion, side: int = SIDE, **params: int) -> Outcome:
    """Frame values against `want`, called with the weights and a picture (3, H, W) in [0, 1]. `params` change
    those on the card."""
    frames = clips.noisy(clips.moving(FRAMES, side), 0.5)[:, :, :-8]
    chosen = metric(metric_id)
    if params:
        card = chosen.card.model_copy(update={"params": {**chosen.card.params, **params}})
        chosen = type(chosen)(card)
        chosen.load(weights_of(card), torch.device("cpu"))
    got = scores(chosen, frames, frames, 2, TruthInfo("clip", "", FRAMES))
    state = {}
    for use in metric(metric_id).card.weights:
        state |= _doubles(use.name)
    pictures = torch.from_numpy(frames).permute(0, 3, 1, 2).double() / 255
    with torch.inference_mode():
        wanted = np.array([want(state, picture) for picture in pictures])
    assert np.isfinite(wanted).all() and np.ptp(wanted) > 0
    return Outcome(float(np.abs(got - wanted).max()), FRAMES)


def _doubles(name: str) -> State:
    from safetensors.torch import load_file

    return {key: value.double() for key, value in load_file(weights_file(name)).items()}


def _linear(state: State, name: str, x: Tensor) -> Tensor:
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def _layer_norm(state: State, name: str, x: Tensor, eps: float) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], eps)


# --- MUSIQ ---------------------------------------------------------------------------------------------


def musiq(state: State, picture: Tensor) -> float:
    """The formula patch by patch, without the tokens that only fill up."""
    rows, cells, scales = [], [], []
    height, width = picture.shape[1:]
    for scale, longer in enumerate((224, 384, max(height, width))):
        sides = [round(side * (longer / max(height, width))) for side in (height, width)]
        picture_there = 2 * picture - 1
        if scale < 2:
            picture_there = F.interpolate(picture_there[None], size=sides, mode="bicubic")[0]
        counts = [math.ceil(side / 32) for side in sides]
        first = [(32 * count - side) // 2 for count, side in zip(counts, sides, strict=True)]
        canvas = torch.zeros(3, 32 * counts[0], 32 * counts[1], dtype=torch.float64)
        canvas[:, first[0] : first[0] + sides[0], first[1] : first[1] + sides[1]] = picture_there
        for i in range(counts[0]):
            for j in range(counts[1]):
                piece = canvas[:, 32 * i : 32 * i + 32, 32 * j : 32 * j + 32]
                rows.append(_map_of(state, piece))
                cells.append(10 * math.floor(10 * i / counts[0]) + math.floor(10 * j / counts[1]))
                scales.append(scale)
    x = _linear(state, "embedding", torch.stack(rows))
    x = x + state["transformer_encoder.posembed_input.position_emb"][0, cells]
    x = x + state["transformer_encoder.scaleembed_input.scale_emb"][scales]
    x = torch.cat([state["transformer_encoder.cls"][0], x])
    for number in range(14):
        x = _block(state, f"transformer_encoder.transformer.encoderblock_{number}", x)
    top = _layer_norm(state, "transformer_encoder.encoder_norm", x, 1e-6)[0]
    if "head.weight" in state:
        return float(_linear(state, "head", top))
    parts = _linear(state, "head.0", top).softmax(0)
    return float(sum(k * part for k, part in enumerate(parts, start=1)))


def _map_of(state: State, piece: Tensor) -> Tensor:
    x = F.conv2d(F.pad(piece[None], (2, 3, 2, 3)), _standard(state["conv_root.weight"]), stride=2)
    x = F.relu(_group_norm(state, "gn_root", x, 1e-6))
    x = F.max_pool2d(F.pad(x, (0, 1, 0, 1)), 3, 2)
    beside = _group_norm(
        state, "block1.gn_proj", F.conv2d(x, _standard(state["block1.conv_proj.weight"])), 1e-4
    )
    for number in (1, 2, 3):
        filters = _standard(state[f"block1.conv{number}.weight"])
        x = F.conv2d(x, filters, padding=filters.shape[-1] // 2)
        x = _group_norm(state, f"block1.gn{number}", x, 1e-4)
        x = F.relu(x + beside if number == 3 else x)
    return x[0].permute(1, 2, 0).flatten()


def _standard(filters: Tensor) -> Tensor:
    flat = filters.flatten(1)
    centred = flat - flat.mean(1, keepdim=True)
    spread = (centred.square().sum(1, keepdim=True) / (flat.shape[1] - 1)).sqrt()
    return (centred / (spread + 1e-5)).view_as(filters)


def _group_norm(state: State, name: str, x: Tensor, eps: float) -> Tensor:
    return F.group_norm(x, 32, state[f"{name}.weight"], state[f"{name}.bias"], eps)


def _block(state: State, name: str, x: Tensor) -> Tensor:
    at = _layer_norm(state, f"{name}.norm1", x, 1e-6)
    query, key, value = (_linear(state, f"{name}.attention.{p}", at) for p in ("query", "key", "value"))
    heads = []
    for head in range(6):
        own = slice(64 * head, 64 * head + 64)
        heads.append((query[:, own] @ key[:, own].T / 8).softmax(1) @ value[:, own])
    x = x + _linear(state, f"{name}.attention.out", torch.cat(heads, 1))
    inner = _linear(state, f"{name}.mlp.fc1", _layer_norm(state, f"{name}.norm2", x, 1e-6))
    return x + _linear(state, f"{name}.mlp.fc2", F.gelu(inner))


def _drawn() -> list[tuple[int, int]]:
    rng = np.random.RandomState(42)
    return [(int(rng.randint(0, 252 - 224 + 1)), int(rng.randint(0, 244 - 224 + 1)))]


DRAWN = _drawn()
OPINIONS: dict[str, Opinion] = {
    "musiq_koniq": musiq,
    "musiq_ava": musiq,
    "musiq_spaq": musiq,
    "clipiqa": clip_references.one_pair,
    "clipiqa_5": clip_references.five_pairs,
    "clipiqa_plus": clip_references.learned_pair,
}


def _large(metric_id: str, want: Opinion, side: int, **params: int) -> Reference:
    run = lambda: opinion(metric_id, want, side, **params)  # noqa: E731
    return Reference(run, 2e-5, "the reference works in float64", heavy=True)


QUALITY_REFERENCES: dict[str, Reference] = {
    name: Reference(
        lambda name=name, want=want: opinion(name, want),  # type: ignore[misc]
        2e-5,
        "the reference works in float64",
        name != "musiq_koniq",
    )
    for name, want in OPINIONS.items()
}
QUALITY_REFERENCES |= {
    "liqe": _large("liqe", opinion_references.liqe_five, 300),
    "liqe_mix": _large("liqe_mix", opinion_references.liqe_mix, 260),
    "maniqa": _large("maniqa", partial(opinion_references.maniqa_of, [(0, 0)]), 252, crops=1),
    "maniqa_drawn": _large("maniqa_drawn", partial(opinion_references.maniqa_of, DRAWN), 252, crops=1),
}
