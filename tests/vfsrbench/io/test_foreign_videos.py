"""Videos whose containers hold what PyAV stumbles over."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tests.vfsrbench.boards import moving
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.io.video.writer import write_video


def film(path: Path, title: str) -> None:
    with av.open(str(path), "w") as container:
        container.metadata["title"] = title
        stream = container.add_stream("libx264rgb" if path.suffix == ".mkv" else "mpeg4", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "rgb24" if path.suffix == ".mkv" else "yuv420p"
        for frame in moving(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "avi"])
def test_tags_that_are_not_utf8_do_not_matter(tmp_path: Path, suffix: str) -> None:
    good, odd = tmp_path / f"good.{suffix}", tmp_path / f"odd.{suffix}"
    film(good, "cafe\u0301s")
    content = good.read_bytes()
    assert b"\xcc\x81s" in content
    odd.write_bytes(content.replace(b"\xcc\x81s", b"\xe9\xe8s"))
    clip = Clip.open(odd)
    np.testing.assert_array_equal(clip.read(0, 4), Clip.open(good).read(0, 4))


def test_a_codec_that_nobody_knows_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    write_video(path, moving(3), 25, "ffv1")
    path.write_bytes(path.read_bytes().replace(b"V_FFV1", b"V_QQV1"))
    with pytest.raises(InputError, match=r"a\.mkv: its film is in a format that this FFmpeg cannot decode"):
        Clip.open(path)
