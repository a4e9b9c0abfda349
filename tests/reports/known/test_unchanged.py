"""What was found out about files is believed while they are as they were, and no longer."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.known import unchanged
from reports.known.unchanged import Unchanged


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of this test need not be old."""
    monkeypatch.setattr(unchanged, "SETTLED", -(10**12))


class Asked:
    """An answer, and how often it was asked for."""

    def __init__(self, answer: bool = True) -> None:
        self.answer, self.times = answer, 0

    def __call__(self) -> bool:
        self.times += 1
        return self.answer


def again(note: Path, question: object, files: list[Path], ask: Callable[[], bool]) -> bool:
    """What the next report is told."""
    known = Unchanged(note)
    found = known.holds(question, files, ask)
    known.keep()
    return found


def changes(place: Path) -> dict[str, Callable[[], object]]:
    """What may happen to a file, without another size or, as far as can be set, another date."""
    state = place.stat()

    def flip() -> None:
        content = bytearray(place.read_bytes())
        content[1] ^= 1
        place.write_bytes(content)
        os.utime(place, ns=(state.st_atime_ns, state.st_mtime_ns))

    def swap() -> None:
        other = place.with_name("other")
        other.write_bytes(b"xyz")
        os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
        other.replace(place)

    return {
        "flipped": flip,
        "replaced": swap,
        "longer": lambda: place.write_bytes(b"abcd"),
        "removed": place.unlink,
    }


@pytest.mark.parametrize("what", ["flipped", "replaced", "longer", "removed"])
@pytest.mark.parametrize("inside", [False, True], ids=["a file", "a folder"])
def test_whatever_happens_to_a_file_is_noticed(tmp_path: Path, what: str, inside: bool) -> None:
    folder, note, asked = tmp_path / "data", tmp_path / "note.json", Asked()
    folder.mkdir()
    file = folder / "file"
    file.write_bytes(b"abc")
    files = [folder if inside else file]
    assert again(note, "whole?", files, asked) and again(note, "whole?", files, asked) and asked.times == 1
    changes(file)[what]()
    asked.answer = False
    assert not again(note, "whole?", files, asked) and asked.times == 2
    assert not again(note, "whole?", files, asked) and asked.times == 3, "a no is never kept"


def test_other_questions_and_other_files_are_asked_about(tmp_path: Path) -> None:
    note, asked = tmp_path / "note.json", Asked()
    for name in "ab":
        (tmp_path / name).write_text(name)
    for question, name in (("x", "a"), ("y", "a"), ("x", "b")):
        again(note, question, [tmp_path / name], asked)
    assert asked.times == 3
    again(note, "x", [], asked)
    again(note, "x", [tmp_path / "a", tmp_path / "not there"], asked)
    assert asked.times == 5, "without files, or where one is missing, nothing is believed"


def test_what_was_just_written_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its date might not move when it is written once more."""
    monkeypatch.setattr(unchanged, "SETTLED", 2 * 10**9)
    file, asked = tmp_path / "file", Asked()
    file.write_text("now")
    assert again(tmp_path / "note.json", "x", [file], asked) and again(
        tmp_path / "note.json", "x", [file], asked
    )
    assert asked.times == 2


def test_a_damaged_note_counts_as_none(tmp_path: Path) -> None:
    file, note, asked = tmp_path / "file", tmp_path / "note.json", Asked()
    file.write_text("here")
    again(note, "x", [file], asked)
    note.write_text(note.read_text().replace("content", "contemt"))
    again(note, "x", [file], asked)
    assert asked.times == 2
    assert Unchanged(tmp_path / "no folder" / "note").holds("x", [file], asked)
    Unchanged(None).keep()
