"""Results files that obey the schema, with known figures, for the tests of the reports."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vfsrbench import store
from vfsrbench.board import Board
from vfsrbench.card import MetricCard
from vfsrbench.clip import Clip
from vfsrbench.schema import JobRecord
from vfsrbench.strips import StripStore
from vfsrbench.typed_toml import parse

CLIPS = ("calm", "fast", "talking")
LEVEL = {"nearest": 24.0, "bicubic": 26.0, "lanczos": 26.4, "oracle": np.inf}
"""Mean PSNR of the synthetic methods; SSIM follows from it."""


def card(metric: str, direction: str = "higher", cap: float | None = None, digits: int = 2) -> MetricCard:
    facts = {
        "id": metric,
        "title": metric.upper().replace("_", "-"),
        "direction": direction,
        "level": "frame",
        "class": "vfsrbench.metrics.fidelity:Psnr",
        "definition": f"what {metric} is",
        "source": "here",
        "checked_against": "nothing",
        "cap": cap,
        "digits": digits,
    }
    return parse(MetricCard, {k: v for k, v in facts.items() if v is not None}, metric)


CARDS = {
    "psnr": card("psnr", cap=100.0),
    "ssim": card("ssim", digits=4),
    "ewarp_dis": card("ewarp_dis", direction="lower", digits=3),
}


def board(**changes: object) -> Board:
    facts: dict[str, object] = {
        "name": "synthetic",
        "title": "Synthetic board",
        "version": 1,
        "dataset": {"layout": "demo"},
        "splits": ["vfhq-mild", "vfhq-heavy"],
        "methods": ["bicubic", "nearest", "lanczos", "oracle"],
        "metrics": list(CARDS),
        "figures": {"curves": ["psnr", "ssim"]},
    }
    return parse(Board, facts | changes, "synthetic")


def frame_values(method: str, split: str, clip: str, frames: int) -> dict[str, np.ndarray]:
    """PSNR, SSIM and a warping error (frame 0 has none), seeded by name so that order does not matter."""
    rng = np.random.default_rng(list(f"{method}{split}{clip}".encode()))
    hard = {"calm": 1.0, "talking": 0.0, "fast": -2.0}.get(clip, 0.0)
    drop = {"vfhq-mild": 0.0, "vfhq-medium": 2.0, "vfhq-heavy": 4.0}[split]
    psnr = LEVEL.get(method, 25.0) + hard - drop + rng.normal(0, 0.3, frames)
    ssim = np.where(np.isinf(psnr), 1.0, 1 / (1 + np.exp(-(psnr - 18) / 6)))
    warp = np.where(np.isinf(psnr), 0.5, 40 - psnr) + rng.normal(0, 0.05, frames)
    warp[0] = np.nan
    return {"psnr": psnr, "ssim": ssim, "ewarp_dis": warp}


def write_result(folder: Path, method: str, split: str, clip: str, **changes: object) -> Path:
    """One job's file. `values` replaces the frame values; any field of the record can be set."""
    frames = int(changes.get("frames", 12))  # type: ignore[call-overload]
    values: Mapping[str, np.ndarray] = changes.pop("values", None) or frame_values(  # type: ignore[assignment]
        method, split, clip, frames
    )
    cap = {m: c.cap for m, c in CARDS.items()}
    clip_values = {}
    for metric, v in values.items():
        known = v[~np.isnan(v)]
        if cap.get(metric) is not None:
            known = np.minimum(known, cap[metric])
        clip_values[metric] = float(known.mean()) if known.size else float("nan")
    facts: dict[str, object] = {
        "key": f"{method}-{split}-{clip}",
        "restore_key": f"r-{method}-{split}-{clip}",
        "status": "ok",
        "method": method,
        "method_title": method.capitalize(),
        "method_licence": "Apache-2.0",
        "dataset": "demo",
        "split": split,
        "split_status": "official" if split == "vfhq-mild" else "extrapolated",
        "clip": clip,
        "demo": True,
        "frames": frames,
        "metrics": dict.fromkeys(values, 1),
        "clip_values": clip_values,
        "restore_seconds": 0.0 if method == "oracle" else 0.5,
        "peak_memory": 3 * 2**30,
        "device": "cpu",
        "gt_digest": f"gt-{clip}".ljust(64, "0"),
        "lq_digest": hashlib.sha256(f"{split}-{clip}".encode()).hexdigest(),
        "restored_digest": hashlib.sha256(f"{method}-{split}-{clip}".encode()).hexdigest(),
        "versions": {"vfsrbench": "0.1.0"},
    }
    record = JobRecord.model_validate(facts | changes)
    names = [f"{i:04d}" for i in range(frames)]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{len(list(folder.iterdir())):03d}-{record.key}.parquet"
    store.write_result(path, store.Result(record, names, values if record.status == "ok" else {}))
    return path


def write_strips(workspace: Path, results: Path) -> None:
    """Slices of a small moving square for every result, by the digests that its record names."""
    for path in sorted(results.glob("*.parquet")):
        record = store.read_record(path)
        if record.status == "ok":
            truth = moving_clip(record.clip)
            dark = Clip.from_array(truth.read(0, len(truth)) // 2, record.clip)
            small = Clip.from_array(np.ascontiguousarray(dark.read(0, len(dark))[:, ::4, ::4]), record.clip)
            StripStore(workspace / "slices").keep(record, truth, small, dark)


def moving_clip(name: str, frames: int = 12) -> Clip:
    pixels = np.full((frames, 64, 64, 3), 90, dtype=np.uint8)
    for t in range(frames):
        pixels[t, 20 + t : 40 + t, 26:40] = (210, 150, 120)
    return Clip.from_array(pixels, name)


def write_board(folder: Path, **changes: object) -> Path:
    """Results of the whole synthetic board."""
    for split in ("vfhq-heavy", "vfhq-mild"):
        for method in LEVEL:
            for clip in CLIPS:
                write_result(folder, method, split, clip, **changes)
    return folder
