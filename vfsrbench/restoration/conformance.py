"""The conformance test of a method, on a tiny clip: `vfsrbench check`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import JobFailure, PoisonedDevice, describe
from vfsrbench.io.clip import Clip
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.restoration.finding import Finding
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.restoration.predictor_cache import PredictorCache
from vfsrbench.restoration.restore import InMemory, restore_clip, restore_window, window_seed
from vfsrbench.restoration.strictness import strictness
from vfsrbench.restoration.traces import changed_generators, moved_generators, told
from vfsrbench.runtime.seeding import seeded
from vfsrbench.runtime.state.poisoned import is_poisoned
from vfsrbench.runtime.state.settings import kept_settings
from vfsrbench.windows import first_window, smaller

if TYPE_CHECKING:
    import torch

Frames = NDArray[np.uint8]
SIDE = 32
_SEED = 7
_ROUNDING = 1 / 255
"""By so much sums in another order may move a value in a batch of another size."""
_LEVELS = ((0.2, 40), (0.8, 30), (0.5, 110), (0.35, 10), (0.65, 70))
"""Mean (of 1) and swing (in grey levels) of a varied clip's frames."""


def check_method(use: MethodUse, device: torch.device, side: int = SIDE) -> Iterator[Finding]:
    """Every check in turn; those that need the method loaded are left out when it cannot be."""
    predictors = PredictorCache(device)
    seeded_at_import = _import(use, device, predictors.changed)
    try:
        predictor = predictors.get(use)
    except JobFailure as failure:
        skipped = failure.status == "skipped"
        yield Finding("loads", "skipped" if skipped else "FAILED", failure.reason)
        return
    card = use.method.card
    yield Finding("loads", "ok", f"from {card.factory or card.command}")
    check = _Check(use, predictor, device, side, predictors.changed, seeded_at_import)
    yield from strictness(use, device, lambda fresh: check.clip(1, predictor=fresh))
    yield from check.all()


