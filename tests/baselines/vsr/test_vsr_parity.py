"""BasicVSR, BasicVSR++, RealBasicVSR, EDVR and SPyNet against the official networks' golden figures.

Each tap must come within ten times what rounding alone does to the official network (float32 against
float64, recorded in the pack), with a floor of 1e-5.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from baselines.adapters.ready import ready
from baselines.basicvsr.network import BasicVSR
from baselines.basicvsrpp.network import BasicVSRPlusPlus
from baselines.edvr.network import EDVR
from baselines.layers.flow.spynet import SPyNet
from baselines.realbasicvsr.network import RealBasicVSR
from tests.baselines.taps import taps as tap_tools
from tests.baselines.taps import vsr_taps

BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "spynet": SPyNet,
    "basicvsr": BasicVSR,
    "basicvsrpp": BasicVSRPlusPlus,
    "basicvsrpp_same": lambda: BasicVSRPlusPlus(is_low_res_input=False),
    "basicvsrpp_n15": lambda: BasicVSRPlusPlus(num_blocks=15, is_low_res_input=False),
    "realbasicvsr": RealBasicVSR,
    "edvr": EDVR,
    "edvr_m_wotsa": lambda: EDVR(with_tsa=False),
    "edvr_l": lambda: EDVR(mid_channels=128, num_blocks_reconstruction=40),
}
PACKS = {name: tap_tools.pack(name) for name in BUILDERS}
SLOW = [  # the same paths with another number of frames or blocks
    "basicvsr-mirror_t4", "basicvsr-t2_not_multiple_of_32", "basicvsrpp-t2_not_multiple_of_32",
    "basicvsrpp-t3_square", "basicvsrpp_n15-t1", "basicvsrpp_same-mirror_t4", "basicvsrpp_same-t3_square",
    "edvr_l-t5_batch2",
]  # fmt: skip


@pytest.mark.parametrize("name", BUILDERS)
def test_names_and_shapes_are_the_checkpoints(name: str) -> None:
    assert tap_tools.layout(BUILDERS[name]()) == tap_tools.pack_layout(PACKS[name])


@pytest.mark.parametrize(("name", "case_name"), tap_tools.cases(PACKS, SLOW))
def test_every_tap_is_the_official_networks(name: str, case_name: str) -> None:
    case = next(c for c in PACKS[name]["cases"] if c["name"] == case_name)
    net = ready(tap_tools.filled(BUILDERS[name], PACKS[name]), torch.device("cpu"))  # as the adapters do
    differences = tap_tools.differences(vsr_taps.vsr(net, case), case["outputs"])
    rounding = case["float32_against_float64"]
    too_far = {
        tap: (d, rounding[tap]) for tap, d in differences.items() if not d <= max(10 * rounding[tap], 1e-5)
    }
    assert not too_far
