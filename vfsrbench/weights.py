"""Where checkpoints are. Methods and metrics name them on their cards; this finds and checks the files.

All files live under one root, by the name on their manifest entry; a user may point an entry to a file
elsewhere. Beside them `.receipts/NAME.json` keeps the hash that was computed (so that half a gigabyte is
not read at every start), that other place, and the date on which the licence was accepted.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from vfsrbench.card import WeightUse
from vfsrbench.errors import InputError
from vfsrbench.io.atomic import whole_file
from vfsrbench.io.safety.paths import expanded, user_cache
from vfsrbench.weights_manifest import Manifest, WeightFile, load_manifest

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


@dataclass
class Receipt:
    """What is remembered of one checkpoint between runs."""

    path: str = ""
    sha256: str = ""
    size: int = 0
    modified: int = 0
    url: str = ""
    licence: str = ""
    accepted: str = ""


def weights_root() -> Path:
    """The folder of checkpoints: `VFSRBENCH_WEIGHTS`, or the platform's cache folder.

    Raises:
        InputError: Neither is known: no variable, and a user without a home folder.
    """
    given = os.environ.get("VFSRBENCH_WEIGHTS")
    if given:
        return expanded(given)
    cache = user_cache()
    if cache is None:
        raise InputError(
            "no home folder is known, so neither is the folder of checkpoints; set VFSRBENCH_WEIGHTS to one"
        )
    return cache / "weights"


def read_receipt(root: Path, name: str) -> Receipt:
    """The receipt of a checkpoint; an empty one if there is none, it cannot be read, or it was damaged."""
    try:
        facts = json.loads(_receipt_path(root, name).read_text(encoding="utf-8"))
        check = facts.pop("check")
        receipt = Receipt(**facts)
    except (OSError, ValueError, AttributeError, TypeError, KeyError, RecursionError):
        return Receipt()
    return receipt if check == _checksum(asdict(receipt)) else Receipt()


def update_receipt(root: Path, name: str, **changes: str | int) -> Receipt:
    """Change these fields of a receipt and keep the others, as they are now on the disk.

    A hash takes long to compute, and meanwhile another process may record that a licence was accepted: what
    was read before is never written back.

    Args:
        root: The folder of checkpoints.
        name: The checkpoint.
        changes: Fields of `Receipt`.

    Returns:
        The receipt as it was written.

    Raises:
        InputError: the root cannot be written.
    """
    path = _receipt_path(root, name)
    with _lock(path):
        receipt = replace(read_receipt(root, name), **changes)  # type: ignore[arg-type]
        facts = asdict(receipt)
        with whole_file(path) as temporary:
            text = json.dumps(facts | {"check": _checksum(facts)}, indent=1)
            temporary.write_text(text, encoding="utf-8")
    return receipt


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Only one process changes this receipt while the block lasts."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.stem}.lock"))
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        raise InputError(f"{path}: cannot be written: {error}") from None
    try:
        yield
    finally:
        lock.release()


def _checksum(facts: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(dict(facts), sort_keys=True).encode()).hexdigest()[:16]


def accept_licence(root: Path, entry: WeightFile) -> None:
    """Record that the entry's licence was accepted now. A licence that reads otherwise is asked for anew."""
    if not is_accepted(read_receipt(root, entry.name), entry):
        today = datetime.now(UTC).strftime("%Y-%m-%d")
        update_receipt(root, entry.name, licence=entry.licence, accepted=today)


def is_accepted(receipt: Receipt, entry: WeightFile) -> bool:
    """Whether this licence was accepted before."""
    return bool(receipt.accepted) and receipt.licence == entry.licence


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


def _receipt_path(root: Path, name: str) -> Path:
    return root / ".receipts" / f"{name}.json"
