"""Where checkpoints come from. Methods and metrics name them on their cards; this finds the files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from vfsrbench.card import WeightUse

_SUFFIXES = ("", ".safetensors", ".pth", ".pt", ".ckpt", ".onnx")


@dataclass(frozen=True)
class Weights:
    """Files for the roles on a card. `missing` says, in one line, why they cannot be used; empty if they can.

    `hashes` and `accepted` are by checkpoint name: SHA-256, and the date of a licence's acceptance.
    """

    paths: dict[str, Path] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    missing: str = ""


def weights_root() -> Path:
    """The folder of checkpoints: `VFSRBENCH_WEIGHTS`, or the platform's cache folder."""
    given = os.environ.get("VFSRBENCH_WEIGHTS")
    if given:
        return Path(given).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("vfsrbench")) / "weights"


def resolve_weights(uses: Iterable[WeightUse]) -> Weights:
    """The files for these uses, each looked for by its name in `weights_root()`, and their hashes."""
    found = Weights()
    root = weights_root()
    for use in uses:
        path = next((p for s in _SUFFIXES if (p := root / f"{use.name}{s}").is_file()), None)
        if path is None:
            return Weights(missing=f"weights {use.name!r} are not here; put the file into {root}")
        found.paths[use.role] = path
        found.hashes[use.name] = _sha256(path)
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
