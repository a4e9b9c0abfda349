"""Pictures are read exactly and whole, or refused by name."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.vfsrbench.clips import noise, picture_folder
from tests.vfsrbench.io.films import scene
from vfsrbench.datasets.layouts import find_clips
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.io.images.folder import read_picture

FRAME = scene(1, 40, 30)[0]
EXACT: dict[str, dict[str, Any]] = {
    ".png": {},
    ".bmp": {},
    ".tif": {},
    ".tiff": {"compression": "tiff_lzw"},
    ".webp": {"lossless": True},
    ".tga": {},
    ".ppm": {},
}


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(pixels: bytes, height: int = 40, width: int = 30, interlaced: int = 0) -> bytes:
    """An RGB PNG of packed rows, whatever is in them."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(pixels))
        + chunk(b"IEND", b"")
    )


def rows(frame: np.ndarray) -> bytes:
    return b"".join(b"\0" + row.tobytes() for row in frame)


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_picture(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and "\n" not in text
    return text


@pytest.mark.parametrize("suffix", EXACT)
def test_exact_formats_give_the_pixels_that_were_saved(tmp_path: Path, suffix: str) -> None:
    for number in range(2):
        Image.fromarray(FRAME).save(tmp_path / f"{number}{suffix}", **EXACT[suffix])
    np.testing.assert_array_equal(Clip.open(tmp_path).read(0, 2), np.stack([FRAME] * 2))


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".jpe", ".jfif"])
def test_jpeg_by_all_its_names(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(FRAME).save(tmp_path / f"0{suffix}", "JPEG", quality=100, subsampling=0)
    assert np.abs(Clip.open(tmp_path).read(0, 1)[0].astype(int) - FRAME).max() <= 4


@pytest.mark.parametrize("share", [0, 0.5, 0.975])
def test_a_png_without_all_its_rows_is_refused(tmp_path: Path, share: float) -> None:
    """Whole chunks, right checksums, rows missing: Pillow fills them with black."""
    path = tmp_path / "0.png"
    path.write_bytes(png(rows(FRAME)))
    np.testing.assert_array_equal(read_picture(path), FRAME)
    path.write_bytes(png(rows(FRAME[: int(40 * share)])))
    assert f"is truncated: {int(100 * share)} % of its pixels are there" in refusal(path)


def test_an_interlaced_png_is_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "0.png"
    passes = [FRAME[y::dy, x::dx] for x, y, dx, dy in (
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
    )]  # fmt: skip
    path.write_bytes(png(b"".join(rows(part) for part in passes), interlaced=1))
    np.testing.assert_array_equal(read_picture(path), FRAME)
    path.write_bytes(png(b"".join(rows(part) for part in passes[:-1]), interlaced=1))
    assert "of its pixels are there" in refusal(path)


def test_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "0.png"
    data = bytearray(png(rows(FRAME)))
    data[data.index(b"IEND") - 5] ^= 1  # the checksum of IDAT
    path.write_bytes(data)
    assert "is damaged: the checksum of its chunk 'IDAT' is wrong" in refusal(path)


def test_no_flipped_bit_of_a_png_changes_a_pixel_unseen(tmp_path: Path) -> None:
    path = tmp_path / "0.png"
    whole = png(rows(FRAME))
    for place in range(0, len(whole), 7):
        data = bytearray(whole)
        data[place] ^= 1 << place % 8
        path.write_bytes(data)
        assert refusal(path)


@pytest.mark.parametrize("suffix", [*EXACT, ".jpg"])
def test_cut_anywhere_a_picture_is_whole_or_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"0{suffix}"
    Image.fromarray(FRAME).save(path, **EXACT.get(suffix, {}))
    wanted, data = read_picture(path), path.read_bytes()
    draw = random.Random(3)
    cuts = {draw.randrange(1, len(data)) for _ in range(60)} | {len(data) - n for n in (1, 2, 4, 12, 13, 16)}
    for cut in cuts:
        path.write_bytes(data[:cut])
        try:
            found = read_picture(path)
        except InputError:
            continue
        np.testing.assert_array_equal(found, wanted, err_msg=f"the first {cut} of {len(data)} bytes")


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_a_jpeg_cut_off_and_given_an_end_mark_is_refused(
    tmp_path: Path, share: float, progressive: bool
) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(noise(1, 120, 160)[0]).save(path, quality=90, progressive=progressive)
    data = path.read_bytes()
    read_picture(path)
    path.write_bytes(data[: int(len(data) * share)] + b"\xff\xd9")
    assert "not all its pixels are there" in refusal(path)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize(
    "options", [{"quality": 5}, {"quality": 100, "progressive": True}, {"optimize": True}]
)
def test_whole_jpegs_of_all_kinds_are_read(tmp_path: Path, mode: str, options: dict[str, Any]) -> None:
    picture = Image.fromarray(noise(1, 37, 53)[0]).convert(mode)
    for subsampling in (0, 1, 2):
        for more in ({}, {"restart_marker_blocks": 3}, {"comment": b"x" * 300}):
            picture.save(tmp_path / "a.jpg", subsampling=subsampling, **options, **more)
            assert read_picture(tmp_path / "a.jpg").shape == (37, 53, 3)
    picture.save(tmp_path / "b.mpo", save_all=True, append_images=[picture])
    if (tmp_path / "b.mpo").exists():
        (tmp_path / "b.mpo").rename(tmp_path / "b.jpg")
        assert read_picture(tmp_path / "b.jpg").shape == (37, 53, 3)


def test_sixteen_bits_are_refused_in_every_format(tmp_path: Path) -> None:
    deep = np.full((20, 30, 3), 30000, np.uint16)
    for name, frame in (("c.png", deep), ("c.tif", deep), ("c.ppm", deep), ("g.tif", deep[..., 0])):
        cv2.imwrite(str(tmp_path / name), frame)
        assert "16 bits a channel" in refusal(tmp_path / name)
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "f.tif")
    assert "a channel; convert it to 8 bits" in refusal(tmp_path / "f.tif")


