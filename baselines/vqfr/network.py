"""VQFR version 2 (Gu et al., "Blind Face Restoration with Vector-Quantized Dictionary", ECCV 2022).

An encoder predicts a codeword for every place of a 16 x 16 grid. From these the texture decoder paints a
face of high quality; the main branch bends its features towards the degraded input by deformable
convolutions. The fidelity ratio says how much of the main branch is added to the texture.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.checks import expect_faces
from baselines.layers.deform import DeformPack
from baselines.layers.generative.codebook import Codebook
from baselines.layers.generative.vqgan import (
    CHANNEL_MULTIPLIERS,
    AttnBlock,
    Downsample,
    ResBlock,
    Upsample,
    conv3x3,
    group_norm,
)
from baselines.layers.norms import replace_norms

BASE = 64
LATENT = 256
CODES = 1024
INPUT_FEATURES = 32
DEFORM_GROUPS = 4
WIDTHS = tuple(BASE * m for m in CHANNEL_MULTIPLIERS)  # at 512, 256, ... 16
# the decoders' levels, coarse to fine, by how many times smaller than the image they are
LEVELS = tuple((f"Level_{2**i}", WIDTHS[i]) for i in reversed(range(len(WIDTHS))))


class VQFROutput(NamedTuple):
    """What the network returns: the image, the image of the codebook alone, and the codewords (B, 16, 16)."""

    main_dec: Tensor
    texture_dec: Tensor
    code_indices: Tensor


class SerialGroupNorm(nn.GroupNorm):
    """GroupNorm by one thread on a CPU: torch's sums over channels-last features follow the number of
    threads, and with it the figures (by 1e-4). One thread gives the official ones on any machine."""

    def forward(self, x: Tensor) -> Tensor:
        threads = torch.get_num_threads()
        if x.device.type != "cpu" or threads == 1 or torch.compiler.is_compiling():
            return super().forward(x)
        torch.set_num_threads(1)
        try:
            return super().forward(x)
        finally:
            torch.set_num_threads(threads)


def _res(inputs: int, outputs: int | None = None) -> ResBlock:
    return ResBlock(inputs, outputs, "residual_func")


def _middle(channels: int) -> nn.Sequential:
    return nn.Sequential(_res(channels), AttnBlock(channels), _res(channels))


def _head(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(group_norm(inputs), nn.SiLU(), conv3x3(inputs, outputs))


def _level(resample: nn.Module | None, inputs: int, outputs: int, attend: bool) -> nn.Sequential:
    """A change of size (if any), then two blocks, each with an attention after it at the lowest level."""
    layers = [] if resample is None else [resample]
    for width in (inputs, outputs):
        layers += [_res(width, outputs)] + ([AttnBlock(outputs)] if attend else [])
    return nn.Sequential(*layers)


class Encoder(nn.Module):
    """Image -> latent (B, 256, 16, 16) for 512 x 512."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_in = conv3x3(3, BASE)
        self.blocks = nn.ModuleList()
        width = BASE
        for i, channels in enumerate(WIDTHS):
            resample = Downsample(width) if i else None
            self.blocks.append(_level(resample, width, channels, attend=i == len(WIDTHS) - 1))
            width = channels
        self.mid_blocks = _middle(width)
        self.conv_out = _head(width, LATENT)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.conv_out(self.mid_blocks(x))
        return out


class TextureDecoder(nn.Module):
    """Codewords -> the features of every level, Level_32 (16 x 16) first; `conv_out` makes the image."""

    def __init__(self) -> None:
        super().__init__()
        width = LEVELS[0][1]
        self.conv_in = conv3x3(LATENT, width)
        self.mid_blocks = _middle(width)
        self.blocks = nn.ModuleList()
        for i, (_, channels) in enumerate(LEVELS):
            self.blocks.append(_level(Upsample(width) if i else None, width, channels, attend=i == 0))
            width = channels
        self.conv_out = _head(width, 3)

    def forward(self, z: Tensor) -> dict[str, Tensor]:
        x = self.mid_blocks(self.conv_in(z))
        features = {}
        for (name, _), block in zip(LEVELS, self.blocks, strict=True):
            features[name] = x = block(x)
        return features


