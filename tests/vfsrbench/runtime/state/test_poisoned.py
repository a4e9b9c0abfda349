"""Errors after which a GPU is lost to the process, told from those that cost one call."""

from __future__ import annotations

import pytest
import torch

from vfsrbench.errors import JobFailure, PoisonedDevice
from vfsrbench.runtime.state.poisoned import failure_of, is_poisoned, poison_named, settle

MORE = """
Search for `cudaErrorIllegalAddress' in https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html
CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be
incorrect. For debugging consider passing CUDA_LAUNCH_BLOCKING=1
Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.
"""
STICKY = [
    "CUDA error: an illegal memory access was encountered",
    "CUDA error: unspecified launch failure",
    "CUDA error: device-side assert triggered",
    "CUDA error: misaligned address",
    "CUDA error: an illegal instruction was encountered",
    "CUDA error: the launch timed out and was terminated",
    "CUDA error: hardware stack error",
    "CUDA error: invalid program counter",
    "CUDA error: operation not supported on global/shared address space",
    "CUDA error: unknown error",
    "HIP error: an illegal memory access was encountered",
    "CUDA driver error: an illegal memory access was encountered",
    "CUDA error: an illegal memory access",
    "CUDA error: launch failure",
]
OF_OTHERS = [
    "CUDA error: uncorrectable ECC error encountered",
    "CUDA error: uncorrectable NVLink error detected during the execution",
    "CUDA error: the MPS client has been terminated by the server",
    "CUDA error: the remote procedural call between the MPS server and the MPS client failed",
    "CUDA error: an async error has occured in external entity outside of CUDA",
]
PASSING = [
    "CUDA error: invalid argument",
    "CUDA error: invalid configuration argument",
    "CUDA error: no kernel image is available for execution on the device",
    "CUDA error: out of memory",
    "CUDA error: too many resources requested for launch",
    "CUDA error: invalid device ordinal",
]
ACCELERATOR: type[Exception] = getattr(torch, "AcceleratorError", RuntimeError)


@pytest.mark.parametrize("text", [*STICKY, *OF_OTHERS])
def test_sticky_errors_of_torch_old_and_new(text: str):
    for kind in (ACCELERATOR, RuntimeError):
        error = kind(text + MORE)
        lost = failure_of(error, "m", "ids")
        assert is_poisoned(error) and isinstance(lost, PoisonedDevice)
        assert lost.own == (text in STICKY) and lost.metric == ("ids" if lost.own else "")
        assert text in lost.reason and "\n" not in lost.reason and lost.reason.startswith("m: ")


@pytest.mark.parametrize("text", PASSING)
def test_errors_that_cost_one_call(text: str):
    for kind in (ACCELERATOR, RuntimeError):
        assert not is_poisoned(kind(text + MORE))


def test_an_accelerator_s_error_that_nobody_knows_counts_and_a_method_s_own_words_do_not():
    if ACCELERATOR is not RuntimeError:
        assert is_poisoned(ACCELERATOR("CUDA error: something that CUDA 14 brought"))
    assert not is_poisoned(RuntimeError("unknown error"))
    assert not is_poisoned(ValueError("misaligned address"))
    assert isinstance(failure_of(ValueError("x")), JobFailure)


def test_onnxruntime_says_it_in_its_own_way():
    pytest.importorskip("onnxruntime")
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail

    text = "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 700: an illegal memory access was encountered"
    assert is_poisoned(Fail(text)) and not is_poisoned(Fail("[ONNXRuntimeError] : 1 : FAIL : no such node"))


def test_a_gpu_that_answers_no_more_shows_whatever_the_method_says(monkeypatch: pytest.MonkeyPatch):
    """A method may hide CUDA's error behind one of its own; the next call shows it nevertheless."""

    def lost() -> None:
        raise ACCELERATOR(STICKY[0])

    def full() -> None:
        raise ACCELERATOR("CUDA error: out of memory")

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    for answer, poisoned in ((lost, True), (full, False), (lambda: None, False)):
        monkeypatch.setattr(torch.cuda, "synchronize", answer)
        assert is_poisoned(ValueError("my network failed")) == poisoned


def test_blocks_name_it_and_let_other_errors_pass():
    with pytest.raises(PoisonedDevice, match="illegal memory access"), poison_named():
        raise ACCELERATOR(STICKY[0] + MORE)
    with pytest.raises(KeyError), poison_named():
        raise KeyError
    given = PoisonedDevice("x", metric="ids")
    with pytest.raises(PoisonedDevice) as caught, poison_named():
        raise given
    assert caught.value is given


def test_a_gpu_is_waited_for_so_that_its_errors_are_not_a_neighbour_s(monkeypatch: pytest.MonkeyPatch):
    waited: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    gpu = torch.device("cuda", 1)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    settle(gpu)
    assert not waited, "a GPU that was given nothing is not woken"
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    settle(torch.device("cpu"))
    settle(gpu)
    assert waited == [gpu]
