"""What is written beside imported outputs: whose they are, how they were made, what was undone, digests."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from degradations.reading import typed_toml
from degradations.reading.typed_toml import FrozenModel
from vfsrbench.card import Name, Title, Track
from vfsrbench.errors import InputError
from vfsrbench.io.safety.paths import is_there
from vfsrbench.io.safety.text import read_json

IMPORT_FILE = "import.json"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ImportedClip(FrozenModel):
    """A clip's frames as they were imported.

    Attributes:
        frames: How many.
        digest: SHA-256 of the frames (`Clip.digest`).
        made: What the tool had made: "25 frames of 512x512".
        source: The file or folder that they were read from.
    """

    frames: int = Field(ge=1)
    digest: Sha256
    made: str
    source: str


class ImportManifest(FrozenModel):
    """The file `import.json` in a folder of imported outputs.

    Attributes:
        kind: The file's kind and version.
        method: The method's name.
        title: As in tables.
        licence: Of its weights and code.
        reference: Its track.
        parameters: Learned numbers.
        undone: What was undone (`vfsrbench.datasets.importing.undo`).
        weights: File or "given" -> SHA-256, as far as the user said.
        commit: Of the tool's repository.
        steps: Sampling steps.
        seed: Of the tool's draws.
        gpu: On which it ran.
        clips: By name.
    """

    kind: Literal["vfsrbench outputs 1"] = "vfsrbench outputs 1"
    method: Name
    title: Title
    licence: str = ""
    reference: Track = "none"
    parameters: int | None = Field(default=None, ge=0)
    undone: tuple[str, ...] = ()
    weights: dict[str, Sha256] = {}
    commit: str = ""
    steps: int | None = Field(default=None, ge=0)
    seed: int | None = None
    gpu: str = ""
    clips: dict[str, ImportedClip] = {}

    def facts(self) -> dict[str, str]:
        """How the outputs were made, as text by name; what is not known is left out."""
        known = {
            "method": self.method,
            "undone": ", ".join(self.undone),
            "weights": ", ".join(f"{name} {digest}" for name, digest in sorted(self.weights.items())),
            "commit": self.commit,
            "steps": "" if self.steps is None else str(self.steps),
            "seed": "" if self.seed is None else str(self.seed),
            "gpu": self.gpu,
        }
        return {name: text for name, text in known.items() if text}

    def check(self, clip: str, digest: str, frames: int) -> None:
        """InputError when a clip's frames are not those that were imported. A clip of which only the first
        frames are scored cannot be compared."""
        known = self.clips.get(clip)
        if known is None or (known.frames == frames and known.digest != digest):
            why = "was not imported" if known is None else "has other frames than were imported"
            raise InputError(f"imported outputs of {self.method}: clip {clip!r} {why}; import them again")

    def text(self) -> str:
        """The file's content."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def read_imports(folder: Path, splits: Iterable[str] = ()) -> dict[str, ImportManifest]:
    """The manifests of imported outputs, by split where their clips lie in a folder a split, else under "".

    Raises:
        InputError: A file is damaged, or splits were imported with different facts.
    """
    places = {"": folder, **{split: folder / split for split in splits if "/" not in split}}
    files = {split: place / IMPORT_FILE for split, place in places.items()}
    found = {split: _read(file) for split, file in files.items() if is_there(file)}
    first = next(iter(found.values()), None)
    if any(first is not None and other.facts() != first.facts() for other in found.values()):
        raise InputError(f"{folder}: its splits were imported with different facts; import them alike")
    return found


def _read(path: Path) -> ImportManifest:
    facts = read_json(path, "manifest of imported outputs")
    if not isinstance(facts, dict):
        raise InputError(f"{path}: is no manifest of imported outputs")
    return typed_toml.parse(ImportManifest, facts, str(path))
