"""CodeFormer (Zhou et al., NeurIPS 2022), one face at a time.

State dict and arithmetic are those of sczhou/CodeFormer; golden figures: tests/parity/codeformer.json.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor

from baselines.layers.generative.codebook import (
    GENERATOR_BLOCK,
    SIDE,
    CodePredictor,
    adaptive_instance_norm,
    fuse_blocks,
)

FUSED_SIZES = (32, 64, 128, 256)


class CodeFormer(CodePredictor):
    """The published network: 9 transformer layers, 1024 codes, fusion at 32, 64, 128 and 256 pixels."""

    untrained_gain = 0.5
    """For random weights (`vfsrbench.weights.random_init`): four fusions multiply features and overflow."""

    def __init__(self, side: int = SIDE) -> None:
        super().__init__(side)
        self.fuse_convs_dict = fuse_blocks(FUSED_SIZES)

    def forward(self, x: Tensor, w: float = 0.0, adain: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Restore faces (b, 3, 512, 512), RGB in [-1, 1].

        w: weight of the encoder's features, 0 (best quality) to 1 (closest to the input).
        adain: give the codes the mean and spread of the input's latent.
        Returns the faces (b, 3, 512, 512), not clamped; logits (b, 256, 1024); the input's latent.
        """
        latent, features = self.encode(x, FUSED_SIZES if w > 0 else ())
        logits = self.predict(latent)
        quantized = self.quantize(logits.argmax(dim=-1))
        if adain:
            quantized = adaptive_instance_norm(quantized, latent)
        fuse = {
            GENERATOR_BLOCK[size]: partial(self.fuse_convs_dict[str(size)], feature, w=w)
            for size, feature in features.items()
        }
        return self.generator(quantized, fuse), logits, latent
