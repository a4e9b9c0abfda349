"""torch's settings around metrics: what one changes, wherever, is put back before the next one computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.vfsrbench.restoration.test_settings_put_back import CHANGES, seen
from vfsrbench.card import MetricCard
from vfsrbench.io.clip import Clip
from vfsrbench.metric import Metric, TruthInfo
from vfsrbench.plugins import Entry, Registry
from vfsrbench.scoring.scorer import Scorer

CPU = torch.device("cpu")
PLACES = ("load", "prepare", "score", "finish")


class Careless(Metric):
    """Changes what `change` says, in the step that `where` names."""

    def step(self, name: str) -> None:
        if self.card.params["where"] == name:
            CHANGES[str(self.card.params["change"])]()

    def load(self, weights, device):
        super().load(weights, device)
        self.step("load")

    def prepare(self, gt):
        self.step("prepare")

    def score(self, restored, gt, state):
        self.step("score")
        return np.zeros(len(restored.scored))

    def finish(self, values):
        self.step("finish")
        return 0.0


class Innocent(Metric):
    """Looks at the settings wherever it is called."""

    loaded: list[tuple[object, ...]] = []
    found: list[tuple[object, ...]] = []

    def load(self, weights, device):
        super().load(weights, device)
        self.loaded.append(seen())

    def prepare(self, gt):
        self.found.append(seen())

    def score(self, restored, gt, state):
        self.found.append(seen())
        return np.zeros(len(restored.scored))

    def finish(self, values):
        self.found.append(seen())
        return 0.0


def card(name: str, kind: str, **params: str) -> MetricCard:
    facts = {"id": name, "title": name, "direction": "lower", "level": "frame", "params": params}
    texts = {"definition": "d", "source": "s", "checked_against": "c", "class": f"{__name__}:{kind}"}
    return MetricCard.model_validate({**facts, **texts})


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.filterwarnings("ignore")
def test_a_metric_s_settings_are_its_own(where: str) -> None:
    before = seen()
    Innocent.found.clear()
    Innocent.loaded.clear()
    careless = [card(f"a{n}", "Careless", where=where, change=change) for n, change in enumerate(CHANGES)]
    innocent = [card(f"b{n}", "Innocent") for n in range(2)]
    cards = [innocent[0], *careless, innocent[1]]
    known = Registry("metric", {c.id: Entry(c, Path("card.toml")) for c in cards})
    clip = Clip.from_array(np.zeros((20, 8, 8, 3), np.uint8), "c")
    scorer = Scorer([c.id for c in cards], known, CPU)
    ((scores,), _) = scorer.score(clip, TruthInfo("c", "", 20), [clip])
    assert not scores.broken and set(scores.clip_values) == set(known.entries)
    assert len(Innocent.found) == 2 * (2 + 2 + 1)  # two windows
    assert len(Innocent.loaded) == 2 and len(set(Innocent.loaded)) == 1
    assert Innocent.loaded[0][:3] == ("highest", False, False), "what is computed of weights has no TF32"
    assert set(Innocent.found) == {before} and seen() == before
