"""Restored videos keep the sound, the frame times and the pixel shape of what was restored."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from tests.vfsrbench.io.films import frame_times, packets_of, scene, set_display_matrix, write_film
from vfsrbench.io.clip import Clip, write_video
from vfsrbench.io.video.sound import takes_sound

FRAMES = scene(30)
TIMES = [0, 40, 80, 200, 233, 266, *range(300, 300 + 24 * 50, 50)]
MS = Fraction(1, 1000)
X264 = {"x264-params": "keyint=8:bframes=3"}


def since_start(times: list[Fraction]) -> list[Fraction]:
    return [time - times[0] for time in times]


def rewritten(source: Path, target: Path, codec: str = "h264", head: int | None = None) -> Clip:
    clip = Clip.open(source)
    clip = clip if head is None else clip.head(head)
    write_video(target, clip.frames(), clip.fps, codec, clip.film)  # type: ignore[arg-type]
    return Clip.open(target)


@pytest.mark.parametrize(
    ("source", "sound", "target", "codec"),
    [
        ("v.mp4", "aac", "out.mp4", "h264"),
        ("v.mkv", "aac", "out.mp4", "h264"),
        ("v.mkv", "pcm_s16le", "out.mkv", "ffv1"),
        ("v.mov", "pcm_s16le", "out.mkv", "h264"),
        ("v.mkv", "flac", "out.mp4", "h264"),
        ("v.flv", "aac", "out.mkv", "ffv1"),
    ],
)
def test_times_sound_and_shape_are_kept(
    tmp_path: Path, source: str, sound: str, target: str, codec: str
) -> None:
    path = write_film(
        tmp_path / source, FRAMES, times=TIMES, base=MS, sound=sound, options=X264, aspect=Fraction(4, 3)
    )
    again = rewritten(path, tmp_path / target, codec)
    before, after = Clip.open(path).film, again.film
    assert before is not None and after is not None and not before.steady
    wanted, got = since_start(frame_times(path)), since_start(frame_times(tmp_path / target))
    assert len(got) == 30 and max(abs(a - b) for a, b in zip(wanted, got, strict=True)) < MS
    assert after.sample_aspect == before.sample_aspect
    sounds = packets_of(path, "audio"), packets_of(tmp_path / target, "audio")
    assert [data for _, data in sounds[0]] == [data for _, data in sounds[1]] and sounds[0]
    files = zip((path, tmp_path / target), sounds, strict=True)
    lags = [packets[0][0] - frame_times(name)[0] for name, packets in files]
    assert abs(lags[0] - lags[1]) <= 2 * MS  # in step with the frames


def test_a_late_transport_stream_starts_at_zero(tmp_path: Path) -> None:
    path = write_film(tmp_path / "v.ts", FRAMES, sound="aac", options=X264)
    rewritten(path, tmp_path / "out.mp4")
    times = frame_times(tmp_path / "out.mp4")
    assert 0 <= times[0] < Fraction(1, 10) and since_start(times) == [i * Fraction(1, 25) for i in range(30)]
    assert len(packets_of(tmp_path / "out.mp4", "audio")) == len(packets_of(path, "audio"))


def test_the_sound_ends_with_the_first_frames(tmp_path: Path) -> None:
    path = write_film(tmp_path / "v.mkv", FRAMES, sound="aac", seconds=3.0, options=X264)
    rewritten(path, tmp_path / "out.mkv", head=10)
    packets = packets_of(tmp_path / "out.mkv", "audio")
    assert (
        Fraction(37, 100) < packets[-1][0] < Fraction(2, 5) and len(frame_times(tmp_path / "out.mkv")) == 10
    )


def test_frames_without_times_come_at_their_rate(tmp_path: Path) -> None:
    path = write_film(tmp_path / "v.avi", FRAMES, sound="pcm_s16le", options=X264)
    rewritten(path, tmp_path / "out.mkv")
    assert since_start(frame_times(tmp_path / "out.mkv")) == [i * Fraction(1, 25) for i in range(30)]
    sounds = packets_of(path, "audio"), packets_of(tmp_path / "out.mkv", "audio")
    assert b"".join(data for _, data in sounds[0]) == b"".join(data for _, data in sounds[1])


def test_a_turned_video_keeps_its_shape_upright(tmp_path: Path) -> None:
    path = write_film(tmp_path / "v.mp4", FRAMES, options=X264, aspect=Fraction(4, 3))
    set_display_matrix(path, 0, 1, -1, 0)
    again = rewritten(path, tmp_path / "out.mp4")
    assert (again.height, again.width) == (64, 48)
    assert again.film is not None and again.film.sample_aspect == Fraction(3, 4)


def test_what_holds_which_sound(tmp_path: Path) -> None:
    path = write_film(tmp_path / "v.mkv", FRAMES, sound="pcm_u8", options=X264)
    assert not takes_sound(".mp4", path) and takes_sound(".mkv", path)
    assert takes_sound(".mp4", write_film(tmp_path / "w.mkv", FRAMES, options=X264))
