"""PGTFormer (Xu et al., "Beyond Alignment: Blind Video Face Restoration via Parsing-Guided Temporal-Coherent
Transformer", IJCAI 2024).

An encoder sees windows of three frames; a transformer whose code of position comes from face parsing predicts
a codeword for every place of a 32x32 grid; a decoder with fused features of the encoder paints the frames.
Names, shapes and arithmetic are those of kepengxu/PGTFormer; golden figures: tests/parity/pgtformer.json.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.checks import expect_faces
from baselines.layers.generative.codebook import FuseBlock, adaptive_instance_norm
from baselines.layers.generative.transformer import TransformerLayer
from baselines.layers.neighbours import neighbours
from baselines.pgtformer.attention import FRAMES
from baselines.pgtformer.autoencoder import LATENT, WIDTHS, Decoder, Encoder, Frames, middle_frames
from baselines.pgtformer.parsing import CLASSES, HEADS, FaceParsing
from degradations.errors import InputError

SIDE = 512
TOKEN = 512
CODES = 1024
LAYERS = 9
ATTENTION_HEADS = 8
MIXED = 32  # channels of a fuse block's view in time
FUSED_LEVELS = {4: 32, 3: 64, 2: 128, 1: 256}
"""Levels of encoder and decoder that are fused, and the size of their maps in a 512x512 network."""


class TemporalFuse(FuseBlock):
    """CodeFormer's fuse block with a third view: both maps of all three frames, mixed to 32 channels."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, extra=MIXED)
        self.tconvenc = nn.Conv2d(channels, MIXED, 1)
        self.tconvdec = nn.Conv2d(channels, MIXED, 1)
        self.tfusion0 = nn.Conv2d(2 * FRAMES * MIXED, FRAMES * MIXED, 1)
        self.tfusion1 = nn.Conv2d(MIXED, MIXED, 1)

    def over_time(self, encoded: Tensor, decoded: Tensor) -> Tensor:
        """Two (b * 3, channels, h, w) maps -> (b * 3, 32, h, w)."""
        views = (self.tconvenc(encoded), self.tconvdec(decoded))
        stacked = torch.cat([view.unflatten(0, (-1, FRAMES)).flatten(1, 2) for view in views], dim=1)
        mixed = self.tfusion0(stacked).unflatten(1, (FRAMES, MIXED)).flatten(0, 1)
        return self.tfusion1(mixed)

    def blend(self, decoded: Tensor, middle: bool, encoded: Tensor, w: float) -> Tensor:
        """The fused map (b * 3, channels, h, w); with `middle` that of the second frames, (b, ...)."""
        maps = (encoded, decoded, self.over_time(encoded, decoded))
        if middle:
            maps = (middle_frames(maps[0]), middle_frames(maps[1]), middle_frames(maps[2]))
        return self.transform(maps, maps[1], w)


