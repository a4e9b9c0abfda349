"""BFVR-STC's network: two codes a latent position, one for the picture and one for its motion.

Source: Wang et al., "Efficient Video Face Enhancement with Enhanced Spatial-Temporal Consistency" (CVPR
2025); names, shapes and steps are those of the released checkpoints, which were trained with its "motion
residual" as it is here.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from baselines.bfvr_stc.blocks import LATENT, ResBlock3d, TemporalAttention, encoder, generator
from baselines.layers.generative.transformer import TransformerLayer
from degradations.errors import InputError

SIDE = 512
SHRINK = 8  # a latent's side is that of the frame divided by this; a latent frame stands for two frames
CODES = 1024
UNUSED = ("s_feat_emb", "t_feat_emb", "fuse_convs_dict")
FUSED = {"32": 256, "64": 256, "128": 128, "256": 128}


class Restored(NamedTuple):
    """What `BFVRSTC.forward` returns, t = n // 2."""

    frames: Tensor
    """(b, 3, 2t, h, w) in (0, 1)."""
    spatial: Tensor
    """Logits over the spatial codes, (b t, positions, 1024)."""
    temporal: Tensor
    """Logits over the temporal codes, (b t, positions, 1024)."""
    latent: Tensor
    """(b, 256, t, h / 8, w / 8)."""


class Codebooks(nn.Module):
    """The codewords of pictures and of motion, and the attention over time."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding_s = nn.Embedding(CODES, LATENT)
        self.embedding_t = nn.Embedding(CODES, LATENT)
        self.SA = TemporalAttention()

    def forward(self, codes_s: Tensor, codes_t: Tensor) -> Tensor:
        """Two (b, t, n) index maps -> the sum of their codewords (b, t, n, LATENT)."""
        return self.embedding_s(codes_s) + self.embedding_t(codes_t)


class FuseBlock3d(nn.Module):
    """Weights that the files carry from CodeFormer's fusion of features; nothing calls them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.encode_enc = ResBlock3d(2 * channels, channels)
        self.scale = self._head(channels)
        self.shift = self._head(channels)

    @staticmethod
    def _head(channels: int) -> nn.Sequential:
        first, last = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        return nn.Sequential(first, nn.LeakyReLU(0.2), last)


def motion_residual(latent: Tensor) -> Tensor:
    """The released networks' "motion residual": latents (b, c, t, h, w) -> (t, b, h w, c).

    The latents lie channels first, (c, b, t, h, w), when they are cut into t equal rows; each row less the
    one before is then read as the (b, h, w, c) of a latent frame, and the first is zero. Hence it is no
    difference of frames, it mixes channels, frames and, with b > 1, clips; the weights were trained with it.
    """
    b, c, t, height, width = latent.shape
    rows = latent.transpose(0, 1).reshape(t, -1)
    changes = torch.cat((torch.zeros_like(rows[:1]), rows[1:] - rows[:-1]))
    return changes.view(t, b, height * width, c)


class BFVRSTC(nn.Module):
    """Encoder, two code transformers, two codebooks and generator, under the names of the published files.

    Args:
        n_layers: Of each transformer (9: blind restoration; 6: the two files against flicker).
        n_head: Heads of each of their layers (2 and 4).
        side: Height and width of the frames, fixed by the position codes (published: 512).

    Clips of a batch influence each other, as they do officially (`motion_residual`): give one at a time
    where that matters.
    """

    def __init__(self, n_layers: int = 9, n_head: int = 2, side: int = SIDE) -> None:
        super().__init__()
        self.side = side
        positions = (side // SHRINK) ** 2
        self.position_emb_s = nn.Parameter(torch.zeros(positions, LATENT))
        self.position_emb_t = nn.Parameter(torch.zeros(positions, LATENT))
        self.encoder = encoder()
        self.quantize = Codebooks()
        self.generator = generator()
        self.s_feat_emb = nn.Linear(LATENT, LATENT)
        self.t_feat_emb = nn.Linear(LATENT, LATENT)
        self.s_ft_layers = nn.ModuleList(TransformerLayer(LATENT, n_head, 512) for _ in range(n_layers))
        self.t_ft_layers = nn.ModuleList(TransformerLayer(LATENT, n_head, 512) for _ in range(n_layers))
        self.s_idx_pred_layer = self._head()
        self.t_idx_pred_layer = self._head()
        self.fuse_convs_dict = nn.ModuleDict({size: FuseBlock3d(width) for size, width in FUSED.items()})

    @staticmethod
    def _head() -> nn.Sequential:
        return nn.Sequential(nn.LayerNorm(LATENT), nn.Linear(LATENT, CODES, bias=False))

    def drop_unused(self) -> None:
        """Forget the parts that the files carry and nothing calls, 78 MB."""
        for name in UNUSED:
            delattr(self, name)

    def forward(self, x: Tensor, codes_s: Tensor | None = None, codes_t: Tensor | None = None) -> Restored:
        """Clips (b, n, 3, side, side), RGB in [0, 1], n >= 2; of an odd number the last frame is seen and not
        returned. codes_s, codes_t: (b t, positions), instead of the most likely codes."""
        if len(self.encoder.blocks):  # without blocks x holds latents, channels after frames
            self._expect_clips(x)
        latent = self.encoder(x.transpose(1, 2))
        spatial, temporal = self.predict(latent)
        codes_s = spatial.argmax(-1) if codes_s is None else codes_s
        codes_t = temporal.argmax(-1) if codes_t is None else codes_t
        frames = self.decode(codes_s.long(), codes_t.long(), latent.shape)
        return Restored(frames, spatial, temporal, latent)

    def predict(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (b, 256, t, h, w) -> logits of both codes, (b t, h w, 1024) each."""
        pictures = latent.permute(0, 2, 3, 4, 1).flatten(2, 3)  # (b, t, h w, c)
        motion = self.quantize.SA(latent).permute(0, 2, 3, 4, 1).flatten(2, 3)
        motion = motion + motion_residual(latent).transpose(0, 1)
        spatial, temporal = pictures.flatten(0, 1), motion.flatten(0, 1)
        for layer in self.s_ft_layers:
            spatial = layer(spatial, self.position_emb_s)
        for layer in self.t_ft_layers:
            temporal = layer(temporal, self.position_emb_t)
        return self.s_idx_pred_layer(spatial), self.t_idx_pred_layer(temporal)

    def decode(self, codes_s: Tensor, codes_t: Tensor, shape: torch.Size) -> Tensor:
        """Codes (b t, h w) of latents (b, 256, t, h, w) -> frames (b, 3, 2t, 8h, 8w) in (0, 1)."""
        b, _, t, height, width = shape
        words = self.quantize(codes_s.view(b, t, -1), codes_t.view(b, t, -1))
        latent = words.unflatten(2, (height, width)).permute(0, 4, 1, 2, 3).contiguous()
        return self.generator(latent).sigmoid()

    def _expect_clips(self, x: Tensor) -> None:
        if x.ndim != 5 or x.shape[1] < 2 or x.shape[2:] != (3, self.side, self.side):
            raise InputError(
                f"BFVRSTC takes clips (b, n, 3, {self.side}, {self.side}) of two frames or more, got "
                f"{list(x.shape)}: resize the frames, double a single one"
            )


def deflicker() -> BFVRSTC:
    """The network of the two files against flicker."""
    return BFVRSTC(n_layers=6, n_head=4)
