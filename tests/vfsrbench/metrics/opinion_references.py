"""LIQE's and MANIQA's formulas written out: functions of the weights, in their arithmetic."""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.vfsrbench.metrics import clip_references

State = dict[str, Tensor]
WORDS = [[2103], [3665], [2849], [886], [1878]]


def liqe_five(state: State, picture: Tensor) -> float:
    return _liqe(state, picture, [[[320, 1125, 593, *word, 3027]] for word in WORDS])


def liqe_mix(state: State, picture: Tensor) -> float:
    from tests.baselines.taps import taps

    words = list(taps.pack("liqe")["tokens"]["mix"]["words"].values())
    sentences = []
    for quality in words[:5]:
        pairs = itertools.product(words[5:14], words[14:])
        start, end = [320, 1125, 539, 320], [30249, 267, 1448, 533, 539, *quality, 3027]
        sentences.append([[*start, *scene, 593, *what, *end] for scene, what in pairs])
    return _liqe(state, picture, sentences)


def _liqe(state: State, picture: Tensor, sentences: list[list[list[int]]]) -> float:
    corners = list(
        itertools.product(range(0, picture.shape[1] - 223, 32), range(0, picture.shape[2] - 223, 32))
    )
    step = max(1, len(corners) // 15)
    seen = [
        _unit(_vit(state, picture[:, top : top + 224, left : left + 224]))
        for top, left in corners[: 15 * step : step]
    ]
    table, scale = state["token_embedding.weight"], state["logit_scale"].exp()
    logits = []
    for of_quality in sentences:
        for words in of_quality:
            text = _unit(clip_references._sentence(state, table[[49406, *words, 49407]]))
            logits.append(sum(float(scale * (one @ text)) for one in seen) / len(seen))
    top = max(logits)
    parts = [math.exp(logit - top) for logit in logits]
    each = len(parts) // 5
    return sum((q + 1) * sum(parts[q * each : (q + 1) * each]) for q in range(5)) / sum(parts)


def _unit(x: Tensor) -> Tensor:
    return x / x.norm()


def _vit(state: State, crop: Tensor) -> Tensor:
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073], dtype=crop.dtype)[:, None, None]
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711], dtype=crop.dtype)[:, None, None]
    filters = state["visual.conv1.weight"].flatten(1)
    patches = F.unfold(((crop - mean) / std)[None], 32, stride=32)[0]
    x = torch.cat([state["visual.class_embedding"][None], (filters @ patches).T])
    x = _norm(state, "visual.ln_pre", x + state["visual.positional_embedding"])
    for number in range(12):
        name = f"visual.transformer.resblocks.{number}"
        at = _norm(state, f"{name}.ln_1", x)
        parts = at @ state[f"{name}.attn.in_proj_weight"].T + state[f"{name}.attn.in_proj_bias"]
        x = x + _linear(state, f"{name}.attn.out_proj", _heads(*parts.split(768, 1), 64))
        inner = _linear(state, f"{name}.mlp.c_fc", _norm(state, f"{name}.ln_2", x))
        x = x + _linear(state, f"{name}.mlp.c_proj", inner / (1 + (-1.702 * inner).exp()))
    return _norm(state, "visual.ln_post", x[:1])[0] @ state["visual.proj"]


def _heads(query: Tensor, key: Tensor, value: Tensor, width: int, bias: Tensor | None = None) -> Tensor:
    """Attention head by head; `bias` by head is added to the scores."""
    found = []
    for head, first in enumerate(range(0, query.shape[1], width)):
        own = slice(first, first + width)
        scores = query[:, own] @ key[:, own].T / math.sqrt(width)
        scores = scores if bias is None else scores + bias[head]
        found.append(scores.softmax(1) @ value[:, own])
    return torch.cat(found, 1)


def _linear(state: State, name: str, x: Tensor) -> Tensor:
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def _norm(state: State, name: str, x: Tensor, eps: float = 1e-5) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], eps)


# --- MANIQA --------------------------------------------------------------------------------------------


