"""Clips whose frames are changed when they are read."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vfsrbench.io.clip import Clip
from vfsrbench.io.digest_cache import ClipDigests, clip_files
from vfsrbench.io.upscaled import upscaled

Frames = NDArray[np.uint8]


def numbered(low: int, frames: Frames, first: int) -> Frames:
    """The top left pixel of every frame, plus the frame's number."""
    out = frames[:, :1, :2] + low
    out += np.arange(first, first + len(frames), dtype=np.uint8)[:, None, None, None]
    return out


def six(tmp_path: Path) -> Clip:
    frames = np.random.default_rng(0).integers(0, 100, (6, 8, 8, 3), dtype=np.uint8)
    Clip.from_array(frames, "six").write(tmp_path / "six")
    return Clip.open(tmp_path / "six")


def test_the_function_gets_the_number_of_the_first_frame_and_parts_of_parts_keep_it(tmp_path):
    clip = six(tmp_path)
    mapped = clip.mapped(partial(numbered, 50), (1, 2))
    assert (len(mapped), mapped.height, mapped.width) == (6, 1, 2)
    wanted = clip.array()[:, :1, :2] + 50 + np.arange(6, dtype=np.uint8)[:, None, None, None]
    assert np.array_equal(mapped.array(), wanted)
    assert np.array_equal(mapped[2:][1:3].array(), wanted[3:5])
    assert mapped[2:][1:3].frame_names == clip.frame_names[3:5] == ("00000003", "00000004")
    assert np.array_equal(pickle.loads(pickle.dumps(mapped)).read(2, 4), wanted[2:4])


def test_names_notes_film_and_path_are_those_of_the_clip(tmp_path):
    clip = six(tmp_path)
    clip.write(tmp_path / "film.mkv")
    film = Clip.open(tmp_path / "film.mkv")
    for source in (clip, film):
        large = upscaled(source, 2)
        assert large.named_frames == source.named_frames and large.frame_names == source.frame_names
        assert large.notes == source.notes and large.path == source.path and large.fps == source.fps
    large = upscaled(film, 2)
    assert large.film is not None and film.film is not None and large.film.times == film.film.times
    assert large[:4].film.times == film.film.times[:4]
    assert large[1:].film is None  # its sound begins before its frames


def test_changed_frames_never_go_by_the_digest_of_their_file(tmp_path):
    clip = six(tmp_path)
    digests = ClipDigests(tmp_path / "digests")
    assert digests.of(clip) == clip.digest() and len(clip_files(clip)) == 6
    assert len(clip_files(clip[:4])) == 4 and not clip[:4].changed
    for other in (upscaled(clip, 2), clip[2:], upscaled(clip, 2)[:3], clip[2:][:3]):
        assert other.changed and not clip_files(other)
        assert digests.of(other) == other.digest() != digests.of(clip)
