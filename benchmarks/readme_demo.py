"""README's first picture, its table and the figures under it, from a run of the demo.

    vfsrbench demo
    python benchmarks/readme_demo.py workspace

Writes docs/images/identity.png (true colours) and the lines of README.md between the marks `leaderboard` and
`identity`. With `--check` nothing is written: exit code 1 when README would change.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from reports.figures.curves import Curves, clip_panels, draw_panel, find_scale, legend_handles  # noqa: E402
from reports.figures.jumps import MARK, worst_jump  # noqa: E402
from reports.figures.legend import broken  # noqa: E402
from reports.figures.slices import crop, enlarge  # noqa: E402
from reports.figures.style import DEGRADED, drawing  # noqa: E402
from reports.inputs.results import Grid  # noqa: E402
from reports.material import Material, gather  # noqa: E402
from reports.tables.formats import to_markdown  # noqa: E402
from reports.tables.layout import heading  # noqa: E402
from reports.tables.model import Table  # noqa: E402
from vfsrbench.errors import InputError  # noqa: E402
from vfsrbench.io.clip import Clip  # noqa: E402
from vfsrbench.plugins import find_board  # noqa: E402

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "images" / "identity.png"
SPLIT, CLIP, METRIC, SIGMA = "vfhq-mild", "demo-calm", "idd_dlib", "sigma_idd_dlib"
SHARP, PLAIN = "realesrgan", "bicubic"
"""The methods that README compares."""
DOTS = 150  # an inch
# inches
WIDE, EDGE, CURVE, CURVE_HIGH = 9.6, 0.08, 4.5, 2.2
STRIP, LINE_HIGH, GAP, FACE = 3.4, 0.5, 0.05, 1.31
Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Story:
    """One split of the demo, and the clip that is shown of it."""

    material: Material
    table: Table

    @classmethod
    def of(cls, workspace: Path) -> Story:
        """From the results in a workspace. SystemExit where a network was missing in that run."""
        material = gather(find_board("demo"), workspace)
        table = next(t for t in material.tables if t.split == SPLIT)
        gone = [m for m in (SHARP, PLAIN) if (m, CLIP) not in material.grid(table).cells]
        if gone or any(table.row(SHARP).cells[m].value is None for m in (METRIC, SIGMA)):
            raise SystemExit(f"{workspace}: without results of {SHARP} or {METRIC}; make setup brings them")
        return cls(material, table)

    @property
    def grid(self) -> Grid:
        return self.material.grid(self.table)

    @property
    def titles(self) -> dict[str, str]:
        return {r.method: r.title for r in self.table.rows}

    def restored(self, method: str) -> Clip:
        """A method's frames of the clip; SystemExit where they were not kept."""
        clip = self.material.frames.restored(self.grid.cells[method, CLIP].record)
        if clip is None:
            raise SystemExit(f"no frames of {method} on {CLIP}: run the demo with --keep video")
        return clip

    @property
    def truth(self) -> Clip:
        """The clip's ground truth."""
        clip = self.material.frames.truth(self.grid.cells[PLAIN, CLIP].record)
        assert clip is not None
        return clip

    def clip_value(self, method: str, metric: str) -> float:
        """A method's value on the clip."""
        return self.grid.cells[method, CLIP].record.clip_values[metric]

    def mean(self, method: str, metric: str) -> float:
        """A method's value in the table."""
        value = self.table.row(method).cells[metric].value
        assert value is not None
        return value


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args(arguments)
    try:
        story = Story.of(given.workspace)
    except InputError as error:
        raise SystemExit(str(error)) from error
    text = README.read_text(encoding="utf-8")
    made = with_block(with_block(text, "leaderboard", table_lines(story)), "identity", finding(story))
    if given.check:
        raise SystemExit(int(made != text))
    PICTURE.write_bytes(draw(story))
    README.write_text(made, encoding="utf-8")
    with Image.open(PICTURE) as image:
        print(f"{PICTURE.name}: {image.width}x{image.height}, {PICTURE.stat().st_size / 1024:.0f} KiB")
    print(finding(story))


