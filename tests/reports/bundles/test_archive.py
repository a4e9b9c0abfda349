"""Zip files that are no bundles, or bombs and traps, are refused in one line."""

from __future__ import annotations

import stat
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from reports.bundles import archive
from reports.bundles.archive import Archive
from reports.bundles.draw import drawn_clips
from reports.bundles.reading import read_bundle
from reports.bundles.schema import to_json
from vfsrbench.errors import InputError


def named(name: str, data: bytes = b"{}") -> Callable[[ZipFile], None]:
    return lambda made: made.writestr(name, data)


def link(made: ZipFile) -> None:
    info = ZipInfo("bundle.json")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    made.writestr(info, "/etc/passwd")


def device(made: ZipFile) -> None:
    info = ZipInfo("bundle.json")
    info.external_attr = (stat.S_IFCHR | 0o666) << 16
    made.writestr(info, "")


def twice(made: ZipFile) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.writestr("bundle.json", "{}")
        made.writestr("bundle.json", "{}")


def cases(made: ZipFile) -> None:
    made.writestr("bundle.json", "{}")
    made.writestr("Bundle.json", "{}")


def bomb(made: ZipFile) -> None:
    made.writestr("bundle.json", bytes((64 << 20) + 1), compress_type=ZIP_DEFLATED)


TRAPS: dict[str, tuple[Callable[[ZipFile], None], str]] = {
    "way up": (named("../evil.json"), "leads out"),
    "way up inside": (named("results/../../evil.json"), "leads out"),
    "way up at the end": (named("results/.."), "leads out"),
    "absolute": (named("/etc/evil.json"), "leads out"),
    "drive": (named("C:evil.json"), "a name that no bundle has"),
    "backslash": (named("a\\..\\b.json"), "no bundle has|leads out"),
    "hidden": (named(".ssh/config.json"), "no bundle has"),
    "long": (named(f"{'a' * 500}.json"), "a name that no bundle has"),
    "folder": (named("results/", b""), "is a folder"),
    "program": (named("run.sh"), "neither JSON nor a PNG"),
    "link": (link, "is a link"),
    "device": (device, "is no regular file"),
    "twice": (twice, "twice"),
    "by case": (cases, "twice"),
    "bomb": (bomb, "too much"),
    "bzip2": (lambda made: made.writestr("bundle.json", "{}", compress_type=ZIP_BZIP2), "packed in a way"),
    "no head": (named("board.json"), "is no bundle"),
    "no bundle": (named("bundle.json"), "is no bundle"),
    "newer": (
        named("bundle.json", to_json({"format": "vfsrbench-bundle", "format_version": 2})),
        "newer form",
    ),
    "no json": (named("bundle.json", b"\xff{"), "no JSON"),
    "key twice": (named("bundle.json", b'{"a": 1, "a": 2}'), "a key stands there twice"),
    "deep": (named("bundle.json", b"[" * 100_000), "no JSON"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_traps_are_refused_in_one_line(tmp_path: Path, trap: str) -> None:
    make, message = TRAPS[trap]
    path = tmp_path / "a.vfsr.zip"
    with ZipFile(path, "w") as made:
        make(made)
    with pytest.raises(InputError, match=message) as error:
        read_bundle(path)
    assert "\n" not in str(error.value)
    assert [p.name for p in tmp_path.iterdir()] == ["a.vfsr.zip"], "nothing is unpacked"


def test_what_is_no_zip_file(tmp_path: Path) -> None:
    path = tmp_path / "a.vfsr.zip"
    for data in (b"", b"PK\x03\x04", b"no zip"):
        path.write_bytes(data)
        with pytest.raises(InputError, match="is not a whole zip file"):
            read_bundle(path)
    with pytest.raises(InputError, match="is a folder"):
        read_bundle(tmp_path)
    with pytest.raises(InputError, match="no such bundle"):
        read_bundle(tmp_path / "b.zip")


def test_sizes_that_lie_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.vfsr.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as made:
        made.writestr("bundle.json", b" " * 5000)
    data = bytearray(path.read_bytes())
    central = data.rfind(b"PK\x01\x02")
    data[central + 24 : central + 28] = struct.pack("<I", 10)
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"another size|cannot be unpacked"):
        Archive.open(path).read("bundle.json")


def test_too_many_files_and_too_much_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.vfsr.zip"
    with ZipFile(path, "w") as made:
        for number in range(5):
            made.writestr(f"{number}.json", bytes(100))
    monkeypatch.setattr(archive, "MOST_TEXT", 400)
    with pytest.raises(InputError, match="would unpack to"):
        Archive.open(path)
    monkeypatch.setattr(archive, "MOST_FILES", 4)
    with pytest.raises(InputError, match="holds 5 files"):
        Archive.open(path)


def test_the_draw_is_everybodys() -> None:
    clips = [f"clip-{n}" for n in range(20)]
    assert drawn_clips(clips, 5, 1) == drawn_clips(reversed(clips), 5, 1)
    assert len({drawn_clips(clips, 5, seed) for seed in range(8)}) > 1
    assert drawn_clips(clips, 99) == tuple(sorted(clips)) and drawn_clips(clips, 0) == ()
