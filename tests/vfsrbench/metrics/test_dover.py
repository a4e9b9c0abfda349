"""DOVER as a metric: from windows of a clip to its value."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vfsrbench as vb
from tests.vfsrbench.metrics import clips
from tests.vfsrbench.metrics.checker import scores
from tests.vfsrbench.metrics.random_weights import metric
from vfsrbench import plugins
from vfsrbench.errors import InputError
from vfsrbench.metric import Frames, Metric, TruthInfo, Window
from vfsrbench.metrics.quality.dover import Dover, Opinions
from vfsrbench.metrics.quality.dover_views import frames_of, pieces_of

TOTAL, SIDE = 40, 64
IDS = ("dover", "dover_technical", "dover_aesthetic", "dover_mean5")


def _rows(chosen: Metric, frames: Frames, size: int, order: object = None) -> np.ndarray:
    found = scores(chosen, frames, frames, size, TruthInfo("clip", "", len(frames)), order)
    return found[np.lexsort((found["place"], found["aesthetic"], found["draw"]))]


@pytest.fixture(scope="module")
def frames() -> Frames:
    return clips.noisy(clips.moving(TOTAL, SIDE), 0.5)


@pytest.mark.parametrize(
    "metric_id", ["dover_technical", *(pytest.param(i, marks=pytest.mark.slow) for i in IDS[:1] + IDS[2:])]
)
def test_every_picture_of_the_views_is_there_once_however_windows_are_cut(
    metric_id: str, frames: Frames
) -> None:
    chosen = metric(metric_id)
    whole = _rows(chosen, frames, TOTAL)
    draws = 5 if metric_id == "dover_mean5" else 1
    counts = {"dover_technical": (96, 0), "dover_aesthetic": (0, 32)}.get(metric_id, (96, 32))
    for draw in range(draws):
        own = whole[whole["draw"] == draw]
        for aesthetic, count in enumerate(counts):
            assert own["place"][own["aesthetic"] == aesthetic].tolist() == list(range(count))
    shuffled = lambda count: np.random.default_rng(3).permutation(count)  # noqa: E731
    for size, order in ((1, None), (8, None), (5, shuffled)):
        assert np.array_equal(_rows(chosen, frames, size, order), whole)


def test_draws_have_seeds_of_their_own_that_are_part_of_the_key() -> None:
    large = clips.moving(TOTAL, 240)
    rows = _rows(metric("dover_mean5"), large, TOTAL)
    pictures = [rows[(rows["draw"] == draw) & ~rows["aesthetic"]]["pixels"] for draw in range(5)]
    assert all((pictures[0] != other).any() for other in pictures[1:])
    once = _rows(metric("dover"), large, TOTAL)
    assert np.array_equal(pictures[0], once[~once["aesthetic"]]["pixels"])
    for metric_id in IDS:
        assert plugins.metrics()[metric_id].card.params["seed"] == 42
    for before, after in (
        (pieces_of(512, 512, 42), pieces_of(512, 512, 43)),
        (frames_of(300, 42), frames_of(300, 43)),
    ):
        assert any((a != b).any() for a, b in zip(before, after, strict=True))


def test_frames_that_are_no_pictures_or_too_small_are_refused(frames: Frames) -> None:
    info = TruthInfo("clip", "", TOTAL)
    for bad, why in (
        (frames.astype(np.float32), "must be uint8"),
        (frames[:, :, :31], "at least 32x32 pixels"),
    ):
        window = Window(bad, 0, 0, info)  # type: ignore[arg-type]
        with pytest.raises(InputError, match=why):
            metric("dover").score(window, window, None)


def test_dover_is_gameable_and_its_weights_are_not_for_commerce() -> None:
    from vfsrbench.weights.manifest import load_manifest

    assert all(plugins.metrics()[metric_id].card.gameable for metric_id in IDS)
    assert load_manifest()["dover"].commercial is False


@pytest.mark.slow
def test_order_of_rows_and_what_was_asked_before_leave_the_value_alone(frames: Frames) -> None:
    chosen = metric("dover")
    assert isinstance(chosen, Dover)
    rows = _rows(chosen, frames, TOTAL)
    value = chosen.finish(rows)
    assert chosen.finish(rows[np.random.default_rng(1).permutation(len(rows))]) == value
    fresh = Opinions(next(iter(metric_files())), torch.device("cpu"), "strict")
    chosen_alone = Dover(chosen.card)
    chosen_alone.opinions, chosen_alone.branches, chosen_alone.seeds = fresh, chosen.branches, chosen.seeds
    assert chosen_alone.finish(rows) == value
    parts = [metric(m).finish(_rows(metric(m), frames, 8)) for m in ("dover_technical", "dover_aesthetic")]
    assert min(parts) <= value <= max(parts) and 0 < value < 1


@pytest.mark.slow
def test_the_mean_is_that_of_single_draws(frames: Frames) -> None:
    card = plugins.metrics()["dover"].card
    large = clips.moving(TOTAL, 240)
    singles = []
    for seed in range(42, 47):
        single = Dover(card.model_copy(update={"params": {**card.params, "seed": seed}}))
        single.load({"network": next(iter(metric_files()))}, torch.device("cpu"))
        singles.append(single.finish(_rows(single, large, TOTAL)))
    assert len(set(singles)) == 5
    assert metric("dover_mean5").finish(_rows(metric("dover_mean5"), large, 16)) == pytest.approx(
        np.mean(singles)
    )


def metric_files() -> list:
    from tests.vfsrbench.metrics.random_weights import weights_of

    return list(weights_of(plugins.metrics()["dover"].card).values())


class _Thirds(Metric):
    """Keeps pictures of three frames of a clip; its value is their mean."""

    def score(self, restored: Window, gt: Window, state: object) -> np.ndarray:
        wanted = [n for n in restored.scored if n % (restored.truth.total // 3) == 0]
        rows = np.zeros(len(wanted), [("frame", "<i4"), ("pixels", "u1", restored.frames.shape[1:])])
        for row, number in zip(rows, wanted, strict=True):
            row["frame"], row["pixels"] = number, restored.frames[number - restored.start]
        return rows

    def finish(self, values: np.ndarray) -> float:
        assert values["frame"].tolist() == [0, 20, 40]
        return float(values["pixels"].mean())


def test_a_clip_metric_may_keep_rows_of_its_own_until_the_clip_ends() -> None:
    card = plugins.metrics()["dover"].card.model_copy(update={"id": "thirds", "weights": (), "params": {}})
    made = np.random.default_rng(0).integers(0, 256, (60, 64, 64, 3), np.uint8)
    table = vb.score(made, made, metrics=[_Thirds(card), "psnr"], device="cpu")
    assert table.attrs["clip"]["thirds"] == made[[0, 20, 40]].mean()
    assert "thirds" not in table and table.attrs["missing"] == {}
