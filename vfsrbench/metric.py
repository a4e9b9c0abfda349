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

from vfsrbench.card import MetricCard
from vfsrbench.runtime.callable_module import make_callable
from vfsrbench.runtime.device import queued
from vfsrbench.runtime.precision import Profile
from vfsrbench.runtime.threads import Once

if TYPE_CHECKING:
    import torch

Frames = NDArray[np.uint8]
Values = NDArray[np.float64]
Features = NDArray[np.float32]
T = TypeVar("T")


class FlowField(Protocol):
    """Exact flow, known for rendered clips only.

    Example:
        >>> from vfsrbench.datasets.demo.clips import DemoFlow
        >>> vectors, valid = DemoFlow("demo-calm")(0, 1)
        >>> vectors.shape, valid.shape, valid.dtype
        ((2, 512, 512), (512, 512), dtype('bool'))
    """

    def __call__(self, a: int, b: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The flow between two frames of the clip.

        Args:
            a: Number of the frame whose pixels are followed.
            b: Number of the frame in which they are found.

        Returns:
            Flow (2, H, W), float32, in pixels, x then y; and where it is valid, (H, W).
        """
        ...


@dataclass(frozen=True)
class TruthInfo:
    """What is known of a ground-truth clip beyond its frames.

    Attributes:
        name: The clip's name.
        digest: SHA-256 over its decoded frames.
        total: The number of frames.
        fps: Frames a second.
        landmarks: (T, 5, 2) in pixels of the ground truth, x then y; NaN where no face was found.
        exact_flow: For rendered clips.
        cache: Keeps arrays by name between runs; the key already carries the clip's digest.
        reference: False: there is no ground truth, and its frames say nothing about quality.
        is_input: Without ground truth: its frames are the degraded clip's, enlarged.

    Example:
        >>> TruthInfo("calm", digest="", total=24).landmarks is None
        True
    """

    name: str
    digest: str
    total: int
    fps: float = 25.0
    landmarks: NDArray[np.float64] | None = None
    exact_flow: FlowField | None = None
    cache: Cache | None = None
    reference: bool = True
    is_input: bool = False


class Cache(Protocol):
    """Arrays of one ground-truth clip kept on disk, shared by all methods, splits and runs.

    Example:
        >>> import numpy as np
        >>> from pathlib import Path
        >>> from vfsrbench.io.safety.array_cache import ArrayCache
        >>> cache: Cache = ArrayCache(Path("cache"))
        >>> cache.put("landmarks", {"points": np.zeros((24, 68, 2))})
        >>> sorted(cache.get("landmarks") or {})
        ['points']
    """

    def get(self, key: str) -> dict[str, NDArray[Any]] | None:
        """The arrays put under a key, or None.

        Args:
            key: Any text; it must name all that the arrays depend on but the clip.
        """
        ...

    def put(self, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays.

        Args:
            key: As in `get`.
            arrays: By name.
        """
        ...


@dataclass
class Window:
    """Consecutive frames of a clip.

    Attributes:
        frames: (n, H, W, 3), uint8 RGB.
        start: The number of the first of them in the clip.
        lead: The first so many were scored in an earlier window and are here as context.
        truth: The ground-truth clip's facts.

    Example:
        >>> import numpy as np
        >>> window = Window(np.zeros((6, 8, 8, 3), np.uint8), start=10, lead=2, truth=TruthInfo("a", "", 24))
        >>> window.scored, window.tensor("cpu").shape
        (range(12, 16), torch.Size([6, 3, 8, 8]))
    """

    frames: Frames
    start: int
    lead: int
    truth: TruthInfo
    _memo: dict[Any, Once] = field(default_factory=dict, repr=False)

    @property
    def scored(self) -> range:
        """The clip's frame numbers that this window scores."""
        return range(self.start + self.lead, self.start + len(self.frames))

    def memo(self, key: Any, compute: Callable[[], T]) -> T:
        """Compute once for this window what several metrics need, whichever thread asks first.

        Args:
            key: Names the value; hashable.
            compute: Makes it.
        """
        found: T = self._memo.setdefault(key, Once()).value(compute)
        return found

    def tensor(self, device: torch.device) -> torch.Tensor:
        """The frames for a network, uploaded once for all metrics.

        Args:
            device: Where to.

        Returns:
            (n, 3, H, W), float32 RGB in [0, 1].
        """

        def upload() -> torch.Tensor:
            import torch

            pixels = queued(torch.from_numpy(self.frames), torch.device(device)).permute(0, 3, 1, 2)
            return pixels.contiguous().float().div_(255.0)

        return self.memo(("tensor", str(device)), upload)


class Metric(ABC):
    """A metric. State lives in `prepare`'s result and in files, never in the object, once it is loaded.

    `profile`, set before `load`, is the arithmetic of a metric with a network: `strict` is float32; `fast`
    may round more coarsely, and every table says so. `weight_digests`, set before `load` too, has the
    SHA-256 of the weights' files by role, where it is known. `runs_on`, set by `load`, says what computes
    elsewhere than on the device that is given (a library's own way, `dlib: CPU`); records have it. `threaded`
    says that `prepare` and `score` use neither PyTorch nor what other calls change: several threads may run
    them, beside the networks.

    Example:
        >>> import numpy as np, vfsrbench as vb
        >>> class Brightness(vb.Metric):
        ...     def score(self, restored, gt, state):
        ...         means = [w.frames[w.lead :].mean(axis=(1, 2, 3)) for w in (restored, gt)]
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
    runs_on: str = ""
    threaded: bool = False

    def __init__(self, card: MetricCard) -> None:
        self.card = card

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """Build the network and load its weights. Called once a worker.

        Args:
            weights: Role on the card -> verified local file.
            device: Where networks compute.
        """
        self.device = device

    def weight_digest(self, weights: Mapping[str, Path], role: str) -> str:
        """SHA-256 of a role's file: the known one, or else computed from its bytes. Empty without a file.

        Args:
            weights: As in `load`.
            role: A role on the card.
        """
        if role not in weights:
            return ""
        if role not in self.weight_digests:
            with weights[role].open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        return self.weight_digests[role]

    def unfit(self, gt: TruthInfo) -> str:
        """Why a clip cannot be scored with what was loaded, in one line; empty if it can.

        Args:
            gt: The clip's facts.
        """
        return ""

    def prepare(self, gt: Window) -> Any:
        """Compute the ground truth's side of a window, once for all methods.

        Args:
            gt: A window of the ground truth.

        Returns:
            What `score` gets as `state`.
        """
        return None

    @abstractmethod
    def score(self, restored: Window, gt: Window, state: Any) -> Values:
        """Score one window of a restored clip.

        Args:
            restored: Frames of the restored clip.
            gt: The same frames of the ground truth.
            state: What `prepare` returned for `gt`.

        Returns:
            One value for each frame in `restored.scored`, float64; NaN where there is none. A `pair` metric's
            value for frame t compares t-1 and t; frame 0 has NaN. A `clip` metric may return several
            numbers a frame, (n, k), or rows of a structured type, as many as it likes (pictures, say), for
            `finish`. Metrics of level `split` return NaN and have `features`.
        """

    def finish(self, values: Values) -> float:
        """A clip's value from its frame values: by default the mean, +inf capped as the card says.

        Args:
            values: Of all frames, as `score` returned them. NaN is left out (and counted by the store).

        Returns:
            The value; NaN if all values are NaN.
        """
        return clip_mean(values, self.card.cap)


class SplitMetric(Metric):
    """A metric over all clips of a split: feature vectors of both sides are kept a clip.

    Example:
        >>> import numpy as np
        >>> class MeanGap(SplitMetric):
        ...     def features(self, window):
        ...         return window.frames[window.lead :].mean(axis=(1, 2)).astype(np.float32)
        ...     def combine(self, restored, gt):
        ...         gap = np.concatenate(restored).mean(axis=0) - np.concatenate(gt).mean(axis=0)
        ...         return {"value": float(np.abs(gap).max()), "n": float(sum(map(len, restored)))}
        >>> one = [np.ones((2, 3), np.float32)]
        >>> MeanGap.combine(None, one, [2 * one[0]])
        {'value': 1.0, 'n': 2.0}
    """

    def score(self, restored: Window, gt: Window, state: Any) -> Values:
        return np.full(len(restored.scored), np.nan)

    @abstractmethod
    def features(self, window: Window) -> Features:
        """Features of the frames (or pieces of the clip) that a window scores.

        Args:
            window: Of a restored clip or of the ground truth.

        Returns:
            (n, D), float32; n may be 0.
        """

    @abstractmethod
    def combine(self, restored: list[NDArray[np.float32]], gt: list[NDArray[np.float32]]) -> dict[str, float]:
        """The split's value from the features of its clips.

        Args:
            restored: (n, D) a clip.
            gt: Likewise for the ground truth, in the same order.

        Returns:
            `value`, `n` (the number of features), and what else is worth recording.
        """


def clip_mean(values: Values, cap: float | None) -> float:
    """Mean over a clip's frames.

    Args:
        values: A value a frame; NaN is left out.
        cap: Replaces +inf, if there is one.

    Returns:
        The mean; NaN if all values are NaN.

    Example:
        >>> clip_mean(np.array([30.0, np.nan, np.inf]), cap=100.0)
        65.0
    """
    known = values[~np.isnan(values)]
    if cap is not None:
        known = np.where(np.isposinf(known), cap, known)
    return float(known.mean()) if known.size else float("nan")


make_callable(__name__)
