"""The files of a leaderboard: of a folder, or of a commit, which is never checked out."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

from reports.bundles.reading import Bundle, read_bundle
from vfsrbench.errors import InputError
from vfsrbench.io.safety.ownership import NOTE

Kind = Literal["file", "link", "other"]
_KINDS: Mapping[str, Kind] = {"100644": "file", "100755": "file", "120000": "link"}
MOST_TEXT = 1 << 20


@dataclass(frozen=True)
class Blob:
    """One file: what it is, and what its content is named by (git's SHA-1)."""

    kind: Kind
    digest: str


class Tree(Protocol):
    """Files by their paths, with forward slashes."""

    @property
    def files(self) -> Mapping[str, Blob]:
        """Every file."""

    def read(self, name: str) -> bytes:
        """The content of one of them."""


@dataclass(frozen=True)
class FolderTree:
    """A folder. What `.git` holds, and folders that vfsrbench wrote (a site), are left out."""

    root: Path

    def __str__(self) -> str:
        return str(self.root)

    @cached_property
    def files(self) -> Mapping[str, Blob]:
        found: dict[str, Blob] = {}
        for folder, folders, names in os.walk(self.root):
            here = Path(folder)
            links = [name for name in folders if (here / name).is_symlink()]
            folders[:] = sorted(
                n for n in folders if n != ".git" and n not in links and not (here / n / NOTE).exists()
            )
            for name in sorted([*names, *links]):
                path = here / name
                found[path.relative_to(self.root).as_posix()] = _blob(path)
        return found

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()


def _blob(path: Path) -> Blob:
    if path.is_symlink():
        return Blob("link", path.readlink().as_posix())
    if not path.is_file():
        return Blob("other", "")
    data = path.read_bytes()
    return Blob(
        "file", hashlib.sha1(f"blob {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()
    )


@dataclass(frozen=True)
class CommitTree:
    """A commit of the repository at `root`: read out of git's store, so that nothing of it can act here."""

    root: Path
    commit: str

    def __str__(self) -> str:
        return f"{self.root}, commit {self.commit[:10]}"

    @cached_property
    def files(self) -> Mapping[str, Blob]:
        found: dict[str, Blob] = {}
        listed = git(self.root, "ls-tree", "-r", "-z", "--full-tree", self.commit)
        for line in filter(None, listed.split(b"\0")):
            facts, _, name = line.partition(b"\t")
            mode, _, digest = facts.decode().split(" ")
            found[os.fsdecode(name)] = Blob(_KINDS.get(mode, "other"), digest)
        return found

    def read(self, name: str) -> bytes:
        return git(self.root, "cat-file", "blob", self.files[name].digest)


def git(root: Path, *words: str) -> bytes:
    """What a git command says. InputError if git is not here, or refuses."""
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False)
    except OSError:
        raise InputError(f"{root}: git is not installed; name a folder instead of a commit") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise InputError(f"{root}: git {words[0]}: {said[0] if said else 'failed'}")
    return done.stdout


def tree_of(root: Path, named: str | None) -> Tree:
    """The files of `root` itself (None), of another folder, or of a commit of the repository in `root`."""
    if named is None:
        return FolderTree(root)
    if Path(named).is_dir():
        return FolderTree(Path(named))
    if named.startswith("-"):
        raise InputError(f"{named}: is neither a folder nor a commit")
    try:
        commit = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{named}^{{commit}}")
    except InputError as error:
        if "git is not installed" in str(error):
            raise
        raise InputError(f"{named}: is neither a folder nor a commit of the repository in {root}") from None
    return CommitTree(root, commit.decode().strip())


def text_of(tree: Tree, name: str) -> str:
    """A small text file. InputError if it is no regular file of UTF-8."""
    data = tree.read(name)
    if tree.files[name].kind != "file" or len(data) > MOST_TEXT:
        raise InputError(f"{name}: must be a regular file of at most {MOST_TEXT >> 20} MiB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{name}: is no text in UTF-8") from None


@contextmanager
def opened(tree: Tree, name: str) -> Iterator[Bundle]:
    """A bundle of the tree, whole, while the block lasts.

    Raises:
        InputError: It is no bundle, or damaged; the message names it as the tree does.
    """
    if isinstance(tree, FolderTree):
        yield _read(tree.root / name, name)
        return
    with tempfile.TemporaryDirectory(prefix="vfsrbench-submission-") as folder:
        path = Path(folder) / Path(name).name
        path.write_bytes(tree.read(name))
        yield _read(path, name)


def _read(path: Path, name: str) -> Bundle:
    try:
        return read_bundle(path)
    except InputError as error:
        raise InputError(str(error).replace(str(path), name)) from None
