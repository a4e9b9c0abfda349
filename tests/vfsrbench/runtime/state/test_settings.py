"""torch's settings around foreign code: each that a block changes is named and put back."""

from __future__ import annotations

import pytest
import torch

from vfsrbench.runtime.state.settings import kept_settings

CHANGES = {
    "torch.backends.cudnn.benchmark = True": "cudnn.benchmark",
    "torch.backends.cudnn.deterministic = True": "cudnn.deterministic",
    "torch.backends.cudnn.enabled = False": "cudnn.enabled",
    "torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False": "cuda.matmul.allow_bf16",
    "torch.backends.cuda.enable_flash_sdp(False)": "scaled_dot_product_attention (flash)",
    "torch.use_deterministic_algorithms(True, warn_only=True)": "deterministic algorithms",
    "torch.set_default_dtype(torch.float64)": "default dtype",
    "torch.set_default_device('meta')": "default device",
    "torch.set_grad_enabled(not torch.is_grad_enabled())": "grad mode",
    "torch.autograd.set_detect_anomaly(True)": "anomaly detection",
    "torch.set_autocast_enabled('cpu', True)": "autocast (cpu)",
    "torch.set_num_threads(torch.get_num_threads() + 1)": "number of threads",
    "torch.set_float32_matmul_precision('medium')": "float32 precision (TF32)",
    "torch.backends.cudnn.allow_tf32 = not torch.backends.cudnn.allow_tf32": "float32 precision (TF32)",
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.filterwarnings("ignore")
def test_what_a_block_changes_is_named_and_put_back(change: str):
    first: set[str] = set()
    with kept_settings(first):
        exec(change)
    assert len(first) == 1 and CHANGES[change] in first.pop()
    again: set[str] = set()
    with kept_settings(again):
        pass
    assert not again
    with pytest.raises(KeyError), kept_settings(again):
        exec(change)
        raise KeyError
    assert len(again) == 1
    assert torch.empty(0).device.type == "cpu" and torch.empty(0).dtype == torch.float32


def test_a_block_that_changes_nothing_has_nothing_named():
    changed: set[str] = set()
    with kept_settings(changed), torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        torch.ones(2, 2) @ torch.ones(2, 2)
    assert not changed
