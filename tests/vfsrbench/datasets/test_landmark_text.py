"""Landmark and list files from elsewhere: the right first value, or an error with file and line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.boards import moving, write_clip
from vfsrbench.datasets.dataset import open_dataset
from vfsrbench.datasets.landmarks_file import clip_landmarks
from vfsrbench.errors import InputError
from vfsrbench.faces.ffhq_align import Alignment, align_clip_landmarks
from vfsrbench.io.clip import Clip

POINTS = np.arange(30, dtype=float).reshape(3, 5, 2)
BOM = "\ufeff"


def text(named: bool, end: str = "\n") -> str:
    lines = [" ".join(f"{value:g}" for value in points.flat) for points in POINTS]
    return "".join(f"{f'{n:08d}.png ' * named}{line}{end}" for n, line in enumerate(lines))


@pytest.fixture
def gt(tmp_path: Path) -> Clip:
    return Clip.open(write_clip(tmp_path / "data" / "one", moving(3)))


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
@pytest.mark.parametrize("mark", ["", BOM])
def test_every_frame_has_its_landmarks(tmp_path: Path, gt: Clip, named: bool, end: str, mark: str) -> None:
    """A byte order mark used to become part of the first name: its landmarks were NaN in silence."""
    path = tmp_path / "one.txt"
    path.write_bytes((mark + text(named, end)).encode())
    np.testing.assert_array_equal(clip_landmarks(path, gt), POINTS)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda good: good.encode("utf-16"), "is UTF-16"),
        (lambda good: good.encode("utf-16-le"), "line 1: holds a NUL byte"),
        (lambda good: good.encode() + b"caf\xe9", "line 4: is not UTF-8"),
        (lambda good: good.encode() + b"\0", "line 4: holds a NUL byte"),
        (lambda good: (good + BOM + good).encode(), "line 4: a byte order mark stands inside"),
        (lambda good: good.replace("29", "1e9").encode(), "beyond 1048576 pixels"),
        (lambda good: good.replace("29", "inf").encode(), "not finite"),
        (lambda good: good.replace("29", "nan").encode(), "not finite"),
    ],
)
def test_anything_else_is_an_error(tmp_path: Path, gt: Clip, named: bool, change, why: str) -> None:
    path = tmp_path / "one.txt"
    path.write_bytes(change(text(named)))
    with pytest.raises(InputError, match=why) as error:
        clip_landmarks(path, gt)
    assert "one.txt" in str(error.value)


def vfhq(root: Path, listing: bytes) -> Path:
    for name in ("a", "b"):
        write_clip(root / "GT" / name, moving(2))
    (root / "GT" / "global_meta_info.txt").write_bytes(listing)
    (root / "global_meta_info.txt").write_bytes(listing)
    return root


@pytest.mark.parametrize("listing", [b"b/0.png\n", b"\xef\xbb\xbfb/0.png\r\n", b"b/0.png\rb/1.png\r"])
def test_the_list_of_vfhqs_clips(tmp_path: Path, listing: bytes) -> None:
    assert open_dataset("vfhq-test", vfhq(tmp_path, listing)).names == ("b",)


def test_a_list_in_another_encoding_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"global_meta_info.txt, line 2: is not UTF-8"):
        open_dataset("vfhq-test", vfhq(tmp_path, b"a/0.png\ncaf\xe9/0.png\n"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'\xef\xbb\xbf{"clips": {"a": {"score": NaN}}}', ""),
        ('{"clips": {"a": {}}}'.encode("utf-16"), "is UTF-16"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"clips": 3}', "is not the data set's index"),
        (b'{"clips": {"\\ud800": 1}}', "lone surrogate"),
    ],
)
def test_the_index_of_celebv(tmp_path: Path, content: bytes, why: str) -> None:
    for name in ("a", "b"):
        write_clip(tmp_path / name, moving(2))
    (tmp_path / "celebvhq_info.json").write_bytes(content)
    if not why:
        assert open_dataset("celebv-hq", tmp_path).names == ("a",)
        return
    with pytest.raises(InputError, match=why) as error:
        open_dataset("celebv-hq", tmp_path)
    assert "celebvhq_info.json" in str(error.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", [10**9, 4]),
        ("size", [0, 0]),
        ("size", 3),
        ("source_size", [1]),
        ("matrices", "x"),
        ("sigma", []),
    ],
)
def test_an_alignment_with_absurd_values_is_refused(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "a.json"
    align_clip_landmarks(np.random.default_rng(0).uniform(0, 500, (3, 5, 2))).save(path)
    assert Alignment.load(path).size == (512, 512)
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(InputError, match=r"a\.json"):
        Alignment.load(path)
