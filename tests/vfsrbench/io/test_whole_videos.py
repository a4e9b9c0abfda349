"""A video is read whole or refused: cut at many places, with damage inside, and odd ones that are whole."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.vfsrbench.io.films import scene, write_film
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip

FRAMES = scene(24)
X264 = {"x264-params": "keyint=8:bframes=2:open-gop=1"}
FILMS: dict[str, dict[str, Any]] = {
    "end.mp4": {"sound": "aac"},
    "start.mp4": {"sound": "aac", "container": {"movflags": "faststart"}},
    "parts.mp4": {"sound": "aac", "container": {"movflags": "frag_keyframe+empty_moov"}},
    "raw.mov": {"sound": "pcm_s16le", "container": {"movflags": "faststart"}},
    "closed.mkv": {"sound": "aac"},
    "live.mkv": {"sound": "aac", "container": {"live": "1"}},
    "exact.mkv": {"codec": "ffv1", "options": {}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"cpu-used": "8"}},
    "old.avi": {"codec": "mpeg4", "sound": "pcm_s16le", "options": {"bf": "2"}},
    "web.flv": {"sound": "aac"},
    "win.wmv": {"codec": "wmv2", "options": {}},
    "dvd.mpg": {"codec": "mpeg2video", "sound": "mp2", "options": {"bf": "2"}},
    "moving.gif": {"codec": "gif", "pixels": "rgb8", "options": {}},
    "raw.y4m": {"codec": "wrapped_avframe", "options": {}},
    "air.ts": {"sound": "aac"},
    "camera.m2ts": {
        "codec": "libx265",
        "sound": "aac",
        "options": {"x265-params": "log-level=none:keyint=8"},
    },
}
NO_END = {".ts": 188, ".m2ts": 192, ".y4m": 4614}
"""Formats that do not say where they end, and the bytes between places where a cut cannot be noticed."""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for name, how in FILMS.items():
        write_film(folder / name, FRAMES, **{"options": X264, **how})
    return folder


def frames_or_refusal(path: Path) -> int | str:
    try:
        return len(Clip.open(path))
    except InputError as error:
        assert "\n" not in str(error) and str(error).startswith(f"{path}: ")
        return str(error)


@pytest.mark.parametrize("name", FILMS)
def test_cut_anywhere_all_frames_are_there_or_it_is_refused(films: Path, tmp_path: Path, name: str) -> None:
    whole = films / name
    assert frames_or_refusal(whole) == len(FRAMES)
    data = whole.read_bytes()
    draw = random.Random(7)
    cuts = {draw.randrange(1, len(data)) for _ in range(40)} | {len(data) - n for n in (1, 2, 3, 8, 50, 400)}
    refused = 0
    for cut in cuts:
        if whole.suffix in NO_END and cut % NO_END[whole.suffix] == len(data) % NO_END[whole.suffix]:
            continue
        part = tmp_path / name
        part.write_bytes(data[:cut])
        found = frames_or_refusal(part)
        assert found == len(FRAMES) or isinstance(found, str), f"{found} frames of the first {cut} bytes"
        refused += isinstance(found, str)
    assert refused > 30


@pytest.mark.parametrize("name", ["air.ts", "camera.m2ts"])
def test_a_stream_cut_inside_a_picture_is_refused(films: Path, tmp_path: Path, name: str) -> None:
    """Between two packets of a picture; between two pictures nothing can tell, which is noted."""
    data = (films / name).read_bytes()
    frames = Clip.open(films / name).read(0, len(FRAMES))
    known = {frame.tobytes() for frame in frames}
    size = NO_END[Path(name).suffix]
    refused = 0
    for cut in range(8 * size, len(data) + 1, 3 * size):
        part = tmp_path / name
        part.write_bytes(data[:cut])
        try:
            clip = Clip.open(part)
            rest = clip.read(0, len(clip))
        except InputError:
            refused += 1
            continue
        assert {frame.tobytes() for frame in rest} <= known, f"a spoilt frame in the first {cut} bytes"
        assert any("does not say where it ends" in note for note in clip.notes)
    assert refused


def test_the_message_counts_the_frames(films: Path, tmp_path: Path) -> None:
    path = tmp_path / "talk.mp4"
    data = (films / "start.mp4").read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    found = frames_or_refusal(path)
    assert isinstance(found, str) and found.startswith(f"{path}: is truncated: ")
    assert found.endswith("of 24 frames are there; copy it again, or make it again")


@pytest.mark.parametrize("name", ["end.mp4", "start.mp4", "closed.mkv"])
def test_a_cut_file_is_called_so_wherever_it_was_cut(films: Path, tmp_path: Path, name: str) -> None:
    """FFmpeg alone says of some that their data are invalid, of others that no codec reads them."""
    data = (films / name).read_bytes()
    for cut in (0, 100, len(data) // 3, *(len(data) - n for n in (1500, 700, 400, 200, 50, 1))):
        (tmp_path / name).write_bytes(data[:cut])
        assert re.search("is truncated: |it is empty", str(frames_or_refusal(tmp_path / name))), cut


def test_half_a_second_less_is_noticed(tmp_path: Path) -> None:
    """50 frames of which the last few are lost: under one second."""
    path = write_film(tmp_path / "v.mp4", scene(50), options=X264, container={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[:-200])
    assert "of 50 frames are there" in str(frames_or_refusal(path))


@pytest.mark.parametrize("name", ["start.mp4", "air.ts", "old.avi"])
def test_damage_inside_is_noticed(films: Path, tmp_path: Path, name: str) -> None:
    data = bytearray((films / name).read_bytes())
    middle = len(data) // 3
    data[middle : middle + 1500] = bytes(1500)
    (tmp_path / name).write_bytes(data)
    assert isinstance(frames_or_refusal(tmp_path / name), str)


@pytest.mark.parametrize("flags", ["global_sidx", "dash", ""])
def test_a_fragmented_file_without_its_last_fragment_is_refused_or_told(tmp_path: Path, flags: str) -> None:
    how = {"movflags": f"frag_keyframe+empty_moov+default_base_moof+{flags}".rstrip("+")}
    path = write_film(tmp_path / "v.mp4", FRAMES, options=X264, container=how)
    assert frames_or_refusal(path) == len(FRAMES)
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"sidx" if flags == "dash" else b"moof") - 4])
    if flags == "global_sidx":
        assert "2 of 3 segments are there" in str(frames_or_refusal(path))
    else:
        assert "does not say where it ends" in Clip.open(path).notes[0]


@pytest.mark.parametrize("options", [{"level": "3", "slicecrc": "1", "slices": "4"}, {"level": "3"}])
def test_no_flipped_bit_of_ffv1_with_checksums_goes_unseen(tmp_path: Path, options: dict[str, str]) -> None:
    path = write_film(tmp_path / "v.mkv", FRAMES, "ffv1", "bgr0", options=options)
    data = path.read_bytes()
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    draw = random.Random(1)
    for number in (0, 5, 23):
        position, size = places[number]
        damaged = bytearray(data)
        damaged[position + draw.randrange(20, size)] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        assert str(frames_or_refusal(path)).endswith(f"frame {number} is damaged; make the video again")


def test_ffv1_without_checksums_is_read(tmp_path: Path) -> None:
    for version, options in enumerate(({"level": "1"}, {"level": "3", "slicecrc": "0", "slices": "4"})):
        path = write_film(tmp_path / f"{version}.mkv", FRAMES, "ffv1", "bgr0", options=options)
        np.testing.assert_array_equal(Clip.open(path).read(0, 24), FRAMES)


def test_films_that_are_whole_though_their_clocks_look_odd(tmp_path: Path) -> None:
    """Sound under a still, a long last frame, a late start; frames before zero, which MP4 hides."""
    still = write_film(tmp_path / "still.mp4", scene(3), sound="aac", seconds=7.0, options=X264)
    slow = write_film(tmp_path / "slow.mkv", scene(3), times=[0, 1, 150], sound="aac", options=X264)
    late = write_film(tmp_path / "late.mp4", scene(12), times=range(40, 52), sound="aac", options=X264)
    early = write_film(tmp_path / "early.mp4", scene(12), times=range(-5, 7), options=X264)
    late_stream = write_film(tmp_path / "late.ts", scene(12), times=range(900, 912), options=X264)
    found = [frames_or_refusal(path) for path in (still, slow, late, early, late_stream)]
    assert found == [3, 3, 12, 7, 12]


def test_an_edit_list_hides_frames_and_is_no_damage(tmp_path: Path) -> None:
    """The first frames are cut away by the container: they are not shown, so they are not read."""
    options = {"x264-params": "keyint=1:bframes=0"}
    path = write_film(tmp_path / "v.mp4", scene(20), options=options)
    shown = Clip.open(path).read(0, 20)
    data = bytearray(path.read_bytes())
    place = data.index(b"elst") + 4
    ticks = int.from_bytes(data[place + 8 : place + 12], "big")
    data[place + 8 : place + 12] = (ticks // 2).to_bytes(4, "big")  # half as long
    with av.open(str(path)) as container:
        step = round(Fraction(1, 25) / container.streams.video[0].time_base)
    data[place + 12 : place + 16] = (5 * step).to_bytes(4, "big")  # from the sixth frame on
    path.write_bytes(data)
    clip = Clip.open(path)
    frames = clip.read(0, len(clip))
    assert 0 < len(frames) < 20
    np.testing.assert_array_equal(frames, shown[5 : 5 + len(frames)])


def test_bytes_behind_a_whole_file_do_no_harm(films: Path, tmp_path: Path) -> None:
    for name in ("end.mp4", "closed.mkv", "moving.gif"):
        (tmp_path / name).write_bytes((films / name).read_bytes() + bytes(5000))
        assert frames_or_refusal(tmp_path / name) == len(FRAMES)


@pytest.mark.parametrize("name", ["win.wmv", "dvd.mpg", "old.avi", "air.ts"])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_space_that_was_set_aside_and_never_filled_is_no_film(
    films: Path, tmp_path: Path, name: str, share: float
) -> None:
    data = (films / name).read_bytes()
    gone = int(len(data) * share)
    (tmp_path / name).write_bytes(data[:-gone] + bytes(gone))
    assert isinstance(frames_or_refusal(tmp_path / name), str)
