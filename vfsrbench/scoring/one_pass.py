"""One way through a clip: each window of the ground truth is prepared once, then every restored clip scored.

The caller's thread drives the networks. Metrics that compute on the host (`Metric.threaded`) run in threads
beside it, and another thread reads ahead. No value depends on that: each is computed by one call, and put
where it belongs in the order of the clip.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.card import MetricCard
from vfsrbench.errors import InputError, PoisonedDevice, counted, describe
from vfsrbench.geometry.guard import Guard, Sight
from vfsrbench.io.clip import Clip
from vfsrbench.metric import Frames, Metric, SplitMetric, TruthInfo, Window
from vfsrbench.runtime.memory import is_out_of_memory
from vfsrbench.runtime.state.poisoned import failure_of, settle
from vfsrbench.runtime.state.settings import kept_settings
from vfsrbench.scoring.derived import derive
from vfsrbench.scoring.scores import Part, Piece, Scores, Wanted
from vfsrbench.scoring.threads import HostPool, host_pool, read_ahead

if TYPE_CHECKING:
    import torch

TOO_LARGE = "out of memory while scoring, even with one frame at a time"
NO_REFERENCE = "needs the ground truth, which these clips do not have"
NO_INPUT = "compares with the enlarged input, on boards of clips without ground truth alone"
IN_FLIGHT = 2
"""Windows of restored clips that the host's metrics may be behind the networks: they are held in memory."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """The metrics of a pass: all cards, those that are loaded, why others are not, the
    networks' device, and the cores to use."""

    cards: Sequence[MetricCard]
    metrics: Mapping[str, Metric]
    unavailable: Mapping[str, str]
    broken: Collection[str]
    device: torch.device
    cores: int = 1


@dataclass(frozen=True)
class Place:
    """A window: its first frame's number, and how many of its frames are context."""

    start: int
    lead: int


