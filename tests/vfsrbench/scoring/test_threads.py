"""Metrics of the host in threads beside the networks, frames read ahead: the same numbers and errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.vfsrbench.scoring.test_scorer import CPU, Breaks, card, catalogue, clips, constant, info
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.metric import Metric, TruthInfo, Window
from vfsrbench.plugins import metrics
from vfsrbench.scoring.scorer import Scorer
from vfsrbench.scoring.threads import own_cores, read_ahead

HERE = "tests.vfsrbench.scoring.test_threads"


class Meets(Metric):
    """Has a value only where two calls are under way at once."""

    threaded = True
    place = threading.Barrier(2)

    def score(self, restored: Window, gt: Window, state: Any) -> Any:
        try:
            self.place.wait(20)
        except threading.BrokenBarrierError:
            return np.full(len(restored.scored), np.nan)
        return np.ones(len(restored.scored))


class MeetsNetworks(Meets):
    threaded = False


class BreaksInThread(Breaks):
    threaded = True


class HungryInThread(Metric):
    threaded = True

    def score(self, restored: Window, gt: Window, state: Any) -> Any:
        if len(restored.scored) > 4:
            raise MemoryError
        return np.array([float(t) for t in restored.scored])


def scorer_of(cards: list[Any], cores: int) -> Scorer:
    scorer = Scorer([c.id for c in cards], catalogue(*cards), CPU)
    scorer.cores = cores
    return scorer


def test_any_number_of_threads_gives_the_same_bytes() -> None:
    ids = ["psnr", "ssim", "ssim_vt", "ewarp_dis", "ewarp_self_dis", "tof_dis", "niqe"]
    truth, restored = clips()
    found = []
    for cores in (1, 2, 5):
        scorer = Scorer(ids, metrics(), CPU)
        scorer.cores = cores
        scores, _ = scorer.score(truth, info(truth), restored)
        found.append([{m: v.tobytes() for m, v in s.values.items()} for s in scores])
        assert all(set(s.values) == set(ids) for s in scores)
    assert found[0] == found[1] == found[2]


def test_two_clips_of_one_metric_and_a_network_and_a_metric_are_under_way_at_once() -> None:
    clip = constant([1, 2, 3])
    alone = [card("meets", **{"class": f"{HERE}:Meets"})]
    scores, _ = scorer_of(alone, 2).score(clip, info(clip), [clip, clip])
    assert [s.clip_values for s in scores] == [{"meets": 1.0}] * 2
    both = [*alone, card("networks", **{"class": f"{HERE}:MeetsNetworks"})]
    ((found,), _) = scorer_of(both, 2).score(clip, info(clip), [clip])
    assert found.clip_values == {"meets": 1.0, "networks": 1.0}


@pytest.mark.parametrize(
    ("where", "bright", "dark"),
    [("prepare", "no state", "no state"), ("score", None, "too dark"), ("shape", "expected", "expected")],
)
def test_a_metric_that_raises_in_a_thread_costs_its_own_column_alone(
    where: str, bright: str | None, dark: str
) -> None:
    broken = card("breaks", params={"where": where}, **{"class": f"{HERE}:BreaksInThread"})
    light, shadow = constant([200] * 40), constant([20] * 40)
    scores, _ = scorer_of([broken, card("level")], 3).score(light, info(light), [light, shadow])
    for got, reason in zip(scores, (bright, dark), strict=True):
        assert (reason is None) == ("breaks" not in got.unavailable) == (not got.broken)
        assert reason is None or reason in got.unavailable["breaks"]
        assert "level" in got.clip_values


def test_running_out_of_memory_in_a_thread_halves_the_window() -> None:
    clip = constant([1] * 20)
    scorer = scorer_of([card("hungry", **{"class": f"{HERE}:HungryInThread"})], 3)
    ((scores,), _) = scorer.score(clip, info(clip), [clip])
    np.testing.assert_array_equal(scores.values["hungry"], np.arange(20.0))
    assert scorer.window == 4


class Ends:
    """Frames that can be read up to a place."""

    names = None
    length, height, width = 40, 16, 16

    def read(self, start: int, stop: int) -> Any:
        if stop > 32:
            raise InputError("the file ends here")
        return np.zeros((stop - start, 16, 16, 3), np.uint8)


def test_an_error_while_reading_ahead_is_the_callers() -> None:
    clip = Clip(Ends(), "ends", 25.0)
    before = threading.active_count()
    with pytest.raises(InputError, match="ends here"):
        scorer_of([card("level")], 3).score(clip, info(clip), [clip])
    assert threading.active_count() == before


def test_reading_ahead_keeps_the_order_stays_within_bounds_and_ends_with_its_reader() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    assert list(read_ahead(iter(range(50)))) == list(range(50))
    before = threading.active_count()
    items = read_ahead(numbers())
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    items.close()
    assert threading.active_count() == before
    assert len(made) < 10


def test_what_metrics_share_of_a_window_is_computed_once() -> None:
    window = Window(np.zeros((1, 8, 8, 3), np.uint8), 0, 0, TruthInfo("c", "", 1))
    begun, calls = threading.Event(), []

    def slow() -> int:
        calls.append(1)
        begun.set()
        threading.Event().wait(0.2)
        return 7

    found: list[int] = []
    first = threading.Thread(target=lambda: found.append(window.memo("a", slow)))
    first.start()
    assert begun.wait(10)
    found.append(window.memo("a", slow))
    first.join()
    assert found == [7, 7] and calls == [1]


def test_metrics_with_networks_stay_in_the_callers_thread() -> None:
    for entry in metrics().entries.values():
        if entry.card.factory is None:
            continue
        metric = entry.build(entry.card)
        if entry.card.weights:
            # those of flow say so once they are loaded
            assert not metric.threaded or entry.card.params.get("flow") == "raft", entry.card.id
        elif "flow" not in entry.card.params:
            assert metric.threaded, f"{entry.card.id} has no network and would hold others up"


def test_a_process_uses_its_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert own_cores() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert own_cores() >= 1
