"""DicFace (Chen et al., "Dirichlet-Constrained Variational Codebook Learning for Temporally Coherent Video
Face Restoration", ICCV 2025).

CodeFormer, but for three things: what the transformer sees is made of three sizes of the encoder's maps;
after each of its layers, one along time follows, over windows of five frames; and a token is no codeword but
a mixture of all of them, whose weights have a Dirichlet distribution. Names, shapes and arithmetic are those
of fudan-generative-vision/DicFace; golden figures: tests/parity/dicface.json.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.checks import expect_faces
from baselines.layers.generative.codebook import (
    ENCODER_BLOCK,
    GENERATOR_BLOCK,
    LATENT,
    SHRINK,
    SIDE,
    TOKEN,
    CodePredictor,
    adaptive_instance_norm,
    fuse_blocks,
)
from baselines.layers.generative.transformer import TransformerLayer
from baselines.layers.generative.vqgan import conv3x3
from baselines.layers.neighbours import neighbours
from degradations.errors import InputError

FUSED_SIZES = (32, 64, 128, 256)
SEEN_SIZES = (32, 64)
HEADS = 8
LEAST = 1e-2
"""Added to every concentration of the Dirichlet distributions."""
RETURNED = 1e-6
"""Added once more to what `DicFace.forward` returns, as the official network does for its loss."""

Maps = dict[int, Tensor]
Choice = Callable[[Tensor], Tensor]
"""Concentrations (n, tokens, 1024) -> weights of the codewords, of the same shape."""


class MultiScale(nn.Module):
    """The encoder's maps of 64 and 32 pixels folded to 16x16 and joined with its latent."""

    def __init__(self) -> None:
        super().__init__()
        self.s64_conv = nn.Conv2d(16 * LATENT, LATENT, 1)
        self.s32_conv = nn.Conv2d(4 * LATENT, LATENT, 1)
        self.s16_conv = nn.Conv2d(LATENT, LATENT, 1)
        self.out = conv3x3(3 * LATENT, LATENT)

    def forward(self, wide: Tensor, half: Tensor, latent: Tensor) -> Tensor:
        """(b, 256, 64, 64), (b, 256, 32, 32) and (b, 256, 16, 16) -> (b, 256, 16, 16)."""
        folded = (
            self.s64_conv(F.pixel_unshuffle(wide, 4)),
            self.s32_conv(F.pixel_unshuffle(half, 2)),
            self.s16_conv(latent),
        )
        return self.out(torch.cat(folded, dim=1))


def mean_weights(alpha: Tensor) -> Tensor:
    """The expected weights of Dirichlet distributions: concentrations, scaled to the sum 1."""
    return alpha / alpha.sum(-1, keepdim=True)


