"""The table of newer metrics over five levels."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import levels_table
from tests.vfsrbench.metrics import clips
from vfsrbench.metric import TruthInfo

PAGE = levels_table.PAGE.read_text(encoding="utf-8")


def test_rows_have_a_value_for_each_level_and_tell_levels_apart() -> None:
    body = PAGE.partition(levels_table.BEGIN)[2].partition(levels_table.END)[0]
    rows = {line.split("`")[1]: line for line in body.splitlines() if line.startswith("| `")}
    assert set(rows) == set(levels_table.cards())
    for name, line in rows.items():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert len(cells) == len(levels_table.HEADS), name
        assert np.isfinite([float(value) for value in cells[-len(levels_table.LEVELS) :]]).all(), name
        assert len(set(cells[-len(levels_table.LEVELS) :])) > 1, f"{name} tells no level from another"
    assert levels_table.rewritten(PAGE, {}) == PAGE


@pytest.mark.slow
def test_rows_are_means_over_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for seed in (1, 2):
        truth = np.roll(clips.moving(2, 96), 7 * seed, axis=1)
        spoilt = [clips.noisy(truth, strength) for strength in (0.0, 0.2, 0.4, 0.6, 0.8)]
        made.append(levels_table.Levels(tuple(spoilt), TruthInfo("one", "", 2)))
    monkeypatch.setattr(levels_table, "clips", lambda: tuple(made))
    metric, weights = levels_table.loaded(levels_table.cards()["dists"])
    assert weights == "random"
    found = levels_table.values(metric)
    assert found.shape == (5,) and abs(found[0]) < 1e-6 and (np.diff(found) > 0).all()
    monkeypatch.setattr(levels_table, "clips", lambda: (made[1],))
    second = levels_table.values(metric)
    monkeypatch.setattr(levels_table, "clips", lambda: (made[0],))
    assert found == pytest.approx((second + levels_table.values(metric)) / 2)
