"""What the files of a bundle say, key by key. docs/bundles.md describes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field

from degradations.reading.typed_toml import FrozenModel
from vfsrbench.errors import InputError
from vfsrbench.hashing.facts import digest_of
from vfsrbench.io.names import slug

FORMAT = "vfsrbench-bundle"
VERSION = 1
HEAD, BOARD, PROTOCOL, TABLES = "bundle.json", "board.json", "protocol.json", "tables.json"
LICENCES, ENVIRONMENT = "licences.json", "environment.json"
SUFFIX = ".vfsr.zip"
_SHA256 = r"^[0-9a-f]{64}$"


class Head(FrozenModel):
    """`bundle.json`, the last file: what the bundle is, and the checksum of every other file."""

    format: Literal["vfsrbench-bundle"] = "vfsrbench-bundle"
    format_version: Literal[1] = 1
    vfsrbench: str
    """The version that wrote it."""
    board: str
    title: str
    dataset: str
    seed: int
    splits: tuple[str, ...]
    methods: tuple[str, ...]
    clips: tuple[str, ...]
    """Those that a complete row has."""
    results: int
    """How many jobs: one file each below `results/`."""
    frames_of: tuple[str, ...] = ()
    """The clips of which restored frames are in the bundle."""
    without: tuple[str, ...] = ()
    """What could not be put in, a line each."""
    files: dict[str, str] = Field(min_length=1)
    """Every other file: its SHA-256."""


class CellClaim(FrozenModel):
    """What the table said of a method in one metric."""

    model_config = ConfigDict(allow_inf_nan=True, ser_json_inf_nan="strings")

    mean: float | None
    """None unless all clips have a value."""
    low: float | None = None
    high: float | None = None
    """The 95 % interval."""
    n: int
    total: int
    """Clips with a value, and clips that the board expects."""
    missing: int = 0
    """Frames without a value."""
    unavailable: str = ""
    samples: int | None = None
    """Of a metric over the whole split: frames or windows that its value is from."""


class RowClaim(FrozenModel):
    """A row of a split's table."""

    split: str
    method: str
    title: str
    reference_row: bool
    done: int
    total: int
    cells: dict[str, CellClaim]


class Tables(FrozenModel):
    """`tables.json`: what the bundle claims. Everything in it follows from the other files."""

    clips: tuple[str, ...]
    rows: tuple[RowClaim, ...]


def result_file(split: str, method: str, clip: str) -> str:
    """Where a job's results lie in a bundle."""
    return f"results/{slug(split)}/{slug(method)}/{slug(clip)}.json"


def frame_file(split: str, method: str, clip: str, number: int) -> str:
    """Where a restored frame lies."""
    return f"frames/{slug(split)}/{slug(method)}/{slug(clip)}/{number:06d}.png"


def manifest_file(split: str) -> str:
    """Where a split's recipe and manifest lie."""
    return f"splits/{slug(split)}.json"


def card_file(kind: Literal["methods", "metrics"], name: str) -> str:
    """Where the card of a method or a metric lies."""
    return f"cards/{kind}/{slug(name)}.json"


def sha256(data: bytes) -> str:
    """The checksum of a file, as `Head.files` has it."""
    return hashlib.sha256(data).hexdigest()


def content_digest(head: Head) -> str:
    """The digest that names a bundle's content, however it was packed."""
    return digest_of("bundle", {"files": dict(head.files)})


def to_json(value: Any, compact: bool = False, in_order: bool = True) -> bytes:
    """A file's bytes: keys sorted, so that equal content has equal bytes. Those of recipes are not to be put
    `in_order`: operators draw by the order in which their choices stand."""
    how: Mapping[str, Any] = {"separators": (",", ":")} if compact else {"indent": 1}
    text = json.dumps(value, sort_keys=in_order, ensure_ascii=False, allow_nan=False, **how)
    return f"{text}\n".encode(errors="backslashreplace")


def from_json(data: bytes, where: str) -> Any:
    """What a file says. InputError if it is no JSON, or names a key twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key stands there twice")
        return found

    def refuse(word: str) -> float:
        raise ValueError(f"{word} is no JSON")

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: is no JSON file of a bundle ({error})") from None
