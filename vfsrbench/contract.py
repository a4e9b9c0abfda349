"""What a method promises, tried out on a tiny clip: `vfsrbench check`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from vfsrbench.clip import Clip
from vfsrbench.errors import JobFailure
from vfsrbench.jobs import MethodUse
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.predictors import PredictorCache
from vfsrbench.restore import InMemory, restore_clip, restore_window, window_seed

if TYPE_CHECKING:
    import torch

Frames = NDArray[np.uint8]
Verdict = Literal["ok", "FAILED", "skipped", "note"]
SIDE = 32
_SEED = 7


@dataclass(frozen=True)
class Finding:
    """One promise, and whether it is kept."""

    promise: str
    verdict: Verdict
    detail: str = ""


def check_method(use: MethodUse, device: torch.device, side: int = SIDE) -> Iterator[Finding]:
    """Every promise in turn; what needs the method loaded is left out when it cannot be."""
    assert use.method is not None
    try:
        predictor = PredictorCache(device).get(use)
    except JobFailure as failure:
        skipped = failure.status == "skipped"
        yield Finding("loads", "skipped" if skipped else "FAILED", failure.reason)
        return
    yield Finding("loads", "ok", f"from {use.method.card.factory}")
    yield from _strict(use, device)
    yield from _Check(use, predictor, device, side).all()


@dataclass
class _Check:
    use: MethodUse
    predictor: Predictor
    device: torch.device
    side: int

    def all(self) -> Iterator[Finding]:
        try:
            self.clip(self._length())
        except JobFailure as failure:
            yield Finding("restores a clip", "FAILED", failure.reason)
            return
        yield Finding("restores a clip", "ok", f"{self._length()} frames of {self.side}x{self.side}")
        tries: list[tuple[str, Callable[[], str]]] = [
            ("gives values in [0, 1]", self._range),
            ("leaves its input as it is", self._input),
            ("gives the same again", self._same_again),
            ("draws from its generator alone", self._generator),
            ("gives the same when loaded anew", self._same_anew),
            ("restores one frame", self._one_frame),
            ("remembers nothing of other clips", self._clips_apart),
        ]
        card = self.predictor.card
        if card.kind == "image":
            tries.append(("frames do not see each other (kind = image)", self._frames_apart))
        elif not card.stateful:
            tries.append(("windows do not see each other (stateful = false)", self._windows_apart))
        for promise, attempt in tries:
            yield _try(promise, attempt)

    def clip(self, frames: int, seed: int = _SEED, predictor: Predictor | None = None) -> Frames:
        """A tiny clip restored as a run would do it."""
        source, sink = self.source(frames), InMemory()
        restore_clip(
            predictor or self.predictor, source, self.info(source), sink, seed=seed, device=self.device
        )
        return np.concatenate(sink.parts)

    def source(self, frames: int) -> Clip:
        """Smooth colours that drift: what a face clip looks like to a network, as far as it goes."""
        y, x = np.mgrid[0 : self.side, 0 : self.side] / self.side
        waves = [
            np.sin(6 * x + 0.2 * t + c) * np.cos(5 * y - 0.1 * t + c) for t in range(frames) for c in range(3)
        ]
        pixels = np.rint(127.5 + 110 * np.array(waves)).astype(np.uint8)
        shaped = pixels.reshape(frames, 3, self.side, self.side).transpose(0, 2, 3, 1)
        return Clip.from_array(np.ascontiguousarray(shaped), "check")

    def info(self, clip: Clip) -> ClipInfo:
        from vfsrbench.restore_files import output_size

        height, width = output_size(self.predictor.card, clip, None)
        return ClipInfo(clip.name, len(clip), clip.fps, clip.height, clip.width, height, width)

    def _length(self) -> int:
        """One frame more than a window, so that the tail is tried too."""
        return min(self.predictor.card.window or 5, 20) + 1

    def _raw(self, frames: int) -> tuple[Any, Any, Any]:
        """The method's own output for one window, its input, and the input as it was."""
        import torch

        clip = self.source(frames)
        self.predictor.start_clip(self.info(clip))
        batch = torch.from_numpy(clip.read(0, frames)).to(self.device).permute(0, 3, 1, 2).float() / 255
        before = batch.clone()
        with torch.no_grad():
            out = self.predictor.restore(batch, torch.Generator().manual_seed(_SEED))
        return out, batch, before

    def _range(self) -> str:
        out, _, _ = self._raw(2)
        low, high = float(out.min()), float(out.max())
        return "" if low >= -0.5 and high <= 1.5 else f"values from {low:.3g} to {high:.3g}: wrong scale?"

    def _input(self) -> str:
        _, batch, before = self._raw(2)
        return "" if bool((batch == before).all()) else "restore changed the frames it was given"

    def _same_again(self) -> str:
        return _differ(self.clip(self._length()), self.clip(self._length()))

    def _generator(self) -> str:
        """A run seeds torch's own generator too, but only the one that is handed over is promised."""
        import torch

        found = []
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            for seed in (1, 2):
                torch.manual_seed(seed)
                found.append(self._raw(2)[0])
        return "" if torch.equal(*found) else "results change with torch's global seed"

    def _same_anew(self) -> str:
        other = PredictorCache(self.device).get(self.use)
        return _differ(self.clip(3), self.clip(3, predictor=other))

    def _one_frame(self) -> str:
        return "" if len(self.clip(1)) == 1 else "one frame in, none out"

    def _clips_apart(self) -> str:
        alone = self.clip(3)
        self.clip(self._length(), seed=_SEED + 1)
        return _differ(alone, self.clip(3))

    def _frames_apart(self) -> str:
        clip = self.source(4)
        info, frames = self.info(clip), clip.read(0, 4)
        self.predictor.start_clip(info)
        together = restore_window(self.predictor, frames, info, _SEED, self.device)
        alone = [restore_window(self.predictor, frames[i : i + 1], info, _SEED, self.device) for i in (3, 1)]
        return _differ(together[[3, 1]], np.concatenate(alone), levels=1)

    def _windows_apart(self) -> str:
        clip = self.source(8)
        info = self.info(clip)
        self.predictor.start_clip(info)
        seed = window_seed(_SEED, clip.name, 4)
        first = restore_window(self.predictor, clip.read(4, 8), info, seed, self.device)
        restore_window(self.predictor, clip.read(0, 4), info, _SEED, self.device)
        return _differ(first, restore_window(self.predictor, clip.read(4, 8), info, seed, self.device))