class Codewords(nn.Module):
    """A codebook as residual quantization keeps it: a row more than codes, and training's averages."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(CODES + 1, TOKEN))
        self.register_buffer("cluster_size_ema", torch.zeros(CODES))
        self.register_buffer("embed_ema", torch.zeros(CODES, TOKEN))

    def forward(self, codes: Tensor) -> Tensor:
        """Codes (n, h, w) -> (n, 512, h, w)."""
        return F.embedding(codes, self.weight).permute(0, 3, 1, 2).contiguous()


class Quantizer(nn.Module):
    """One codebook: the code depth is 1."""

    def __init__(self) -> None:
        super().__init__()
        self.codebooks = nn.ModuleList([Codewords()])

    def forward(self, codes: Tensor) -> Tensor:
        """Codes (n, h, w, 1) -> (n, 512, h, w)."""
        return self.codebooks[0](codes[..., 0])


class Seen(NamedTuple):
    """What the network makes of frames by themselves: the encoder's maps, and the code of position
    (n, 512, 32, 32)."""

    maps: Frames
    position: Tensor


class PGTFormer(nn.Module):
    """The published network. side: height and width of the frames (published: 512)."""

    untrained_gain = 0.5
    """For random weights (`vfsrbench.weights.random_init`): four fusions multiply features and overflow."""

    def __init__(self, side: int = SIDE) -> None:
        super().__init__()
        self.side = side
        self.encoder = Encoder(side)
        self.decoder = Decoder(side)
        self.quantizer = Quantizer()
        self.quant_conv = nn.Conv2d(LATENT, TOKEN, 1)
        self.post_quant_conv = nn.Conv2d(TOKEN, LATENT, 1)
        self.conditionnet = FaceParsing()
        self.convpos = nn.Conv2d(HEADS * CLASSES, TOKEN, 1)
        self.feat_emb = nn.Linear(TOKEN, TOKEN)
        self.ft_layers = nn.ModuleList(
            TransformerLayer(TOKEN, ATTENTION_HEADS, 2 * TOKEN) for _ in range(LAYERS)
        )
        self.idx_pred_layer = nn.Sequential(nn.LayerNorm(TOKEN), nn.Linear(TOKEN, CODES, bias=False))
        fused = {str(size): TemporalFuse(WIDTHS[level]) for level, size in FUSED_LEVELS.items()}
        self.fuse_convs_dict = nn.ModuleDict(fused)

    def forward(
        self, x: Tensor, w: float = 1.0, codes: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Restore windows of three frames x (b * 3, 3, 512, 512), the frames of a window together, RGB in
        [0, 1].

        w: weight of the encoder's features, 0 (best quality) to 1 (closest to the input; official).
        codes (b * 3, 32, 32, 1): codebook indices in place of the most likely ones.
        Returns the frames, about [0, 1], not clamped; the logits of the codes (b * 3, 32, 32, 1, 1024); the
        latent (b * 3, 512, 32, 32). The official tool uses a window's second frame alone.
        """
        if x.ndim != 4 or not len(x) or len(x) % FRAMES:
            raise InputError(
                f"PGTFormer takes windows of {FRAMES} frames, (b * {FRAMES}, 3, h, w), got {list(x.shape)}: "
                f"repeat the first and last frame"
            )
        return self.mend(self.look(x), w, codes)

    def restore(self, x: Tensor, w: float = 1.0, batch: int = 1) -> Tensor:
        """A whole clip x (t, 3, 512, 512) -> (t, 3, 512, 512): each frame from the window of itself and its
        neighbours; the first and last frame are their own neighbours.

        What sees frames by themselves sees each once, not in three windows, and what makes the window's outer
        frames is left out; this equals `forward` over all windows. `batch`: how many windows at a time.
        """
        seen = [self.look(part) for part in x.split(batch)]
        maps, positions = zip(*seen, strict=True)
        quarter, half = (torch.cat(parts) for parts in zip(*maps, strict=True))
        position = torch.cat(positions)
        restored = []
        for window in neighbours(len(x), FRAMES, FRAMES // 2, x.device).split(batch):
            chosen = window.flatten()
            part = Seen(Frames(quarter[chosen], half[chosen]), position[chosen])
            restored.append(self.mend(part, w, middle=True)[0])
        return torch.cat(restored)

    def look(self, x: Tensor) -> Seen:
        """Frames (n, 3, 512, 512), as far as each is by itself."""
        expect_faces(self, x, self.side)
        return Seen(self.encoder.frames(x), self.convpos(self.conditionnet(x)))

    def mend(
        self, seen: Seen, w: float, codes: Tensor | None = None, middle: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Windows of three frames -> what `forward` returns; with `middle` their second frames only."""
        z, kept = self.encoder.windows(seen.maps.quarter)
        latent = self.quant_conv(z)
        logits = self.predict(latent, seen.position)
        codes = logits.argmax(-1) if codes is None else codes.long()
        quantized = adaptive_instance_norm(self.quantizer(codes), latent)
        fuse = {}
        if w > 0:
            for level, encoded in enumerate((seen.maps.half, *kept), start=1):
                block = self.fuse_convs_dict[str(FUSED_LEVELS[level])]
                assert isinstance(block, TemporalFuse)
                fuse[level] = partial(block.blend, encoded=encoded, w=w)
        return self.decoder(self.post_quant_conv(quantized), fuse, middle), logits, latent

    def predict(self, latent: Tensor, position: Tensor) -> Tensor:
        """Latents and codes of position (b * 3, 512, 32, 32) -> logits (b * 3, 32, 32, 1, 1024); the tokens
        of all three frames see each other."""
        tokens = self.feat_emb(latent.flatten(2).transpose(1, 2))
        place = position.flatten(2).transpose(1, 2)
        tokens, place = (t.unflatten(0, (-1, FRAMES)).flatten(1, 2) for t in (tokens, place))
        for layer in self.ft_layers:
            tokens = layer(tokens, place)
        logits = self.idx_pred_layer(tokens)
        return logits.unflatten(1, (FRAMES, *latent.shape[2:], 1)).flatten(0, 1)
