"""What counts as memory that ran out, in the words of those who say it; what a block took of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch

from vfsrbench.engines.local import kept_memory
from vfsrbench.runtime.memory import (
    count_parameters,
    held_bytes,
    is_out_of_memory,
    networks_of,
    watch_peak,
)

OF_TORCH = [
    "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79.15 GiB of which 14.75 "
    "MiB is free. Process 4121 has 79.13 GiB memory in use.",
    "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call",
    "HIP out of memory. Tried to allocate 2.00 GiB.",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasLtCreate(&handle)`",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasSgemm( handle, opa, opb, m, n, k)`",
    "Unable to find an engine to execute this computation",
    "GET was unable to find an engine to execute this computation",
    "FIND was unable to find an engine to execute this computation",
    "cuDNN Frontend error: [cudnn_frontend] Error: No valid execution plans built.",
    "[cudnn_frontend] Error: No valid engine configs for ... No valid execution plans built.",
    "cuFFT error: CUFFT_ALLOC_FAILED",
    "cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnSgesvdj_bufferSize(handle)`",
    "cusolver error: CUSOLVER_STATUS_NOT_INITIALIZED, when calling `cusolverDnCreate(handle)`",
    "cusolver error: CUSOLVER_STATUS_INTERNAL_ERROR, when calling `cusolverDnCreate(handle)`",
    "CUDA error: CUSPARSE_STATUS_ALLOC_FAILED when calling `cusparseCreate(handle)`",
    "miopenStatusAllocFailed",
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
    "allocate 4503599627370496 bytes. Error code 12 (Cannot allocate memory)",
    "[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried to allocate "
    "40000000000 bytes.",
    "std::bad_alloc",
    "CUDA driver error: out of memory",
    "Triton Error [CUDA]: out of memory",
    "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED when calling `cudnnCreate(&handle)`",
    "CUDA error: CUSPARSE_STATUS_INSUFFICIENT_RESOURCES when calling `cusparseCreate(handle)`",
    "linalg.eigh: MAGMA: cannot allocate memory on GPU device",
    "HIP error: hipErrorOutOfMemory",
    "cudaErrorMemoryAllocation",
]
NOT_OF_TORCH = [
    "shapes differ",
    "CUDA error: an illegal memory access was encountered",
    "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle, opa, opb)`",
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasSetStream(handle, stream)`",
    "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED",
    "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "cuFFT error: CUFFT_INTERNAL_ERROR",
    "CUDA error: no kernel image is available for execution on the device",
]
OF_ONNXRUNTIME = [
    "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Conv node. "
    "Name:'Conv_0' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* "
    "onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*, bool, "
    "onnxruntime::WaitNotificationFn) Failed to allocate memory for requested buffer of size 8388608000",
    "[ONNXRuntimeError] : 1 : FAIL : bfc_arena.cc:342 AllocateRawInternal Available memory of 0 is smaller "
    "than requested bytes of 67108864",
    "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 2: out of memory ; GPU=0 ; hostname=n1 ; "
    "file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_allocator.cc ; expr=cudaMalloc(&p, size);",
    "[ONNXRuntimeError] : 11 : EP_FAIL : CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=n1",
    "[ONNXRuntimeError] : 11 : EP_FAIL : CUDNN failure 4003: "
    "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0 ; hostname=n1",
    "std::bad_alloc",
]
NOT_OF_ONNXRUNTIME = [
    "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions for input: data",
    "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 700: an illegal memory access was encountered ; GPU=0",
]


@pytest.mark.parametrize("text", OF_TORCH)
def test_the_words_of_torch_and_of_what_it_calls(text: str):
    for kind in (RuntimeError, torch.OutOfMemoryError, getattr(torch, "AcceleratorError", RuntimeError)):
        assert is_out_of_memory(kind(text))


@pytest.mark.parametrize("text", NOT_OF_TORCH)
def test_other_errors_of_torch_are_none(text: str):
    assert not is_out_of_memory(RuntimeError(text))


def test_onnxruntime_has_classes_of_its_own():
    pytest.importorskip("onnxruntime")
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    kinds = [k for k in vars(state).values() if isinstance(k, type) and issubclass(k, Exception)]
    assert {"RuntimeException", "Fail", "EPFail"} <= {kind.__name__ for kind in kinds}
    for kind in kinds:
        assert not issubclass(kind, RuntimeError)
        assert all(is_out_of_memory(kind(text)) for text in OF_ONNXRUNTIME)
        assert not any(is_out_of_memory(kind(text)) for text in NOT_OF_ONNXRUNTIME)


def _onnxruntime() -> object:
    """A network that makes a tensor as large as it is told."""
    onnxruntime = pytest.importorskip("onnxruntime")
    helper = pytest.importorskip("onnx").helper
    count = helper.make_tensor_value_info("n", 7, [1])
    made = helper.make_tensor_value_info("y", 1, None)
    node = helper.make_node("ConstantOfShape", ["n"], ["y"])
    graph = helper.make_graph([node], "g", [count], [made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return session.run(None, {"n": np.array([1 << 46])})


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), True),
        (OSError(12, "Cannot allocate memory"), True),
        (OSError(28, "No space left on device"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_counts_as_memory_running_out(error: Exception, said: bool):
    assert is_out_of_memory(error) == said


def _torch() -> object:
    return torch.empty(1 << 50)


def _numpy() -> object:
    return np.empty((1 << 50,))


def _opencv() -> object:
    import cv2

    return cv2.resize(np.zeros((4, 4, 3), np.float64), (32767 * 50, 32767 * 50), interpolation=0)


def _file() -> object:
    import mmap

    return mmap.mmap(-1, 1 << 60)


@pytest.mark.parametrize("call", [_torch, _numpy, _opencv, _onnxruntime, _file])
def test_the_host_s_memory_really_asked_for_too_much(call: Callable[[], object]):
    with pytest.raises(Exception) as caught:
        call()
    assert is_out_of_memory(caught.value), caught.value


def test_an_onnx_network_that_finds_no_memory_is_no_damaged_file(tmp_path, monkeypatch: pytest.MonkeyPatch):
    onnxruntime = pytest.importorskip("onnxruntime")
    from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

    from vfsrbench.faces.networks.insightface_onnx import OnnxNetwork

    def full(*given, **more):
        raise RuntimeException(OF_ONNXRUNTIME[0])

    monkeypatch.setattr(onnxruntime, "InferenceSession", full)
    (tmp_path / "net.onnx").write_bytes(b"x")
    with pytest.raises(RuntimeException):
        OnnxNetwork(tmp_path / "net.onnx")


def test_a_peak_is_what_the_block_took_beside_what_was_held():
    held = [np.ones(80 << 20, np.uint8)]
    with watch_peak(torch.device("cpu")) as nothing:
        pass
    with watch_peak(torch.device("cpu")) as peak:
        taken = np.ones(60 << 20, np.uint8)
        del taken
    with watch_peak(torch.device("cpu")) as after:
        pass
    assert held and nothing.bytes < 20 << 20 and after.bytes < 20 << 20
    assert 50 << 20 < peak.bytes < 90 << 20
    with watch_peak(torch.device("cpu"), known=30 << 20) as less:
        pass
    with watch_peak(torch.device("cpu"), known=30 << 20) as more:
        np.ones(60 << 20, np.uint8)
    assert less.bytes == 30 << 20 and more.bytes > 50 << 20


def test_memory_that_a_worker_keeps_does_not_hide_what_a_block_takes():
    code = (
        "import numpy as np, torch\n"
        "from vfsrbench.runtime.memory import watch_peak\n"
        "parts = [np.ones(20 << 20, np.uint8) for _ in range(6)]\n"
        "end = np.ones(1 << 20, np.uint8)\n"  # so that they do not lie at the end of the memory
        "del parts\n"
        "with watch_peak(torch.device('cpu')) as peak:\n"
        "    parts = [np.ones(20 << 20, np.uint8) for _ in range(6)]\n"
        "print(peak.bytes >> 20)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | kept_memory(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert 110 < int(done.stdout) < 150


class Holder:
    """A method that somebody wrote."""

    def __init__(self, **parts: object) -> None:
        vars(self).update(parts)


def test_networks_are_found_wherever_a_method_holds_them():
    a, b, c = torch.nn.Linear(3, 4), torch.nn.Linear(5, 6), torch.nn.Conv2d(1, 1, 1)
    a.register_buffer("mean", torch.zeros(2, dtype=torch.float16))
    method = Holder(ensemble=[a, {"second": b}], again=a, pipeline=Holder(unet=c), name="x", torch=torch)
    vars(method)["self"] = method
    assert networks_of(method) == [a, b, c]
    assert count_parameters(method) == 16 + 36 + 2
    assert held_bytes(method) == 4 * (16 + 36 + 2) + 2 * 2
    assert held_bytes(method, torch.device("cuda")) == 0
    assert count_parameters(Holder(sizes=[1, 2])) is None


def test_a_method_may_be_a_network_itself_and_share_weights():
    class Own(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.zeros(7))
            self.part = torch.nn.Linear(3, 4)

    own = Own()
    assert networks_of(own) == [own] and count_parameters(own) == 7 + 16
    tied = torch.nn.Linear(3, 4)
    tied.weight = own.part.weight
    assert count_parameters(Holder(one=own, other=tied)) == 7 + 16 + 4
