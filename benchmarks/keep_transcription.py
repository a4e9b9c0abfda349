"""KEEP's synthetic degradation, transcribed step by step in the order its data loader publishes.

Plain NumPy in float64, global random numbers, one frame at a time: the reference for speed, and the way to
the golden figures of the official functions (tests/parity/degradations.json). Not used by the product.

Source: jnjaby/KEEP at f382730, `vfhq_real_degradation2_dataset.py` and BasicSR's `degradations.py`.
"""

from __future__ import annotations

import io
import math
import random
from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float64]
RESIZERS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)


@dataclass(frozen=True)
class Setting:
    """The numbers of one split; `crf` excludes its upper end, as numpy's randint does."""

    blur: tuple[float, float]
    noise: tuple[float, float]
    crf: tuple[int, int]
    size: int = 21
    kernel_prob: tuple[float, float] = (0.7, 0.3)
    resize_prob: tuple[float, float, float] = (0.3, 0.3, 0.4)


MILD = Setting(blur=(5, 10), noise=(0, 10), crf=(18, 25))


def gaussian_kernel(size: int, sigma_x: float, sigma_y: float, angle: float) -> Image:
    axis = np.arange(-(size // 2), size // 2 + 1.0)
    x, y = np.meshgrid(axis, axis)
    grid = np.stack([x, y], axis=-1)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    spread = turn @ np.diag([sigma_x**2, sigma_y**2]) @ turn.T
    kernel = np.exp(-0.5 * np.sum((grid @ np.linalg.inv(spread)) * grid, axis=2))
    return kernel / kernel.sum()


def draw_shape(setting: Setting) -> tuple[float, float, float]:
    """(sigma_x, sigma_y, angle) of the clip's kernel."""
    kind = random.choices(["iso", "aniso"], setting.kernel_prob)[0]
    sigma_x = np.random.uniform(*setting.blur)
    if kind == "iso":
        return sigma_x, sigma_x, 0.0
    sigma_y = np.random.uniform(*setting.blur)
    return sigma_x, sigma_y, np.random.uniform(-math.pi, math.pi)


def draw_noise(shape: tuple[int, ...], noise: tuple[float, float]) -> Image:
    """The noise of one frame in [0, 1] units: its strength and whether it is grey are drawn anew."""
    sigma = np.random.uniform(noise[0], noise[1])
    grey = np.random.uniform() < 0.5
    field = np.float32(np.random.randn(*(shape[:2] if grey else shape))) * sigma / 255.0
    return np.repeat(field[:, :, None], 3, axis=2) if grey else field


def add_noise(frame: Image, noise: Image) -> Image:
    return np.clip(frame + noise, 0, 1)


def encode_decode(frames: list[NDArray[np.uint8]], crf: int, threads: int | None) -> list[NDArray[np.uint8]]:
    """Frames (BGR, but labelled rgb24, as the loader does) through H.264 at one frame a second."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", "mp4") as container:
        stream: Any = container.add_stream("h264", rate=1)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(crf)}
        if threads is not None:
            stream.thread_count = threads
        for frame in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    with av.open(buffer, "r", "mp4") as container:
        return [frame.to_rgb().to_ndarray() for frame in container.decode(video=0)]


@dataclass
class Run:
    """What was drawn and every stage's frames (float BGR in [0, 1]; `u8` and `decoded` uint8 BGR)."""

    shape: tuple[float, float, float]
    kernel: Image
    resizer: int
    crf: int
    noises: list[Image]
    stages: dict[str, list[Any]]


def degrade(clip: NDArray[np.uint8], setting: Setting, threads: int | None = None, keep: bool = True) -> Run:
    """One clip (T, H, W, 3), uint8 RGB, with numbers from the global generators of `random` and NumPy."""
    frames = [frame[:, :, ::-1] / 255.0 for frame in clip]
    stages: dict[str, list[Any]] = {}
    noises: list[Image] = []

    def noisy(images: list[Image]) -> list[Image]:
        out = []
        for image in images:
            noise = draw_noise(image.shape, setting.noise)
            if keep:
                noises.append(noise)
            out.append(add_noise(image, noise))
        return out

    shape = draw_shape(setting)
    kernel = gaussian_kernel(setting.size, *shape)
    stages["blur"] = [cv2.filter2D(frame, -1, kernel) for frame in frames]
    stages["noise1"] = noisy(stages["blur"])
    resizer = random.choices(RESIZERS, setting.resize_prob)[0]
    size = (clip.shape[2] // 4, clip.shape[1] // 4)
    stages["down"] = [cv2.resize(frame, size, interpolation=resizer) for frame in stages["noise1"]]
    stages["noise2"] = noisy(stages["down"])
    crf = int(np.random.randint(*setting.crf))
    stages["u8"] = [np.clip(frame * 255, 0, 255).astype(np.uint8) for frame in stages["noise2"]]
    stages["decoded"] = encode_decode(stages["u8"], crf, threads)
    return Run(shape, kernel, resizer, crf, noises, stages)
