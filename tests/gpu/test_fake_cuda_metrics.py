"""Every metric with a network of PyTorch's on a fake GPU: a few waits a window, whatever its length."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gpu.examine import Allowed, examine_metric
from vfsrbench.plugins import metrics
from vfsrbench.runtime.precision import Profile

DEFAULT = Allowed(waits=2)
"""The numbers of the ground truth's window, and of the restored one."""
DETECTED = Allowed(waits=4)  # faces are found, on the host, before they are cut out
TOKENS = Allowed(waits=2, casts=9)  # the token of a class, 3 KB, with each batch of crops
ALLOWED = {
    "ids_detected_ir_se50": DETECTED,
    "legacy_ids_bfvr": DETECTED,
    **dict.fromkeys(("liqe", "liqe_mix", "maniqa", "maniqa_drawn"), TOKENS),
}
WITH_NETWORK = [n for n, e in metrics().entries.items() if e.card.factory is not None and e.card.weights]
SLOW = {
    "akd_relative_awing98": "akd_awing98",
    "clipiqa_5": "clipiqa",
    "dover_aesthetic": "dover",
    "dover_mean5": "dover",
    "dover_technical": "dover",
    "ewarp_self_raft": "ewarp_raft",
    "idlq_adaface_ir50": "ids_adaface_ir50",
    "ids_adaface_ir101": "ids_adaface_ir50",
    "ids_iresnet100": "ids_iresnet50",
    "kid_gt": "fid_gt",
    "legacy_ids_bfvr": "ids_detected_ir_se50",
    "liqe_mix": "liqe",
    "maniqa_drawn": "maniqa",
    "musiq_ava": "musiq_koniq",
    "musiq_spaq": "musiq_koniq",
    "tof_raft": "ewarp_raft",
}
"""Metrics that run the networks of another one, which is examined every time, over the same frames."""


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in WITH_NETWORK]
)
def test_metrics_keep_a_gpu_busy(name: str, tmp_path: Path) -> None:
    profile: Profile = "fast"  # all that strict does, and the types that it must not round
    found = examine_metric(name, profile, ALLOWED.get(name, DEFAULT), tmp_path)
    if found is None:
        pytest.skip("its networks are not PyTorch's")
    assert not found, (
        f"{name} ({profile}) on a GPU:\n" + "\n".join(found) + "\nIf a number is as it must be, allow it in "
        "tests/gpu/test_fake_cuda_metrics.py (ALLOWED), with the reason."
    )
