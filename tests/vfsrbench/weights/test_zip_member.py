"""Archives from elsewhere: looked through before anything is written, refused with one line."""

from __future__ import annotations

import io
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.vfsrbench.file_server import FileServer, serving
from tests.vfsrbench.weights.test_download import BODY, entry_of, leftovers
from vfsrbench.errors import InputError
from vfsrbench.weights import zip_member
from vfsrbench.weights.download import Fetcher
from vfsrbench.weights.manifest import Archive

GOOD = ("net.pth", BODY[:5000])


def zip_of(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as content:
        warnings.simplefilter("ignore")  # about names that are there twice
        for name, data in members:
            content.writestr(name, data)
    return buffer.getvalue()


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def with_flag(data: bytes, bit: int) -> bytes:
    """Every member's flags with one bit more, in the local and in the central headers."""
    changed = bytearray(data)
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = changed.find(magic)
        while at >= 0:
            flags = struct.unpack_from("<H", changed, at + place)[0]
            struct.pack_into("<H", changed, at + place, flags | bit)
            at = changed.find(magic, at + 4)
    return bytes(changed)


def overlapping() -> bytes:
    """Two members, the second said to begin where the first does."""
    data = bytearray(zip_of(GOOD, ("other", BODY[:5000])))
    second = data.rfind(b"PK\x01\x02")
    struct.pack_into("<I", data, second + 42, 0)
    return bytes(data)


def with_wrong_crc() -> bytes:
    data = bytearray(zip_of(GOOD))
    data[200] ^= 1
    return bytes(data)


ODD: dict[str, tuple[Callable[[], bytes], str]] = {
    "parent": (lambda: zip_of(GOOD, ("../evil", b"1")), "'../evil', a name that leads out of its folder"),
    "absolute": (lambda: zip_of(GOOD, ("/etc/evil", b"1")), "a name that leads out"),
    "backslash": (lambda: zip_of(GOOD, ("a\\..\\..\\evil", b"1")), "a name that leads out"),
    "drive": (lambda: zip_of(GOOD, ("C:\\evil", b"1")), "a name that leads out"),
    "link": (lambda: zip_of(GOOD, (link(), b"/etc/passwd")), "'link', a link or special file"),
    "twice": (lambda: zip_of(GOOD, GOOD), "'net.pth' twice"),
    "case": (lambda: zip_of(GOOD, ("NET.pth", b"1")), "'NET.pth' twice"),
    "two": (lambda: zip_of(("a/net.pth", b"1"), ("b/net.pth", b"2")), "has 2 files named net.pth"),
    "none": (lambda: zip_of(("other.pth", b"1")), "has no files named net.pth"),
    "folder": (lambda: zip_of(("net.pth/", b"")), "has no files named net.pth"),
    "encrypted": (lambda: with_flag(zip_of(GOOD), 1), "which is encrypted"),
    "unusual": (lambda: zip_of(GOOD, method=zipfile.ZIP_LZMA), "packed in an unusual way"),
    "bomb": (
        lambda: zip_of(GOOD, ("bomb", bytes(30_000_000)), method=zipfile.ZIP_DEFLATED),
        "'bomb', which would grow more than 100 times",
    ),
    "overlap": (overlapping, "members overlap"),
    "crc": (with_wrong_crc, "damaged"),
    "cut": (lambda: zip_of(GOOD)[:3000], "damaged or no zip file"),
    "size": (lambda: zip_of(("net.pth", b"123")), "has 3 bytes in it, 5000 are expected"),
}


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as state:
        yield state


@pytest.mark.parametrize("name", ODD)
def test_an_odd_archive_is_refused_in_one_line(server: FileServer, tmp_path: Path, name: str) -> None:
    make, words = ODD[name]
    server.files["/pack.zip"] = make()
    root = tmp_path / "weights" / "deep"
    entry = entry_of(
        server.url("/pack.zip"), archive=Archive(member="net.pth"), sha256=None, hash_source=None, size=5000
    )
    with pytest.raises(InputError) as caught:
        Fetcher(root).fetch(entry)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert leftovers(root) == []
    assert [p.name for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".lock"] == []


def test_more_members_or_bytes_than_allowed(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, target = tmp_path / "a.zip", tmp_path / "out"
    path.write_bytes(zip_of(GOOD, *((f"f{i}", b"1") for i in range(40))))
    monkeypatch.setattr(zip_member, "MOST_MEMBERS", 40)
    with pytest.raises(zip_member.ArchiveError, match="holds 41 files, at most 40"):
        zip_member.extract_member(path, "net.pth", target)
    monkeypatch.undo()
    monkeypatch.setattr(zip_member, "MOST_BYTES", 5020)
    with pytest.raises(zip_member.ArchiveError, match="unpack to 5040 bytes"):
        zip_member.extract_member(path, "net.pth", target)
    assert not target.exists()


def test_no_flipped_bit_gives_another_member(tmp_path: Path) -> None:
    """One bit flipped at every byte of an archive: the member as it was, or an ArchiveError."""
    good = zip_of(("net.pth", BODY[:40]), ("x", b"1"), method=zipfile.ZIP_DEFLATED)
    path, target = tmp_path / "a.zip", tmp_path / "out"
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ (1 << at % 8)]) + good[at + 1 :])
        try:
            zip_member.extract_member(path, "net.pth", target)
        except zip_member.ArchiveError:
            continue
        assert target.read_bytes() == BODY[:40], f"byte {at}"
