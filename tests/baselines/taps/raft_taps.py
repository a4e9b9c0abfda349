"""The golden pack of RAFT held against torchvision's network, which the RAFT columns of the metrics run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tests.baselines.taps.code_taps import recorded
from tests.parity import parity
from vfsrbench.metrics.estimators.raft_names import torchvision_names


class Raft(nn.Module):
    """torchvision's RAFT-large under the official file's names."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models.optical_flow import raft_large

        self.net = raft_large(weights=None, progress=False)

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        return self.net.load_state_dict(torchvision_names(state_dict), strict, assign)


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
