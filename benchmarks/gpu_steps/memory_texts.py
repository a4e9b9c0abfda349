"""What libraries really say when memory ends, or a card is lost, and whether that is known for what it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.gpu_steps.session import Facts, Found, Session
from vfsrbench.runtime.memory import free_memory, is_out_of_memory
from vfsrbench.runtime.state.poisoned import is_poisoned

HUGE = 1 << 46
"""Elements that no machine holds."""


def run(session: Session) -> Found:
    """Each case by itself, on a full card; a library makes its handle anew in a thread of its own."""
    yield "tensor too large", said(lambda: torch.empty(HUGE, device=session.device))
    yield "host tensor too large", said(lambda: torch.empty(HUGE))
    yield "host array too large", said(lambda: np.empty(HUGE))
    yield "onnxruntime", said(lambda: onnx_tensor(session))
    if not session.cuda:
        return
    for name, work in cases(session).items():
        filling = fill(session)
        try:
            yield name, said(work)
        finally:
            filling.clear()
            free_memory()
    yield "a lost card", lost(session)  # last: this process can do nothing more on it


def cases(session: Session) -> dict[str, Callable[[], Any]]:
    """Work whose inputs are there already, and whose library needs more."""
    device = session.device
    picture, kernel = torch.rand(8, 64, 512, 512, device=device), torch.rand(64, 64, 3, 3, device=device)
    square = torch.rand(2048, 2048, device=device)
    return {
        "cuDNN convolution": lambda: F.conv2d(picture, kernel, padding=1),
        "cuBLAS product": lambda: square @ square,
        "cuFFT": lambda: torch.fft.fft2(picture),
        "cuSOLVER": lambda: torch.linalg.svd(square),
        "attention": lambda: F.scaled_dot_product_attention(*[picture.flatten(2)[:, None]] * 3),
        "grid_sample": lambda: F.grid_sample(picture, torch.zeros(8, 512, 512, 2, device=device)),
    }


def onnx_tensor(session: Session) -> Any:
    """A network of onnxruntime's that makes a tensor as large as it is told: larger than any memory."""
    import onnxruntime
    from onnx import TensorProto, helper

    count = helper.make_tensor_value_info("n", TensorProto.INT64, [1])
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    node = helper.make_node("ConstantOfShape", ["n"], ["y"])
    graph = helper.make_graph([node], "g", [count], [made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    known = onnxruntime.get_available_providers()
    providers = ["CUDAExecutionProvider"] if session.cuda and "CUDAExecutionProvider" in known else []
    network = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=[*providers, "CPUExecutionProvider"]
    )
    return network.run(None, {"n": np.array([HUGE])})


def lost(session: Session) -> Facts:
    """What torch says when a kernel fails, and whether that is known to be for good."""
    found = said(
        lambda: torch.zeros(4, device=session.device)[torch.full((1,), 1 << 20, device=session.device)]
    )
    if found["error"] == "none":
        return found
    found["recognized"] = is_poisoned(RuntimeError(found["text"]))
    return found


def fill(session: Session) -> list[torch.Tensor]:
    """Take all memory that is left, down to 1 MiB."""
    taken: list[torch.Tensor] = []
    size = 1 << 36
    while size >= 1 << 20:
        try:
            taken.append(torch.empty(size, dtype=torch.uint8, device=session.device))
        except RuntimeError:
            size //= 2
    return taken


def said(work: Callable[[], Any]) -> Facts:
    """The error of `work`: its class, its text, and whether it is taken for what it is."""
    found: list[BaseException] = []

    def attempt() -> None:
        try:
            work()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    if not found:
        return {"error": "none"}
    error = found[0]
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    return {"error": kind, "text": " ".join(str(error).split())[:400], "recognized": is_out_of_memory(error)}
