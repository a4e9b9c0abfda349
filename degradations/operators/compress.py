"""Operators that compress: JPEG frame by frame, and a video codec over the whole clip."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from degradations.digest import FrameHasher
from degradations.errors import InputError, did_you_mean
from degradations.imaging.codec import DECODERS, Encoding, round_trip
from degradations.imaging.jpeg import flair_jpeg, jpeg
from degradations.imaging.resize import resize
from degradations.numerics.draws import Choice, Count, Step, Walk, count_bounds, draw_count, names, pick
from degradations.numerics.grid import Picture, whole
from degradations.numerics.streams import Stream
from degradations.operators.base import Drawn, Frames, Operator, Place
from degradations.operators.x264_params import Preset, check_x264_params
from degradations.reading.limits import LEAST_RATE, MOST_BITRATE, MOST_RATE


class Jpeg(Operator):
    """A JPEG round trip of `quality` 1..100, through libjpeg or through FLAIR's model of the format."""

    op: Literal["jpeg"] = "jpeg"
    quality: Count
    quality_step: Step = 0.0
    coder: Literal["libjpeg", "flair"] = "libjpeg"
    draw: Drawn = "clip"

    @model_validator(mode="after")
    def _in_range(self) -> Jpeg:
        low, high = count_bounds(self.quality)
        if low < 1 or high > 100:
            raise ValueError(f"'quality' lies in 1..100, got {self.quality}")
        return self

    def apply(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        if self.draw == "clip" and not self.quality_step:
            quality = place.record["quality"] = draw_count(self.quality, stream)
            return (self._coded(frame, quality) for frame in frames)
        return self._changing(frames, place, stream)

    def _changing(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        walk = Walk(
            draw_count(self.quality, stream), self.quality_step, stream, within=count_bounds(self.quality)
        )
        for index, frame in enumerate(frames):
            numbers = place.stream(index)
            if self.draw == "frame":
                quality = draw_count(self.quality, numbers)
            else:
                if index:
                    walk.advance(numbers)
                quality = round(walk.value)
            place.note_frame(quality=quality)
            yield self._coded(frame, quality)

    def _coded(self, frame: Picture, quality: int) -> Picture:
        return jpeg(frame, quality) if self.coder == "libjpeg" else flair_jpeg(frame, quality)


class Codec(Operator):
    """The whole clip through a video encoder and back.

    Rate is `crf` or `bitrate` (bits a second). `fps` is a number or "clip", the clip's own rate: encoders
    spend bits by frame duration, so it is part of the recipe. `colour = "exact"` converts in whole numbers;
    "swscale" leaves it to FFmpeg, `swap_red_blue` hands it BGR under the name of RGB, as KEEP's code does.
    """

    op: Literal["codec"] = "codec"
    encoder: Choice = "libx264"
    crf: Count | None = None
    bitrate: Count | None = None
    fps: float | Literal["clip"] = "clip"
    preset: Preset | None = "medium"
    threads: int = Field(default=1, ge=1, le=64)
    x264_params: str = "mbtree=0"
    colour: Literal["exact", "swscale"] = "exact"
    swap_red_blue: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Codec:
        for encoder in names(self.encoder):
            if encoder not in DECODERS:
                raise did_you_mean("encoder", encoder, DECODERS)
        if (self.crf is None) == (self.bitrate is None):
            raise ValueError("exactly one of 'crf' and 'bitrate' is needed")
        if self.crf is not None and "mpeg4" in names(self.encoder):
            raise ValueError("mpeg4 knows no 'crf': give 'bitrate'")
        if self.crf is not None and not 0 <= count_bounds(self.crf)[0] <= count_bounds(self.crf)[1] <= 63:
            raise ValueError(f"'crf' lies in 0..63, got {self.crf}")
        if self.bitrate is not None:
            low, high = count_bounds(self.bitrate)
            if low < 1 or high > MOST_BITRATE:
                raise ValueError(f"'bitrate' is 1..{MOST_BITRATE} bits a second, got {self.bitrate}")
        if self.fps != "clip" and not LEAST_RATE <= self.fps <= MOST_RATE:
            raise ValueError(
                f"'fps' is a number of {LEAST_RATE:g}..{MOST_RATE:g} or \"clip\", got {self.fps}"
            )
        check_x264_params(self.x264_params)
        return self

    def apply(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        rate = place.run.fps if self.fps == "clip" else self.fps
        if not LEAST_RATE <= rate <= MOST_RATE:
            raise InputError(
                f"clip {place.run.name!r} has {rate:g} frames a second; a codec takes {LEAST_RATE:g} to "
                f"{MOST_RATE:g}, which a recipe may set as its 'fps'"
            )
        encoder = pick(self.encoder, DECODERS, stream)
        x264 = encoder == "libx264"
        encoding = Encoding(
            encoder=encoder,
            fps=Fraction(rate).limit_denominator(1001),
            crf=None if self.crf is None else draw_count(self.crf, stream),
            bitrate=None if self.bitrate is None else draw_count(self.bitrate, stream),
            preset=self.preset if encoder in ("libx264", "libx265") else None,
            threads=self.threads,
            x264_params=self.x264_params if x264 else "",
            swscale=self.colour == "swscale",
            swap_red_blue=self.swap_red_blue,
        )
        spent = {"crf": encoding.crf} if self.bitrate is None else {"bitrate": encoding.bitrate}
        place.record.update(encoder=encoder, **spent, fps=str(encoding.fps))
        return round_trip(_entering(frames, place, encoding), encoding)


def _entering(frames: Frames, place: Place, encoding: Encoding) -> Iterator[NDArray[np.uint8]]:
    """Frames as the codec takes them: 8 bits and one size; the clip's first codec also takes their digest."""
    hasher: FrameHasher | None = None
    size = (0, 0)
    for frame in frames:
        if hasher is None:
            size = (frame.shape[0], frame.shape[1])
            hasher = FrameHasher(*size)
            place.record["same_bits_everywhere"] = encoding.steady(size[1])
        if frame.shape[:2] != size:
            # earlier operators may change sizes from frame to frame; a video cannot
            frame = resize(frame, *size, "cubic")
        entering = whole(frame)
        hasher.update(entering)
        yield entering
    if hasher is not None and place.run.before_codec is None:
        place.run.before_codec = hasher.hexdigest()
