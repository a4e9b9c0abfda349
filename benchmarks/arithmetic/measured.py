"""Where we are: times that benchmarks/method_speed.py and benchmarks/gpu.py have recorded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SMALLEST = 256
RESULTS = Path(__file__).resolve().parents[1] / "results"
GOALS = {
    "gfpgan": 182.0,
    "codeformer": 83.0,
    "keep": 48.0,
    "basicvsrpp": 128.0,
    "edvr": 114.0,
    "secnet": 115.0,
}
"""Frames a second in `fast` on an H200 that the project aims at: 0.7 of what a roofline with the kernels of
today expects (GFPGAN 260, CodeFormer 119, KEEP 69, BasicVSR++ 183, EDVR 163, SECNet 164)."""


@dataclass(frozen=True)
class OnCpu:
    """CPU seconds a frame of `side` x `side` pixels, of one thread."""

    seconds: float
    side: int

    def gflop_s(self, gflop: float, fixed_size: bool) -> float:
        """What was reached, of a method that takes so many GFLOP for a frame of 512 pixels."""
        return gflop * (1.0 if fixed_size else (self.side / 512) ** 2) / self.seconds


def on_cpu(page: str, spec: str, profile: str, fixed_size: bool = False) -> OnCpu | None:
    """The best time of a method in method_speed.md, with one thread; None if there is none. Frames smaller
    than `SMALLEST` do not count: networks pad them, so their work is not in proportion to the area."""
    found: list[OnCpu] = []
    one_thread, side = False, 512
    for line in page.splitlines():
        if line.startswith("## "):
            one_thread = ", 1 threads" in line
        elif line.startswith("`python"):
            words = line.strip("`").split()
            side = int(words[words.index("--size") + 1]) if "--size" in words else 512
        elif one_thread and (fixed_size or side >= SMALLEST) and line.startswith(f"| `{spec}` | {profile} |"):
            found.append(OnCpu(float(line.split("|")[7]), side))
    return min(found, key=lambda one: one.seconds, default=None)


def speed_page() -> str:
    path = RESULTS / "method_speed.md"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def on_card(path: Path = RESULTS / "gpu.json") -> tuple[str, dict[str, float]]:
    """The card that benchmarks/gpu.py ran on, and the best frames/s of each method in `fast`."""
    if not path.exists():
        return "", {}
    steps: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["steps"]
    device = steps.get("machine", {}).get("parts", {}).get("machine", {}).get("device", "CPU")
    if device.startswith("CPU"):
        return "", {}
    parts = steps.get("methods", {}).get("parts", {})
    best = {
        spec: [row["frames_s"] for row in facts.get("fast", {}).get("speed", [])]
        for spec, facts in parts.items()
    }
    return device, {spec: max(rows) for spec, rows in best.items() if rows}
