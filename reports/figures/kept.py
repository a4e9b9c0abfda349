"""Figures that an earlier report drew of the same data with the same code: taken over, not drawn again.

`drawn.json` beside the figures says of each file what it was drawn from, and its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from reports.figures.fonts import families, families_noted
from reports.figures.style import DARK, figure_file
from reports.known.unchanged import Unchanged
from vfsrbench.hashing.code import folder_digest
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.safety.ownership import sha256_of

NOTE = "drawn.json"
_CODE = frozenset({".py", ".toml", ".mplstyle"})
_LIBRARIES = ("matplotlib", "numpy", "pillow", "fonttools")
Draw = Callable[..., list[Path]]
FEW = 4
"""So many figures are drawn faster than another process starts."""


@dataclass(frozen=True)
class Later:
    """Data that takes long to read, and is read when the figure has to be drawn.

    Attributes:
        key: Names the data, as the data themselves would.
        read: The data, and whether all are there that the key speaks of: a figure of less is not kept.
    """

    key: tuple[Any, ...]
    read: Callable[[], tuple[Any, bool]]


@dataclass
class Drawn:
    """A figure that was asked for; `files` are its files, known after `Figures.finish`."""

    files: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class _Due:
    """A figure that is to be drawn."""

    draw: Draw
    name: str
    data: tuple[Any, ...]
    formats: tuple[str, ...]
    key: str
    drawn: Drawn


def _silent(name: str) -> None:
    """Nobody asked which figures are drawn."""


@dataclass
class Figures:
    """Draws figures into `folder`, or takes them from `earlier`, a folder of an earlier report's figures.

    `workers`: so many processes draw. `on_drawn` is called with the name of each figure that is drawn;
    `unchanged` knows whether fonts are as they were. Matplotlib is imported where something is drawn.
    """

    folder: Path
    earlier: Path
    formats: Sequence[str] = ("png",)
    workers: int = 1
    on_drawn: Callable[[str], None] = _silent
    unchanged: Unchanged = field(default_factory=Unchanged)
    drawn: dict[str, dict[str, str]] = field(default_factory=dict)
    _due: list[_Due] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._known, noted = _read(self.earlier / NOTE)
        self._fonts = families_noted(noted, self.unchanged)
        old = {Path(name).suffix[1:] for name in self._known}
        # those that lie there and are not asked for would show other results than the new page
        self.formats = (*self.formats, *sorted(old - set(self.formats)))

    def draw(self, draw: Draw, name: str, *data: Any, photographs: bool = False) -> Drawn:
        """Ask for a figure. It has no files if there is nothing to draw.

        Args:
            draw: Called with `data`, the path without suffix and the formats.
            name: The files' name without suffix.
            data: All that the figure shows; `Later` stands for what it reads.
            photographs: It shows some, and has a file for dark pages, too.
        """
        drawn, key = Drawn(), figure_key(draw, data, tuple(self._fonts["families"]))  # type: ignore[arg-type]
        formats = (*self.formats, DARK) if photographs else tuple(self.formats)
        names = [figure_file(Path(name), kind).name for kind in formats]
        known = [content for file in names if (content := self._kept(file, key)) is not None]
        if len(known) < len(names):
            read = [one.read() if isinstance(one, Later) else (one, True) for one in data]
            key = key if all(whole for _, whole in read) else ""
            self._due.append(_Due(draw, name, tuple(one for one, _ in read), formats, key, drawn))
            return drawn
        for file, content in zip(names, known, strict=True):
            with atomic_file(self.folder / file) as temporary:
                temporary.write_bytes(content)
            drawn.files.append(self.folder / file)
        self._note(drawn.files, key)
        return drawn

    def finish(self) -> list[Path]:
        """Draw what was asked for and could not be taken over; write `drawn.json`, and give its path if there
        are figures."""
        due, self._due = self._due, []
        for one, files in zip(due, self._draw_all(due), strict=True):
            one.drawn.files.extend(files)
            self._note(files, one.key)
            self.on_drawn(one.name)
        if not self.drawn:
            return []
        note = self.folder / NOTE
        with atomic_file(note) as temporary:
            text = json.dumps({"figures": self.drawn, "fonts": self._fonts}, indent=1, sort_keys=True)
            temporary.write_text(f"{text}\n", encoding="utf-8")
        return [note]

    def _draw_all(self, due: Sequence[_Due]) -> Iterable[list[Path]]:
        asked = [(one.draw, one.data, self.folder / one.name, one.formats) for one in due]
        workers = min(self.workers, len(asked) // FEW)
        if workers < 2:
            return map(_draw, asked)
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            return list(pool.map(_draw, asked))

    def _note(self, files: Iterable[Path], key: str) -> None:
        for path in files:
            self.drawn[path.name] = {"key": key, "sha256": sha256_of(path)}

    def _kept(self, file: str, key: str) -> bytes | None:
        """The earlier file's bytes, if it was drawn of the same and is as it was written."""
        entry = self._known.get(file, {})
        if entry.get("key") != key:
            return None
        try:
            content = (self.earlier / file).read_bytes()
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == entry.get("sha256") else None


