"""A small degraded split on disk, as .npy files: the tests' own reader and writer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from degradations.digest import frame_digest
from degradations.errors import InputError
from degradations.manifest import ClipEntry, Manifest, clip_entry, new_manifest, write_manifest
from degradations.recipe import load_recipe
from degradations.verify import ReadClip
from tests.degradations.clips import moving_clip


def make_split(folder: Path, recipe: str = "vfhq-mild", seed: int = 0, truth_seed: int = 0) -> Manifest:
    """Two clips, degraded, with their manifest."""
    made = load_recipe(recipe)
    entries: dict[str, ClipEntry] = {}
    for number, name in enumerate(("a", "id1/b")):
        truth = moving_clip(3, 64, 64, seed=truth_seed + number)
        degraded = made.apply(truth, name, seed)
        save(folder, name, degraded.frames)
        entries[name] = clip_entry(
            degraded,
            frames=3,
            size=(degraded.frames.shape[1], degraded.frames.shape[2]),
            truth_size=(64, 64),
            truth_digest=frame_digest(truth),
            fps=25.0,
        )
    manifest = new_manifest(made, seed, entries)
    write_manifest(folder, manifest)
    return manifest


def save(folder: Path, name: str, frames: NDArray[np.uint8]) -> None:
    path = folder / f"{name}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, frames)


def reader(folder: Path) -> ReadClip:
    def read(name: str) -> NDArray[np.uint8]:
        path = folder / f"{name}.npy"
        if not path.exists():
            raise InputError(f"{path}: no such clip")
        frames: NDArray[np.uint8] = np.load(path)
        return frames

    return read
