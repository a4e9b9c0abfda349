"""How methods look: one colour, dash and marker each, the same in every figure of a report.

Six colours are Okabe and Ito's; indigo and brown are as far from them for colour-blind readers. Dash and
marker carry the same information for a greyscale print.
"""

from __future__ import annotations

import io
import tomllib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reports.figures.fonts import families, make_drawable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE_FILE = Path(__file__).parent / "vfsrbench.mplstyle"
HUES = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#332288", "#6B3A00")
DASHES: tuple[tuple[float, ...], ...] = ((), (4, 1.5), (1, 1.2), (6, 1.5, 1, 1.5))
MARKERS = "osD^vPX<>hp*"
TRUTH = "#000000"
DEGRADED = "#8A8A8A"
REFERENCE = "#5A5A5A"


@dataclass(frozen=True)
class Look:
    """Colour as #rrggbb, dash as on/off lengths (empty: solid), marker as matplotlib names it."""

    colour: str
    dash: tuple[float, ...]
    marker: str

    @property
    def linestyle(self) -> Literal["-"] | tuple[float, tuple[float, ...]]:
        return (0.0, self.dash) if self.dash else "-"

    @property
    def marker_points(self) -> float:
        """The marker's size; a star needs more to look as large as the others."""
        return 8.0 if self.marker == "*" else 5.0


def looks(methods: Iterable[str], reference_rows: Iterable[str] = ()) -> dict[str, Look]:
    """A look for each method, whatever their order. Named methods keep theirs in every report.

    A method that is not named starts from a place given by its name and takes the next free one; with
    more methods than looks, looks repeat.
    """
    names, references = sorted(set(methods)), sorted(set(reference_rows))
    fixed = _fixed()
    total = len(HUES) * len(DASHES)
    taken = {m: fixed[m] for m in names if m in fixed}
    used = set(taken.values())
    for method in names:
        if method in taken or method in references:
            continue
        start = zlib.crc32(method.encode("utf-8", "surrogatepass")) % total
        free = next((s for s in _around(start, total) if s not in used), start)
        taken[method] = free
        used.add(free)
    found = {m: _look(slot) for m, slot in taken.items()}
    for i, row in enumerate(references):
        found[row] = Look(REFERENCE, DASHES[i % len(DASHES)], ".")
    return found


def _look(slot: int) -> Look:
    hue, dash = slot % len(HUES), slot // len(HUES)
    return Look(HUES[hue], DASHES[dash], MARKERS[(hue + 3 * dash) % len(MARKERS)])


def _around(start: int, total: int) -> Iterator[int]:
    yield from range(start, total)
    yield from range(start)


@cache
def _fixed() -> dict[str, int]:
    named = tomllib.loads((Path(__file__).parent / "methods.toml").read_text(encoding="utf-8"))["looks"]
    return {method: hue + len(HUES) * dash for method, (hue, dash) in named.items()}


@contextmanager
def drawing() -> Iterator[None]:
    """Inside, matplotlib draws in our style; nothing outside changes."""
    import matplotlib

    with matplotlib.rc_context(fname=str(STYLE_FILE)):
        matplotlib.rcParams["font.family"] = list(families())
        yield


def save(figure: Figure, path: Path, formats: Sequence[str] = ("png",)) -> list[Path]:
    """Write `path` with each suffix, each whole or not at all. The bytes depend on what is drawn, not on the
    time. InputError when the disk is full, or a file of that name is there that we did not make."""
    from vfsrbench.io.safety.targets import own_file

    make_drawable(figure)
    undated = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Producer": None}}
    written = []
    for kind in formats:
        target = path.parent / f"{path.name}.{kind}"
        made = io.BytesIO()  # Pillow does not say of its own files that the disk is full
        figure.savefig(made, format=kind, metadata=undated.get(kind))
        with own_file(target) as temporary:
            temporary.write_bytes(made.getvalue())
        written.append(target)
    return written