@dataclass
class _Check:
    use: MethodUse
    predictor: Predictor
    device: torch.device
    side: int
    loaded: set[str]
    """Settings of torch that the method changed when it was imported and loaded."""
    imported: list[str]
    """Global generators that moved when its code was imported."""
    restored: set[str] = field(default_factory=set)
    """Those that it changed when it restored."""

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
            ("leaves torch's settings as they are", self._settings),
            ("leaves the global seeds as they are", self._seeds),
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
        if card.kind == "video" and not card.window_dependent:
            tries.append(("half the window gives the same (window_dependent = false)", self._half_window))
        for check, attempt in tries:
            try:
                yield _try(check, attempt)
            except PoisonedDevice as failure:  # nothing that is tried after it could succeed
                yield Finding(check, "FAILED", failure.reason)
                return

    def clip(
        self, frames: int, seed: int = _SEED, predictor: Predictor | None = None, varied: bool = False
    ) -> Frames:
        """A tiny clip restored as a run would do it."""
        source, sink = self.source(frames, varied), InMemory()
        restore_clip(
            predictor or self.predictor, source, self.info(source), sink, seed=seed, device=self.device
        )
        return np.concatenate(sink.parts)

    def source(self, frames: int, varied: bool = False) -> Clip:
        """Smooth colours that drift: what a face clip looks like to a network, as far as it goes.

        varied: with brightness and contrast that jump from frame to frame, so that what a frame takes from
        its neighbours shows.
        """
        y, x = np.mgrid[0 : self.side, 0 : self.side] / self.side
        waves = [
            np.sin(6 * x + 0.2 * t + c) * np.cos(5 * y - 0.1 * t + c) for t in range(frames) for c in range(3)
        ]
        levels = [
            _LEVELS[t % len(_LEVELS)] if varied else (0.5, 110) for t in range(frames) for _ in range(3)
        ]
        pixels = np.rint(
            [255 * mean + swing * wave for (mean, swing), wave in zip(levels, waves, strict=True)]
        )
        shaped = pixels.astype(np.uint8).reshape(frames, 3, self.side, self.side).transpose(0, 2, 3, 1)
        return Clip.from_array(np.ascontiguousarray(shaped), "varied" if varied else "check")

    def info(self, clip: Clip) -> ClipInfo:
        from vfsrbench.restoration.files import output_size

        height, width = output_size(self.predictor.card, clip, None)
        return ClipInfo(clip.name, len(clip), clip.fps, clip.height, clip.width, height, width)

    def _length(self) -> int:
        """One frame more than a window, so that the tail is tried too."""
        return min(self.predictor.card.window or 5, 20) + 1

    def _raw(self, clip: Clip, *frames: int) -> tuple[Any, Any, Any]:
        """The method's own output for these frames of a clip, its input, and the input as it was."""
        import torch

        pixels = clip.read(0, len(clip))[list(frames)]
        batch = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).float() / 255
        before = batch.clone()
        with torch.no_grad(), kept_settings(self.restored):
            self.predictor.start_clip(self.info(clip))
            out = self.predictor.restore(batch, torch.Generator().manual_seed(_SEED))
        return out, batch, before

    def _range(self) -> str:
        out, _, _ = self._raw(self.source(2), 0, 1)
        low, high = float(out.min()), float(out.max())
        return "" if low >= -0.5 and high <= 1.5 else f"values from {low:.3g} to {high:.3g}: wrong scale?"

    def _input(self) -> str:
        _, batch, before = self._raw(self.source(2), 0, 1)
        return "" if bool((batch == before).all()) else "restore changed the frames it was given"

    def _settings(self) -> str:
        """The harness puts them back; code that calls the method by itself would be left with them."""
        self._raw(self.source(2), 0, 1)
        return told("changed", self.loaded, self.restored)

    def _seeds(self) -> str:
        def load() -> None:
            self.use.method.build().load(self.use.weights.paths, self.device)

        return changed_generators(self.imported, load, lambda: self._raw(self.source(2), 0, 1), self.device)

    def _same_again(self) -> str:
        return _differ(self.clip(self._length()), self.clip(self._length()))

    def _generator(self) -> str:
        """A run seeds the global generators too, but only the one that is passed in is guaranteed."""
        import torch

        clip, changes = self.source(2), []
        generators: dict[str, Callable[[int], object]] = {
            "torch's": torch.manual_seed,
            "numpy's": np.random.seed,
            "Python's": random.seed,
        }
        for name, seed in generators.items():
            found = []
            for number in (1, 2):
                with seeded(0, self.device):
                    seed(number)
                    found.append(self._raw(clip, 0, 1)[0])
            changes += [] if torch.equal(*found) else [name]
        return f"results change with {' and '.join(changes)} global seed" if changes else ""

    def _same_anew(self) -> str:
        other = PredictorCache(self.device, seed=_SEED).get(self.use)
        return _differ(self.clip(3), self.clip(3, predictor=other))

    def _one_frame(self) -> str:
        return "" if len(self.clip(1)) == 1 else "one frame in, none out"

    def _clips_apart(self) -> str:
        alone = self.clip(3)
        self.clip(self._length(), seed=_SEED + 1, varied=True)
        return _differ(alone, self.clip(3))

    def _frames_apart(self) -> str:
        """Each frame alone, and in other company, against all together; before anything is clamped."""
        clip = self.source(6, varied=True)
        together = self._raw(clip, *range(6))[0]
        for frames in ((3,), (1,), (0, 4), (5, 2)):
            apart = float((self._raw(clip, *frames)[0] - together[list(frames)]).abs().max())
            if not apart <= _ROUNDING:
                return f"a frame's result changes by {255 * apart:.3g} grey levels with its batch mates"
        return ""

    def _windows_apart(self) -> str:
        clip = self.source(8, varied=True)
        info = self.info(clip)
        self.predictor.start_clip(info)
        seed = window_seed(_SEED, clip.name, 4)
        first = restore_window(self.predictor, clip.read(4, 8), info, seed, self.device)
        restore_window(self.predictor, clip.read(0, 4), info, _SEED, self.device)
        return _differ(first, restore_window(self.predictor, clip.read(4, 8), info, seed, self.device))

    def _half_window(self) -> str:
        """What the harness does when memory runs out must not change the result in silence."""
        card, length = self.predictor.card, self._length()
        whole = self.clip(length, varied=True)
        window, overlap = smaller(first_window(card, length), card.overlap, card.context)
        self.predictor.card = card.model_copy(update={"window": window, "overlap": overlap})
        try:
            return _differ(whole, self.clip(length, varied=True))
        finally:
            self.predictor.card = card


def _import(use: MethodUse, device: torch.device, changed: set[str]) -> list[str]:
    """Import a method's code, unless that was done before; the global generators that moved. `changed` gets
    the settings that it changed. What it raises is raised again, and told, when the method is loaded."""
    if use.method.ready is not None or use.method.card.command:
        return []

    def load() -> None:
        with suppress(Exception, SystemExit):
            use.method.entry.load()

    with kept_settings(changed):
        return moved_generators(load, device)


def _try(check: str, attempt: Callable[[], str]) -> Finding:
    try:
        problem = attempt()
    except PoisonedDevice:
        raise
    except JobFailure as failure:
        problem = failure.reason
    except Exception as error:
        if is_poisoned(error):
            raise PoisonedDevice(describe(error)) from error
        problem = f"{type(error).__name__}: {error}"
    return Finding(check, "FAILED" if problem else "ok", problem)


def _differ(one: Frames, other: Frames) -> str:
    if one.shape != other.shape:
        return f"shapes {one.shape} and {other.shape}"
    apart = int(np.abs(one.astype(np.int16) - other).max())
    return "" if apart == 0 else f"results differ by up to {apart} grey levels"
