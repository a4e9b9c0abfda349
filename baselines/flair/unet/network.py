"""FLAIR's two networks under one name."""

from __future__ import annotations

from typing import Any

from baselines.flair.unet.bicubic_unet import BicubicUNet
from baselines.flair.unet.blur_unet import BlurUNet
from degradations.errors import did_you_mean

CONFIGS: dict[str, type[BicubicUNet] | type[BlurUNet]] = {"bicubic": BicubicUNet, "blur": BlurUNet}


def FlairUNet(config: str = "bicubic", **sizes: Any) -> BicubicUNet | BlurUNet:
    """The network as the official demos build it: `bicubic` (x8, x16) or `blur` (Gaussian, JPEG). `sizes`
    are the classes' own arguments, for smaller networks."""
    if config not in CONFIGS:
        raise did_you_mean("FLAIR network", config, CONFIGS)
    return CONFIGS[config](**sizes)
