"""Fetching checkpoints from a real server: resumed, checked, refused, explained."""

from __future__ import annotations

import hashlib
import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vfsrbench.file_server import FileServer, serving
from vfsrbench.errors import InputError
from vfsrbench.io.safety.ownership import NOTE
from vfsrbench.weights.download import Fetcher
from vfsrbench.weights.http_file import CHUNK
from vfsrbench.weights.manifest import Archive, WeightFile
from vfsrbench.weights.receipts import read_receipt

BODY = b"\x80\x02" + bytes(range(256)) * 20_000  # 5 MB: several pieces; it begins as a .pth file does


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as state:
        state.files["/net.pth"] = BODY
        yield state


def entry_of(*urls: str, **facts: object) -> WeightFile:
    known = {"licence": "MIT", "commercial": True, "title": "a network"}
    known |= {"sha256": hashlib.sha256(BODY).hexdigest(), "hash_source": "third-party"}
    known |= {"name": "net", "file": "net.pth"}
    return WeightFile(urls=urls, **(known | facts))  # type: ignore[arg-type]


def leftovers(root: Path) -> list[str]:
    """What stands in the root beside the file, locks and receipts."""
    known = ("net.pth", ".receipts", NOTE)
    return sorted(p.name for p in root.iterdir() if p.name not in known and p.suffix != ".lock")