class Pass:
    """One way through a clip. `hungry` is the metric at which memory ran out; empty if it was none."""

    def __init__(
        self,
        loaded: Loaded,
        gt: Clip,
        info: TruthInfo,
        restored: Sequence[Clip],
        wanted: Sequence[Wanted],
        left_out: Mapping[str, str],
    ) -> None:
        """`left_out` has metrics that are not tried (memory does not suffice for one frame, say), and why."""
        self.loaded, self.gt, self.info, self.left_out = loaded, gt, info, left_out
        self.restored, self.wanted = restored, wanted
        self.hungry = ""
        self.scores = [self._begun(w) for w in wanted]
        self.pieces: list[dict[str, list[Piece]]] = [{} for _ in restored]
        self.truth_features: dict[str, list[NDArray[np.float32]]] = {}
        self.active: dict[str, Metric] = {}
        self.waiting: deque[list[tuple[int, str, Future[Piece]]]] = deque()
        self.guards = {
            number: Guard(gt.height, gt.width, len(gt))
            for number, asked in enumerate(wanted)
            if info.reference and asked.guard
        }
        self.sights: deque[tuple[int, Future[list[Sight]]]] = deque()
        self.seen: list[list[Sight]] | None = None
        needed = frozenset().union(*(w.metrics for w in wanted))
        for metric_id, metric in loaded.metrics.items():
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
        known = {**self.loaded.unavailable, **self.left_out}
        missing = {m: why for m, why in known.items() if m in wanted.metrics}
        return Scores(unavailable=missing, broken={*self.loaded.broken, *self.left_out} & wanted.metrics)

    def all_windows(self, size: int, on_progress: Callable[[int], None], part: range | None = None) -> None:
        """Score all windows of `size` frames, or those of the part of the clip that comes next. `on_progress`
        is called with the frames that were seen."""
        threads = self._threads()
        context = max((m.card.context for m in self.active.values()), default=0)
        frames = self._frames(size, context, part)
        if threads:
            frames = read_ahead(frames)
        with closing(frames), host_pool(threads) as pool:
            states: dict[str, Any] = {}
            gt = Window(np.empty((0, 0, 0, 3), np.uint8), 0, 0, self.info)
            for number, place, picture in frames:
                window = Window(picture, place.start, place.lead, self.info)
                if number is None:
                    gt, states = window, self._prepare(window, pool)
                else:
                    self._collect(IN_FLIGHT - 1)
                    self._score(number, window, gt, states, pool)
                if number == len(self.restored) - 1:
                    on_progress(place.start + len(picture))
            self._collect(0)

    def _threads(self) -> int:
        """Threads for the host's metrics: all cores but the one that drives networks; on one core none."""
        if self.loaded.cores == 1:
            return 0
        networks = any(not metric.threaded for metric in self.active.values())
        return self.loaded.cores - networks

    def _frames(
        self, size: int, context: int, part: range | None
    ) -> Generator[tuple[int | None, Place, Frames]]:
        """Window by window the frames of the ground truth (None), then of each restored clip (its number)."""
        streams = [clip.windows(size, context, part) for clip in self.restored]
        for start, lead, frames in self.gt.windows(size, context, part):
            place = Place(start, lead)
            yield None, place, frames
            for number, stream in enumerate(streams):
                yield number, place, next(stream)[2]

    def _prepare(self, gt: Window, pool: HostPool) -> dict[str, Any]:
        """By metric the ground truth's side; for the host's metrics a `Future` of it."""
        states: dict[str, Any] = {}
        threaded = [m for m in self.active if self.active[m].threaded]
        for metric_id in threaded:
            states[metric_id] = pool.submit(partial(self.active[metric_id].prepare, gt))
        for metric_id, metric in list(self.active.items()):
            if metric_id in states:
                continue
            try:
                with kept_settings():
                    states[metric_id] = metric.prepare(gt)
                    if isinstance(metric, SplitMetric):
                        self.truth_features.setdefault(metric_id, []).append(metric.features(gt))
                    settle(self.loaded.device)
            except Exception as error:
                for scores, wanted in zip(self.scores, self.wanted, strict=True):
                    if metric_id in wanted.metrics:
                        self._failed(scores, metric_id, error)
                del self.active[metric_id]
        return states

    def _score(
        self, number: int, restored: Window, gt: Window, states: Mapping[str, Any], pool: HostPool
    ) -> None:
        """Score a window: at once with networks, the host's metrics as their threads find time."""
        scores, wanted = self.scores[number], self.wanted[number].metrics
        due = {m: self.active[m] for m in self.active if m in wanted and m not in scores.broken}
        calls = {m: partial(_piece, metric, restored, gt, states[m]) for m, metric in due.items()}
        if number in self.guards:
            own, theirs = restored.frames[restored.lead :], gt.frames[gt.lead :]
            look = partial(self.guards[number].see, restored.start + restored.lead, own, theirs)
            self.sights.append((number, pool.submit(look)))
        self.waiting.append([(number, m, pool.submit(calls[m])) for m in due if due[m].threaded])
        for metric_id in due:
            if not due[metric_id].threaded:
                with kept_settings():  # so that what a metric changes of torch's is its own affair
                    self._take(number, metric_id, calls[metric_id])

    def _collect(self, left: int) -> None:
        """Take what the host's threads made, in the order of the clip, until `left` windows remain."""
        while len(self.waiting) > left:
            if self.sights:
                number, sights = self.sights.popleft()
                self._keep(number, sights.result())
            for number, metric_id, future in self.waiting.popleft():
                self._take(number, metric_id, future.result)

    def _keep(self, number: int, sights: list[Sight]) -> None:
        if self.seen is None:
            self.guards[number].keep(sights)
        else:
            self.seen[number] += sights

    def _take(self, number: int, metric_id: str, call: Callable[[], Piece]) -> None:
        scores = self.scores[number]
        try:
            piece = call()
        except Exception as error:
            self._failed(scores, metric_id, error)
        else:
            self.pieces[number].setdefault(metric_id, []).append(piece)

    def _failed(self, scores: Scores, metric_id: str, error: Exception) -> None:
        """Note that a metric has no value; that memory ran out, or a GPU is lost, concerns the whole pass."""
        if is_out_of_memory(error):
            self.hungry = metric_id
            raise error
        stop_if_lost(metric_id, error)
        if metric_id in scores.broken:  # a later window that was under way
            return
        reason = str(error) if isinstance(error, InputError) else describe(error)
        log.warning("metric %s: %s", metric_id, reason, exc_info=error)
        scores.unavailable[metric_id] = reason
        scores.broken.add(metric_id)

    def part(self, size: int, frames: range) -> Part | None:
        """What a part of the clip gives, for another pass; None where a metric fails on it.

        Args:
            size: Frames of a window.
            frames: The part; its start is a multiple of `size`, so that windows are those of a whole pass.
        """
        self.seen = [[] for _ in self.restored]
        broken = [set(scores.broken) for scores in self.scores]
        self.all_windows(size, lambda done: None, frames)
        if [scores.broken for scores in self.scores] != broken:
            return None
        pieces = [{m: np.concatenate(found) for m, found in one.items()} for one in self.pieces]
        gt = {m: np.concatenate(found) for m, found in self.truth_features.items()}
        return Part(pieces, gt, self.seen)

    def takes(self, part: Part) -> bool:
        """Put another pass's part of the clip, which comes next, beside what was seen; False, and nothing
        changed, where it lacks a metric."""
        due = [
            [m for m in self.active if m in wanted.metrics and m not in scores.broken]
            for scores, wanted in zip(self.scores, self.wanted, strict=True)
        ]
        if any(m not in pieces for metrics, pieces in zip(due, part.pieces, strict=True) for m in metrics):
            return False
        for number, metrics in enumerate(due):
            for metric_id in metrics:
                self.pieces[number].setdefault(metric_id, []).append(part.pieces[number][metric_id])
        for metric_id in {m for metrics in due for m in metrics} & part.gt_features.keys():
            self.truth_features.setdefault(metric_id, []).append(part.gt_features[metric_id])
        for number in self.guards:
            self._keep(number, part.sights[number])
        return True

    def finish(self) -> tuple[list[Scores], dict[str, NDArray[np.float32]]]:
        """All clips' scores, and the ground truth's own features by metric."""
        for number, guard in self.guards.items():
            self.scores[number].place = guard.report()
        for scores, pieces, wanted in zip(self.scores, self.pieces, self.wanted, strict=True):
            for card in self.loaded.cards:
                if card.id in wanted.metrics and card.derived is None and card.id not in scores.unavailable:
                    self._close(scores, card, np.concatenate(pieces[card.id]))
            derive(scores, self.loaded.cards, wanted)
        gt = {k: np.concatenate(v) for k, v in self.truth_features.items() if k in self.active}
        return self.scores, gt

    def _close(self, scores: Scores, card: MetricCard, values: Piece) -> None:
        if card.level == "split":
            scores.features[card.id] = values.astype(np.float32)
            return
        try:
            with kept_settings():
                scores.clip_values[card.id] = float(self.active[card.id].finish(values))
        except Exception as error:
            self._failed(scores, card.id, error)
            return
        if values.dtype.names:
            return
        first_due = max(card.context, int(card.level == "pair"))
        known = values[first_due:].reshape(len(values[first_due:]), -1)
        missing = int(np.isnan(known).any(axis=1).sum())
        if missing:
            scores.missing[card.id] = missing
        if card.level != "clip":
            scores.values[card.id] = values


