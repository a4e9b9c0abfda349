"""The golden pack of RAFT held against torchvision's network, which the RAFT columns of the metrics run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tests.baselines.taps.code_taps import recorded
from tests.parity import parity

PARTS = (
    ("fnet.", "feature_encoder."),
    ("cnet.", "context_encoder."),
    ("_encoder.conv1.", "_encoder.convnormrelu.0."),
    ("_encoder.norm1.", "_encoder.convnormrelu.1."),
    ("_encoder.conv2.", "_encoder.conv."),
    ("update_block.encoder.", "update_block.motion_encoder."),
    ("update_block.mask.0.", "mask_predictor.convrelu.0."),
    ("update_block.mask.2.", "mask_predictor.conv."),
)
"""Official names and torchvision's, applied in this order; blocks, GRUs and motion layers are below."""


def torchvision_name(name: str) -> str | None:
    """The official file's name of a tensor -> torchvision's; None for a second name of one parameter."""
    if ".norm3." in name:
        return None  # downsample.1 is the one in force
    for official, ours in PARTS:
        name = name.replace(official, ours)
    block = name.split(".")
    if block[0].endswith("_encoder") and block[1].startswith("layer") and block[3][:-1] in ("conv", "norm"):
        block[3] = f"convnormrelu{block[3][-1]}.{'0' if block[3].startswith('conv') else '1'}"
    elif block[1] == "motion_encoder":
        block[2] = block[2].replace("convc", "convcorr").replace("convf", "convflow") + ".0"
    elif block[1] == "gru":
        block[1:3] = ["recurrent_block", f"convgru{block[2][-1]}", block[2][:-1]]
    return ".".join(block)


class Raft(nn.Module):
    """torchvision's RAFT-large under the official file's names."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models.optical_flow import raft_large

        self.net = raft_large(weights=None, progress=False)

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        names = {name: torchvision_name(name) for name in state_dict}
        renamed = {ours: state_dict[name] for name, ours in names.items() if ours is not None}
        return self.net.load_state_dict(renamed, strict, assign)


def raft(net: nn.Module, case: dict[str, Any]) -> dict[str, Tensor]:
    paths = {"fnet": "net.feature_encoder", "cnet": "net.context_encoder"}
    paths |= {"motion": "net.update_block.motion_encoder", "update": "net.update_block"}
    given = {name: 2 * image - 1 for name, image in parity.inputs(case).items()}
    updates = int(case["name"].rpartition("_")[2])
    with recorded(net, list(paths.values())) as calls:
        flows = net.net(**given, num_flow_updates=updates)
    update = [call.result for call in calls[paths["update"]]]
    assert len(update) == updates
    return {
        "out": flows[-1],
        "fnet": calls[paths["fnet"]][0].result.unflatten(0, (2, -1)),
        "cnet": calls[paths["cnet"]][0].result,
        "motion_iter0": calls[paths["motion"]][0].result,
        "hidden_iter0": update[0][0],
        "delta_iter0": update[0][1],
        "flow_low": torch.stack([delta for _, delta in update]).sum(0),
    }
