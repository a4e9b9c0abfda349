"""Fetching checkpoints over HTTP: resumed after a cut, checked before they take their name."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from filelock import FileLock

from vfsrbench.errors import InputError
from vfsrbench.files import whole_file
from vfsrbench.weights import (
    accept_licence,
    is_accepted,
    is_untrained,
    place_of,
    problem_with,
    read_receipt,
    where_to_get,
    write_receipt,
)
from vfsrbench.weights_manifest import WeightFile

if TYPE_CHECKING:
    import requests

CHUNK = 1 << 16  # what a cut can lose
ATTEMPTS = 3  # connections in a row that bring nothing
TIMEOUT = (15, 60)  # seconds: to connect, between two pieces

Progress = Callable[[int, int], None]
"""Hears bytes done and bytes in all (0 where the server does not say)."""


class FetchError(Exception):
    """Why one URL gave no file. The next one is tried."""


@dataclass(frozen=True)
class Fetcher:
    """Gets files into a root. `accept` says that the user accepts licences; they are recorded."""

    root: Path
    accept: bool = False
    progress: Progress = lambda done, total: None

    def fetch(self, entry: WeightFile) -> Path:
        """The checkpoint's file, fetched unless it is there and right.

        InputError: the licence is not accepted, no URL works or there is none (the line says which file to
        get where and where to put it), what came is not the published file, or the disk is full.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with FileLock(self.root / f".{entry.file}.lock"):
            path = place_of(self.root, entry.name, entry)
            if path is not None and not is_untrained(path):
                if not problem_with(self.root, entry.name, path, entry):
                    return path
                if path != self.root / entry.file:
                    raise InputError(
                        f"{path} is not the published file of {entry.name!r}; "
                        f"run `vfsrbench weights path {entry.name}=` to forget it"
                    )
            self._check_licence(entry)
            return self._get(entry)

    def _check_licence(self, entry: WeightFile) -> None:
        if not entry.needs_consent or is_accepted(read_receipt(self.root, entry.name), entry):
            return
        if not self.accept:
            link = f" ({entry.licence_url})" if entry.licence_url else ""
            raise InputError(
                f"{entry.name}: the licence is {entry.licence}{link}; read it, and add --accept-licence to "
                f"fetch the file under it"
            )
        accept_licence(self.root, entry)

    def _get(self, entry: WeightFile) -> Path:
        if not entry.urls:
            raise InputError(
                f"{entry.name}: no program can fetch it: {where_to_get(self.root, entry)}; then run "
                f"`vfsrbench weights check {entry.name}`"
            )
        self._check_space(entry)
        reasons = []
        for url in entry.urls:
            try:
                return self._from_url(entry, url)
            except FetchError as error:
                reasons.append(f"{urlsplit(url).netloc}: {error}")
        remedy = where_to_get(self.root, _by_hand(entry))
        raise InputError(f"{entry.name} could not be fetched ({'; '.join(reasons)}); {remedy}")

    def _check_space(self, entry: WeightFile) -> None:
        needed = entry.expected_bytes * (2 if entry.archive else 1)
        free = shutil.disk_usage(self.root).free
        if needed > free:
            raise InputError(
                f"{self.root}: {entry.name} needs {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free; make "
                f"room or choose another --weights-dir"
            )

    def _from_url(self, entry: WeightFile, url: str) -> Path:
        part = self.root / f".{entry.file}.part"
        try:
            self._download(url, part)
            target = self.root / entry.file
            if entry.archive is None:
                self._check(entry, part, url)
                part.replace(target)
            else:
                self._unpack(entry, part, target, url)
                part.unlink()
        except OSError as error:
            if error.errno is None:
                raise
            raise InputError(
                f"{self.root}: cannot be written ({error.strerror}); make room or choose another "
                f"--weights-dir, what was fetched is kept"
            ) from error
        receipt = replace(read_receipt(self.root, entry.name), path="", url=url)
        write_receipt(self.root, entry.name, receipt)
        problem_with(self.root, entry.name, target, entry)  # the hash goes into the receipt
        return target

    def _check(self, entry: WeightFile, part: Path, url: str) -> None:
        problem = entry.mismatch(_sha256(part), part.stat().st_size)
        if problem:
            part.unlink()
            raise InputError(
                f"{entry.name}: what {urlsplit(url).netloc} sent is not the published file: {problem}; it "
                f"was removed. A proxy's or log-in page does that; {where_to_get(self.root, entry)}"
            )

    def _unpack(self, entry: WeightFile, archive: Path, target: Path, url: str) -> None:
        """The member out of the zip, whatever folder it is in; both are checked."""
        assert entry.archive is not None
        if entry.archive.sha256 is not None and _sha256(archive) != entry.archive.sha256:
            archive.unlink()
            raise FetchError("the archive is not the published one (its SHA-256 differs); it was removed")
        try:
            with zipfile.ZipFile(archive) as content:
                members = [m for m in content.infolist() if Path(m.filename).name == entry.archive.member]
                if len(members) != 1:
                    raise FetchError(f"the archive has {len(members)} files named {entry.archive.member}")
                with whole_file(target) as temporary:
                    with content.open(members[0]) as source, temporary.open("wb") as sink:
                        shutil.copyfileobj(source, sink, CHUNK)
                    self._check(entry, temporary, url)
        except zipfile.BadZipFile:
            archive.unlink()
            raise FetchError("what came is not a zip archive; it was removed") from None

    def _download(self, url: str, part: Path) -> None:
        """All of `url` into `part`, which may hold its beginning already."""
        import requests

        idle = 0
        with requests.Session() as session:
            while idle < ATTEMPTS:
                before = _size(part)
                try:
                    if self._receive(session, url, part):
                        _tag_path(part).unlink(missing_ok=True)
                        return
                except (
                    requests.exceptions.ChunkedEncodingError,
                    requests.exceptions.ContentDecodingError,
                    requests.exceptions.ConnectionError,  # also a time-out between two pieces
                ) as error:
                    if not part.exists():
                        raise FetchError(_plain(error)) from None
                except requests.exceptions.RequestException as error:
                    raise FetchError(_plain(error)) from None
                # cut off: go on where it stopped, as long as anything comes
                idle = 0 if _size(part) > before else idle + 1
        raise FetchError(f"cut off at {_size(part)} bytes; run it again to go on from there")

    def _receive(self, session: requests.Session, url: str, part: Path) -> bool:
        """One connection. True when the file is complete, False when it ended early."""
        tag = _tag(part, url)
        have = _size(part) if tag else 0
        # no compression on the way: lengths and ranges must count the file's own bytes
        headers = {"Accept-Encoding": "identity"}
        if have and tag:
            headers |= {"Range": f"bytes={have}-", "If-Range": tag}
        with session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if response.status_code == 416:  # nothing is left to send, or the file has changed
                part.unlink(missing_ok=True)
                return False
            if response.status_code not in (200, 206):
                raise FetchError(f"HTTP {response.status_code} {response.reason}")
            if response.headers.get("Content-Type", "").startswith("text/html"):
                raise FetchError("sent a web page instead of the file")
            resumed = response.status_code == 206
            done = have if resumed else 0
            length = int(response.headers.get("Content-Length") or 0)
            total = done + length if length else 0
            _remember_tag(part, url, response.headers.get("ETag") or response.headers.get("Last-Modified"))
            with part.open("ab" if resumed else "wb") as file:
                for piece in response.iter_content(CHUNK):
                    file.write(piece)
                    done += len(piece)
                    self.progress(done, total)
        return not total or done == total


def _by_hand(entry: WeightFile) -> WeightFile:
    """The entry as someone sees it who has to get the file by hand: its page, or else its first URL."""
    return entry.model_copy(update={"page": entry.page or entry.urls[0], "urls": ()})


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _tag_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _remember_tag(part: Path, url: str, tag: str | None) -> None:
    """What the server calls this version of the file, so that two versions are never joined."""
    if tag and not tag.startswith("W/"):
        _tag_path(part).write_text(json.dumps({"url": url, "tag": tag}), encoding="utf-8")
    else:
        _tag_path(part).unlink(missing_ok=True)


def _tag(part: Path, url: str) -> str:
    try:
        facts = json.loads(_tag_path(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(facts["tag"]) if isinstance(facts, dict) and facts.get("url") == url else ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(error: Exception) -> str:
    """A connection error in a few words."""
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return "the connection is not secure (certificate)"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "no connection"
    return type(error).__name__