def _piece(metric: Metric, restored: Window, gt: Window, state: Any) -> Piece:
    """What a metric says of a window: its values, or the features of a split metric."""
    if isinstance(metric, SplitMetric):
        return metric.features(restored)
    known = state.result() if isinstance(state, Future) else state
    piece = np.asarray(metric.score(restored, gt, known))
    if metric.card.level == "clip" and piece.dtype.names:  # rows of its own
        return piece
    piece = piece.astype(np.float64, copy=False)
    expected = (len(restored.scored),)
    if (piece.shape[:1] if metric.card.level == "clip" else piece.shape) != expected:
        raise ValueError(f"score returned the shape {piece.shape}, {expected} is expected")
    return piece


def stop_if_lost(metric_id: str, error: Exception) -> None:
    """PoisonedDevice where the error left the GPU unusable: no other metric can be computed then."""
    lost = failure_of(error, f"metric {metric_id}", metric_id)
    if isinstance(lost, PoisonedDevice):
        raise lost from error


def unfit(card: MetricCard, info: TruthInfo) -> str:
    """Why this metric has no value on such a clip; empty if it has."""
    if card.reference and not info.reference:
        return NO_REFERENCE
    if info.total < card.min_frames:
        return f"the clip has {counted(info.total, 'frame')}, at least {card.min_frames} are needed"
    if "landmarks" in card.needs and info.landmarks is None:
        return "no landmarks are known for this clip"
    if "input" in card.needs and not info.is_input:
        return NO_INPUT
    if "exact_flow" in card.needs and info.exact_flow is None:
        return "the exact flow is known for rendered clips only"
    return ""
