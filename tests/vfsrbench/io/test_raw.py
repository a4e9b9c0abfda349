"""Restored frames on their way: whole, in order, counted; a full disk is an input error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.boards import moving
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.io.raw import RawWriter


def test_frames_come_back_in_any_portion_with_their_digest(tmp_path: Path):
    frames = moving(7, side=16)
    with RawWriter(tmp_path / "deep" / "x.raw", 16, 16) as sink:
        sink.write(frames[:2])
        sink.restart()
        for part in (frames[:3], frames[3:4], frames[4:]):
            sink.write(part)
        raw = sink.done(names=tuple("abcdefg"))
    clip = Clip(raw, "x", 25.0)
    assert np.array_equal(clip.read(0, 7), frames) and np.array_equal(clip.read(2, 5), frames[2:5])
    assert raw.digest == Clip.from_array(frames, "x").digest() and clip.frame_names == tuple("abcdefg")


def test_nothing_is_left_of_a_clip_that_failed(tmp_path: Path):
    with pytest.raises(KeyError), RawWriter(tmp_path / "x.raw", 16, 16) as sink:
        sink.write(moving(2, side=16))
        raise KeyError
    assert not (tmp_path / "x.raw").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("frames", [1, 40])
def test_a_disk_that_fills_up_is_an_input_error(tmp_path: Path, frames: int):
    """One frame of 32x32 still fits into the buffer: the error comes when the file is closed."""
    with pytest.raises(InputError, match="free some disk"), RawWriter(tmp_path / "x.raw", 32, 32) as sink:
        sink._file.close()
        sink._file = Path("/dev/full").open("wb")  # noqa: SIM115, the writer closes it
        sink.write(moving(frames))
        sink.done()
