"""Results files that obey the schema, with known figures, for the tests of the reports."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from degradations.manifest import ClipEntry
from degradations.reading.typed_toml import parse
from vfsrbench import plugins
from vfsrbench.board import Board
from vfsrbench.card import MetricCard
from vfsrbench.io.clip import Clip, write_png_folder
from vfsrbench.results import restored_store, store
from vfsrbench.results.job import Job
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.slice_store import StripStore
from vfsrbench.results.workspace import Workspace
from vfsrbench.splits.degraded import DegradedPlace

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
    cards = plugins.metrics().cards  # a report leaves out values of other versions
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
        "height": 64,
        "width": 64,
        "metrics": {m: cards[m].version if m in cards else 1 for m in values},
        "clip_values": clip_values,
        "restore_seconds": 0.0 if method == "oracle" else 0.5,
        "peak_memory": 3 * 2**30,
        "device": "cpu",
        "gt_digest": moving_clip(clip, frames).digest(),
        "lq_digest": degraded_clip(split, clip, frames).digest(),
        "restored_digest": restored_clip(method, split, clip, frames).digest(),
        "versions": {"vfsrbench": "0.1.0"},
    }
    record = JobRecord.model_validate(facts | changes)
    names = [f"{i:04d}" for i in range(frames)]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{len(list(folder.iterdir())):03d}-{record.key}.parquet"
    store.write_result(path, store.Result(record, names, values if record.status == "ok" else {}))
    return path


def moving_clip(name: str, frames: int = 12, size: int = 64) -> Clip:
    """A light square that moves down over grey: the ground truth of every synthetic clip."""
    pixels = np.full((frames, size, size, 3), 90, dtype=np.uint8)
    for t in range(frames):
        pixels[t, 20 + t : 40 + t, 26:40] = (210, 150, 120)
    pixels[:, 5:15, 45:60] = len(name) * 20 % 256  # clips differ
    return Clip.from_array(pixels, name)


def restored_clip(method: str, split: str, clip: str, frames: int = 12) -> Clip:
    """The ground truth made darker, differently for each method and split."""
    rng = np.random.default_rng(list(f"{method}{split}".encode()))
    truth = moving_clip(clip, frames).read(0, frames)
    if method == "oracle":
        return Clip.from_array(truth, clip)
    noise = rng.integers(-12, 12, truth.shape[1:])
    return Clip.from_array(np.clip(truth * 0.9 + noise, 0, 255).astype(np.uint8), clip)


def degraded_clip(split: str, clip: str, frames: int = 12) -> Clip:
    small = restored_clip("degraded", split, clip, frames).read(0, frames)[:, ::4, ::4]
    return Clip.from_array(np.ascontiguousarray(small), clip)


def write_strips(workspace: Path) -> None:
    """Slices of every result in the workspace, by the digests that its record names."""
    for record in records(workspace):
        StripStore(workspace / "slices").keep(
            record,
            moving_clip(record.clip, record.frames),
            degraded_clip(record.split, record.clip, record.frames),
            restored_clip(record.method, record.split, record.clip, record.frames),
        )


def write_frames(workspace: Path, data: Path) -> None:
    """What a run with `--keep video` leaves, and a data set (layout `folder`) at `data`."""
    place = Workspace(workspace)
    for record in records(workspace):
        job = Job(record.method, record.split, record.clip, record.restore_key, record.key)
        restored = restored_clip(record.method, record.split, record.clip, record.frames)
        note = restored_store.KeptNote(record.restore_key, record.restored_digest)
        restored_store.keep_frames(place, job, "video", restored, note)
        truth, lq = data / record.clip, place.splits / record.split / f"{record.clip}.0123456789abcdef"
        for folder, clip in (
            (truth, moving_clip(record.clip, record.frames)),
            (lq, degraded_clip(record.split, record.clip, record.frames)),
        ):
            if not folder.is_dir():
                write_png_folder(folder, clip.frames(), clip.frame_names)
        made = degraded_clip(record.split, record.clip, record.frames)
        moving = moving_clip(record.clip, record.frames)
        entry = ClipEntry(
            frames=record.frames,
            fps=record.fps,
            truth_size=(moving.height, moving.width),
            size=(made.height, made.width),
            truth_digest=record.gt_digest,
            before_codec_digest=record.lq_digest,
            digest=record.lq_digest,
            parameters={},
        )
        DegradedPlace(lq, lq.with_name(f"{lq.name}.json")).write("0" * 64, record.seed, entry)


def records(workspace: Path) -> list[JobRecord]:
    found = [store.read_record(p) for p in sorted((workspace / "results").glob("*.parquet"))]
    return [r for r in found if r.status == "ok"]


def write_board(folder: Path, **changes: object) -> Path:
    """Results of the whole synthetic board."""
    for split in ("vfhq-heavy", "vfhq-mild"):
        for method in LEVEL:
            for clip in CLIPS:
                write_result(folder, method, split, clip, **changes)
    return folder
