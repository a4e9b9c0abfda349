"""Faults that are planted in restored clips, and the guard's look at them."""

from __future__ import annotations

import io

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vfsrbench.geometry.guard import Guard, Report

Frames = NDArray[np.uint8]


def look(restored: Frames, gt: Frames) -> Report:
    """The guard's report of a whole clip."""
    guard = Guard(*gt.shape[1:3], len(gt))
    guard.keep(guard.see(0, restored, gt))
    return guard.report()


def moved(frames: Frames, x: float = 0, y: float = 0, scale: float = 1) -> Frames:
    """A shift and a scale about the centre, bicubic."""
    height, width = frames.shape[1:3]
    matrix = np.array(
        [[scale, 0, x + (1 - scale) * (width - 1) / 2], [0, scale, y + (1 - scale) * (height - 1) / 2]]
    )
    how = {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REPLICATE}
    return np.stack([cv2.warpAffine(f, matrix, (width, height), **how) for f in frames])


def late(frames: Frames) -> Frames:
    """One frame late, the first one twice."""
    return np.concatenate([frames[:1], frames[:-1]])


def limited(frames: Frames) -> Frames:
    """Values of 0 to 255 in 16 to 235."""
    return np.rint(16 + frames * (219 / 255)).astype(np.uint8)


def swapped(frames: Frames) -> Frames:
    """Red and blue swapped."""
    return np.ascontiguousarray(frames[..., ::-1])


def tinted(frames: Frames) -> Frames:
    """Eight levels more of red, four less of blue."""
    return np.clip(frames + np.array([8, 0, -4]), 0, 255).astype(np.uint8)


def shrunk(frames: Frames, side: int) -> Frames:
    """Frames of this side: by area where smaller, else bicubic."""
    how = cv2.INTER_AREA if side < frames.shape[1] else cv2.INTER_CUBIC
    return np.stack([cv2.resize(f, (side, side), interpolation=how) for f in frames])


def h264(frames: Frames, crf: int) -> Frames:
    """Through x264 with its defaults and back."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        stream.options = {"crf": str(crf)}
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode())
    file.seek(0)
    with av.open(file) as back:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in back.decode(video=0)])
