"""What is remembered of each checkpoint: its hash, its place, the accepted licence."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from vfsrbench.errors import InputError
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.safety.paths import expanded, user_cache
from vfsrbench.weights.manifest import WeightFile


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
        with atomic_file(path) as temporary:
            text = json.dumps(facts | {"check": _checksum(facts)}, indent=1)
            temporary.write_text(text, encoding="utf-8")
    return receipt


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Only one process changes this receipt while the block lasts."""
    from filelock import FileLock  # `list` reads receipts, and locks none

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


def _receipt_path(root: Path, name: str) -> Path:
    return root / ".receipts" / f"{name}.json"