def test_a_file_is_fetched_checked_and_named_only_then(server: FileServer, tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    fetcher = Fetcher(tmp_path, progress=lambda done, total: heard.append((done, total)))
    path = fetcher.fetch(entry_of(server.url("/net.pth")))
    assert path == tmp_path / "net.pth"
    assert path.read_bytes() == BODY
    assert leftovers(tmp_path) == []
    assert heard[-1] == (len(BODY), len(BODY))
    assert read_receipt(tmp_path, "net").sha256 == hashlib.sha256(BODY).hexdigest()
    fetcher.fetch(entry_of(server.url("/net.pth")))
    assert len(server.requests) == 1, "a file that is there and right was fetched again"


def test_a_broken_connection_is_taken_up_where_it_stopped(server: FileServer, tmp_path: Path) -> None:
    server.cut_after["/net.pth"] = [20 * CHUNK, 0, 10 * CHUNK + 7, 0, 0]
    Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth")))
    assert (tmp_path / "net.pth").read_bytes() == BODY
    first, second = 20 * CHUNK, 30 * CHUNK + 7
    started = [first, first, second, second, second]
    assert [r for _, r in server.requests] == [None, *(f"bytes={n}-" for n in started)]


def test_a_later_run_goes_on_with_what_an_earlier_one_got(server: FileServer, tmp_path: Path) -> None:
    server.cut_after["/net.pth"] = [10 * CHUNK, 0, 0, 0]
    with pytest.raises(InputError, match=f"cut off at {10 * CHUNK} bytes; run it again"):
        Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth")))
    assert not (tmp_path / "net.pth").exists()
    Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth")))
    assert server.requests[-1] == ("/net.pth", f"bytes={10 * CHUNK}-")
    assert (tmp_path / "net.pth").read_bytes() == BODY


def test_two_versions_of_a_file_are_never_joined(server: FileServer, tmp_path: Path) -> None:
    server.files["/net.pth"] = BODY[:2] + b"x" * (len(BODY) - 2)
    server.cut_after["/net.pth"] = [10 * CHUNK, 0, 0, 0]
    with pytest.raises(InputError):
        Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth")))
    server.files["/net.pth"], server.etags["/net.pth"] = BODY, '"two"'
    Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth")))
    assert (tmp_path / "net.pth").read_bytes() == BODY


def test_a_file_that_somebody_put_there_is_not_fetched_over(server: FileServer, tmp_path: Path) -> None:
    mine = tmp_path / "net.pth"
    mine.write_bytes(b"mine")
    with pytest.raises(InputError, match=r"net\.pth: is there already, and vfsrbench did not make it"):
        Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth")))
    assert mine.read_bytes() == b"mine"
    mine.unlink()
    Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth")))
    mine.write_bytes(BODY[:-1])  # what we fetched, damaged: fetched again without ceremony
    Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth")))
    assert mine.read_bytes() == BODY


def test_a_server_without_ranges_starts_again(server: FileServer, tmp_path: Path) -> None:
    server.ranges = False
    server.cut_after["/net.pth"] = [10 * CHUNK]
    Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth")))
    assert (tmp_path / "net.pth").read_bytes() == BODY


def test_a_wrong_hash_removes_the_file_and_says_so(server: FileServer, tmp_path: Path) -> None:
    server.files["/net.pth"] = BODY[:-1] + b"!"
    with pytest.raises(InputError, match=r"net: what 127.0.0.1:\d+ sent is not the published file.*SHA-256"):
        Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth")))
    assert not (tmp_path / "net.pth").exists()
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(("prefix", "good"), [(hashlib.sha256(BODY).hexdigest()[:8], True), ("0" * 8, False)])
def test_the_prefix_in_a_file_name_is_held_against_the_file(
    server: FileServer, tmp_path: Path, prefix: str, good: bool
) -> None:
    entry = entry_of(server.url("/net.pth"), sha256=None, hash_source=None, prefix=prefix)
    if good:
        assert Fetcher(tmp_path).fetch(entry).is_file()
    else:
        with pytest.raises(InputError, match="its name says 00000000"):
            Fetcher(tmp_path).fetch(entry)


def test_the_next_url_is_tried_when_one_fails(server: FileServer, tmp_path: Path) -> None:
    path = Fetcher(tmp_path).fetch(entry_of(server.url("/gone"), server.url("/net.pth")))
    assert path.read_bytes() == BODY
    assert read_receipt(tmp_path, "net").url == server.url("/net.pth")


def test_404_names_the_file_the_place_and_the_remedy(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        Fetcher(tmp_path).fetch(entry_of(server.url("/gone")))
    text = str(caught.value)
    assert "HTTP 404" in text
    assert f"get net.pth from {server.url('/gone')} and put it at {tmp_path / 'net.pth'}" in text
    assert "\n" not in text


def test_no_connection_says_the_same(tmp_path: Path) -> None:
    with serving() as gone:
        url = gone.url("/net.pth")
    with pytest.raises(InputError, match=r"no connection.*put it at"):
        Fetcher(tmp_path).fetch(entry_of(url))


def test_a_web_page_is_not_a_checkpoint(server: FileServer, tmp_path: Path) -> None:
    server.files["/net.pth"], server.types["/net.pth"] = b"<html>log in</html>", "text/html; charset=utf-8"
    with pytest.raises(InputError, match="sent a web page"):
        Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth"), sha256=None, hash_source=None))


def test_a_file_on_a_page_only_is_explained(tmp_path: Path) -> None:
    entry = entry_of(page="https://example.org/models (cloud drive)")
    with pytest.raises(InputError, match=r"no program can fetch it: get net.pth from https://example.org"):
        Fetcher(tmp_path).fetch(entry)


def test_a_licence_is_accepted_once_or_nothing_is_fetched(server: FileServer, tmp_path: Path) -> None:
    entry = entry_of(
        server.url("/net.pth"), licence="research only", licence_url="https://x.org", commercial=False
    )
    with pytest.raises(InputError, match=r"research only \(https://x.org\).*--accept-licence"):
        Fetcher(tmp_path).fetch(entry)
    assert server.requests == []
    Fetcher(tmp_path, accept=True).fetch(entry)
    accepted = read_receipt(tmp_path, "net").accepted
    assert len(accepted) == len("2025-01-31")
    (tmp_path / "net.pth").unlink()
    assert Fetcher(tmp_path).fetch(entry).is_file(), "it was asked for a second time"
    (tmp_path / "net.pth").unlink()
    with pytest.raises(InputError, match="other words"):  # a licence that has changed is asked for anew
        Fetcher(tmp_path).fetch(entry.model_copy(update={"licence": "other words"}))


def test_not_enough_room_is_known_before_anything_is_fetched(server: FileServer, tmp_path: Path) -> None:
    most = 1_099_511  # what a manifest may state
    if shutil.disk_usage(tmp_path).free > most * 1e6:
        pytest.skip("a disk with room for everything")
    with pytest.raises(InputError, match=rf"needs {most} MB, \d+ MB are free"):
        Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth"), megabytes=most))
    assert server.requests == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_disk_that_fills_up_is_one_clear_line(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / ".net.pth.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\); make room"):
        Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth")))
    assert not (tmp_path / "net.pth").exists()


def archive_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as content:
        for name, data in members.items():
            content.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize("folder", ["", "pack/pack/"])
def test_a_member_comes_out_of_its_archive(server: FileServer, tmp_path: Path, folder: str) -> None:
    server.files["/pack.zip"] = archive_of({f"{folder}net.pth": BODY, f"{folder}other.pth": b"1"})
    path = Fetcher(tmp_path).fetch(entry_of(server.url("/pack.zip"), archive=Archive(member="net.pth")))
    assert path.read_bytes() == BODY
    assert leftovers(tmp_path) == []


def test_a_member_that_is_not_the_published_one_is_not_kept(server: FileServer, tmp_path: Path) -> None:
    server.files["/pack.zip"] = archive_of({"net.pth": b"another"})
    with pytest.raises(InputError, match="not the published file"):
        Fetcher(tmp_path).fetch(entry_of(server.url("/pack.zip"), archive=Archive(member="net.pth")))
    assert not (tmp_path / "net.pth").exists()


def test_what_is_no_archive_is_said(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sent no \.zip file"):
        Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth"), archive=Archive(member="net.pth")))