def _try(promise: str, attempt: Callable[[], str]) -> Finding:
    try:
        problem = attempt()
    except JobFailure as failure:
        problem = failure.reason
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    return Finding(promise, "FAILED" if problem else "ok", problem)


def _differ(one: Frames, other: Frames, levels: int = 0) -> str:
    if one.shape != other.shape:
        return f"shapes {one.shape} and {other.shape}"
    apart = int(np.abs(one.astype(np.int16) - other).max())
    return "" if apart <= levels else f"results differ by up to {apart} grey levels"


def _strict(use: MethodUse, device: torch.device) -> Iterator[Finding]:
    """A checkpoint with a tensor missing must be refused: a method that loads it would score nonsense."""
    for role, path in use.weights.paths.items():
        with tempfile.TemporaryDirectory() as folder:
            damaged = _without_a_tensor(path, Path(folder))
            if damaged is None:
                yield Finding(f"loads {path.name} strictly", "skipped", "its kind of file is not taken apart")
                continue
            yield _try(f"loads {path.name} strictly", partial(_refuses, use, role, damaged, device))


def _refuses(use: MethodUse, role: str, damaged: Path, device: torch.device) -> str:
    assert use.method is not None
    predictor = use.method.build()
    try:
        predictor.load({**use.weights.paths, role: damaged}, device)
    except Exception:
        return ""
    return "a checkpoint with a tensor missing was loaded without a word"


def _without_a_tensor(path: Path, folder: Path) -> Path | None:
    """A copy of the checkpoint without its first tensor; None for files that cannot be taken apart."""
    import torch

    target = folder / path.name
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file, save_file

        tensors = load_file(path)
        tensors.pop(next(iter(tensors)))
        save_file(tensors, target)
        return target
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        return None
    if not _drop_first(content):
        return None
    torch.save(content, target)
    return target


def _drop_first(content: Any) -> bool:
    """Remove the first tensor of every mapping that holds any: which one is loaded is the method's affair."""
    import torch

    if not isinstance(content, dict):
        return False
    first = next((key for key, value in content.items() if isinstance(value, torch.Tensor)), None)
    if first is not None:
        del content[first]
    inside = [_drop_first(value) for value in content.values()]
    return first is not None or any(inside)
