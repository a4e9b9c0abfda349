"""Pipes, devices, links in circles, folders called like pictures, and pictures that would fill the memory:
refused by name wherever a user's path is opened, and nothing hangs."""

from __future__ import annotations

import contextlib
import os
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from tests.vfsrbench.boards import moving, write_clip
from vfsrbench.datasets.dataset import open_dataset
from vfsrbench.datasets.layouts import find_clips
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.io.images.folder import read_picture
from vfsrbench.io.safety.paths import check_pixels
from vfsrbench.io.upscaled import upscaled
from vfsrbench.method_spec import choose_method
from vfsrbench.results.frame_table import load_results

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def circle(path: Path) -> None:
    path.symlink_to(path)


def nowhere(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def folder(path: Path) -> None:
    path.mkdir()


KINDS = [
    (pipe, "is a named pipe"),
    (device, "is a device"),
    (circle, "leads in a circle"),
    (nowhere, "is not there"),
    (folder, "is a folder"),
]


@pytest.mark.parametrize(("make", "why"), KINDS)
def test_in_the_place_of_a_picture(tmp_path: Path, make: Callable[[Path], None], why: str) -> None:
    clip = write_clip(tmp_path / "clip", moving(3))
    make(clip / "00000001x.png")
    with pytest.raises(InputError, match=why) as error:
        Clip.open(clip)
    assert "00000001x.png" in str(error.value)
    with pytest.raises(InputError, match=why):
        read_picture(clip / "00000001x.png")


@pytest.mark.parametrize(("make", "why"), KINDS[:4])
def test_in_the_place_of_a_video(tmp_path: Path, make: Callable[[Path], None], why: str) -> None:
    make(tmp_path / "a.mp4")
    with pytest.raises(InputError, match=why):
        Clip.open(tmp_path / "a.mp4")
    with pytest.raises(InputError, match=why):
        open_dataset("folder", tmp_path).clips()


@pytest.mark.parametrize(("make", "why"), KINDS[:4])
def test_in_the_place_of_a_data_set(tmp_path: Path, make: Callable[[Path], None], why: str) -> None:
    make(tmp_path / "a")
    with pytest.raises(InputError, match=why):
        find_clips(tmp_path / "a")


@pytest.mark.parametrize(("make", "why"), KINDS)
def test_in_the_place_of_a_landmarks_file(tmp_path: Path, make: Callable[[Path], None], why: str) -> None:
    write_clip(tmp_path / "data" / "one", moving(3))
    (tmp_path / "meta_info").mkdir()
    make(tmp_path / "meta_info" / "one.txt")
    with pytest.raises(InputError, match=why) as error:
        open_dataset("folder", tmp_path / "data").clips()
    assert "one.txt" in str(error.value)


@pytest.mark.parametrize(("make", "why"), KINDS)
def test_in_the_place_of_a_card(tmp_path: Path, make: Callable[[Path], None], why: str) -> None:
    (tmp_path / "m").mkdir()
    make(tmp_path / "m" / "card.toml")
    with pytest.raises(InputError, match=why):
        choose_method(str(tmp_path / "m"))


@pytest.mark.parametrize(("make", "why"), KINDS)
def test_in_the_place_of_results(tmp_path: Path, make: Callable[[Path], None], why: str) -> None:
    make(tmp_path / "a.parquet")
    _, records, skipped = load_results([tmp_path])
    assert not records and len(skipped) == 1 and why in skipped[0]


def test_a_link_to_a_folder_above_is_no_endless_data_set(tmp_path: Path) -> None:
    write_clip(tmp_path / "data" / "a" / "one", moving(2))
    (tmp_path / "data" / "a" / "again").symlink_to(tmp_path / "data")
    with pytest.raises(InputError, match="again: is a link to a folder that it lies in"):
        find_clips(tmp_path / "data")


def test_a_link_to_clips_elsewhere_is_followed(tmp_path: Path) -> None:
    write_clip(tmp_path / "elsewhere" / "one", moving(2))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "b").symlink_to(tmp_path / "elsewhere" / "one")
    assert open_dataset("folder", tmp_path / "data").names == ("a+one", "b")


def png(width: int, height: int, pixels: bytes) -> bytes:
    """A PNG whose header declares a size, whatever its pixels are."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        size = struct.pack(">I", len(content))
        return size + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_picture_that_declares_too_many_pixels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(100_000, 100_000, zlib.compress(bytes(1000))))
    with pytest.raises(InputError, match="100000x100000 pixels are too large; 67108864 pixels are the most"):
        read_picture(path)


def test_pixels_that_unpack_to_more_than_the_header_says_are_not_unpacked(tmp_path: Path) -> None:
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(600)) + packer.flush()
    path = tmp_path / "a.png"
    path.write_bytes(png(4, 4, bomb))
    tracemalloc.start()
    with contextlib.suppress(InputError):
        assert not read_picture(path).any()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20, "600 MB are packed in it"


@pytest.mark.parametrize("suffix", ["bmp", "ppm", "tga", "tif", "webp"])
def test_other_pictures_that_declare_too_many_pixels(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    heads = {
        "bmp": b"BM"
        + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 60000, 60000, 1, 24, 0, 0, 0, 0, 0, 0),
        "ppm": b"P6 60000 60000 255\n",
        "tga": struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, 60000, 60000, 24, 32),
        "tif": b"not one",
        "webp": b"not one",
    }
    path.write_bytes(heads[suffix] + bytes(100))
    with pytest.raises(InputError) as error:
        read_picture(path)
    assert ("67108864 pixels" in str(error.value)) == (suffix in ("bmp", "ppm", "tga"))


def test_a_large_file_is_no_picture(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as sparse:
        sparse.truncate(1 << 40)
    with pytest.raises(InputError, match="a picture has at most"):
        read_picture(tmp_path / "a.png")


def test_a_video_that_declares_too_many_pixels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16384, 8192, "gray"
        frame = av.VideoFrame.from_ndarray(np.zeros((8192, 16384), np.uint8), format="gray")
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(InputError, match="16384x8192 pixels are too large"):
        Clip.open(path)


def test_enlarging_ends_at_the_same_size(tmp_path: Path) -> None:
    clip = Clip.from_array(np.zeros((1, 256, 256, 3), np.uint8), "a")
    assert upscaled(clip, 32).width == 8192
    with pytest.raises(InputError, match="'a', enlarged by 33: frames of 8448x8448 pixels are too large"):
        upscaled(clip, 33)


def test_the_limit_is_what_it_says() -> None:
    check_pixels("x", 8192, 8192)
    for width, height in ((8193, 8192), (0, 5), (1 << 40, 1)):
        with pytest.raises(InputError, match="x: frames of"):
            check_pixels("x", width, height)