def maniqa_of(corners: list[tuple[int, int]], state: State, picture: Tensor) -> float:
    """The weighted mean over the patches of these crops."""
    up, down = 0.0, 1e-8
    for top, left in corners:
        tokens = _tail(state, _tokens(state, 2 * picture[:, top : top + 224, left : left + 224] - 1))
        score = F.relu(_linear(state, "fc_score.3", F.relu(_linear(state, "fc_score.0", tokens))))
        weight = torch.sigmoid(_linear(state, "fc_weight.3", F.relu(_linear(state, "fc_weight.0", tokens))))
        up, down = up + float((score * weight).sum()), down + float(weight.sum())
    return up / down


def _tokens(state: State, crop: Tensor) -> Tensor:
    """(784, 3072)."""
    filters = state["vit.patch_embed.proj.weight"].flatten(1)
    x = (filters @ F.unfold(crop[None], 8, stride=8)[0]).T + state["vit.patch_embed.proj.bias"]
    x = torch.cat([state["vit.cls_token"][0], x]) + state["vit.pos_embed"][0]
    taken = []
    for number in range(10):
        name = f"vit.blocks.{number}"
        parts = _linear(state, f"{name}.attn.qkv", _norm(state, f"{name}.norm1", x, 1e-6))
        x = x + _linear(state, f"{name}.attn.proj", _heads(*parts.split(768, 1), 64))
        inner = F.gelu(_linear(state, f"{name}.mlp.fc1", _norm(state, f"{name}.norm2", x, 1e-6)))
        x = x + _linear(state, f"{name}.mlp.fc2", inner)
        taken += [x[1:]] if number >= 6 else []
    return torch.cat(taken, 1)


def _tail(state: State, tokens: Tensor) -> Tensor:
    """(784, 384)."""
    x = _channels(state, "tablock1", tokens.T)
    x = _swin(state, "swintransformer1", _mixed(state, "conv1", x))
    x = _channels(state, "tablock2", x)
    return _swin(state, "swintransformer2", _mixed(state, "conv2", x)).T


def _mixed(state: State, name: str, x: Tensor) -> Tensor:
    return state[f"{name}.weight"].flatten(1) @ x + state[f"{name}.bias"][:, None]


def _channels(state: State, name: str, x: Tensor) -> Tensor:
    for number in range(2):
        query, key, value = (_linear(state, f"{name}.{number}.c_{part}", x) for part in "qkv")
        gathered = (query @ key.T / math.sqrt(784)).softmax(1) @ value
        x = x + gathered.T.reshape(x.shape)
    return x


def _swin(state: State, name: str, x: Tensor) -> Tensor:
    """x: (C, 784)."""
    for layer in range(2):
        tokens = x.T
        for block, shift in ((0, 0), (1, 2)):
            tokens = _swin_block(state, f"{name}.layers.{layer}.blocks.{block}", tokens, shift)
        filters = state[f"{name}.layers.{layer}.conv.weight"], state[f"{name}.layers.{layer}.conv.bias"]
        picture = F.conv2d(tokens.T.reshape(1, -1, 28, 28), *filters, padding=1)[0]
        x = x + 0.8 * F.relu(picture).flatten(1)
    return x


def _swin_block(state: State, name: str, x: Tensor, shift: int) -> Tensor:
    at, width = _norm(state, f"{name}.norm1", x), x.shape[1]
    parts = _linear(state, f"{name}.attn.qkv", at).split(width, 1)
    table = state[f"{name}.attn.relative_position_bias_table"]
    gathered = torch.zeros_like(x)
    for top in range(0, 28, 4):
        for left in range(0, 28, 4):
            cells = [(top + i, left + j) for i in range(4) for j in range(4)]
            rows = [((i + shift) % 28) * 28 + (j + shift) % 28 for i, j in cells]
            near = [[(a // 4 - b // 4 + 3) * 7 + a % 4 - b % 4 + 3 for b in range(16)] for a in range(16)]
            bias = table[torch.tensor(near)].permute(2, 0, 1)
            wrapped = [(shift and i >= 26, shift and j >= 26) for i, j in cells]
            apart = torch.tensor([[a != b for b in wrapped] for a in wrapped])
            bias = bias - 100 * apart.to(x.dtype)
            gathered[rows] = _heads(*(part[rows] for part in parts), width // 4, bias)
    x = x + _linear(state, f"{name}.attn.proj", gathered)
    inner = F.gelu(_linear(state, f"{name}.mlp.fc1", _norm(state, f"{name}.norm2", x)))
    return x + _linear(state, f"{name}.mlp.fc2", inner)
