"""Scoring: the ground truth passes by once, in windows, for all restored versions of a clip together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.card import MetricCard
from vfsrbench.errors import InputError, JobFailure, PoisonedDevice, describe
from vfsrbench.io.clip import Clip
from vfsrbench.metric import Metric, SplitMetric, TruthInfo, Values, Window
from vfsrbench.metrics.functional.temporal_std import video_sigma
from vfsrbench.plugins import Registry, build_metric
from vfsrbench.runtime.memory import attempt, attempt_again, is_out_of_memory
from vfsrbench.runtime.precision import Profile
from vfsrbench.runtime.state.poisoned import failure_of, settle
from vfsrbench.runtime.state.settings import kept_settings
from vfsrbench.scoring.derived import with_sources
from vfsrbench.scoring.scores import Scores
from vfsrbench.weights.resolve import Weights, resolve_weights

if TYPE_CHECKING:
    import torch

WINDOW = 16
TOO_LARGE = "out of memory while scoring, even with one frame at a time"
NO_REFERENCE = "needs the ground truth, which these clips do not have"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """The metrics that are to be computed of one restored clip.

    `values` and `unavailable` say what is known already of the others: derived metrics follow from them.
    """

    metrics: frozenset[str]
    values: Mapping[str, Values] = field(default_factory=dict)
    unavailable: Mapping[str, str] = field(default_factory=dict)


class Scorer:
    """Metrics, loaded once and used for clip after clip. What cannot be loaded is n/a with its reason.

    `weights` has, by metric, what the loaded ones were loaded with. With `lazy` a metric is loaded when a
    clip first needs it. One for which memory ran out is tried again with the next clip, when methods may have
    given theirs back.
    """

    def __init__(
        self,
        ids: Sequence[str],
        known: Registry[MetricCard],
        device: torch.device,
        profile: Profile = "strict",
        release: Callable[[], bool] = lambda: False,
        lazy: bool = False,
    ) -> None:
        """`release` frees what others hold when memory runs out while a metric is loaded."""
        self.cards = with_sources(ids, known)
        self.known, self.device, self.profile = known, device, profile
        self.window = WINDOW
        self.metrics: dict[str, Metric] = {}
        self.unavailable: dict[str, str] = {}
        self.broken: set[str] = set()
        self.weights: dict[str, Weights] = {}
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
        weights = resolve_weights(self.known[metric_id].card.weights)
        if weights.missing:
            self.unavailable[metric_id] = weights.missing
            return
        try:
            metric = attempt_again(lambda: self._loaded(metric_id, weights), release)
        except Exception as error:
            _stop_if_lost(metric_id, error)
            self._breaks(metric_id, error)
            return
        if metric is None:
            self.starved.append(metric_id)
            self.unavailable[metric_id] = f"out of memory on {self.device} while it was loaded"
            self.broken.add(metric_id)
            return
        self.metrics[metric_id] = metric
        self.weights[metric_id] = weights

    def _loaded(self, metric_id: str, weights: Weights) -> Metric:
        with kept_settings():
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
    ) -> tuple[list[Scores], dict[str, NDArray[np.float32]]]:
        """Scores of each restored clip, in order, and the ground truth's own features (split metrics).

        `wanted` says for each restored clip what is to be computed of it (default: all metrics); `left_out`
        which metrics are not to be tried, and why.

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
            self.hungry = ""
            with kept_settings():
                run = _Pass(self, gt, info, restored, asked, out)
                run.all_windows(self.window, on_progress)
                return run.finish()

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


