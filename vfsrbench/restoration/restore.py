"""One method over one clip: windows, seeds, rounding to uint8, timing, smaller windows when memory ends."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import InputError, JobFailure, counted
from vfsrbench.io.rounding import to_uint8
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.runtime.memory import attempt, attempt_again, held_bytes, is_out_of_memory, watch_peak
from vfsrbench.runtime.precision import arithmetic
from vfsrbench.runtime.reach import Reach
from vfsrbench.runtime.seeding import seeded
from vfsrbench.runtime.state.poisoned import failure_of, poison_named, settle
from vfsrbench.runtime.state.settings import kept_settings
from vfsrbench.windows import Span, first_window, method_windows, smaller, smallest_window

if TYPE_CHECKING:
    import torch

Frames = NDArray[np.uint8]
P = ParamSpec("P")
R = TypeVar("R")


class Source(Protocol):
    """Where frames come from: read(start, stop) gives uint8 RGB (stop - start, H, W, 3)."""

    def read(self, start: int, stop: int) -> Frames: ...


class Sink(Protocol):
    """Where restored frames go, in order. `restart` forgets all of them."""

    def write(self, frames: Frames) -> None: ...

    def restart(self) -> None: ...


class InMemory:
    """A sink that keeps the frames, for clips that are known to fit."""

    def __init__(self) -> None:
        self.parts: list[Frames] = []

    def frames(self) -> Frames:
        """All frames, (T, H, W, 3)."""
        return np.concatenate(self.parts)

    def write(self, frames: Frames) -> None:
        self.parts.append(frames)

    def restart(self) -> None:
        self.parts.clear()


@dataclass
class Restoration:
    """How a restoration went. `seconds` are those inside the method, upload and rounding included, reading
    and writing files not, nor a window that was restored before to warm up (`warmed_up`). `peak_memory` is
    what the method took: its networks, and what restoring needed beside them. `window` is the most frames a
    call got; `halved` how often memory ran out; `smaller_windows` whether the result depends on that, and is
    another protocol's. `reach` says how far the method's values lay outside [0, 1], `remarks` what the method
    says itself."""

    seconds: float = 0.0
    peak_memory: int = 0
    window: int = 0
    halved: int = 0
    warmed_up: bool = False
    smaller_windows: bool = False
    reach: Reach = field(default_factory=Reach)
    remarks: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """What a reader of the result should know."""
        halved = f"memory ran out ({self.halved} x): down to {counted(self.window, 'frame')} at a time"
        if self.smaller_windows:
            halved += "; another protocol, as this method's result depends on that"
        return [*([halved] if self.halved else []), *self.reach.warnings, *self.remarks]


def window_seed(seed: int, clip: str, first_frame: int) -> int:
    """The seed of a window's generator: a hash of the run's seed, the clip's name and the first frame."""
    text = f"vfsrbench-window:{seed}:{first_frame}:{clip}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def restore_clip(
    predictor: Predictor,
    source: Source,
    info: ClipInfo,
    sink: Sink,
    *,
    seed: int,
    device: torch.device,
    release: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int], None] = lambda done: None,
    smaller_windows: bool = True,
    halved: int = 0,
    warm_up: bool = False,
    known_peak: int = 0,
) -> Restoration:
    """Restore a whole clip, window by window.

    When memory runs out, `release` is asked to free what others hold; if there is nothing left to
    give, the window is halved and the clip goes on (from its beginning, if the method is stateful). The
    clip's later frames are then those that the smaller window would have given anyway. Where that changes
    the result (`card.window_dependent`), it is another protocol: without `smaller_windows` the job ends
    there. `halved` says how often memory ran out before, of which a process died: the first window is
    smaller by that, as far as it may be. `on_progress` gets the number of frames done. With `warm_up` the
    first window is restored once before the clock runs. `known_peak` is the `peak_memory` of such a clip
    before, in this process: on a CPU, measuring it anew costs time. JobFailure says why the method gives no
    result; PoisonedDevice, that the GPU is lost to this process.
    """
    card = predictor.card
    window = first_window(card, info.frames)
    overlap = min(card.overlap, window - 1)
    report = Restoration()
    while report.halved < halved and window > smallest_window(card.context):
        if card.window_dependent and not smaller_windows:
            break
        window, overlap = smaller(window, overlap, card.context)
        report.halved += 1
        report.smaller_windows = card.window_dependent
    report.window = window
    done = 0

    def start() -> None:
        if not attempt_again(lambda: start_clip(predictor, info, seed, device), release):
            raise JobFailure(f"out of memory on {device} before the first frame", "oom")

    def restored(span: Span) -> Frames:
        frames = source.read(span.start, span.stop)
        began = time.perf_counter()
        try:
            chosen = window_seed(seed, info.name, span.start)
            return restore_window(predictor, frames, info, chosen, device, report.reach)
        finally:
            report.seconds += time.perf_counter() - began

    own = held_bytes(predictor, device)
    with watch_peak(device, max(0, known_peak - own)) as peak:
        start()
        if warm_up:
            span = method_windows(info.frames, window, overlap, card.tail)[0]
            report.warmed_up = attempt(lambda: restored(span)) is not None
            report.seconds, report.reach = 0.0, Reach()
            start()
        while done < info.frames:
            span = _next_span(method_windows(info.frames, window, overlap, card.tail), done)
            made = attempt(lambda span=span: restored(span))  # type: ignore[misc]
            if made is not None:
                sink.write(made[max(span.keep_from, done) - span.start : span.keep_to - span.start])
                done = span.keep_to
                on_progress(done)
                continue
            if not release():
                if window <= smallest_window(card.context):
                    few = "one frame" if window == 1 else f"{window} frames"
                    raise JobFailure(f"out of memory on {device}, even with {few} at a time", "oom")
                if card.window_dependent and not smaller_windows:
                    raise JobFailure(
                        f"out of memory on {device} with {counted(window, 'frame')} at a time; fewer would "
                        "be another protocol, as this method's result depends on the window: "
                        "--allow-smaller-windows --retry-failed takes them",
                        "oom",
                    )
                window, overlap = smaller(window, overlap, card.context)
                report.halved += 1
                report.smaller_windows = card.window_dependent
            report.window = window
            if card.stateful:
                done, report.reach = 0, Reach()
                sink.restart()
                start()
    report.peak_memory = own + peak.bytes
    report.remarks = tuple(predictor.remarks)
    return report