class DicFace(CodePredictor):
    """The published network; `frame_length` is the length of its temporal position code.

    side: height and width of the frames, fixed by the spatial position code (published: 512).
    """

    untrained_gain = 0.5
    """For random weights (`vfsrbench.weights.random_init`): four fusions multiply features and overflow."""

    def __init__(self, frame_length: int = 5, side: int = SIDE) -> None:
        super().__init__(side)
        self.frame_length = frame_length
        self.position_emb_temporal = nn.Parameter(torch.zeros(frame_length, TOKEN))
        self.multiscale = MultiScale()
        layers = (TransformerLayer(TOKEN, HEADS, 2 * TOKEN) for _ in self.ft_layers)
        self.dir_dist_layers = nn.ModuleList(layers)
        self.fuse_convs_dict = fuse_blocks(FUSED_SIZES)

    def forward(
        self, x: Tensor, w: float = 1.0, adain: bool = False, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Restore clips of `frame_length` frames, x (b * frame_length, 3, 512, 512), the frames of a clip
        together, RGB in [-1, 1].

        w: weight of the encoder's features, 0 (best quality) to 1 (closest to the input; official).
        adain: give the codes the mean and spread of the input's latent.
        weights (b * frame_length, 256, 1024): of the codewords, in place of the distributions' means. The
        official network draws them at random in every call.
        Returns the faces, not clamped; the input's latent (b * frame_length, 256, 16, 16); the
        concentrations (b * frame_length, 256, 1024).
        """
        if x.ndim != 4 or not len(x) or len(x) % self.frame_length:
            raise InputError(
                f"DicFace takes clips of {self.frame_length} frames, (b * {self.frame_length}, 3, h, w), got "
                f"{list(x.shape)}: repeat the last frame"
            )
        if x.shape[1] != 3:
            expect_faces(self, x, self.side)
        latent, maps = self.look(x, w)
        alpha = self.concentrations(self.tokens(latent))
        out = self.paint(mean_weights(alpha) if weights is None else weights, latent, maps, w, adain)
        return out, latent, alpha + RETURNED

    def restore(
        self,
        x: Tensor,
        keep: int | None = None,
        w: float = 1.0,
        adain: bool = False,
        choose: Choice = mean_weights,
        batch: int = 4,
    ) -> Tensor:
        """A whole clip x (t, 3, 512, 512) -> (t, 3, 512, 512): each frame is the frame `keep` (by default the
        middle one) of a window of its own, and frames beyond the clip's ends are copies of the ones there.

        Encoder and first layer see each frame once and the generator each result once, not each window; this
        equals `forward` over all windows. `batch`: how many frames they see at a time.
        """
        expect_faces(self, x, self.side)
        keep = self.frame_length // 2 if keep is None else keep
        seen = [self.look(part, w) for part in x.split(batch)]
        tokens = self.tokens(torch.cat([latent for latent, _ in seen]))
        around = neighbours(len(x), self.frame_length, keep, x.device)
        restored = []
        for (latent, maps), window in zip(seen, around.split(batch), strict=True):
            alpha = self.concentrations(tokens[window.flatten()], keep)
            restored.append(self.paint(choose(alpha), latent, maps, w, adain))
        return torch.cat(restored)

    def look(self, x: Tensor, w: float) -> tuple[Tensor, Maps]:
        """Faces (n, 3, 512, 512) -> the latents of three scales (n, 256, 16, 16), and the maps to fuse."""
        wanted = {*SEEN_SIZES, *(FUSED_SIZES if w > 0 else ())}
        latent, kept = self.encoder(x, [ENCODER_BLOCK[size] for size in wanted])
        if latent.shape[2:] != (self.side // SHRINK,) * 2:
            expect_faces(self, x, self.side)
        joined = self.multiscale(kept[ENCODER_BLOCK[64]], kept[ENCODER_BLOCK[32]], latent)
        return joined, {size: kept[ENCODER_BLOCK[size]] for size in (FUSED_SIZES if w > 0 else ())}

    def tokens(self, latent: Tensor) -> Tensor:
        """Latents (n, 256, 16, 16) -> tokens (n, 256, 512), after the first spatial layer."""
        return self.ft_layers[0](self.feat_emb(latent.flatten(2).transpose(1, 2)), self.position_emb)

    def concentrations(self, tokens: Tensor, keep: int | None = None) -> Tensor:
        """Tokens (n * frame_length, 256, 512) after the first spatial layer, window by window ->
        concentrations (n * frame_length, 256, 1024); with `keep` those of that frame of each window,
        (n, 256, 1024)."""
        tokens = self._along_time(tokens, 0)
        for k in range(1, len(self.ft_layers)):
            tokens = self._along_time(self.ft_layers[k](tokens, self.position_emb), k)
        if keep is not None:
            tokens = tokens[keep :: self.frame_length]
        return F.softplus(self.idx_pred_layer(tokens).float()) + LEAST

    def _along_time(self, tokens: Tensor, k: int) -> Tensor:
        """The k-th temporal layer: attention between the frames of a window, at each position by itself."""
        count = tokens.shape[1]
        series = tokens.unflatten(0, (-1, self.frame_length)).transpose(1, 2).flatten(0, 1)
        series = self.dir_dist_layers[k](series, self.position_emb_temporal)
        return series.unflatten(0, (-1, count)).transpose(1, 2).flatten(0, 1)

    def paint(self, weights: Tensor, latent: Tensor, maps: Maps, w: float, adain: bool) -> Tensor:
        """Weights of the codewords (n, 256, 1024) -> faces (n, 3, 512, 512)."""
        quantized = self.quantize.mix(weights)
        if adain:
            quantized = adaptive_instance_norm(quantized, latent)
        fuse = {
            GENERATOR_BLOCK[size]: partial(self.fuse_convs_dict[str(size)], feature, w=w)
            for size, feature in maps.items()
        }
        return self.generator(quantized, fuse)
