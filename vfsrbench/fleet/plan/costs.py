"""What steps of a run take: by earlier records of the same method on the same device, else by its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.estimate import earlier_records
from vfsrbench.runs.jobs import ClipFacts, Setup

# seconds a pixel of the restored clip, where nothing was measured: only what they are to each other counts
PLAIN = 5e-9
"""A method without weights."""
TRAINED = 1e-6
"""One with weights, and no other word on how slow it is."""
A_GMAC = 4e-8
"""A method by its card: for each 1e9 multiply-accumulates a frame (on a frame of 512x512 about 10 ms)."""
SCORED = 1e-7
"""A metric."""

Rates = Mapping[str, float]


@dataclass(frozen=True)
class Costs:
    """Seconds of steps (a method, a metric) on a clip.

    Attributes:
        setup: The run's.
        measured: Seconds a pixel by step, of earlier jobs.
    """

    setup: Setup
    measured: Rates = field(default_factory=dict)

    @classmethod
    def of(cls, setup: Setup, workspace: Workspace) -> Costs:
        """From the records in a workspace: those of the device that did the most, where it did a step."""
        by_device: dict[str, dict[str, list[float]]] = {}
        count: Counter[str] = Counter()
        for record in earlier_records(workspace):
            count[record.device] += 1
            for step, rate in _rates(record).items():
                by_device.setdefault(record.device, {}).setdefault(step, []).append(rate)
        measured: dict[str, float] = {}
        for device, _ in reversed(count.most_common()):
            measured |= {step: median(rates) for step, rates in by_device.get(device, {}).items()}
        return cls(setup, measured)

    def restoring(self, method: str, clip: ClipFacts) -> float:
        """Seconds that a method takes for a clip."""
        return self.measured.get(method, self._by_card(method)) * _pixels(clip)

    def scoring(self, metric: str, clip: ClipFacts) -> float:
        """Seconds that a metric takes for one restored clip."""
        return self.measured.get(metric, SCORED) * _pixels(clip)

    def _by_card(self, method: str) -> float:
        use = self.setup.methods[method]
        if not isinstance(use, MethodUse):
            return PLAIN
        card = use.method.card
        if card.gmacs is not None:
            return max(PLAIN, card.gmacs * A_GMAC)
        return TRAINED if card.weights else PLAIN


def _rates(record: JobRecord) -> dict[str, float]:
    pixels = record.frames * record.height * record.width
    found = {metric: score.seconds / pixels for metric, score in record.scores.items() if score.seconds}
    if record.restore_seconds:
        found[record.method] = record.restore_seconds / pixels
    return found


def _pixels(clip: ClipFacts) -> int:
    return clip.frames * clip.truth.height * clip.truth.width
