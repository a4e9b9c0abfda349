"""Where checkpoints are. Methods and metrics name them on their cards; this finds and checks the files.

All files live under one root, by the name on their manifest entry; a user may point an entry to a file
elsewhere. Beside them `.receipts/NAME.json` keeps the hash that was computed (so that half a gigabyte is
not read at every start), that other place, and the date on which the licence was accepted.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from vfsrbench.card import WeightUse
from vfsrbench.errors import InputError
from vfsrbench.weights.manifest import Manifest, WeightFile, load_manifest
from vfsrbench.weights.receipts import read_receipt, update_receipt, weights_root

SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".onnx")
UNTRAINED = ".untrained"
"""Stands before the suffix of a file of random weights: `NAME.untrained.safetensors`."""


@dataclass(frozen=True)
class Weights:
    """Files for the roles on a card. `missing` says, in one line, why they cannot be used; empty if they can.

    `hashes` and `accepted` are by checkpoint name: SHA-256, and the date of a licence's acceptance;
    `digests` has the same SHA-256 by role.
    `untrained`: one of the files holds random weights, so scores made with it mean nothing.
    """

    paths: dict[str, Path] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    missing: str = ""
    untrained: bool = False
    digests: dict[str, str] = field(default_factory=dict)


def place_of(root: Path, name: str, entry: WeightFile | None) -> Path | None:
    """The file that stands for this checkpoint: where the user pointed to, its official name under the
    root, its short name with a known suffix, or a file of untrained weights; None if there is none."""
    pointed = read_receipt(root, name).path
    if pointed:
        return Path(pointed) if Path(pointed).is_file() else None
    names = [entry.file] if entry is not None else [name]
    names += [f"{name}{suffix}" for suffix in SUFFIXES]
    names += [f"{name}{UNTRAINED}{suffix}" for suffix in SUFFIXES]
    return next((path for n in names if (path := root / n).is_file()), None)


def is_untrained(path: Path) -> bool:
    """Whether the file says of itself that its weights are random."""
    return path.stem.endswith(UNTRAINED)


def hash_of(root: Path, name: str, path: Path, again: bool = False) -> str:
    """SHA-256 of the file, from the receipt if size and time of change are as they were.

    again: read the file in any case.
    """
    status = path.stat()
    receipt = read_receipt(root, name)
    known = (receipt.size, receipt.modified) == (status.st_size, status.st_mtime_ns)
    if receipt.sha256 and known and not again:
        return receipt.sha256
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        after = os.fstat(file.fileno())
    if (status.st_size, status.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
        with suppress(InputError):  # a root that only others may write is no reason to stop
            update_receipt(root, name, sha256=sha256, size=status.st_size, modified=status.st_mtime_ns)
    return sha256


def problem_with(root: Path, name: str, path: Path, entry: WeightFile | None, again: bool = False) -> str:
    """Why the file at `path` is not this checkpoint; empty if nothing speaks against it."""
    sha256 = hash_of(root, name, path, again)
    if entry is None or is_untrained(path):
        return ""
    return entry.mismatch(sha256, path.stat().st_size)


def where_to_get(root: Path, entry: WeightFile) -> str:
    """One line: how to get the file, by command or by hand."""
    fetch = f"run `vfsrbench weights fetch {entry.name}`, or " if entry.urls else ""
    source = entry.urls[0] if entry.urls else entry.page
    inside = f"{entry.archive.member} out of {source}" if entry.archive else f"{entry.file} from {source}"
    return f"{fetch}get {inside} and put it at {root / entry.file}"


def resolve_weights(uses: Iterable[WeightUse], manifest: Manifest | None = None) -> Weights:
    """The files for these uses, checked against their manifest entries, and their hashes.

    A file that is not there (unless it is optional), or is not the published one, gives `missing`: there is
    no other choice of network in its stead.
    """
    uses = tuple(uses)
    if not uses:
        return Weights()
    found_manifest = manifest or load_manifest()
    known = found_manifest.entries
    root = weights_root()
    found = Weights()
    untrained = False
    for use in uses:
        entry = known.get(use.name)
        path = place_of(root, use.name, entry)
        if path is None and use.optional:
            continue
        if path is None:
            pointed = read_receipt(root, use.name).path
            if pointed:
                remedy = f"{pointed} is gone; run `vfsrbench weights path {use.name}=FILE`"
            elif entry is not None:
                remedy = where_to_get(root, entry)
            else:
                unread = f" (not read: {found_manifest.broken[0]})" if found_manifest.broken else ""
                remedy = f"put the file into {root} under that name{unread}"
            return Weights(missing=f"weights {use.name!r} are not here: {remedy}")
        problem = problem_with(root, use.name, path, entry)
        if problem:
            return Weights(
                missing=f"weights {use.name!r}: {path} is not the published file: {problem}; remove it and "
                f"fetch it again"
            )
        untrained = untrained or is_untrained(path)
        receipt = read_receipt(root, use.name)
        found.paths[use.role] = path
        found.hashes[use.name] = hash_of(root, use.name, path)
        if receipt.accepted:
            found.accepted[use.name] = receipt.accepted
    digests = {use.role: found.hashes[use.name] for use in uses if use.role in found.paths}
    return Weights(found.paths, found.hashes, found.accepted, untrained=untrained, digests=digests)
