"""CLIP-IQA's formulas written out: functions of the weights, in their arithmetic."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]
FIVE = (
    ((886, 2867), (2103, 2867)),
    ((8157, 2867), (21977, 2867)),
    ((8157, 20938), (21977, 20938)),
    ((1400, 9977, 2867), (1042, 9977, 2867)),
    ((9307, 268, 1139, 2867), (33495, 2867)),
)
ONE = (((886, 1125, 269), (2103, 1125, 269)),)


def one_pair(state: State, picture: Tensor) -> float:
    return _mean_of_pairs(state, picture, ONE)


def five_pairs(state: State, picture: Tensor) -> float:
    return _mean_of_pairs(state, picture, FIVE)


def learned_pair(state: State, picture: Tensor) -> float:
    table, words = state["token_embedding.weight"], state["ctx"]
    start, end = table[[49406]], table[[49407]]
    sides = []
    for side, first in enumerate((886, 2103)):
        named = table[[first, 1125, 852]]
        sides.append(_sentence(state, torch.cat([start, words[side, :8], named, words[side, 8:], end])))
    return _part(state, _picture(state, picture), *sides)


def _mean_of_pairs(state: State, picture: Tensor, pairs: tuple) -> float:
    seen, table = _picture(state, picture), state["token_embedding.weight"]
    parts = []
    for pair in pairs:
        sides = [_sentence(state, table[[49406, *words, 49407]]) for words in pair]
        parts.append(_part(state, seen, *sides))
    return sum(parts) / len(parts)


def _part(state: State, seen: Tensor, good: Tensor, bad: Tensor) -> float:
    scale = state["logit_scale"].exp()
    logits = [scale * (seen @ text) / (seen.norm() * text.norm()) for text in (good, bad)]
    return float(1 / (1 + (logits[1] - logits[0]).exp()))


def _picture(state: State, picture: Tensor) -> Tensor:
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073], dtype=picture.dtype)
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711], dtype=picture.dtype)
    x = ((picture - mean[:, None, None]) / std[:, None, None])[None]
    for number, stride in ((1, 2), (2, 1), (3, 1)):
        x = F.relu(_normed(state, f"visual.conv{number}", f"visual.bn{number}", x, 1, stride))
    x = F.avg_pool2d(x, 2)
    for stage, count in enumerate((3, 4, 6, 3), start=1):
        for block in range(count):
            x = _bottleneck(state, f"visual.layer{stage}.{block}", x, 2 if stage > 1 and block == 0 else 1)
    places = x[0].flatten(1).T
    query = _linear(state, "visual.attnpool.q_proj", places.mean(0))
    rows = torch.cat([places.mean(0, keepdim=True), places])
    key, value = (_linear(state, f"visual.attnpool.{p}_proj", rows) for p in "kv")
    heads = []
    for head in range(32):
        own = slice(64 * head, 64 * head + 64)
        heads.append((key[:, own] @ query[own] / 8).softmax(0) @ value[:, own])
    return _linear(state, "visual.attnpool.c_proj", torch.cat(heads))


def _bottleneck(state: State, name: str, x: Tensor, stride: int) -> Tensor:
    beside = x
    if f"{name}.downsample.0.weight" in state:
        pooled = F.avg_pool2d(x, stride)
        beside = _normed(state, f"{name}.downsample.0", f"{name}.downsample.1", pooled, 0, 1)
    x = F.relu(_normed(state, f"{name}.conv1", f"{name}.bn1", x, 0, 1))
    x = F.avg_pool2d(F.relu(_normed(state, f"{name}.conv2", f"{name}.bn2", x, 1, 1)), stride)
    return F.relu(_normed(state, f"{name}.conv3", f"{name}.bn3", x, 0, 1) + beside)


def _normed(state: State, conv: str, norm: str, x: Tensor, padding: int, stride: int) -> Tensor:
    x = F.conv2d(x, state[f"{conv}.weight"], None, stride, padding)
    factor = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + 1e-5).sqrt()
    shift = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * factor
    return x * factor[:, None, None] + shift[:, None, None]


def _sentence(state: State, rows: Tensor) -> Tensor:
    """Features of embedded words, the last of which is the end."""
    x = rows + state["positional_embedding"][: len(rows)]
    later = torch.ones(len(rows), len(rows)).triu(1).bool()
    for number in range(12):
        name = f"transformer.resblocks.{number}"
        at = _layer_norm(state, f"{name}.ln_1", x)
        parts = at @ state[f"{name}.attn.in_proj_weight"].T + state[f"{name}.attn.in_proj_bias"]
        query, key, value = parts.split(512, 1)
        heads = []
        for head in range(8):
            own = slice(64 * head, 64 * head + 64)
            scores = (query[:, own] @ key[:, own].T / 8).masked_fill(later, float("-inf"))
            heads.append(scores.softmax(1) @ value[:, own])
        x = x + _linear(state, f"{name}.attn.out_proj", torch.cat(heads, 1))
        inner = _linear(state, f"{name}.mlp.c_fc", _layer_norm(state, f"{name}.ln_2", x))
        x = x + _linear(state, f"{name}.mlp.c_proj", inner / (1 + (-1.702 * inner).exp()))
    return _layer_norm(state, "ln_final", x)[-1] @ state["text_projection"]


def _linear(state: State, name: str, x: Tensor) -> Tensor:
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def _layer_norm(state: State, name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], 1e-5)
