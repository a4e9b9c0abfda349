"""How far each profile's arithmetic is from float64, and which kernels attention takes."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.gpu_steps.session import PROFILES, Facts, Found, Session
from vfsrbench.runtime.memory import watch_peak
from vfsrbench.runtime.precision import arithmetic

Operation = Callable[..., Tensor]
OPERATIONS: dict[str, tuple[Operation, tuple[tuple[int, ...], ...]]] = {
    "conv2d": (lambda x, w: F.conv2d(x, w, padding=1), ((2, 64, 64, 64), (64, 64, 3, 3))),
    "matmul": (torch.matmul, ((512, 512), (512, 512))),
    "linear": (F.linear, ((256, 512), (256, 512))),
    "bmm": (torch.bmm, ((4, 128, 256), (4, 256, 128))),
    "attention": (F.scaled_dot_product_attention, ((2, 4, 256, 64),) * 3),
    "conv_transpose2d": (F.conv_transpose2d, ((1, 32, 32, 32), (32, 32, 4, 4))),
}


def run(session: Session) -> Found:
    """The largest error over the result's standard deviation, by profile."""
    for name, (operation, shapes) in OPERATIONS.items():
        generator = torch.Generator().manual_seed(0)
        given = [torch.randn(shape, generator=generator) for shape in shapes]
        exact = operation(*(value.double() for value in given))
        facts: Facts = {}
        for profile in PROFILES:
            with torch.no_grad(), arithmetic(profile, session.device):
                found = operation(*(value.to(session.device) for value in given))
            error = (found.cpu().double() - exact).abs().max() / exact.std()
            facts[profile] = {"error": float(f"{float(error):.3g}"), "dtype": str(found.dtype)}
        yield name, facts


def attention(session: Session) -> Found:
    """Self-attention of GMFlow's size with three axes and with four: time, memory, kernels, equal bits."""
    shape = (2, 64, 32) if session.reduced else (19, 4096, 128)
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(shape, generator=generator).to(session.device) for _ in range(3))
    results: dict[str, Tensor] = {}
    for profile in PROFILES:
        for axes in (3, 4):
            parts = [q, k, v] if axes == 3 else [part[:, None] for part in (q, k, v)]
            with torch.no_grad(), arithmetic(profile, session.device):
                with watch_peak(session.device) as peak:
                    found = F.scaled_dot_product_attention(*parts)
                    session.wait()
                seconds = session.seconds(lambda parts=parts: F.scaled_dot_product_attention(*parts))
                kernels = kernel_names(session, lambda parts=parts: F.scaled_dot_product_attention(*parts))
            results[f"{profile} {axes}"] = found.reshape(shape)
            fused = any(word in " ".join(kernels).lower() for word in ("flash", "fmha", "efficient", "cudnn"))
            yield (
                f"{profile}, {axes} axes",
                {"ms": 1e3 * seconds, "peak_mib": peak.bytes / 2**20, "fused": fused, "kernels": kernels},
            )
    for profile in PROFILES:
        same = torch.equal(results[f"{profile} 3"], results[f"{profile} 4"])
        yield f"{profile}: 3 and 4 axes", {"equal bits": same}


def kernel_names(session: Session, work: Callable[[], object]) -> list[str]:
    """What ran: the card's kernels, or PyTorch's operations on a CPU."""
    kinds = [torch.profiler.ProfilerActivity.CPU]
    kinds += [torch.profiler.ProfilerActivity.CUDA] if session.cuda else []
    with torch.profiler.profile(activities=kinds) as profile:
        work()
        session.wait()
    wanted = torch.autograd.DeviceType.CUDA if session.cuda else torch.autograd.DeviceType.CPU
    names = (event.name for event in profile.events() if event.device_type == wanted)
    return list(dict.fromkeys(name[:120] for name in names))