def test_other_kinds_of_colour(tmp_path: Path) -> None:
    picture = Image.fromarray(FRAME)
    palette = picture.quantize(16)
    for name, made, wanted in (
        ("grey", picture.convert("L"), np.repeat(np.array(picture.convert("L"))[..., None], 3, 2)),
        (
            "bits",
            picture.convert("1"),
            np.repeat(np.array(picture.convert("1"))[..., None] * np.uint8(255), 3, 2),
        ),
        ("palette", palette, np.array(palette.convert("RGB"))),
        ("grey_alpha", picture.convert("LA"), np.repeat(np.array(picture.convert("L"))[..., None], 3, 2)),
    ):
        made.save(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(read_picture(tmp_path / f"{name}.png"), wanted)
    cmyk = picture.convert("CMYK")
    cmyk.save(tmp_path / "cmyk.tif")
    np.testing.assert_array_equal(read_picture(tmp_path / "cmyk.tif"), np.array(cmyk.convert("RGB")))
    cmyk.save(tmp_path / "cmyk.jpg", quality=100)
    assert np.abs(read_picture(tmp_path / "cmyk.jpg").astype(int) - FRAME).mean() < 3


def test_transparency_is_left_out_and_told(tmp_path: Path) -> None:
    alpha = np.full((40, 30, 1), 255, np.uint8)
    Image.fromarray(np.concatenate([FRAME, alpha], 2)).save(tmp_path / "0.png")
    assert not Clip.open(tmp_path).notes
    alpha[5:9] = 0
    Image.fromarray(np.concatenate([FRAME, alpha], 2)).save(tmp_path / "0.png")
    clip = Clip.open(tmp_path)
    np.testing.assert_array_equal(clip.read(0, 1)[0], FRAME)
    assert ["transparency is left out" in note for note in clip.notes] == [True]
    assert clip.head(1).notes == clip.notes


def test_several_pictures_in_a_file_are_refused(tmp_path: Path) -> None:
    pictures = [Image.fromarray(frame) for frame in noise(3)]
    for name, options in (("a.webp", {"lossless": True}), ("b.tif", {}), ("c.png", {})):
        pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:], **options)
        assert "holds 3 pictures" in refusal(tmp_path / name)


@pytest.mark.parametrize(
    "name", ["3.heic", "3.CR2", "3.avif", "3.exr", "3.jp2", "3.dng", "3.xyz", "00000003"]
)
def test_what_is_not_read_is_named(tmp_path: Path, name: str) -> None:
    folder = picture_folder(tmp_path / "c", noise(2))
    (folder / name).write_bytes(b"x")
    for action in (lambda: Clip.open(folder), lambda: find_clips(tmp_path)):
        with pytest.raises(InputError, match=f"{name}: ") as caught:
            action()
        assert "convert it" in str(caught.value)


@pytest.mark.parametrize("name", ["b.vob", "b.rmvb", "b.r3d", "b.heic"])
def test_clips_that_are_not_read_are_named(tmp_path: Path, name: str) -> None:
    picture_folder(tmp_path / "a", noise(2))
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError, match=name):
        find_clips(tmp_path)


def test_what_may_lie_beside_frames(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "c", noise(2))
    for name in (
        ".DS_Store",
        "Thumbs.db",
        "desktop.ini",
        "meta.JSON",
        "x.csv",
        "README",
        "sound.wav",
        "x.npy",
        "c.zip",
    ):
        (folder / name).write_bytes(b"x")
        (tmp_path / name).write_bytes(b"x")
    assert len(Clip.open(folder)) == 2
    assert [place for place, _ in find_clips(tmp_path)] == [("c",)]
