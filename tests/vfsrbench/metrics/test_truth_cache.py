"""What is kept of the ground truth's side has a name that follows weights, code and libraries."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from vfsrbench.card import MetricCard
from vfsrbench.io.clip import Clip
from vfsrbench.io.safety.array_cache import ArrayCache
from vfsrbench.metric import Metric, TruthInfo
from vfsrbench.metrics.estimators import reference_cache
from vfsrbench.metrics.estimators.reference_cache import array_name, cached, fingerprint
from vfsrbench.plugins import Entry, Registry
from vfsrbench.scoring.scorer import Scorer

MEGABYTE = 1 << 20


class Weighty(Metric):
    def load(self, weights, device):
        self.name = self.weight_digest(weights, "net")

    def score(self, restored, truth, state):
        return np.zeros(len(restored.scored))


def card(**facts: object) -> MetricCard:
    texts = {"title": "t", "definition": "d", "source": "s", "checked_against": "c"}
    head = {"id": "weighty", "direction": "lower", "level": "frame", "class": f"{__name__}:Weighty"}
    return MetricCard.model_validate({**texts, **head, **facts})


def test_any_changed_byte_of_the_weights_is_seen(tmp_path: Path):
    path = tmp_path / "net.pth"
    data = bytearray(np.random.default_rng(0).bytes(20 * MEGABYTE))
    path.write_bytes(data)
    metric = Weighty(card())
    first = metric.weight_digest({"net": path}, "net")
    assert first == hashlib.sha256(data).hexdigest()
    for place in np.random.default_rng(1).integers(0, len(data), 5):
        data[place] ^= 1
        path.write_bytes(data)
        assert metric.weight_digest({"net": path}, "net") != first
        data[place] ^= 1
    assert metric.weight_digest({}, "net") == ""


def test_the_known_digest_is_used_without_reading_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    (tmp_path / "some-net.pth").write_bytes(b"weights")
    weighty = card(weights=[{"name": "some-net"}])
    known = Registry("metric", {"weighty": Entry(weighty, Path("card.toml"))})
    scorer = Scorer(["weighty"], known, torch.device("cpu"))
    metric = scorer.metrics["weighty"]
    assert isinstance(metric, Weighty)
    assert metric.weight_digests == {"net": hashlib.sha256(b"weights").hexdigest()}
    assert metric.name == metric.weight_digests["net"]
    assert metric.weight_digest({"net": tmp_path / "gone"}, "net") == metric.name


def test_names_follow_code_libraries_and_settings(monkeypatch: pytest.MonkeyPatch):
    module = "vfsrbench.metrics.identity"
    base = fingerprint(module, "cpu", "abc")
    assert base == fingerprint(module, "cpu", "abc")
    names = {base, fingerprint(module, "cuda", "abc"), fingerprint("vfsrbench.metrics.akd", "cpu", "abc")}
    monkeypatch.setattr(reference_cache, "module_digest", lambda name: "other code")
    names.add(fingerprint(module, "cpu", "abc"))
    monkeypatch.setattr(reference_cache, "library_versions", lambda: {"torch": "9.9"})
    names.add(fingerprint(module, "cpu", "abc"))
    assert len(names) == 5
    flat = np.arange(6.0)
    assert len({array_name(a) for a in (flat, flat.reshape(2, 3), flat.astype("f4"), flat + 1)}) == 4


class Weighed(Metric):
    """Scores with the sum of its weights, which it keeps as a fact of the ground truth."""

    def load(self, weights, device):
        self.path = weights["net"]
        self.name = fingerprint("vfsrbench.metrics.identity", self.weight_digest(weights, "net"))

    def score(self, restored, truth, state):
        total = float(np.fromfile(self.path, np.uint8).sum())
        return cached(truth, self.name, lambda: np.full(len(truth.scored), total))


def test_a_thousand_bytes_in_the_middle_of_the_weights_make_new_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    path = tmp_path / "big-net.pth"
    path.write_bytes(bytes(40 * MEGABYTE))
    weighed = card(**{"weights": [{"name": "big-net"}], "class": f"{__name__}:Weighed"})
    known = Registry("metric", {"weighty": Entry(weighed, Path("card.toml"))})
    clip = Clip.from_array(np.zeros((2, 8, 8, 3), np.uint8), "c")
    info = TruthInfo("c", clip.digest(), 2, 25.0, cache=ArrayCache(tmp_path / "cache"))

    def value() -> float:
        ((scores,), _) = Scorer(["weighty"], known, torch.device("cpu")).score(clip, info, [clip])
        return scores.clip_values["weighty"]

    assert value() == value() == 0
    assert len(list((tmp_path / "cache").iterdir())) == 1, "kept, and used the second time"
    with path.open("r+b") as file:
        file.seek(20 * MEGABYTE)
        file.write(b"\1" * 1000)
    assert value() == 1000