def with_block(text: str, name: str, block: str) -> str:
    """README with other lines between the marks of that name."""
    found = re.compile(rf"(<!-- {name}:[^\n]*-->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if len(found.findall(text)) != 1:
        raise SystemExit(f"README.md has no one place <!-- {name}: ... --> to <!-- /{name} -->")
    return found.sub(lambda marks: f"{marks[1]}{block}\n{marks[2]}", text)


def table_lines(story: Story) -> str:
    """The split's table: methods and metrics alone, without intervals and notes."""
    lines = to_markdown(story.table).splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("|"))
    end = next(n for n, line in enumerate([*lines, ""]) if n > first and not line.startswith("|"))
    cells = 2 + len(story.table.columns)  # what stands before the first bar, and the name
    return "\n".join("|".join(line.split("|")[:cells]) + "|" for line in lines[first:end])


def gradient(clip: Clip) -> float:
    """Mean absolute difference of neighbouring pixels' luma, along rows and columns: how sharp a clip is."""
    frames = clip.read(0, len(clip)).astype(np.float64) @ (0.299, 0.587, 0.114)
    return float(np.abs(np.diff(frames, axis=1)).mean() + np.abs(np.diff(frames, axis=2)).mean()) / 2


def finding(story: Story) -> str:
    """What the figures say of `SHARP` beside `PLAIN`, on the clip and on the board."""
    sharp, plain = story.titles[SHARP], story.titles[PLAIN]
    edges = {m: gradient(story.restored(m)) / gradient(story.truth) for m in (SHARP, PLAIN)}
    curves = [np.asarray(story.grid.cells[m, CLIP].values[METRIC]) for m in (SHARP, PLAIN)]
    farther, frames = int((curves[0] > curves[1]).sum()), len(curves[0])

    def pair(value: dict[str, float], digits: int) -> str:
        return f"{value[SHARP]:.{digits}f} against {value[PLAIN]:.{digits}f}"

    def way(value: dict[str, float], more: str, less: str) -> str:
        return more if value[SHARP] > value[PLAIN] else less

    here = {x: {m: story.clip_value(m, x) for m in (SHARP, PLAIN)} for x in ("psnr", METRIC)}
    board = {x: {m: story.mean(m, x) for m in (SHARP, PLAIN)} for x in (METRIC, SIGMA)}
    but = "and yet" if here[METRIC][SHARP] > here[METRIC][PLAIN] else "and"
    words = (
        f"{sharp} on `{CLIP}` is {way(edges, 'sharper', 'less sharp')} than {plain} (mean gradient "
        f"{edges[SHARP]:.0%} of the ground truth's against {edges[PLAIN]:.0%}) and "
        f"{way(here['psnr'], 'higher', 'lower')} in PSNR ({pair(here['psnr'], 2)} dB), {but} "
        f"{way(here[METRIC], 'farther from', 'nearer to')} the person: IDD {pair(here[METRIC], 3)}, "
        f"farther in {farther} of {frames} frames. Over all clips of the board it is "
        f"{way(board[METRIC], 'farther', 'nearer')} ({pair(board[METRIC], 3)}), and its identity is "
        f"{way(board[SIGMA], 'less', 'more')} steady: sigma {pair(board[SIGMA], 1)} (1e-2)."
    )
    return broken_lines(words)


def broken_lines(text: str, signs: int = 112) -> str:
    """The text in lines as README has them."""
    import textwrap

    return "\n".join(textwrap.wrap(text, signs, break_long_words=False, break_on_hyphens=False))


def draw(story: Story) -> bytes:
    """The picture: identity over time with the frames of its worst jump, beside the slices."""
    rows = strips(story)
    high = max(len(rows) * (LINE_HIGH + GAP) + 0.55, 0.3 + CURVE_HIGH + 0.95 + 2 * (FACE + GAP))
    with drawing():
        from matplotlib.figure import Figure

        canvas = Figure(figsize=(WIDE, high))
        add_curve(canvas, story, high)
        add_slices(canvas, story, rows, high)
        made = io.BytesIO()
        canvas.savefig(made, format="png", dpi=DOTS, metadata={"Software": None})
    picture = io.BytesIO()
    Image.open(made).convert("RGB").save(picture, "PNG", optimize=True)
    return picture.getvalue()


def place(canvas: Figure, left: float, top: float, wide: float, high: float) -> Axes:
    """Axes at a place given in inches from the left and the top."""
    width, height = canvas.get_size_inches()
    return canvas.add_axes((left / width, 1 - (top + high) / height, wide / width, high / height))