def _draw(asked: tuple[Draw, tuple[Any, ...], Path, Sequence[str]]) -> list[Path]:
    draw, data, path, formats = asked
    return draw(*data, path, formats)


def figure_key(draw: Draw, data: Iterable[Any], fonts: Sequence[str] | None = None) -> str:
    """A name for what a figure is drawn from: the data, our code that draws, the libraries and the fonts (the
    installed ones, where they are not known)."""
    around = f"{_surroundings()} {tuple(families() if fonts is None else fonts)}"
    total = hashlib.sha256(f"{draw.__module__}.{draw.__qualname__} {around}".encode())
    for value in data:
        _add(total.update, value)
    return total.hexdigest()


@cache
def _surroundings() -> str:
    here = Path(__file__).parent
    code = [folder_digest(folder, _CODE) for folder in (here, here.parent / "tables")]
    return repr((code, [(name, _version(name)) for name in _LIBRARIES]))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _add(update: Callable[[bytes], None], value: Any) -> None:
    """Feed a value's type and content, nested ones too. TypeError for what has no content to compare."""
    kind = type(value).__name__
    if isinstance(value, Later):
        _add(update, [kind, *value.key])
    elif isinstance(value, np.ndarray):
        update(f"{kind} {value.dtype.str} {value.shape};".encode())
        update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, BaseModel):
        update(f"{kind} {value.model_dump_json()};".encode("utf-8", "surrogatepass"))
    elif is_dataclass(value) and not isinstance(value, type):
        _add(update, [kind, *((part.name, getattr(value, part.name)) for part in fields(value))])
    elif isinstance(value, Mapping):
        _add(update, [kind, *value.items()])
    elif isinstance(value, list | tuple):
        update(f"{kind} {len(value)};".encode())
        for part in value:
            _add(update, part)
    elif isinstance(value, set | frozenset):
        _add(update, sorted(map(repr, value)))
    elif isinstance(value, float | np.floating):
        update(f"{kind} {'nan' if math.isnan(value) else float(value).hex()};".encode())
    elif value is None or isinstance(value, bool | int | str | bytes | np.integer | np.bool_):
        update(f"{kind} {value!r};".encode("utf-8", "surrogatepass"))
    else:
        raise TypeError(f"a figure cannot be named by a {kind}")


def _read(note: Path) -> tuple[dict[str, dict[str, str]], dict[str, object]]:
    """What a note says of figures and of fonts; nothing if it is not there or not what was written."""
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
        entries = {str(k): {str(a): str(b) for a, b in v.items()} for k, v in found["figures"].items()}
        fonts = dict(found["fonts"])
    except (OSError, ValueError, AttributeError, LookupError, TypeError):
        return {}, {}
    return {name: entry for name, entry in entries.items() if Path(name).name == name}, fonts
