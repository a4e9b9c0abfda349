"""How methods look: one colour, dash and marker each, the same in every figure of a report.

Six colours are Okabe and Ito's; indigo and brown are as far from them for colour-blind readers. Dash and
marker carry the same information for a greyscale print. Methods that do not come with vfsrbench have colours
and dashes of their own, which no shipped one has. Where some methods stand out, their lines are thicker and
on top, and the others' colours are muted.
"""

from __future__ import annotations

import io
import tomllib
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reports.figures.fonts import families, make_drawable
from reports.figures.style.dark import dark_png
from reports.inputs.own_methods import own_methods

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DARK = "dark"
"""The format of a figure with photographs for dark pages."""
STYLE_FILE = Path(__file__).parent / "vfsrbench.mplstyle"
HUES = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#332288", "#6B3A00")
DASHES: tuple[tuple[float, ...], ...] = ((), (4, 1.5), (1, 1.2), (6, 1.5, 1, 1.5))
OWN_HUES = ("#A55AFF", "#C33C3C", "#0000FF", "#960F78", "#4BC369")
OWN_DASHES: tuple[tuple[float, ...], ...] = (
    (9, 1.6),
    (2.2, 1.2),
    (9, 1.6, 2.2, 1.6),
    (6, 1.4, 1, 1.4, 1, 1.4),
)
MARKERS = "osD^vPX<>hp*"
TRUTH = "#000000"
DEGRADED = "#8A8A8A"
REFERENCE = "#5A5A5A"


Weight = Literal["plain", "strong", "muted"]


@dataclass(frozen=True)
class Look:
    """Colour as #rrggbb, dash as on/off lengths (empty: solid), marker as matplotlib names it.

    `weight`: `strong` stands out, and where something does, the others are `muted`.
    """

    colour: str
    dash: tuple[float, ...]
    marker: str
    weight: Weight = "plain"

    @property
    def ink(self) -> str:
        """The colour on paper: a muted one is halfway to white."""
        if self.weight != "muted":
            return self.colour
        parts = (int(self.colour[i : i + 2], 16) for i in (1, 3, 5))
        return "#" + "".join(f"{(part + 255) // 2:02X}" for part in parts)

    @property
    def width(self) -> float:
        """Of lines, in points."""
        return 2.4 if self.weight == "strong" else 1.3

    @property
    def above(self) -> float:
        """Added to the height at which a method is drawn: what stands out lies on top."""
        return 1.0 if self.weight == "strong" else 0.0

    @property
    def linestyle(self) -> Literal["-"] | tuple[float, tuple[float, ...]]:
        return (0.0, self.dash) if self.dash else "-"

    @property
    def marker_points(self) -> float:
        """The marker's size; a star needs more to look as large as the others."""
        return 8.0 if self.marker == "*" else 5.0


def looks(
    methods: Iterable[str], reference_rows: Iterable[str] = (), prominent: Collection[str] = ()
) -> dict[str, Look]:
    """A look for each method, whatever their order. Named methods keep theirs in every report; `prominent`
    ones stand out.

    A method that is not named starts from a place given by its name and takes the next free one, of a hue
    that nobody has yet if there is one; with more methods than looks, looks repeat.
    """
    names, references = sorted(set(methods)), sorted(set(reference_rows))
    fixed = _fixed()
    found = {m: fixed[m] for m in names if m in fixed}
    others = [m for m in names if m not in found and m not in references]
    own = own_methods(others) if others else frozenset()
    for method in others:
        start = zlib.crc32(method.encode("utf-8", "surrogatepass"))
        found[method] = _free(start, _places(method in own), {look.colour for look in found.values()}, found)
    for i, row in enumerate(references):
        found[row] = Look(REFERENCE, DASHES[i % len(DASHES)], ".")
    if not found.keys() & set(prominent):
        return found
    return {m: replace(look, weight="strong" if m in prominent else "muted") for m, look in found.items()}


def _free(start: int, places: Sequence[Sequence[Look]], hues: set[str], found: Mapping[str, Look]) -> Look:
    """The first look from `start` on that nobody has, of a new hue if there is one; then of the next
    places."""
    used = set(found.values())
    for looks_here in places:
        at = start % len(looks_here)
        around = [look for look in (*looks_here[at:], *looks_here[:at]) if look not in used]
        fresh = next((look for look in around if look.colour not in hues), None)
        if around:
            return fresh or around[0]
    return places[0][start % len(places[0])]


@cache
def _places(own: bool) -> tuple[tuple[Look, ...], ...]:
    """The looks that a method may have which has none of its own, those of the user's methods apart."""
    if own:
        return _every(OWN_HUES, OWN_DASHES), _every(HUES, OWN_DASHES, 3)
    return (_every(HUES, DASHES),)


def _every(hues: Sequence[str], dashes: Sequence[tuple[float, ...]], marker: int = 0) -> tuple[Look, ...]:
    """Each hue with each dash; the markers from that one on."""
    return tuple(
        Look(colour, dash, MARKERS[(i + 3 * j + marker) % len(MARKERS)])
        for j, dash in enumerate(dashes)
        for i, colour in enumerate(hues)
    )


@cache
def _fixed() -> dict[str, Look]:
    named = tomllib.loads((Path(__file__).parent / "methods.toml").read_text(encoding="utf-8"))["looks"]
    every = _every(HUES, DASHES)
    return {method: every[hue + len(HUES) * dash] for method, (hue, dash) in named.items()}


@contextmanager
def drawing() -> Iterator[None]:
    """Inside, matplotlib draws in our style; nothing outside changes."""
    import matplotlib

    with matplotlib.rc_context(fname=str(STYLE_FILE)):
        matplotlib.rcParams["font.family"] = list(families())
        yield


def save(figure: Figure, path: Path, formats: Sequence[str] = ("png",)) -> list[Path]:
    """Write `path` with each suffix, each whole or not at all; `dark` is a PNG for dark pages, after `png`.

    The bytes depend on what is drawn, not on the time. InputError when the disk is full, or a file of that
    name is there that we did not make.
    """
    from vfsrbench.io.safety.targets import own_file

    make_drawable(figure)
    undated = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Producer": None}}
    written: list[Path] = []
    light = b""
    for kind in formats:
        if kind == DARK:
            content = dark_png(figure, light)
        else:
            made = io.BytesIO()  # Pillow does not say of its own files that the disk is full
            figure.savefig(made, format=kind, metadata=undated.get(kind))
            content = made.getvalue()
            light = content if kind == "png" else light
        target = figure_file(path, kind)
        with own_file(target) as temporary:
            temporary.write_bytes(content)
        written.append(target)
    return written


def figure_file(path: Path, kind: str) -> Path:
    """The file of a figure in a format: `curves.pdf`, `slices-dark.png`."""
    return path.parent / (f"{path.name}-{DARK}.png" if kind == DARK else f"{path.name}.{kind}")
