"""Which methods and metrics are counted and measured: all that are installed and have a network.

A new method needs no entry here: it is run by its defaults, on one frame if it takes pictures, on ten if it
takes clips, as networks with a memory need some frames to reach their cost a frame.
"""

from __future__ import annotations

from dataclasses import dataclass

from vfsrbench import plugins
from vfsrbench.card import MetricCard

FRAMES = {"image": 1, "video": 10}


@dataclass(frozen=True)
class Subject:
    """A method as it is run. `real`: values decide what it does; it cannot be counted without them."""

    spec: str
    frames: int
    real: bool = False

    @property
    def name(self) -> str:
        return self.spec.partition("[")[0]


SPECIAL = {
    "flair": Subject("flair[K=2,degradation=x8]", 5),
    "realbasicvsr": Subject("realbasicvsr", 5, real=True),
}
SAME = {
    "flair+codeformer": "flair",
    "flair+restoreformerpp": "flair",
    "flair_space_time": "flair",
}
"""Methods that run another's network, with a third one's beside it or in another order."""
CHEAPEST = (
    "edvr",
    "secnet",
    "basicvsr",
    "basicvsrpp",
    "realbasicvsr",
    "realesrgan",
    "gpen",
    "gfpgan",
    "codeformer",
)
"""The fewest seconds to load and run: a run that is cut has most of them. The others follow by name."""


def method_subjects() -> list[Subject]:
    """Methods with weights, the cheapest first."""
    cards = {e.card.name: e.card for e in plugins.methods() if e.card.weights and e.card.name not in SAME}
    order = [name for name in CHEAPEST if name in cards]
    order += [name for name in sorted(cards) if name not in order]
    return [SPECIAL.get(name) or Subject(name, FRAMES[cards[name].kind]) for name in order]


def metric_cards() -> list[MetricCard]:
    """Metrics whose network PyTorch may run: not dlib's, nor those that follow from another metric."""
    cards = [entry.card for entry in plugins.metrics() if not entry.card.derived]
    return [card for card in cards if card.weights and not _by_dlib(card)]


def _by_dlib(card: MetricCard) -> bool:
    from vfsrbench.weights.manifest import load_manifest

    entries = load_manifest().entries
    return any(use.name in entries and entries[use.name].library == "dlib" for use in card.weights)


ONNX = {"w600k_r50": "ids_iresnet50", "glintr100": "ids_iresnet100", "landmarks_2d106": ""}
"""Checkpoints that come as ONNX files, and the metric whose network is the same; empty: none is."""


def by_onnx(card: MetricCard) -> str | None:
    """What is not counted of a metric: None if all is, else words for it."""
    for use in card.weights:
        if use.name in ONNX:
            same = ONNX[use.name]
            return f"its ONNX network is that of `{same}`" if same else "its ONNX network is not counted"
    return None
