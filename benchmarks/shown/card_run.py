"""What benchmarks/gpu.py ran on a graphics card, with random weights: read from its results."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GPU = Path(__file__).resolve().parents[1] / "results" / "gpu.json"


@dataclass(frozen=True)
class CardRun:
    """The card; methods and metrics that ran on it; empty where none did."""

    device: str = ""
    methods: frozenset[str] = frozenset()
    metrics: frozenset[str] = frozenset()


def card_run(path: Path = GPU) -> CardRun:
    """The run whose results lie there; an empty one if there are none, or they are of a CPU."""
    if not path.exists():
        return CardRun()
    steps: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["steps"]
    device = steps.get("machine", {}).get("parts", {}).get("machine", {}).get("device", "CPU")
    if device.startswith("CPU"):
        return CardRun()
    return CardRun(device, _ran(steps, "methods"), _ran(steps, "metrics"))


def _ran(steps: dict[str, Any], step: str) -> frozenset[str]:
    parts = steps.get(step, {}).get("parts", {})
    return frozenset(name.partition("[")[0] for name, facts in parts.items() if "failed" not in facts)