def add_curve(canvas: Figure, story: Story, high: float) -> None:
    """Identity over time, and the two frames between which `SHARP` jumps most."""
    (panel,) = clip_panels(story.grid, METRIC, [CLIP])
    column = next(c for c in story.table.columns if c.id == METRIC)
    curves = Curves(column, [panel], story.titles, story.material.looks, story.material.reference_rows)
    scale = find_scale(curves)
    jump = worst_jump({SHARP: panel.series[SHARP]})
    assert jump is not None
    ax = place(canvas, EDGE + 0.45, 0.3, CURVE - 0.45, CURVE_HIGH)
    draw_panel(ax, panel, curves, scale)
    ax.set_title(f"identity over time: {CLIP}, {SPLIT}")
    ax.set_ylabel(heading(column))
    for frame in (jump.first, jump.last):
        ax.axvline(frame, color=MARK, lw=0.9, zorder=2)
        ax.text(frame, scale.high, f" {frame}", ha="left", va="top", fontsize=7.5, color=MARK)
        ax.plot([frame], [panel.series[SHARP][frame]], marker="o", ms=8, mfc="none", mec=MARK, zorder=5)
    canvas.legend(
        handles=legend_handles(curves, scale),
        loc="upper left",
        bbox_to_anchor=(0, 1 - (0.3 + CURVE_HIGH + 0.38) / high),
        ncols=3,
        fontsize=7,
        columnspacing=1.0,
    )
    top = high - 2 * (FACE + GAP) - 0.05
    faces = {"Ground truth": story.truth, **{story.titles[m]: story.restored(m) for m in (PLAIN, SHARP)}}
    for across, (title, clip) in enumerate(faces.items()):
        for down, frame in enumerate((jump.first, jump.last)):
            ax = place(canvas, EDGE + 0.45 + across * (FACE + GAP), top + down * (FACE + GAP), FACE, FACE)
            ax.imshow(clip.read(frame, frame + 1)[0])
            bare(ax)
            if down == 0:
                ax.set_title(title, fontsize=7.5, fontweight="normal", loc="center", pad=3)
            if across == 0:
                ax.set_ylabel(f"frame {frame}")


def strips(story: Story) -> dict[str, Frames]:
    """Title -> strip: the ground truth, what methods were given, and every method in the table's order."""
    records = {m: story.grid.cells[m, CLIP].record for m in story.titles}
    store = story.material.strips
    truth, degraded = store.truth(records[PLAIN]), store.degraded(records[PLAIN])
    assert truth is not None and degraded is not None
    found = {"Ground truth": truth.strip, "Degraded": degraded}
    for row in story.table.rows:
        strip = store.restored(records[row.method])
        if strip is not None and not row.is_reference:
            found[row.title] = strip
    return {title: crop(strip, truth.rows, len(truth.strip)) for title, strip in found.items()}


def add_slices(canvas: Figure, story: Story, rows: dict[str, Frames], high: float) -> None:
    """One column of every frame, a row a method, with the middle frame above that has the column marked."""
    truth = story.material.strips.truth(story.grid.cells[PLAIN, CLIP].record)
    assert truth is not None
    left = WIDE - EDGE - STRIP
    line = (high - 0.3 - 0.25) / len(rows) - GAP
    looks = {story.titles[m]: look for m, look in story.material.looks.items()}
    for number, (title, strip) in enumerate(rows.items()):
        ax = place(canvas, left, 0.3 + number * (line + GAP), STRIP, line)
        ax.imshow(enlarge(strip, 600), aspect="auto", interpolation="nearest")
        bare(ax)
        if number == 0:
            ax.set_title(f"{truth.place.lower()} of every frame", loc="left")
        ax.text(-0.04, 0.5, broken(title, 17), transform=ax.transAxes, ha="right", va="center", fontsize=7.5)
        colour = looks[title].colour if title in looks else DEGRADED
        ax.plot([-0.02] * 2, [0, 1], color=colour, lw=3, transform=ax.transAxes, clip_on=False)
    for side, text in ((0.0, "frame 0"), (1.0, f"frame {truth.strip.shape[1] - 1}")):
        ax.text(
            side, -0.1, text, transform=ax.transAxes, ha="right" if side else "left", va="top", fontsize=7.5
        )


def bare(ax: Axes) -> None:
    """A picture without axes."""
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    for side in ax.spines.values():
        side.set_visible(False)


if __name__ == "__main__":
    main()
