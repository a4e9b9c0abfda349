"""Laboratories that ran one board on small clips of their own disk, really: nothing of it is made up."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np

from degradations.reading.typed_toml import parse
from vfsrbench.board import Board
from vfsrbench.io.clip import Clip, write_png_folder
from vfsrbench.runs.jobs import Options
from vfsrbench.runs.run import run_board

CLIPS = ("ann", "ben", "cleo")
SIZE, FRAMES = 48, 4


def board(data: Path) -> Board:
    """Two methods and a reference row, on one split, by metrics of all kinds that need no network."""
    facts = {
        "name": "labs",
        "title": "Two labs",
        "version": 1,
        "dataset": {"layout": "folder", "path": str(data)},
        "splits": ["bi-x4"],
        "methods": ["bicubic", "nearest", "oracle"],
        "metrics": ["psnr", "ssim", "ewarp_dis"],
        "sort_by": "psnr",
    }
    return parse(Board, facts, "labs")


def clip(name: str, changed: bool = False) -> Clip:
    """Coloured noise that drifts; a changed one has other pixels."""
    rng = np.random.default_rng(list(name.encode()))
    whole = rng.integers(0, 256, (SIZE + FRAMES, SIZE + FRAMES, 3)).astype(np.float64)
    for _ in range(6):  # smooth, so that methods differ
        whole = (whole + np.roll(whole, 1, 0) + np.roll(whole, 1, 1) + np.roll(whole, 2, 0)) / 4
    low, high = whole.min(), whole.max()
    pixels = ((whole - low) / (high - low) * 255).astype(np.uint8)
    frames = np.stack([pixels[t : t + SIZE, t : t + SIZE] for t in range(FRAMES)])
    return Clip.from_array(255 - frames if changed else frames, name)


def write_data(folder: Path, changed: str = "") -> Path:
    """The data set; `changed` is the clip that differs."""
    for name in CLIPS:
        made = clip(name, name == changed)
        write_png_folder(folder / name, made.frames(), [f"{t:04d}" for t in range(FRAMES)])
    return folder


@functools.cache
def lab(changed: str = "", methods: tuple[str, ...] = ()) -> Path:
    """A folder with `data` and `workspace`, its frames kept. It is shared: copy what is to be changed."""
    root = Path(tempfile.mkdtemp(prefix="vfsrbench-lab-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    data = write_data(root / "data", changed)
    chosen = board(data) if not methods else board(data).replace(methods=methods)
    run_board(chosen, root / "workspace", Options(keep="png"), engine="serial")
    return root
