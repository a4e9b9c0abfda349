"""What both FLAIR networks are built of: wrappers between layouts, residual blocks, temporal attention.

Tensors are (b, n, c, h, w). Spatial layers see the frames one by one; 3-D convolutions and every group
normalization see the whole window, so a result depends on the window's length.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEAD_WIDTH = 64


class PerFrame(nn.Module):
    """Run a 2-D module on every frame."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.wrapped_module = module

    def forward(self, x: Tensor) -> Tensor:
        out = self.wrapped_module(x.flatten(0, 1))
        return out.view(*x.shape[:2], *out.shape[1:])


class PerClip(nn.Module):
    """Run a module on (b, c, n, h, w): 3-D convolutions and group normalization over the window."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.wrapped_module = module

    def forward(self, x: Tensor) -> Tensor:
        return self.wrapped_module(x.transpose(1, 2)).transpose(1, 2)


class ClipNorm(PerClip):
    """Group normalization over a window, in float32 whatever the network runs in."""

    def __init__(self, channels: int, groups: int = 32) -> None:
        super().__init__(nn.GroupNorm(groups, channels))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float()).to(x.dtype)


def conv2d(channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1) -> PerFrame:
    return PerFrame(nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2))


def conv3d(channels_in: int, channels_out: int, kernel: tuple[int, int, int]) -> PerClip:
    depth, height, width = kernel
    padding = (depth // 2, height // 2, width // 2)
    return PerClip(nn.Conv3d(channels_in, channels_out, kernel, padding=padding))


def head_count(channels: int) -> int:
    """Attention heads: one for 64 channels, as officially; one for fewer."""
    return max(1, channels // HEAD_WIDTH)


def over_pixels(embedding: Tensor, like: Tensor) -> Tensor:
    """(b*n, c) -> (b, n, c, 1, 1)."""
    return embedding.to(like.dtype).view(*like.shape[:2], -1, 1, 1)


def sinusoids(position: Tensor, width: int) -> Tensor:
    """(m,) positions -> (m, width): cosines, then sines, of frequencies 1 ... 1e-4 in geometric steps."""
    half = width // 2
    steps = torch.arange(half, dtype=torch.float32, device=position.device)
    angles = position.float()[:, None] * torch.exp(-math.log(1e4) * steps / half)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class ResBlock(nn.Module):
    """guided-diffusion's residual block over frames (2-D) or windows (3-D).

    The embedding is added, or with `scale_shift` scales and shifts the second normalization. `resize`
    "up" or "down" changes the size by two before the first convolution (frames only).
    """

    def __init__(
        self,
        channels_in: int,
        channels: int,
        embedding: int,
        kernel: tuple[int, int, int] | None = None,
        scale_shift: bool = False,
        resize: str = "",
    ) -> None:
        super().__init__()
        self.resize = resize
        self.scale_shift = scale_shift

        def conv(a: int, b: int) -> nn.Module:
            return conv2d(a, b) if kernel is None else conv3d(a, b, kernel)

        self.in_layers = nn.Sequential(ClipNorm(channels_in), nn.SiLU(), conv(channels_in, channels))
        width = 2 * channels if scale_shift else channels
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, width))
        self.out_layers = nn.Sequential(
            ClipNorm(channels), nn.SiLU(), nn.Identity(), conv(channels, channels)
        )
        self.skip_connection: nn.Module = nn.Identity()
        if channels_in != channels:
            self.skip_connection = conv2d(channels_in, channels, kernel=1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        norm, act, conv = self.in_layers
        h = act(norm(x))
        if self.resize:
            h, x = _resized(h, self.resize), _resized(x, self.resize)
        h = conv(h)
        shift = over_pixels(self.emb_layers(embedding), h)
        if self.scale_shift:
            scale, shift = shift.chunk(2, dim=2)
            norm, *rest = self.out_layers
            h = norm(h) * (1 + scale) + shift
            for layer in rest:
                h = layer(h)
        else:
            h = self.out_layers(h + shift)
        return self.skip_connection(x) + h


def _resized(x: Tensor, resize: str) -> Tensor:
    frames = x.flatten(0, 1)
    if resize == "up":
        frames = F.interpolate(frames, scale_factor=2, mode="nearest")
    else:
        frames = F.avg_pool2d(frames, 2)
    return frames.view(*x.shape[:2], *frames.shape[1:])


class TemporalAttention(nn.Module):
    """Each pixel looks at the same pixel of the `frames` - 1 frames around it (its own is not among them).

    The ends are padded by repeating the first and last normalized frame. FLAIR, section 3.3.
    """

    offsets: Tensor

    def __init__(self, channels: int, frames: int) -> None:
        super().__init__()
        reach = frames // 2
        offsets = torch.tensor([o for o in range(-reach, reach + 1) if o])
        self.register_buffer("offsets", offsets, persistent=False)
        self.heads = head_count(channels)
        self.q_linear = nn.Linear(channels, channels)
        self.k_linear = nn.Linear(channels, channels)
        self.v_linear = nn.Linear(channels, channels)
        self.proj = conv2d(channels, channels, kernel=1)
        self.norm = ClipNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        b, n, c, h, w = x.shape
        # contiguous, or each of the products below would copy its weights for every pixel
        tokens = self.norm(x).permute(0, 3, 4, 1, 2).reshape(-1, n, c).contiguous()
        codes = sinusoids(F.pad(self.offsets, (1, 0)), c).to(x.dtype)  # 0, then the offsets
        query = self.q_linear(tokens + codes[0])
        # the key of a frame at an offset is k(frame + code): linear, so both parts are computed once
        key, value = self.k_linear(tokens), self.v_linear(tokens)
        key_codes = F.linear(codes[1:], self.k_linear.weight)
        out = torch.empty_like(query)
        around = (torch.arange(n, device=x.device)[:, None] + self.offsets).clamp_(0, n - 1)
        for t in range(n):
            keys, values = (z.index_select(1, around[t]) for z in (key, value))
            out[:, t] = self._attend(query[:, t : t + 1], keys + key_codes, values)
        return x + self.proj(out.view(b, h, w, n, c).permute(0, 3, 4, 1, 2))

    def _attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """(m, 1, c), (m, k, c), (m, k, c) -> (m, c), heads side by side in the channels."""
        q, k, v = (z.unflatten(-1, (self.heads, -1)).transpose(1, 2) for z in (query, key, value))
        return F.scaled_dot_product_attention(q, k, v).flatten(1)
