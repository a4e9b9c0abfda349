"""What libtiff says of a TIFF stands in our line, and not on the terminal; what it repairs is refused."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vfsrbench.errors import InputError
from vfsrbench.io.images import libtiff
from vfsrbench.io.images.reader import read_picture

Said = pytest.CaptureFixture[str]
KINDS = ("group4", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
pytestmark = pytest.mark.skipif(libtiff._listen() is None, reason="this Pillow brings no libtiff of its own")


def tiff(path: Path, kind: str) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    picture = Image.fromarray(pixels)
    (picture.convert("1") if kind == "group4" else picture).save(path, compression=kind)
    return path


def damaged(path: Path, kind: str, seed: int) -> Path:
    data, dice = bytearray(tiff(path, kind).read_bytes()), np.random.default_rng(seed)
    for place in dice.integers(8, len(data), 3):
        data[place] ^= 1 << int(dice.integers(0, 8))
    path.write_bytes(data)
    return path


def outcome(path: Path) -> str:
    try:
        read_picture(path)
    except InputError as error:
        return str(error)
    return ""


def test_whole_files_are_read(tmp_path: Path) -> None:
    assert [outcome(tiff(tmp_path / f"{kind}.tif", kind)) for kind in KINDS] == [""] * len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_printed_whatever_is_wrong(tmp_path: Path, kind: str, capfd: Said) -> None:
    said = [outcome(damaged(tmp_path / f"{seed}.tif", kind, seed)) for seed in range(12)]
    half = tiff(tmp_path / "half.tif", kind)
    half.write_bytes(half.read_bytes()[: half.stat().st_size * 2 // 3])
    said.append(outcome(half))
    assert any(said) and all("\n" not in line for line in said)
    assert capfd.readouterr() == ("", "")


def test_what_libtiff_repairs_is_refused_with_its_reason(tmp_path: Path) -> None:
    said = [outcome(damaged(tmp_path / f"{seed}.tif", "group4", seed)) for seed in range(12)]
    assert any("is damaged (Bad code word at line); copy it again" in line for line in said)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Python's filters are not one a thread
def test_a_thread_hears_of_its_own_pictures_alone(tmp_path: Path) -> None:
    bad = [damaged(tmp_path / f"{seed}.tif", "group4", seed) for seed in range(12)]
    good = tiff(tmp_path / "good.tif", "group4")
    worker = threading.Thread(target=lambda: [outcome(path) for _ in range(5) for path in bad])
    worker.start()
    said = {outcome(good) for _ in range(50)}
    worker.join()
    assert said == {""}
