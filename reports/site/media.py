"""Pictures for pages: small videos, posters and slices of clips, each made once and named by its content.

They are compressed for looking at; no figure is computed from them.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.io.atomic import atomic_file

if TYPE_CHECKING:
    from vfsrbench.io.clip import Clip

Pixels = NDArray[np.uint8]
POSTER = 192
"""Height of a poster in pixels."""
# visually lossless; every 12th frame stands alone, so that a slider can jump; with x264's macroblock tree two
# encodings of the same frames differ on some processors
_ENCODER = {"crf": "14", "preset": "veryfast", "g": "12", "keyint_min": "12", "sc_threshold": "0", "bf": "0"}
_ENCODER |= {"x264-params": "mbtree=0"}


@dataclass(frozen=True)
class Media:
    """Files in `folder`. One that is there already under the same digest, or in `kept`, is not made again.

    `kept` is where the files will lie in the end: those of an earlier report are there.
    """

    folder: Path
    kept: Path | None = None

    def video(self, digest: str, find: Callable[[], Clip | None]) -> tuple[Path, Path] | None:
        """The clip as H.264 in MP4, which every browser plays, and its middle frame, small, as JPEG.

        `find` opens the clip, where they have to be made; None where it finds none.
        """
        video, poster = (self.folder / f"{digest[:20]}.{kind}" for kind in ("mp4", "jpg"))
        if not (self._has(video) and self._has(poster)):
            clip = find()
            if clip is None:
                return None
            with atomic_file(video) as film, atomic_file(poster) as picture:
                write_poster(picture, write_mp4(film, clip))
        return video, poster

    def strip(self, name: str, find: Callable[[], Pixels | None]) -> Path | None:
        """A column slice, one pixel wide a frame. `find` reads it, where it has to be made; None where it
        finds none."""
        path = self.folder / f"{name}.png"
        if not self._has(path):
            strip = find()
            if strip is None:
                return None
            with atomic_file(path) as temporary:
                write_png(temporary, strip)
        return path

    def weight(self) -> tuple[int, int]:
        """(files, bytes) of all that lies in the folder."""
        places = [path if path.is_file() else (self.kept or self.folder) / path.name for path in self.files()]
        return len(places), sum(place.stat().st_size for place in places)

    def files(self) -> list[Path]:
        """All files, by the paths in `folder` that pages call them by."""
        folders = [self.folder, *([] if self.kept is None else [self.kept])]
        return [
            self.folder / n for n in sorted({p.name for f in folders for p in f.glob("*") if p.is_file()})
        ]

    def _has(self, path: Path) -> bool:
        return path.is_file() or (self.kept is not None and (self.kept / path.name).is_file())


def write_mp4(path: Path, clip: Clip) -> Pixels:
    """H.264, 4:2:0, BT.709 in limited range; odd sides are padded by one pixel. The middle frame comes back:
    every frame is read once only."""
    import av
    from av.video.reformatter import ColorRange, Colorspace

    from degradations.imaging.yuv.frame import rgb_to_frame

    height, width = clip.height + clip.height % 2, clip.width + clip.width % 2
    with av.open(str(path.resolve()), "w", format="mp4", options={"movflags": "faststart"}) as container:
        rate = Fraction(clip.fps).limit_denominator(1001)
        stream: Any = container.add_stream("libx264", rate=rate, options=_ENCODER)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.thread_count = 2
        context = stream.codec_context
        context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        context.color_primaries = context.color_trc = 1
        middle = np.zeros((clip.height, clip.width, 3), np.uint8)
        for number, frame in enumerate(clip.frames()):
            if number == len(clip) // 2:
                middle = frame
            padded = np.pad(frame, ((0, height - clip.height), (0, width - clip.width), (0, 0)), "edge")
            container.mux(stream.encode(rgb_to_frame(padded, "yuv420p", "bt709")))
        container.mux(stream.encode())
    return middle


def write_poster(path: Path, frame: Pixels) -> None:
    """A frame as JPEG, `POSTER` pixels high; a smaller one keeps its size."""
    from PIL import Image

    image = Image.fromarray(frame)
    if image.height > POSTER:
        image = image.resize((max(1, image.width * POSTER // image.height), POSTER), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    path.write_bytes(buffer.getvalue())


def write_png(path: Path, pixels: Pixels) -> None:
    """uint8 RGB (H, W, 3) as PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    path.write_bytes(buffer.getvalue())
