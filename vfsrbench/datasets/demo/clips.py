"""The bundled demo clips: two people in three motions, rendered once and cached, with exact flow.

They show that everything works; scores on them say nothing about faces in general (two people,
enlarged photographs), which is why every report labels them as demo.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vfsrbench.datasets.demo.motion import FPS, SIZE, Motion, Pose, from_portrait, pose, to_portrait
from vfsrbench.datasets.demo.places import DEFAULT_FRAMES, demo_files
from vfsrbench.datasets.demo.portrait import MARGIN, PEOPLE, portrait
from vfsrbench.datasets.demo.presets import DEMO_CLIPS, DemoClip
from vfsrbench.datasets.demo.resample import OUT_BITS, Planes, positions, sample
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.clip import Clip
from vfsrbench.io.images.folder import PictureSource, encode_png
from vfsrbench.io.safety.lease import sweep_beside

Frames = NDArray[np.uint8]
_BAND = 32  # rows worked on at a time: they stay in the processor's cache
_GAIN_BITS = 12
MOST_DEMO_FRAMES = 3000  # they are rendered and kept: two minutes of video


def demo_clip(name: str, frames: int = DEFAULT_FRAMES, folder: Path | None = None) -> Clip:
    """The first `frames` frames of a demo clip, rendered if they are not in the cache yet.

    512x512, 25 frames a second; a longer clip begins with the shorter one's frames. `folder` takes the
    cache's place. Any number of processes may ask at once. InputError for an unknown name, or when the
    cache cannot be written.
    """
    chosen = _chosen(name)
    if not 1 <= frames <= MOST_DEMO_FRAMES:
        raise InputError(
            f"a demo clip has at least 1 frame and at most {MOST_DEMO_FRAMES}, {frames} were asked for"
        )
    files = demo_files(name, frames, folder)
    place = files[0].parent
    if not all(map(_is_whole, files)):
        with _locked(place):
            sweep_beside(place)
            missing = [number for number, file in enumerate(files) if not _is_whole(file)]
            _render(chosen, missing, files)
    return Clip(PictureSource(files), name, FPS, place)


def demo_landmarks(name: str, frames: int = DEFAULT_FRAMES) -> NDArray[np.float64]:
    """The five landmarks of every frame, (frames, 5, 2) pixels, as exact as the flow."""
    chosen = _chosen(name)
    x, y = np.array(PEOPLE[chosen.person].landmarks).T
    found = [from_portrait(pose(chosen.motion, number), x, y, guess=(x, y)) for number in range(frames)]
    return np.array(found).transpose(0, 2, 1)


@dataclass(frozen=True)
class DemoFlow:
    """The exact flow of a demo clip: `flow(a, b)` as `metric.FlowField` defines it, any two frames."""

    name: str

    def __call__(self, a: int, b: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """See `exact_flow`; computed anew each time, as that takes a twentieth of a second."""
        return exact_flow(_chosen(self.name).motion, a, b)


def _chosen(name: str) -> DemoClip:
    if name not in DEMO_CLIPS:
        raise did_you_mean("demo clip", name, DEMO_CLIPS)
    return DEMO_CLIPS[name]


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """One process at a time renders a clip; the others find its frames when their turn comes."""
    from filelock import FileLock

    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place / ".lock")
        lock.acquire()
    except OSError as error:
        raise InputError(
            f"{place}: cannot be written ({error.strerror}); set VFSRBENCH_CACHE to a folder that can"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _seal(file: Path) -> Path:
    """The hidden file beside a rendered frame that holds its SHA-256."""
    return file.with_name(f".{file.stem}.sha256")


def _is_whole(file: Path) -> bool:
    """Whether a rendered frame is there, and what was written: a damaged one is rendered again."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest().encode() == _seal(file).read_bytes()
    except OSError:
        return False


def _render(chosen: DemoClip, numbers: Sequence[int], files: Sequence[Path]) -> None:
    """Render these frames into their files, two at a time: the work is numpy's, which lets threads run."""
    if not numbers:
        return
    planes = portrait(chosen.person)

    def one(number: int) -> None:
        data = encode_png(render_frame(planes, pose(chosen.motion, number)))
        with atomic_file(files[number]) as temporary:
            temporary.write_bytes(data)
        with atomic_file(_seal(files[number])) as temporary:
            temporary.write_text(hashlib.sha256(data).hexdigest(), encoding="ascii")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, numbers))


def render_frame(planes: Planes, p: Pose) -> Frames:
    """The portrait in one pose: uint8 RGB (512, 512, 3), the same bytes on every machine."""
    out = np.empty((SIZE, SIZE, 3), np.uint8)
    for rows in _bands():
        x, y = _pixels(rows)
        px, py = to_portrait(p, x, y)
        values = sample(planes, positions(px + MARGIN), positions(py + MARGIN))
        gain = 1.0 + p.light + p.side * ((x - (SIZE - 1) / 2) / SIZE)
        lit = values * np.floor(gain * (1 << _GAIN_BITS) + 0.5).astype(np.int32)
        bits = OUT_BITS + _GAIN_BITS
        out[rows] = np.clip((lit + (1 << (bits - 1))) >> bits, 0, 255).transpose(1, 2, 0)
    return out


def _bands() -> list[slice]:
    return [slice(top, top + _BAND) for top in range(0, SIZE, _BAND)]


def _pixels(rows: slice) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, x = np.mgrid[rows, 0:SIZE].astype(np.float64)
    return x, y


def exact_flow(motion: Motion, a: int, b: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Where every pixel of frame a is found in frame b: flow (2, H, W) in pixels, x then y, and where that
    lies inside the frame (H, W). Right to 1e-3 px: the renderer samples at positions of 1/1024 pixel."""
    here, there = pose(motion, a), pose(motion, b)
    flow = np.empty((2, SIZE, SIZE), np.float32)
    valid = np.empty((SIZE, SIZE), np.bool_)
    for rows in _bands():
        x, y = _pixels(rows)
        to_x, to_y = from_portrait(there, *to_portrait(here, x, y), guess=(x, y))
        flow[0, rows], flow[1, rows] = to_x - x, to_y - y
        valid[rows] = (to_x >= 0) & (to_x <= SIZE - 1) & (to_y >= 0) & (to_y <= SIZE - 1)
    return flow, valid