def start_clip(predictor: Predictor, info: ClipInfo, seed: int, device: torch.device) -> bool:
    """`predictor.start_clip` under seeded global generators, in exact arithmetic; True. JobFailure when it
    raises."""
    exact = arithmetic("strict", device)
    with poison_named(), exact, kept_settings(), seeded(window_seed(seed, info.name, -1), device):
        _guarded(predictor.start_clip, info)
        _guarded(settle, device)
    return True


def _next_span(spans: list[Span], done: int) -> Span:
    return next(span for span in spans if span.keep_to > done)


def restore_window(
    predictor: Predictor,
    frames: Frames,
    info: ClipInfo,
    seed: int,
    device: torch.device,
    reach: Reach | None = None,
) -> Frames:
    """uint8 RGB (n, h, w, 3) -> uint8 RGB (n, H, W, 3): clamped to [0, 1], rounded half to even.

    The global generators are seeded too and put back afterwards, so that a method which overlooks its
    generator is still reproducible. `reach` counts what lies outside [0, 1]. JobFailure when the method
    raises or breaks its contract.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    exact = arithmetic(predictor.profile, device)
    with poison_named(), kept_settings(), torch.no_grad(), exact, seeded(seed, device):
        batch = torch.from_numpy(frames).to(device).permute(0, 3, 1, 2).contiguous().float().div_(255.0)
        out = _guarded(predictor.restore, batch, generator)
        low, high = _guarded(_check, out, (len(frames), 3, info.out_height, info.out_width))
        done = to_uint8(out)
        if reach is not None:
            reach.count(out, low, high)
        return done


def _check(out: object, expected: tuple[int, int, int, int]) -> tuple[float, float]:
    """The lowest and the highest value; JobFailure when it is not what `restore` has to return."""
    import torch

    if not isinstance(out, torch.Tensor):
        raise JobFailure(f"restore returned {type(out).__name__}, a tensor is expected")
    if not out.is_floating_point() or out.itemsize < 2:
        raise JobFailure(
            f"restore returned {out.dtype}, floating-point values of 16, 32 or 64 bits in [0, 1] are expected"
        )
    if out.ndim == 4 and out.shape[1:] == expected[1:] and len(out) != expected[0]:
        raise JobFailure(f"restore returned {counted(len(out), 'frame')} for the {expected[0]} it was given")
    if tuple(out.shape) != expected:
        raise JobFailure(f"restore returned the shape {tuple(out.shape)}, {expected} is expected")
    low, high = (float(end) for end in torch.stack(out.aminmax()).cpu())  # NaN if there is one anywhere
    if math.isnan(low):
        raise JobFailure(f"restore returned NaN in {int(torch.isnan(out).flatten(1).any(1).sum())} frames")
    return low, high


def _guarded(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """`call`, its own exceptions turned into a JobFailure; running out of memory passes through."""
    try:
        return call(*args, **kwargs)
    except JobFailure:
        raise
    except InputError as error:
        raise JobFailure(str(error)) from error
    except (Exception, SystemExit) as error:
        if is_out_of_memory(error):
            raise
        raise failure_of(error) from error
