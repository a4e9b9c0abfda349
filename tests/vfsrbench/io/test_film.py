"""The right stream of a video, and what is known of it beside its pixels."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.vfsrbench.io.films import scene, write_film
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip

FRAMES = scene(6, 48, 64)


def cover_first(path: Path) -> None:
    """Move the box with the cover before the tracks, where some programs write it."""
    data = path.read_bytes()
    start = data.index(b"moov") - 4
    position, end, boxes = start + 8, start + int.from_bytes(data[start : start + 4], "big"), []
    while position < end:
        size = int.from_bytes(data[position : position + 4], "big")
        boxes.append(data[position : position + size])
        position += size
    boxes.sort(key=lambda box: [b"mvhd", b"udta", b"trak"].index(box[4:8]))
    path.write_bytes(data[: start + 8] + b"".join(boxes) + data[end:])


def test_a_cover_before_the_film_is_not_the_film(tmp_path: Path) -> None:
    path = write_film(tmp_path / "v.mp4", FRAMES, cover=True, sound="aac")
    cover_first(path)
    with av.open(str(path)) as container:
        assert [stream.codec_context.name for stream in container.streams.video] == ["png", "h264"]
    clip = Clip.open(path)
    assert (len(clip), clip.height, clip.width) == (6, 48, 64)
    assert not clip.notes


def test_a_cover_alone_is_no_film(tmp_path: Path) -> None:
    path = write_film(tmp_path / "v.mp4", FRAMES[:0], cover=True, sound="aac", seconds=1.0, film=False)
    with pytest.raises(InputError, match="holds no video, only a cover picture"):
        Clip.open(path)


def two_films(path: Path, default: int | None = None) -> Path:
    """A small film first, then a large one."""
    with av.open(str(path), "w") as output:
        streams: list[Any] = []
        for height, width in ((24, 32), (96, 128)):
            stream: Any = output.add_stream("libx264", rate=25, options={"crf": "10"})
            stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
            streams.append(stream)
        for number, stream in enumerate(streams):
            if default is not None and hasattr(stream, "disposition"):
                stream.disposition = int(number == default)
        packets = []
        for stream in streams:
            for frame in scene(5, stream.height, stream.width):
                packets += stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24"))
            packets += stream.encode()
        for packet in packets:
            output.mux(packet)
    return path


def test_of_two_films_the_best_is_read_and_told(tmp_path: Path) -> None:
    clip = Clip.open(two_films(tmp_path / "v.mkv", default=1))
    assert (clip.height, clip.width) == (96, 128)
    assert clip.notes == ("holds 2 films; stream 1 (128x96) is read",)
    assert clip.head(3).notes == clip.notes and len(clip) == 5


def test_the_film_tells_its_times_shape_and_sound(tmp_path: Path) -> None:
    times = [0, 40, 80, 200, 240, 280]
    path = write_film(
        tmp_path / "v.mkv", FRAMES, times=times, base=Fraction(1, 1000), aspect=Fraction(4, 3), sound="aac"
    )
    clip = Clip.open(path)
    film = clip.film
    assert film is not None
    assert [time * film.time_base * 1000 for time in film.times] == times
    assert film.sample_aspect == Fraction(4, 3) and film.sound == ("aac",) and not film.steady
    told = " ".join(film.oddities())
    assert "4:3" in told and "varies (8.333 to 25 a second)" in told
    head = clip.head(3).film
    assert head is not None and len(head.times) == 3 and head.end == Fraction(200, 1000)


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24), Fraction(60)])
def test_rounded_clocks_do_not_make_a_rate_vary(tmp_path: Path, rate: Fraction) -> None:
    """Matroska counts milliseconds: 33, 33, 34."""
    path = write_film(tmp_path / "v.mkv", scene(40), base=1 / rate)
    film = Clip.open(path).film
    assert film is not None and film.steady and film.oddities() == []


def test_a_folder_has_no_film(tmp_path: Path) -> None:
    assert Clip.from_array(np.zeros((1, 4, 4, 3), np.uint8), "c").film is None


def test_a_film_that_nothing_decodes_is_refused(tmp_path: Path) -> None:
    path = write_film(tmp_path / "v.mp4", FRAMES)
    data = path.read_bytes()
    place = data.index(b"avc1", data.index(b"stsd"))
    path.write_bytes(data[:place] + b"zzzz" + data[place + 4 :])
    with pytest.raises(InputError, match=r"v\.mp4: "):
        Clip.open(path)