class _Pass:
    """One way through a clip."""

    def __init__(
        self,
        scorer: Scorer,
        gt: Clip,
        info: TruthInfo,
        restored: Sequence[Clip],
        wanted: Sequence[Wanted],
        left_out: Mapping[str, str],
    ) -> None:
        """`left_out` has metrics that are not tried (memory does not suffice for one frame, say), and why."""
        self.scorer, self.gt, self.info, self.left_out = scorer, gt, info, left_out
        self.restored, self.wanted = restored, wanted
        self.scores = [self._begun(w) for w in wanted]
        self.pieces: list[dict[str, list[NDArray[Any]]]] = [{} for _ in restored]
        self.truth_features: dict[str, list[NDArray[np.float32]]] = {}
        self.active: dict[str, Metric] = {}
        needed = frozenset().union(*(w.metrics for w in wanted))
        for metric_id, metric in scorer.metrics.items():
            if metric_id not in needed or metric_id in left_out:
                continue
            reason = unfit(metric.card, info) or metric.unfit(info)
            if reason:
                for scores, asked in zip(self.scores, wanted, strict=True):
                    if metric_id in asked.metrics:
                        scores.unavailable[metric_id] = reason
            else:
                self.active[metric_id] = metric

    def _begun(self, wanted: Wanted) -> Scores:
        """What is known of a clip before it is looked at: which of its metrics cannot be computed."""
        known = {**self.scorer.unavailable, **self.left_out}
        missing = {m: why for m, why in known.items() if m in wanted.metrics}
        return Scores(unavailable=missing, broken=(self.scorer.broken | set(self.left_out)) & wanted.metrics)

    def all_windows(self, size: int, on_progress: Callable[[int], None]) -> None:
        context = max((m.card.context for m in self.active.values()), default=0)
        streams = [clip.windows(size, context) for clip in self.restored]
        for start, lead, frames in self.gt.windows(size, context):
            gt = Window(frames, start, lead, self.info)
            states = self._prepare(gt)
            for number, stream in enumerate(streams):
                _, _, own = next(stream)
                self._score(number, Window(own, start, lead, self.info), gt, states)
            on_progress(start + len(frames))

    def _prepare(self, gt: Window) -> dict[str, Any]:
        states: dict[str, Any] = {}
        for metric_id, metric in list(self.active.items()):
            try:
                states[metric_id] = metric.prepare(gt)
                if isinstance(metric, SplitMetric):
                    self.truth_features.setdefault(metric_id, []).append(metric.features(gt))
                settle(self.scorer.device)
            except Exception as error:
                if is_out_of_memory(error):
                    self.scorer.hungry = metric_id
                    raise
                _stop_if_lost(metric_id, error)
                for scores, wanted in zip(self.scores, self.wanted, strict=True):
                    if metric_id in wanted.metrics:
                        _break(scores, metric_id, error)
                del self.active[metric_id]
        return states

    def _score(self, number: int, restored: Window, gt: Window, states: Mapping[str, Any]) -> None:
        scores, pieces, wanted = self.scores[number], self.pieces[number], self.wanted[number].metrics
        for metric_id, metric in self.active.items():
            if metric_id not in wanted or metric_id in scores.broken:
                continue
            try:
                if isinstance(metric, SplitMetric):
                    piece: NDArray[Any] = metric.features(restored)
                else:
                    piece = np.asarray(metric.score(restored, gt, states[metric_id]), dtype=np.float64)
                    expected = (len(restored.scored),)
                    if (piece.shape[:1] if metric.card.level == "clip" else piece.shape) != expected:
                        raise ValueError(f"score returned the shape {piece.shape}, {expected} is expected")
            except Exception as error:
                if is_out_of_memory(error):
                    self.scorer.hungry = metric_id
                    raise
                _stop_if_lost(metric_id, error)
                _break(scores, metric_id, error)
            else:
                pieces.setdefault(metric_id, []).append(piece)

    def finish(self) -> tuple[list[Scores], dict[str, NDArray[np.float32]]]:
        for scores, pieces, wanted in zip(self.scores, self.pieces, self.wanted, strict=True):
            for card in self.scorer.cards:
                if card.id in wanted.metrics and card.derived is None and card.id not in scores.unavailable:
                    self._close(scores, card, np.concatenate(pieces[card.id]))
            derive(scores, self.scorer.cards, wanted)
        gt = {k: np.concatenate(v) for k, v in self.truth_features.items() if k in self.active}
        return self.scores, gt

    def _close(self, scores: Scores, card: MetricCard, values: NDArray[Any]) -> None:
        if card.level == "split":
            scores.features[card.id] = values.astype(np.float32)
            return
        try:
            scores.clip_values[card.id] = float(self.active[card.id].finish(values))
        except Exception as error:
            if is_out_of_memory(error):
                self.scorer.hungry = card.id
                raise
            _break(scores, card.id, error)
            return
        first_due = max(card.context, int(card.level == "pair"))
        known = values[first_due:].reshape(len(values[first_due:]), -1)
        missing = int(np.isnan(known).any(axis=1).sum())
        if missing:
            scores.missing[card.id] = missing
        if card.level != "clip":
            scores.values[card.id] = values


def unfit(card: MetricCard, info: TruthInfo) -> str:
    """Why this metric has no value on such a clip; empty if it has."""
    if card.reference and not info.reference:
        return NO_REFERENCE
    if info.total < card.min_frames:
        return f"the clip has {info.total} frames, at least {card.min_frames} are needed"
    if "landmarks" in card.needs and info.landmarks is None:
        return "no landmarks are known for this clip"
    if "exact_flow" in card.needs and info.exact_flow is None:
        return "the exact flow is known for rendered clips only"
    return ""


def _stop_if_lost(metric_id: str, error: Exception) -> None:
    """PoisonedDevice where the error left the GPU unusable: no other metric can be computed then."""
    lost = failure_of(error, f"metric {metric_id}", metric_id)
    if isinstance(lost, PoisonedDevice):
        raise lost from error


def _break(scores: Scores, metric_id: str, error: Exception) -> None:
    reason = str(error) if isinstance(error, InputError) else describe(error)
    log.warning("metric %s: %s", metric_id, reason, exc_info=error)
    scores.unavailable[metric_id] = reason
    scores.broken.add(metric_id)


def derive(scores: Scores, cards: Sequence[MetricCard], wanted: Wanted) -> None:
    """Add the wanted metrics that are derived from others' frame values, new or known."""
    caps = {card.id: card.cap for card in cards}
    for card in cards:
        if card.derived is None or card.id not in wanted.metrics:
            continue
        source = card.derived.metric
        known = scores if source in wanted.metrics else wanted
        if source in known.unavailable:
            scores.unavailable[card.id] = known.unavailable[source]
        else:
            scores.clip_values[card.id] = (
                video_sigma(known.values[source], caps[source]) * card.derived.factor
            )
