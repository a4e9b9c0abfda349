"""The record of a degraded split: what was drawn, with what software, and the digests that prove it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from degradations.apply import Degraded, Degrading
from degradations.errors import InputError
from degradations.reading.limits import MOST_FRAMES, MOST_SEED, MOST_SIDE
from degradations.reading.regular_file import is_there
from degradations.reading.text import read_json
from degradations.reading.typed_toml import FrozenModel, parse
from degradations.recipe import Recipe, content_digest

MANIFEST = "manifest.json"
Digest = str
Side = Annotated[int, Field(ge=1, le=MOST_SIDE)]
_HEX = r"^[0-9a-f]{64}$"


class ClipEntry(FrozenModel):
    """One degraded clip. Sizes are (height, width) in pixels; digests are those of `degradations.digest`."""

    frames: int = Field(ge=1, le=MOST_FRAMES)
    fps: float = Field(gt=0)
    truth_size: tuple[Side, Side]
    size: tuple[Side, Side]
    truth_digest: Digest = Field(pattern=_HEX)
    before_codec_digest: Digest = Field(pattern=_HEX)
    digest: Digest = Field(pattern=_HEX)
    parameters: dict[str, Any]


class RecipeEntry(FrozenModel):
    """The recipe a split was made with. `content` is everything that decides the frames."""

    name: str
    version: int
    status: Literal["official", "extrapolated"]
    source: str
    digest: Digest = Field(pattern=_HEX)
    content: dict[str, Any]

    @model_validator(mode="after")
    def _digest_is_of_the_content(self) -> RecipeEntry:
        """A changed recipe must not pass under the digest of another one."""
        named = (self.content.get("name"), self.content.get("version"))
        if content_digest(self.content) != self.digest or named != (self.name, self.version):
            raise InputError(
                f"recipe {self.name!r}: 'content' is not what 'digest' was taken over: changed by hand, or "
                "damaged; get the manifest again, or make it with `vfsrbench degrade`"
            )
        return self


class Manifest(FrozenModel):
    """A whole split: one recipe, one seed, many clips."""

    format: Literal["vfsrbench-split"] = "vfsrbench-split"
    format_version: Literal[1] = 1
    recipe: RecipeEntry
    seed: int = Field(ge=0, le=MOST_SEED)
    software: dict[str, str]
    clips: dict[str, ClipEntry]

    @field_validator("clips")
    @classmethod
    def _names_stay_inside(cls, clips: dict[str, ClipEntry]) -> dict[str, ClipEntry]:
        for name in clips:
            check_clip_name(name)
        return clips


def check_clip_name(name: str) -> str:
    """`name`, if it is a relative path that stays inside its folder, as "id1/clip" does; else InputError."""
    parts = name.split("/")
    drive = len(parts[0]) >= 2 and parts[0][1] == ":"
    if drive or "\\" in name or any(part in ("", ".", "..") for part in parts) or not name.isprintable():
        raise InputError(
            f"clip name {name!r} is not a plain relative name: it must not be absolute, lead out of its"
            " folder with '..', or hold a backslash; rename the clip"
        )
    return name


def clip_entry(
    made: Degraded | Degrading,
    *,
    frames: int,
    size: tuple[int, int],
    truth_size: tuple[int, int],
    truth_digest: str,
    fps: float,
) -> ClipEntry:
    """The manifest's entry for a clip that `Recipe.apply` or an exhausted `Recipe.stream` made."""
    return ClipEntry(
        frames=frames,
        fps=fps,
        truth_size=truth_size,
        size=size,
        truth_digest=truth_digest,
        before_codec_digest=made.digest_before_codec,
        digest=made.digest,
        parameters=made.parameters,
    )


def new_manifest(recipe: Recipe, seed: int, clips: Mapping[str, ClipEntry]) -> Manifest:
    """The manifest of a split made here, clips by name. InputError for a name that leads outside."""
    for name in clips:
        check_clip_name(name)
    return Manifest(
        recipe=RecipeEntry(
            name=recipe.name,
            version=recipe.version,
            status=recipe.status,
            source=recipe.source,
            digest=recipe.digest(),
            content=recipe.content(),
        ),
        seed=seed,
        software=software(),
        clips={name: clips[name] for name in sorted(clips)},
    )


def write_manifest(folder: str | Path, manifest: Manifest) -> Path:
    """Write `folder`/manifest.json, whole or not at all; its path is returned."""
    path = Path(folder) / MANIFEST
    text = manifest_text(manifest)
    unfinished = path.with_name(f".{MANIFEST}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        if path.parent.is_dir():
            unfinished.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose a writable folder") from None
    return path


def manifest_text(manifest: Manifest) -> str:
    """A manifest as it stands in its file: JSON, one line a clip."""
    head = manifest.model_dump(mode="json", exclude={"clips"})
    lines = [f"{_json(key)}: {_json(value)}" for key, value in head.items()]
    clips = [
        f" {_json(name)}: {_json(entry.model_dump(mode='json'))}" for name, entry in manifest.clips.items()
    ]
    lines.append('"clips": {\n' + ",\n".join(clips) + "\n}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read_manifest(path: str | Path) -> Manifest:
    """The manifest at `path`, a file or the folder that holds it.

    InputError if it is missing, not JSON, of another format, or names a clip outside its folder.
    """
    file = Path(path)
    file = file / MANIFEST if file.is_dir() else file
    if not is_there(file):
        raise InputError(f"{file}: no such manifest; `vfsrbench degrade` writes one beside frames")
    content = read_json(file, "manifest")
    if not isinstance(content, dict) or content.get("format") != "vfsrbench-split":
        raise InputError(f"{file}: is not a split's manifest, its 'format' is not vfsrbench-split")
    return parse(Manifest, content, str(file))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def software() -> dict[str, str]:
    """What made the frames: versions of the libraries, and the kind of processor."""
    import av
    import cv2
    import numpy

    codecs = {name: ".".join(map(str, version)) for name, version in av.library_versions.items()}
    return {
        "numpy": numpy.__version__,
        "opencv": cv2.__version__,
        "av": av.__version__,
        "libavcodec": codecs.get("libavcodec", "unknown"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
    }
