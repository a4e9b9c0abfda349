"""Sealed files: what is written is read, and no flipped bit goes unseen."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.io.safety.sealed import read_arrays, read_note, reading, write_arrays, write_note

NOTE = {"digest": "ab" * 32, "sigma": 1.25, "list": [1, 2.5, None, True], "name": "Zoë", "nan": float("inf")}
ARRAYS = {
    "flow": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "ids": np.array([1, 2, 3], dtype=np.int64),
    "name": np.array("x.npz"),
    "empty": np.zeros((0, 5)),
}


def same(left: dict, right: dict) -> bool:
    return left.keys() == right.keys() and all(
        left[n].dtype == right[n].dtype and left[n].tobytes() == right[n].tobytes() for n in left
    )


def test_a_note_says_what_was_written(tmp_path: Path):
    write_note(tmp_path / "n" / "a.json", "test-1", NOTE)
    assert read_note(tmp_path / "n" / "a.json", "test-1") == NOTE
    assert json.loads((tmp_path / "n" / "a.json").read_text())["content"] == NOTE, "a person can read it"
    with pytest.raises(DamagedFile, match=r"a\.json.*kind 'test-1', not 'other-1'.*makes it again"):
        read_note(tmp_path / "n" / "a.json", "other-1")
    with pytest.raises(FileNotFoundError):
        read_note(tmp_path / "n" / "b.json", "test-1")


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_are_what_was_written_and_any_numpy_reads_them(tmp_path: Path, compressed: bool):
    path = tmp_path / "a.npz"
    write_arrays(path, ARRAYS, compressed=compressed)
    assert same(read_arrays(path), ARRAYS)
    with np.load(path) as plain:
        assert same({n: plain[n] for n in plain.files}, ARRAYS)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None and archive.comment.startswith(b"vfsrbench sha256 ")

    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "c.npz")


def flips(path: Path, step: int, read) -> int:
    """Flip a bit of every `step`th byte; each must raise DamagedFile or change nothing of what is read."""
    whole, expected, caught = path.read_bytes(), read(path), 0
    for place in range(0, len(whole), step):
        for bit in {place % 8, 5}:  # 5: the bit between a letter's two cases
            broken = bytearray(whole)
            broken[place] ^= 1 << bit
            path.write_bytes(broken)
            try:
                found = read(path)
            except DamagedFile as error:
                caught += 1
                assert str(path) in str(error) and "\n" not in str(error)
                continue
            if any(isinstance(v, np.ndarray) for v in expected.values()):
                assert same(found, expected)
            else:
                assert found == expected
    path.write_bytes(whole)
    assert read(path).keys() == expected.keys()
    return caught


def test_no_flipped_bit_of_a_note_is_believed(tmp_path: Path):
    write_note(tmp_path / "a.json", "test-1", NOTE)
    assert flips(tmp_path / "a.json", 1, lambda p: read_note(p, "test-1"))


@pytest.mark.parametrize("compressed", [False, True])
def test_no_flipped_bit_of_arrays_is_believed(tmp_path: Path, compressed: bool):
    path = tmp_path / "a.npz"
    write_arrays(path, ARRAYS, compressed=compressed)
    places = len(path.read_bytes())
    assert flips(path, 1, read_arrays) >= places, "every byte is covered"


@pytest.mark.parametrize(
    "text", [b"", b"\xff\xfe", b"[]", b"{}", b'"x"', b"[" * 100_000, b'{"kind": "test-1"}']
)
def test_what_is_no_note_is_damage(tmp_path: Path, text: bytes):
    (tmp_path / "a.json").write_bytes(text)
    with pytest.raises(DamagedFile, match=r"a\.json"):
        read_note(tmp_path / "a.json", "test-1")


def test_what_is_no_sealed_file_is_damage(tmp_path: Path):
    path = tmp_path / "a.npz"
    np.savez(path, **ARRAYS)
    with pytest.raises(DamagedFile, match="no checksum"):
        read_arrays(path)
    write_arrays(path, ARRAYS)
    whole = path.read_bytes()
    for end in (0, 1, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(DamagedFile):
            read_arrays(path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DamagedFile, match="IsADirectory"):
        read_arrays(tmp_path / "folder")


@pytest.mark.parametrize(
    "error", [EOFError(), MemoryError(), KeyError("x"), RuntimeError("encrypted"), NotImplementedError()]
)
def test_what_a_library_raises_names_the_file(error: Exception):
    with pytest.raises(DamagedFile, match="some/file") as caught, reading(Path("some/file")):
        raise error
    assert type(error).__name__ in str(caught.value)


def test_ctrl_c_is_no_damage_and_a_locked_file_is_none_either():
    with pytest.raises(KeyboardInterrupt), reading(Path("x")):
        raise KeyboardInterrupt
    with pytest.raises(InputError, match="permissions") as caught, reading(Path("x")):
        raise PermissionError(13, "Permission denied")
    assert not isinstance(caught.value, DamagedFile)


def test_the_error_survives_the_way_between_processes():
    error = pickle.loads(pickle.dumps(DamagedFile(Path("a/b"), "its checksum differs")))
    assert isinstance(error, DamagedFile) and (error.path, error.what) == (
        Path("a/b"),
        "its checksum differs",
    )
