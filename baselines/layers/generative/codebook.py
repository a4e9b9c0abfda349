"""What CodeFormer, KEEP and DicFace share: a VQGAN whose codes a transformer predicts from a degraded face.

Source: Zhou et al., "Towards Robust Blind Face Restoration with Codebook Lookup Transformer"
(NeurIPS 2022). Shapes in docstrings are those of the published 512x512 faces: 16x16 latents, 256 tokens
in row-major order.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.checks import expect_faces
from baselines.layers.generative.transformer import TransformerLayer
from baselines.layers.generative.vqgan import ResBlock, VQEncoder, VQGenerator, conv3x3

SIDE = 512
SHRINK = 32  # a latent's side is that of the frame divided by this
LATENT = 256
TOKEN = 512
CODES = 1024

# For each map size (in a 512x512 network): its channels, the encoder block whose output is fused, and the
# generator block after which it is fused (indices into the flat block lists).
MAP_CHANNELS = {16: 512, 32: 256, 64: 256, 128: 128, 256: 128, 512: 64}
ENCODER_BLOCK = {16: 18, 32: 14, 64: 11, 128: 8, 256: 5, 512: 2}
GENERATOR_BLOCK = {16: 6, 32: 9, 64: 12, 128: 15, 256: 18, 512: 21}


class Codebook(nn.Module):
    """The codewords; only looked up, never searched, at inference."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(CODES, LATENT)

    def forward(self, codes: Tensor) -> Tensor:
        """Indices (b, n) of a square map -> latents (b, LATENT, side, side)."""
        return self._as_map(self.embedding(codes))

    def mix(self, weights: Tensor) -> Tensor:
        """Weights over the codewords (b, n, CODES) of a square map -> sums of codewords
        (b, LATENT, side, side)."""
        return self._as_map(weights @ self.embedding.weight)

    @staticmethod
    def _as_map(words: Tensor) -> Tensor:
        side = int(words.shape[1] ** 0.5)
        # as a view this would be channels-last for some batch sizes, and GroupNorm rounds otherwise there
        return words.transpose(1, 2).contiguous().unflatten(2, (side, side))


class FuseBlock(nn.Module):
    """Controllable feature transformation: the decoder's map, scaled and shifted by what the
    encoder's map says, with weight w (CodeFormer, section 3.3).

    extra: channels of a third map that has a say (`transform`).
    """

    def __init__(self, channels: int, extra: int = 0) -> None:
        super().__init__()
        self.encode_enc = ResBlock(2 * channels + extra, channels)
        self.scale = self._head(channels)
        self.shift = self._head(channels)

    @staticmethod
    def _head(channels: int) -> nn.Sequential:
        return nn.Sequential(conv3x3(channels, channels), nn.LeakyReLU(0.2), conv3x3(channels, channels))

    def forward(self, encoded: Tensor, decoded: Tensor, w: float = 1.0) -> Tensor:
        """Two (b, channels, h, w) maps -> the fused map of the same shape."""
        return self.transform((encoded, decoded), decoded, w)

    def transform(self, maps: Sequence[Tensor], decoded: Tensor, w: float) -> Tensor:
        """`decoded` (b, channels, h, w), changed as all of `maps` together say."""
        both = self.encode_enc(torch.cat(list(maps), dim=1))
        change = torch.addcmul(self.shift(both), decoded, self.scale(both))
        return torch.add(decoded, change, alpha=w)


def fuse_blocks(sizes: Sequence[int]) -> nn.ModuleDict:
    """One fuse block for each map size, keyed by the size."""
    return nn.ModuleDict({str(size): FuseBlock(MAP_CHANNELS[size]) for size in sizes})


class CodePredictor(nn.Module):
    """Encoder, code transformer, codebook and generator, under the names of the published files.

    side: height and width of the frames, fixed by the position code (published: 512).
    """

    def __init__(self, side: int = SIDE, layers: int = 9, heads: int = 8) -> None:
        super().__init__()
        self.side = side
        self.encoder = VQEncoder(LATENT)
        self.quantize = Codebook()
        self.generator = VQGenerator(LATENT)
        self.position_emb = nn.Parameter(torch.zeros((side // SHRINK) ** 2, TOKEN))
        self.feat_emb = nn.Linear(LATENT, TOKEN)
        self.ft_layers = nn.ModuleList(TransformerLayer(TOKEN, heads, 2 * TOKEN) for _ in range(layers))
        self.idx_pred_layer = nn.Sequential(nn.LayerNorm(TOKEN), nn.Linear(TOKEN, CODES, bias=False))

    def encode(self, x: Tensor, sizes: Sequence[int]) -> tuple[Tensor, dict[int, Tensor]]:
        """Faces (b, 3, 512, 512) in [-1, 1] -> latents, and the encoder's maps of the wanted sizes."""
        expect_faces(self, x, self.side)
        latent, kept = self.encoder(x, [ENCODER_BLOCK[size] for size in sizes])
        return latent, {size: kept[ENCODER_BLOCK[size]] for size in sizes}

    def predict(self, latent: Tensor) -> Tensor:
        """Latents (b, 256, 16, 16) -> logits over the codes (b, 256 tokens, 1024)."""
        tokens = self.feat_emb(latent.flatten(2).transpose(1, 2))
        for layer in self.ft_layers:
            tokens = layer(tokens, self.position_emb)
        return self.idx_pred_layer(tokens)


def adaptive_instance_norm(content: Tensor, style: Tensor) -> Tensor:
    """`content` with the mean and standard deviation of `style`, for each sample and channel over all
    positions; std = sqrt(unbiased variance + 1e-5). Two (b, c, h, w) maps -> (b, c, h, w)."""

    def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
        variance, mean = torch.var_mean(x, dim=(2, 3), keepdim=True)
        return (variance + 1e-5).sqrt(), mean

    content_std, content_mean = statistics(content)
    style_std, style_mean = statistics(style)
    return (content - content_mean) / content_std * style_std + style_mean


def enlarge(x: Tensor, factor: int = 4) -> Tensor:
    """Bilinear enlargement, half-pixel centres: (b, c, h, w) -> (b, c, factor * h, factor * w)."""
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)
