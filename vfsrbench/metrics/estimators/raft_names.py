"""The names of RAFT's tensors in its authors' files, which torchvision's network has under others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")
AUTHORS = "fnet."
"""What names in the authors' files begin with, and torchvision's never do."""
_PARTS = (
    ("fnet.", "feature_encoder."),
    ("cnet.", "context_encoder."),
    ("_encoder.conv1.", "_encoder.convnormrelu.0."),
    ("_encoder.norm1.", "_encoder.convnormrelu.1."),
    ("_encoder.conv2.", "_encoder.conv."),
    ("update_block.encoder.", "update_block.motion_encoder."),
    ("update_block.mask.0.", "mask_predictor.convrelu.0."),
    ("update_block.mask.2.", "mask_predictor.conv."),
)
"""The authors' names and torchvision's, applied in this order; blocks, GRUs and motion layers are below."""


def torchvision_names(tensors: Mapping[str, T]) -> dict[str, T]:
    """Tensors of an authors' file by torchvision's names; what is stored under two names comes once."""
    renamed = ((_torchvision_name(name.removeprefix("module.")), value) for name, value in tensors.items())
    return {name: value for name, value in renamed if name is not None}


def _torchvision_name(name: str) -> str | None:
    """None for a second name of one parameter."""
    if ".norm3." in name:
        return None  # downsample.1 is the one in force
    for official, ours in _PARTS:
        name = name.replace(official, ours)
    block = name.split(".")
    if block[0].endswith("_encoder") and block[1].startswith("layer") and block[3][:-1] in ("conv", "norm"):
        block[3] = f"convnormrelu{block[3][-1]}.{'0' if block[3].startswith('conv') else '1'}"
    elif len(block) > 2 and block[1] == "motion_encoder":
        block[2] = block[2].replace("convc", "convcorr").replace("convf", "convflow") + ".0"
    elif len(block) > 2 and block[1] == "gru":
        block[1:3] = ["recurrent_block", f"convgru{block[2][-1]}", block[2][:-1]]
    return ".".join(block)
