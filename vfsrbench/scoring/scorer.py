"""Scoring: the ground truth passes by once, in windows, for all restored versions of a clip together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vfsrbench.card import MetricCard
from vfsrbench.errors import InputError, JobFailure, describe
from vfsrbench.faces.finding.choice import Finder, chosen_finder, found_by, metric_uses
from vfsrbench.io.clip import Clip
from vfsrbench.metric import Metric, TruthInfo
from vfsrbench.plugins import Registry, build_metric
from vfsrbench.runtime.memory import attempt, attempt_again
from vfsrbench.runtime.precision import Profile, arithmetic
from vfsrbench.runtime.state.poisoned import settle
from vfsrbench.runtime.state.settings import kept_settings
from vfsrbench.scoring.derived import with_sources
from vfsrbench.scoring.one_pass import TOO_LARGE, Loaded, Pass, stop_if_lost
from vfsrbench.scoring.scores import Part, Scores, Wanted
from vfsrbench.scoring.threads import own_cores
from vfsrbench.weights.resolve import Weights, resolve_weights

if TYPE_CHECKING:
    import torch

WINDOW = 16
FindPart = Callable[[], Part | None]
log = logging.getLogger(__name__)


def no_part() -> None:
    """Nobody else has any of the frames."""


class Scorer:
    """Metrics, loaded once and used for clip after clip. What cannot be loaded is n/a with its reason.

    `weights` has, by metric, what the loaded ones were loaded with, `finders` what finds the face for them on
    ground truth without landmarks. With `lazy` a metric is loaded when a clip first needs it. One for which
    memory ran out is tried again with the next clip, when methods may have given theirs back.
    """

    def __init__(
        self,
        ids: Sequence[str],
        known: Registry[MetricCard],
        device: torch.device,
        profile: Profile = "strict",
        release: Callable[[], bool] = lambda: False,
        lazy: bool = False,
        finder: Finder | None = None,
    ) -> None:
        """`release` frees what others hold when memory runs out while a metric is loaded. `finder`: see
        `chosen_finder`, which chooses where it is left out."""
        self.cards = with_sources(ids, known)
        self.known, self.device, self.profile = known, device, profile
        self.finder = finder or chosen_finder()
        self.window = WINDOW
        self.cores = own_cores()
        self.metrics: dict[str, Metric] = {}
        self.unavailable: dict[str, str] = {}
        self.broken: set[str] = set()
        self.weights: dict[str, Weights] = {}
        self.finders: dict[str, str] = {}
        self.starved: list[str] = []
        self.hungry = ""
        """The metric at which memory ran out last; empty if it was no metric."""
        if not lazy:
            self.load((card.id for card in self.cards), release)

    def load(self, ids: Iterable[str], release: Callable[[], bool]) -> None:
        """Load those of these metrics that are not loaded yet."""
        wanted = set(ids) - set(self.metrics) - set(self.unavailable)
        for card in self.cards:
            if card.derived is None and card.id in wanted:
                self._add(card.id, release)

    def _add(self, metric_id: str, release: Callable[[], bool]) -> None:
        """Load a metric, or note why there is none."""
        weights = resolve_weights(metric_uses(self.known[metric_id].card, self.finder))
        if weights.missing:
            self.unavailable[metric_id] = weights.missing
            return
        try:
            metric = attempt_again(lambda: self._loaded(metric_id, weights), release)
        except Exception as error:
            stop_if_lost(metric_id, error)
            self._breaks(metric_id, error)
            return
        if metric is None:
            self.starved.append(metric_id)
            self.unavailable[metric_id] = f"out of memory on {self.device} while it was loaded"
            self.broken.add(metric_id)
            return
        self.metrics[metric_id] = metric
        self.weights[metric_id] = weights
        self.finders[metric_id] = found_by(self.known[metric_id].card, weights)

    def _loaded(self, metric_id: str, weights: Weights) -> Metric:
        with arithmetic("strict", self.device), kept_settings():
            metric = build_metric(self.known[metric_id])
            metric.profile = self.profile
            metric.weight_digests = weights.digests
            metric.load(weights.paths, self.device)
            settle(self.device)
        return metric

    def _feed(self, release: Callable[[], bool]) -> None:
        """Try again to load what memory did not suffice for."""
        starved, self.starved = self.starved, []
        for metric_id in starved:
            del self.unavailable[metric_id]
            self.broken.discard(metric_id)
            self._add(metric_id, release)

    def _breaks(self, metric_id: str, error: Exception) -> None:
        reason = str(error) if isinstance(error, InputError) else describe(error)
        log.warning("metric %s: %s", metric_id, reason, exc_info=error)
        self.unavailable[metric_id] = reason
        self.broken.add(metric_id)

    def score(
        self,
        gt: Clip,
        info: TruthInfo,
        restored: Sequence[Clip],
        on_progress: Callable[[int], None] = lambda done: None,
        release: Callable[[], bool] = lambda: False,
        wanted: Sequence[Wanted] | None = None,
        left_out: Mapping[str, str] | None = None,
        parts: Sequence[tuple[range, FindPart]] = (),
    ) -> tuple[list[Scores], dict[str, NDArray[np.float32]]]:
        """Scores of each restored clip, in order, and the ground truth's own features (split metrics).

        `wanted` says for each restored clip what is to be computed of it (default: all metrics); `left_out`
        which metrics are not to be tried, and why. `parts` cuts the clip: frames, and what is asked for what
        another process has of them, when those before are done. Where it has nothing they are scored here.

        All clips have the frames and size of `gt`. `on_progress` is called with the number of frames done.
        When memory runs out the pass starts again, with half the window if `release` has nothing to free; no
        result depends on that. A metric for which one frame does not fit is n/a, and the others go on without
        it. JobFailure (oom) when not even the frames fit; PoisonedDevice when a metric loses the GPU.
        """
        every = Wanted(frozenset(card.id for card in self.cards))
        asked = wanted if wanted is not None else [every] * len(restored)
        out = dict(left_out or {})
        began = self.window

        def whole() -> tuple[list[Scores], dict[str, NDArray[np.float32]]]:
            loaded = Loaded(self.cards, self.metrics, self.unavailable, self.broken, self.device, self.cores)
            run = Pass(loaded, gt, info, restored, asked, out)
            try:
                with kept_settings():
                    for frames, find in parts or ((None, no_part),):
                        part = find()
                        if part is None or not run.takes(part):
                            run.all_windows(self.window, on_progress, frames)
                        elif frames is not None:
                            on_progress(frames.stop)
                    return run.finish()
            finally:
                self.hungry = run.hungry

        if self.starved:
            self._feed(release)
        self.load(frozenset().union(*(w.metrics for w in asked)) - set(out), release)
        while (found := attempt(whole)) is None:
            if release():
                continue
            if self.window > 1:
                self.window //= 2
            elif self.hungry:
                out[self.hungry] = TOO_LARGE
                self.window = began
            else:
                raise JobFailure(TOO_LARGE, "oom")
        return found

    def part(
        self,
        gt: Clip,
        info: TruthInfo,
        restored: Sequence[Clip],
        frames: range,
        wanted: Sequence[Wanted],
        left_out: Mapping[str, str],
    ) -> Part | None:
        """What a part of the frames gives to `score` in another process; arguments as there. None where that
        process must see for itself: memory runs out, or a metric fails."""
        self.load(frozenset().union(*(w.metrics for w in wanted)) - set(left_out), lambda: False)
        loaded = Loaded(self.cards, self.metrics, self.unavailable, self.broken, self.device, self.cores)

        def whole() -> tuple[Part | None]:
            with kept_settings():
                return (Pass(loaded, gt, info, restored, wanted, left_out).part(WINDOW, frames),)

        return (attempt(whole) or (None,))[0]
