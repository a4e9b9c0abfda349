"""The interface of metrics. Clips are scored in windows, so memory does not grow with their length."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vfsrbench.callable_module import make_callable
from vfsrbench.card import MetricCard
from vfsrbench.runtime.precision import Profile

if TYPE_CHECKING:
    import torch

Frames = NDArray[np.uint8]
Values = NDArray[np.float64]
Features = NDArray[np.float32]
T = TypeVar("T")


class FlowField(Protocol):
    """Exact flow, known for rendered clips only."""

    def __call__(self, a: int, b: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Flow (2, H, W) in pixels, x then y, from frame a to frame b, and where it is valid (H, W)."""
        ...


@dataclass(frozen=True)
class TruthInfo:
    """What is known of a ground-truth clip beyond its frames.

    `landmarks` is (T, 5, 2) in pixels of the ground truth, NaN where no face was found; `cache` keeps
    arrays by name between runs (the key already carries the clip's digest). Without `reference` there is no
    ground truth: its frames are the degraded clip's, enlarged, and say nothing about quality.
    """

    name: str
    digest: str
    total: int
    fps: float = 25.0
    landmarks: NDArray[np.float64] | None = None
    exact_flow: FlowField | None = None
    cache: Cache | None = None
    reference: bool = True


class Cache(Protocol):
    """Arrays of one ground-truth clip kept on disk, shared by all methods, splits and runs."""

    def get(self, key: str) -> dict[str, NDArray[Any]] | None: ...

    def put(self, key: str, arrays: Mapping[str, NDArray[Any]]) -> None: ...


@dataclass
class Window:
    """Consecutive frames of a clip: uint8 RGB (n, H, W, 3), the first of them frame `start` of the clip.

    The first `lead` frames were scored in an earlier window and are here as context.
    """

    frames: Frames
    start: int
    lead: int
    truth: TruthInfo
    _memo: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def scored(self) -> range:
        """The clip's frame numbers that this window scores."""
        return range(self.start + self.lead, self.start + len(self.frames))

    def memo(self, key: Any, compute: Callable[[], T]) -> T:
        """`compute()`, once for this window: metrics that need the same intermediate share it."""
        if key not in self._memo:
            self._memo[key] = compute()
        return self._memo[key]

    def tensor(self, device: torch.device) -> torch.Tensor:
        """float32 (n, 3, H, W) in [0, 1] on `device`, uploaded once for all metrics."""

        def upload() -> torch.Tensor:
            import torch

            pixels = torch.from_numpy(self.frames).to(device).permute(0, 3, 1, 2)
            return pixels.contiguous().float().div_(255.0)

        return self.memo(("tensor", str(device)), upload)


class Metric(ABC):
    """A metric. State lives in `prepare`'s result and in files, never in the object, once it is loaded.

    `profile`, set before `load`, is the arithmetic of a metric with a network: `strict` is float32; `fast`
    may round more coarsely, and every table says so. `weight_digests`, set before `load` too, has the
    SHA-256 of the weights' files by role, where it is known.

    Example:
        >>> import numpy as np, vfsrbench as vb
        >>> class Brightness(vb.Metric):
        ...     def score(self, restored, truth, state):
        ...         means = [w.frames[w.lead :].mean(axis=(1, 2, 3)) for w in (restored, truth)]
        ...         return means[0] - means[1]
        >>> card = vb.MetricCard(id="brighter", title="Brighter", direction="none", level="frame",
        ...                      factory="mine:Brightness", definition="Difference of the means.",
        ...                      source="here", checked_against="numpy")
        >>> gt = np.full((3, 16, 16, 3), 120, np.uint8)
        >>> vb.metric(Brightness(card))(gt + np.uint8(2), gt)
        2.0
    """

    profile: Profile = "strict"
    weight_digests: Mapping[str, str] = MappingProxyType({})

    def __init__(self, card: MetricCard) -> None:
        self.card = card

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """Get ready on `device`. `weights` maps each role on the card to a verified local file."""
        self.device = device

    def weight_digest(self, weights: Mapping[str, Path], role: str) -> str:
        """SHA-256 of a role's file: the known one, or else computed from all its bytes. Empty without a
        file."""
        if role not in weights:
            return ""
        if role not in self.weight_digests:
            with weights[role].open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        return self.weight_digests[role]

    def unfit(self, truth: TruthInfo) -> str:
        """Why a clip cannot be scored with what was loaded, in one line; empty if it can."""
        return ""

    def prepare(self, truth: Window) -> Any:
        """Whatever the ground truth's side costs, computed once a window and shared by all methods."""
        return None

    @abstractmethod
    def score(self, restored: Window, truth: Window, state: Any) -> Values:
        """One value for each frame in `restored.scored`, float64; NaN where there is none.

        Both windows hold the same frame numbers. A `pair` metric's value for frame t compares t-1 and t;
        frame 0 has NaN. A `clip` metric may give several numbers a frame, (n, k), that only `finish` sees.
        Metrics of level `split` return NaN here and give `features` instead.
        """

    def finish(self, values: Values) -> float:
        """All frame values of a clip -> the clip's value. The mean, +inf capped as the card says.

        NaN values are left out (the store counts them); all NaN gives NaN.
        """
        return clip_mean(values, self.card.cap)


class SplitMetric(Metric):
    """A metric over all clips of a split: feature vectors of both sides are kept a clip."""

    def score(self, restored: Window, truth: Window, state: Any) -> Values:
        return np.full(len(restored.scored), np.nan)

    @abstractmethod
    def features(self, window: Window) -> Features:
        """(n, D) features of the frames (or pieces) that this window scores; n may be 0."""

    @abstractmethod
    def combine(
        self, restored: list[NDArray[np.float32]], truth: list[NDArray[np.float32]]
    ) -> dict[str, float]:
        """Features a clip, both sides in the same order -> {"value": ..., "n": ..., more}."""


def clip_mean(values: Values, cap: float | None) -> float:
    """Mean over a clip's frames: NaN left out, +inf replaced by `cap` if there is one."""
    known = values[~np.isnan(values)]
    if cap is not None:
        known = np.where(np.isposinf(known), cap, known)
    return float(known.mean()) if known.size else float("nan")


make_callable(__name__)
