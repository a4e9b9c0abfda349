"""Our way through torchvision's RAFT against torchvision's own."""

from __future__ import annotations

import pytest
import torch

from vfsrbench.metrics.estimators.raft import found_flow, untrained_raft
from vfsrbench.runtime.precision import Profile, arithmetic

CPU = torch.device("cpu")


@pytest.mark.parametrize("profile", ["strict", "fast"])
def test_the_flow_is_torchvision_s_to_the_last_bit(profile: Profile) -> None:
    torch.manual_seed(0)
    network = untrained_raft().eval()
    frames = torch.rand(2, 2, 3, 128, 136) * 2 - 1
    with torch.inference_mode(), arithmetic(profile, CPU):
        wanted = network(frames[:, 0], frames[:, 1], num_flow_updates=2)[-1]
        found = found_flow(network, frames, 2)
    assert wanted.abs().max() > 0.1 and torch.equal(found, wanted)
    assert not network.corr_block.corr_pyramid, "which is not held between windows"
