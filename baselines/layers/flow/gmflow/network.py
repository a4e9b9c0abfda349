"""GMFlow (Xu et al., CVPR 2022) at one scale, as KEEP uses it.

State dict and arithmetic are those of haofeixu/gmflow inside KEEP's wrapper, which puts `model.` before
every name; golden figures: tests/parity/gmflow.json.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.flow.gmflow.backbone import CHANNELS, Backbone
from baselines.layers.flow.gmflow.transformer import SPLITS, FeatureTransformer, add_position
from degradations.errors import InputError

FACTOR = 8
MULTIPLE = FACTOR * SPLITS
MEAN = (0.485, 0.456, 0.406)  # ImageNet's, for RGB in [0, 1]
STD = (0.229, 0.224, 0.225)


def pixel_grid(h: int, w: int, like: Tensor) -> Tensor:
    """Every pixel's own position (h * w, 2), x then y, in row-major order."""
    y, x = torch.meshgrid(
        torch.arange(h, device=like.device), torch.arange(w, device=like.device), indexing="ij"
    )
    return torch.stack((x, y), dim=-1).flatten(0, 1).to(like.dtype)


def soft_lookup(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(query . key / sqrt(c)) @ value for query, key (b, n, c) and value (b, n, d), d <= c.

    `value` is filled up with zeros to c channels, and the one head is an axis of its own: only then does the
    attention kernel work block by block, and the (n, n) matrix of scores, 64 MB for a 512x512 pair, is never
    stored.
    """
    wide = F.pad(value, (0, query.shape[-1] - value.shape[-1]))
    found = F.scaled_dot_product_attention(query[:, None], key[:, None], wide[:, None])
    return found[:, 0, :, : value.shape[-1]]


def global_matching(feature0: Tensor, feature1: Tensor) -> Tensor:
    """Where each position of feature0 is expected in feature1, minus itself: (b, 2, h, w)."""
    b, _, h, w = feature0.shape
    grid = pixel_grid(h, w, feature0)
    tokens0, tokens1 = (f.flatten(2).transpose(1, 2) for f in (feature0, feature1))
    flow = soft_lookup(tokens0, tokens1, grid.expand(b, -1, -1)) - grid
    return flow.transpose(1, 2).unflatten(2, (h, w))


class FlowPropagation(nn.Module):
    """Spreads the flow from positions that match well to those that look alike."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.q_proj = nn.Linear(dim, dim)
        self.k_proj = nn.Linear(dim, dim)

    def forward(self, feature: Tensor, flow: Tensor) -> Tensor:
        """feature (b, c, h, w), flow (b, 2, h, w) -> flow (b, 2, h, w)."""
        query = self.q_proj(feature.flatten(2).transpose(1, 2))
        key = self.k_proj(query)  # from the projected query, not the feature: the weights rely on it
        spread = soft_lookup(query, key, flow.flatten(2).transpose(1, 2))
        return spread.transpose(1, 2).unflatten(2, flow.shape[2:])


def convex_upsample(flow: Tensor, mask: Tensor) -> Tensor:
    """Flow (b, 2, h, w) at 1/8 -> (b, 2, 8h, 8w): each fine pixel is a convex combination of its 3x3
    coarse neighbours (RAFT, section 3.3); mask (b, 9 * 64, h, w) before softmax."""
    b, _, h, w = flow.shape
    weights = mask.view(b, 1, 9, FACTOR, FACTOR, h, w).softmax(dim=2)
    patches = F.unfold(FACTOR * flow, 3, padding=1).view(b, 2, 9, 1, 1, h, w)
    fine = (weights * patches).sum(dim=2)
    return fine.permute(0, 1, 4, 2, 5, 3).reshape(b, 2, FACTOR * h, FACTOR * w)


class GMFlowModel(nn.Module):
    """The network proper, on images normalised with ImageNet's mean and spread."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.transformer = FeatureTransformer(CHANNELS)
        self.feature_flow_attn = FlowPropagation(CHANNELS)
        self.upsampler = nn.Sequential(
            nn.Conv2d(2 + CHANNELS, 256, 3, padding=1), nn.ReLU(), nn.Conv2d(256, FACTOR**2 * 9, 1)
        )

    def match(self, feature0: Tensor, feature1: Tensor) -> Tensor:
        """Backbone features of n pairs (n, 128, h, w) each -> flow (n, 2, 8h, 8w) in pixels."""
        feature0, feature1 = self.transformer(add_position(feature0), add_position(feature1))
        flow = self.feature_flow_attn(feature0, global_matching(feature0, feature1))
        return convex_upsample(flow, self.upsampler(torch.cat((flow, feature0), dim=1)))


class GMFlow(nn.Module):
    """Flow between images, in pixels, channel 0 = x; height and width must be multiples of 16."""

    def __init__(self) -> None:
        super().__init__()
        self.model = GMFlowModel()

    def forward(self, im1: Tensor, im2: Tensor, api: Literal["raw", "wrapper"] = "raw") -> Tensor:
        """Flow from im1 to im2 (b, 3, h, w), RGB, in [0, 255] (api "raw") or [-1, 1] ("wrapper", as
        KEEP calls it): (b, 2, h, w)."""
        both = torch.cat((im1, im2))
        feature0, feature1 = self.model.backbone(_normalised(both, api)).chunk(2)
        return self.model.match(feature0, feature1)

    def backwards(self, frames: Tensor) -> Tensor:
        """Flow from each frame to the one before: frames (b, t, 3, h, w), RGB in [-1, 1], t > 1 ->
        (b, t - 1, 2, h, w). Every frame's features are computed once for the two pairs it is in."""
        b = frames.shape[0]
        features = self.model.backbone(_normalised(frames.flatten(0, 1), "wrapper")).unflatten(0, (b, -1))
        flows = self.model.match(features[:, 1:].flatten(0, 1), features[:, :-1].flatten(0, 1))
        return flows.unflatten(0, (b, -1))


def _normalised(x: Tensor, api: str) -> Tensor:
    if x.shape[-2] % MULTIPLE or x.shape[-1] % MULTIPLE:
        raise InputError(
            f"GMFlow takes sides that are multiples of {MULTIPLE}, got {x.shape[-2]}x{x.shape[-1]}: pad them"
        )
    x = x / 255 if api == "raw" else (x + 1) / 2
    channels = zip(x.unbind(1), MEAN, STD, strict=True)
    return torch.stack([(channel - mean) / std for channel, mean, std in channels], dim=1)
