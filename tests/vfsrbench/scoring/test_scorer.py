"""Scoring in one pass: equal for any window, each ground-truth window prepared once, holes explained."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from tests.vfsrbench.boards import moving
from vfsrbench.card import MetricCard
from vfsrbench.errors import InputError, JobFailure
from vfsrbench.io.clip import Clip
from vfsrbench.metric import Metric, SplitMetric, TruthInfo
from vfsrbench.plugins import Entry, Registry, metrics
from vfsrbench.scoring.derived import with_sources
from vfsrbench.scoring.one_pass import unfit
from vfsrbench.scoring.scorer import Scorer, no_part
from vfsrbench.scoring.scores import Scores, Wanted

CPU = torch.device("cpu")


def card(metric_id: str, **facts: object) -> MetricCard:
    base = {"id": metric_id, "title": metric_id, "direction": "lower", "level": "frame"}
    texts = {"definition": "d", "source": "s", "checked_against": "c"}
    if "derived" not in facts:
        facts.setdefault("class", "tests.vfsrbench.scoring.test_scorer:Level")
    return MetricCard.model_validate({**base, **texts, **facts})


def catalogue(*cards: MetricCard) -> Registry[MetricCard]:
    return Registry("metric", {c.id: Entry(c, Path("card.toml")) for c in cards})


def info(clip: Clip, **facts: object) -> TruthInfo:
    return TruthInfo(clip.name, "0" * 64, len(clip), **facts)


def clips(total: int = 30) -> tuple[Clip, list[Clip]]:
    frames = moving(total)
    noise = np.random.default_rng(1).integers(-20, 21, frames.shape)
    noisy = np.clip(frames + noise, 0, 255).astype(np.uint8)
    truth = Clip.from_array(frames, "c")
    return truth, [Clip.from_array(noisy, "c"), Clip.from_array(frames // 2, "c"), truth]


class Level(Metric):
    """The mean grey level of a frame of the restored clip; NaN where it is over 200."""

    prepared: list[range] = []

    def prepare(self, truth):
        Level.prepared.append(truth.scored)

    def score(self, restored, truth, state):
        values = restored.frames[restored.lead :].mean((1, 2, 3))
        return np.where(values > 200, np.nan, values)


class Breaks(Metric):
    def prepare(self, truth):
        if self.card.params.get("where") == "prepare":
            raise ValueError("no state")

    def score(self, restored, truth, state):
        where = self.card.params["where"]
        if where == "score" and restored.frames.mean() < 100:
            raise ValueError("too dark")
        return np.zeros(1 if where == "shape" else len(restored.scored))

    def finish(self, values):
        if self.card.params["where"] == "finish":
            raise ValueError("no end")
        return 0.0


class Unloadable(Level):
    def load(self, weights, device):
        raise RuntimeError("no such file on the GPU")


class Means(SplitMetric):
    def features(self, window):
        return window.frames[window.lead :].mean((1, 2)).astype(np.float32)

    def combine(self, restored, truth):
        return {"value": 0.0, "n": 0}


def constant(levels: list[int]) -> Clip:
    frames = np.broadcast_to(np.array(levels, np.uint8)[:, None, None, None], (len(levels), 16, 16, 3))
    return Clip.from_array(np.ascontiguousarray(frames), "levels")


def test_all_real_metrics_give_the_same_for_any_window():
    truth, restored = clips()
    ids = ["psnr", "ssim", "ssim_vt", "psnr_clip", "ewarp_dis"]
    results = []
    for window in (1, 5, 16, 64):
        scorer = Scorer(ids, metrics(), CPU)
        scorer.window = window
        results.append(scorer.score(truth, info(truth), restored)[0])
    for other in results[1:]:
        for ours, theirs in zip(results[0], other, strict=True):
            assert ours.missing == theirs.missing and not ours.unavailable
            for metric in ids:
                # a matrix product over another number of frames may round its last bit otherwise
                np.testing.assert_allclose(ours.values[metric], theirs.values[metric], rtol=1e-13)
                assert ours.clip_values[metric] == pytest.approx(theirs.clip_values[metric], rel=1e-13)


def test_scores_of_a_clip_do_not_depend_on_its_company():
    truth, restored = clips(12)
    scorer = Scorer(["psnr", "ewarp_dis"], metrics(), CPU)
    together, _ = scorer.score(truth, info(truth), restored)
    for clip, ours in zip(restored, together, strict=True):
        ((alone,), _) = scorer.score(truth, info(truth), [clip])
        for metric, values in alone.values.items():
            np.testing.assert_array_equal(values, ours.values[metric])


def test_each_truth_window_is_prepared_once_for_all_restored_clips():
    Level.prepared = []
    truth = constant([10] * 20)
    scorer = Scorer(["level"], catalogue(card("level")), CPU)
    scorer.score(truth, info(truth), [truth] * 7)
    assert Level.prepared == [range(0, 16), range(16, 20)]


def test_missing_values_are_counted_from_where_they_are_due():
    restored = constant([250, 250, 20, 250, 40])
    cards = [card("level"), card("late", context=2), card("pairs", level="pair")]
    ((scores,), _) = Scorer([c.id for c in cards], catalogue(*cards), CPU).score(
        restored, info(restored), [restored]
    )
    assert scores.missing == {"level": 3, "late": 1, "pairs": 2}
    assert scores.clip_values["level"] == 30
    assert np.isnan(scores.values["level"][[0, 1, 3]]).all()


def test_a_column_without_any_value_is_nan_and_counted():
    clip = constant([250] * 3)
    ((scores,), _) = Scorer(["level"], catalogue(card("level")), CPU).score(clip, info(clip), [clip])
    assert np.isnan(scores.clip_values["level"]) and scores.missing == {"level": 3}


def test_derived_metrics_bring_their_source_and_are_its_spread():
    cards = [
        card("sigma", level="clip", derived={"from": "level", "how": "std", "factor": 100.0}),
        card("level"),
    ]
    assert [c.id for c in with_sources(["sigma"], catalogue(*cards))] == ["level", "sigma"]
    clip = constant([10, 20, 250, 30])
    ((scores,), _) = Scorer(["sigma"], catalogue(*cards), CPU).score(clip, info(clip), [clip])
    assert scores.clip_values["sigma"] == pytest.approx(100 * np.std([10, 20, 30]))
    assert "sigma" not in scores.values


def test_clip_level_metrics_have_no_column():
    clip = constant([10, 20])
    ((scores,), _) = Scorer(["level"], catalogue(card("level", level="clip")), CPU).score(
        clip, info(clip), [clip]
    )
    assert scores.clip_values == {"level": 15.0} and not scores.values


def test_what_a_clip_does_not_have_is_said():
    clip = constant([1, 2, 3])
    assert unfit(card("a", min_frames=4), info(clip)) == "the clip has 3 frames, at least 4 are needed"
    assert "landmarks" in unfit(card("a", needs=("landmarks",)), info(clip))
    assert "rendered" in unfit(card("a", needs=("exact_flow",)), info(clip))
    assert unfit(card("a", needs=("landmarks",)), info(clip, landmarks=np.zeros((3, 5, 2)))) == ""
    known = catalogue(card("short", min_frames=9), card("level"))
    ((scores,), _) = Scorer(["short", "level"], known, CPU).score(clip, info(clip), [clip])
    assert set(scores.unavailable) == {"short"} and scores.clip_values == {"level": 2.0}
    assert not scores.broken


@pytest.mark.parametrize(
    ("where", "bright", "dark"),
    [
        ("prepare", "no state", "no state"),
        ("score", None, "too dark"),
        ("finish", "no end", "no end"),
        ("shape", "is expected", "is expected"),
    ],
)
def test_a_metric_that_raises_costs_its_own_column_alone(where: str, bright: str | None, dark: str):
    broken = card(
        "breaks", params={"where": where}, **{"class": "tests.vfsrbench.scoring.test_scorer:Breaks"}
    )
    light, shadow = constant([200, 190]), constant([10, 20])
    scores, _ = Scorer(["breaks", "level"], catalogue(broken, card("level")), CPU).score(
        light, info(light), [light, shadow]
    )
    for got, reason in zip(scores, (bright, dark), strict=True):
        assert (reason is None) == ("breaks" not in got.unavailable) == (not got.broken)
        assert reason is None or reason in got.unavailable["breaks"]
        assert "level" in got.clip_values


def test_a_metric_that_cannot_be_loaded_or_lacks_weights_is_not_available():
    cards = [
        card("unloadable", **{"class": "tests.vfsrbench.scoring.test_scorer:Unloadable"}),
        card("weighty", weights=[{"name": "no-such-checkpoint"}]),
        card("elsewhere", **{"class": "no.such.module:X"}),
    ]
    scorer = Scorer([c.id for c in cards], catalogue(*cards), CPU)
    assert "no such file on the GPU" in scorer.unavailable["unloadable"]
    assert "no-such-checkpoint" in scorer.unavailable["weighty"]
    assert "cannot be imported" in scorer.unavailable["elsewhere"]
    assert scorer.broken == {"unloadable", "elsewhere"}
    clip = constant([1, 2])
    ((scores,), _) = scorer.score(clip, info(clip), [clip])
    assert set(scores.unavailable) == {c.id for c in cards} and not scores.clip_values


def test_unknown_metrics_are_input_errors():
    with pytest.raises(InputError, match="did you mean 'psnr'"):
        with_sources(["pnsr"], metrics())


def test_split_metrics_give_features_of_both_sides():
    known = catalogue(card("means", level="split", **{"class": "tests.vfsrbench.scoring.test_scorer:Means"}))
    truth, other = constant([10] * 20), constant(list(range(20)))
    scores, features = Scorer(["means"], known, CPU).score(truth, info(truth), [other, truth])
    np.testing.assert_array_equal(scores[0].features["means"][:, 0], np.arange(20))
    np.testing.assert_array_equal(features["means"], scores[1].features["means"])
    assert not scores[0].clip_values and not scores[0].values


class Hungry(Metric):
    """Runs out of memory when a window has more frames than it can take."""

    most = 4

    def score(self, restored, truth, state):
        if len(restored.scored) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return np.array([float(t) for t in restored.scored])


def test_out_of_memory_halves_the_window_and_a_metric_for_which_one_frame_does_not_fit_is_left_out():
    known = catalogue(card("hungry", **{"class": "tests.vfsrbench.scoring.test_scorer:Hungry"}))
    clip = constant([1] * 20)
    scorer = Scorer(["hungry", "psnr"], Registry("metric", {**metrics().entries, **known.entries}), CPU)
    ((scores,), _) = scorer.score(clip, info(clip), [clip])
    np.testing.assert_array_equal(scores.values["hungry"], np.arange(20.0))
    assert scorer.window == 4
    Hungry.most = 0
    try:
        ((scores,), _) = scorer.score(clip, info(clip), [clip])
        assert "one frame at a time" in scores.unavailable["hungry"] and scores.broken == {"hungry"}
        assert scores.clip_values == {"psnr": 100.0} and scorer.window == 4
    finally:
        Hungry.most = 4
    ((scores,), _) = scorer.score(clip, info(clip), [clip])
    assert not scores.broken and set(scores.values) == {"hungry", "psnr"}, "the next clip finds memory"


def test_frames_that_do_not_fit_end_the_job(monkeypatch: pytest.MonkeyPatch):
    def hungry(*arguments):
        raise torch.OutOfMemoryError("CUDA out of memory")

    clip = constant([1] * 4)
    monkeypatch.setattr(Clip, "windows", hungry)
    with pytest.raises(JobFailure, match="one frame") as caught:
        Scorer(["psnr"], metrics(), CPU).score(clip, info(clip), [clip])
    assert caught.value.status == "oom"


class Rendered:
    """A source of any length that holds nothing."""

    names = None
    height = width = 256

    def __init__(self, length: int) -> None:
        self.length = length

    def read(self, start: int, stop: int):
        level = np.arange(start, stop, dtype=np.int64)[:, None, None, None] % 200
        return np.broadcast_to(level, (stop - start, 256, 256, 3)).astype(np.uint8)


def test_memory_does_not_grow_with_the_clip():
    """A clip nine times as long (177 MB of frames) takes no more memory than a short one."""
    scorer = Scorer(["psnr", "psnr_clip"], metrics(), CPU)
    process, peaks = psutil.Process(), []
    for length in (100, 900):
        clip = Clip(Rendered(length), "long", 25.0)
        seen: list[int] = []
        scorer.score(clip, info(clip), [clip], lambda done, seen=seen: seen.append(process.memory_info().rss))
        peaks.append(max(seen))
    assert peaks[1] - peaks[0] < 20e6


SHARED = ["psnr", "ssim", "ssim_vt", "psnr_clip", "ewarp_dis", "ewarp_self_dis", "niqe"]


def test_parts_of_a_clip_give_the_whole_to_the_bit() -> None:
    """Frames 32 to 69 by another scorer, as in another process: no value, feature or finding differs."""
    frames = moving(70, side=96)
    truth = Clip.from_array(frames, "c")
    restored = [Clip.from_array(np.roll(frames, 2, axis=2), "c"), Clip.from_array(frames // 2, "c")]
    own = [card("means", level="split", **{"class": f"{__name__}:Means"})]
    known = Registry("metric", {**metrics().entries, **catalogue(*own).entries})
    ids = [*SHARED, "means"]
    wanted = [Wanted(frozenset(ids)), Wanted(frozenset(ids) - {"ssim"})]
    whole, features = Scorer(ids, known, CPU).score(truth, info(truth), restored, wanted=wanted)
    part = Scorer(ids, known, CPU).part(truth, info(truth), restored, range(32, 70), wanted, {})
    assert part is not None
    sent = pickle.loads(pickle.dumps(part))
    scorer, done = Scorer(ids, known, CPU), list[int]()
    parts = [(range(32), no_part), (range(32, 70), lambda: sent)]
    found, again = scorer.score(truth, info(truth), restored, done.append, wanted=wanted, parts=parts)
    assert done[-1] == 70
    assert {m: v.tobytes() for m, v in again.items()} == {m: v.tobytes() for m, v in features.items()}
    for ours, theirs in zip(found, whole, strict=True):
        assert bits(ours) == bits(theirs)
    assert found[0].place is not None and found[0].place.findings == ("2 frames late",)


def bits(scores: Scores) -> dict[str, object]:
    """All that a record has of them, to the bit."""
    arrays = {**scores.values, **{f"{m} features": v for m, v in scores.features.items()}}
    plain = scores.clip_values, scores.missing, scores.unavailable, sorted(scores.broken), scores.place
    return {**{m: v.tobytes() for m, v in arrays.items()}, "": repr(plain)}


@pytest.mark.parametrize("lacking", ["nobody", "a metric", "fails there"])
def test_what_another_process_lacks_is_scored_here(lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = constant([10] * 40)
    known = catalogue(card("level"), card("means", level="split", **{"class": f"{__name__}:Means"}))
    every = [Wanted(frozenset({"level", "means"}))]
    whole, _ = Scorer(["level", "means"], known, CPU).score(truth, info(truth), [truth])
    there = Scorer(["level", "means"], known, CPU)
    if lacking == "fails there":
        monkeypatch.setattr(there.metrics["level"], "score", lambda *given: 1 / 0)
    some = [Wanted(frozenset({"level"}))] if lacking == "a metric" else every
    part = there.part(truth, info(truth), [truth], range(16, 40), some, {})
    assert (part is None) == (lacking == "fails there")
    find = no_part if lacking == "nobody" else lambda: part
    Level.prepared = []
    parts = [(range(16), no_part), (range(16, 40), find)]
    found, _ = Scorer(["level", "means"], known, CPU).score(truth, info(truth), [truth], parts=parts)
    assert Level.prepared == [range(0, 16), range(16, 32), range(32, 40)]
    assert bits(found[0]) == bits(whole[0])