class TextureWarp(nn.Module):
    """Texture features bent towards the input. Returns them, and the offset feature for the next level."""

    def __init__(self, channels: int, coarser: int) -> None:
        super().__init__()
        self.offset_conv1 = nn.Sequential(
            nn.Conv2d(INPUT_FEATURES + channels, channels, 1),
            group_norm(channels),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 7, padding=3, groups=channels),
            group_norm(channels),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 1),
        )
        self.offset_conv2 = nn.Sequential(
            conv3x3(channels + coarser, channels), group_norm(channels), nn.SiLU()
        )
        self.dcn = DeformPack(channels, DEFORM_GROUPS)

    def forward(self, x: Tensor, given: Tensor, previous: Tensor | None) -> tuple[Tensor, Tensor]:
        """x (B, C, h, w), features of the input (B, 32, H, W), the coarser level's offset feature."""
        given = F.interpolate(given, x.shape[2:], mode="bilinear", align_corners=False)
        guide = self.offset_conv1(torch.cat([given, x], dim=1))
        if previous is not None:
            # offsets are in pixels: at twice the size the same shift is twice as many
            wider = F.interpolate(previous, scale_factor=2, mode="bilinear", align_corners=False)
            guide = torch.cat([guide, wider * 2], dim=1)
        guide = self.offset_conv2(guide)
        return self.dcn(x, guide), guide


class MainBranch(nn.Module):
    """Warps the texture of every level and joins them from coarse to fine, (B, 64, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.align_func_dict = nn.ModuleDict()
        self.pre_upsample_dict = nn.ModuleDict()
        self.decoder_dict = nn.ModuleDict()
        coarser = 0
        for name, channels in LEVELS:
            self.align_func_dict[name] = TextureWarp(channels, coarser)
            if coarser:
                up = nn.Upsample(scale_factor=2, mode="nearest")
                self.pre_upsample_dict[name] = nn.Sequential(up, conv3x3(coarser, channels))
                self.decoder_dict[name] = _res(2 * channels, channels)
            coarser = channels

    def forward(self, texture: dict[str, Tensor], given: Tensor) -> Tensor:
        x: Tensor | None = None
        guide: Tensor | None = None
        for name, feature in texture.items():
            warped, guide = self.align_func_dict[name](feature, given, guide)
            if x is None:
                x = warped
            else:
                x = self.decoder_dict[name](torch.cat([self.pre_upsample_dict[name](x), warped], dim=1))
        assert x is not None
        return x


class VQFR(nn.Module):
    """VQFR v2. Input (B, 3, side, side), RGB in [-1, 1]; output likewise, not clamped.

    The published network predicts the codes of a 16 x 16 grid, so its side is 512.
    """

    def __init__(self, side: int = 512) -> None:
        super().__init__()
        self.side = side
        self.encoder = Encoder()
        self.decoder = TextureDecoder()
        self.main_branch = MainBranch()
        self.inpfeat_extraction = conv3x3(3, INPUT_FEATURES)
        self.quantizer = Codebook()
        self.feat2index = nn.Sequential(nn.LayerNorm(LATENT), nn.Linear(LATENT, CODES))
        replace_norms(self.decoder, SerialGroupNorm)
        replace_norms(self.main_branch, SerialGroupNorm)

    def forward(self, x_lq: Tensor, fidelity_ratio: float = 0.0) -> VQFROutput:
        """Restore faces, all outputs. `fidelity_ratio` 0 is the codebook's texture alone."""
        indices, texture = self.texture(x_lq)
        finest = texture[LEVELS[-1][0]]
        mixed = finest + fidelity_ratio * self.main_branch(texture, self.inpfeat_extraction(x_lq))
        return VQFROutput(self.decoder.conv_out(mixed), self.decoder.conv_out(finest), indices)

    def restore(self, x_lq: Tensor, fidelity_ratio: float = 0.0) -> Tensor:
        """The image alone, without what does not enter it: at ratio 0 that is the whole main branch."""
        _, texture = self.texture(x_lq)
        finest = texture[LEVELS[-1][0]]
        if fidelity_ratio:
            finest = finest + fidelity_ratio * self.main_branch(texture, self.inpfeat_extraction(x_lq))
        image: Tensor = self.decoder.conv_out(finest)
        return image

    def texture(self, x_lq: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The predicted codewords (B, 16, 16), and the texture features of every level."""
        expect_faces(self, x_lq, self.side)
        latent = self.encoder(x_lq)
        logits = self.feat2index(latent.flatten(2).transpose(1, 2))
        indices = logits.argmax(2)
        # In the official code the codes' vectors are channels-last, and so then are all decoder features.
        # CPU GroupNorm rounds differently in that order, by 2e-4. A GPU's copies them.
        order = torch.channels_last if indices.device.type == "cpu" else torch.contiguous_format
        words = self.quantizer(indices).clone(memory_format=order)
        return indices.view(-1, *latent.shape[2:]), self.decoder(words)
