"""Curves, slices and looks: what is drawn, and in which colour, follows from the results alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reports.figures import curves, grids, jumps, persons, slices, style
from reports.inputs.results import Grid, read_results
from reports.tables.leaderboard import column
from tests.reports import synthetic
from vfsrbench import plugins
from vfsrbench.io.clip import Clip
from vfsrbench.plugins import find_board
from vfsrbench.results.slice_store import TruthStrip
from vfsrbench.results.temporal_slices import cut

PSNR = column("psnr", synthetic.CARDS["psnr"])


def grid(folder: Path, clips: tuple[str, ...] = synthetic.CLIPS) -> Grid:
    results, _ = read_results([folder])
    return Grid.of(results, "vfhq-mild", list(synthetic.LEVEL), clips)


def luminance(colour: str) -> float:
    r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_a_method_keeps_its_look_whoever_else_is_there() -> None:
    alone = style.looks(["keep"])["keep"]
    crowd = style.looks(["zzz", "keep", "my-net", "bicubic", "codeformer"])
    assert crowd["keep"] == alone
    assert crowd["my-net"] == style.looks(["my-net"])["my-net"]
    assert style.looks(["b", "a", "c"]) == style.looks(["c", "b", "a"])


def test_thirty_two_methods_look_different_also_in_grey() -> None:
    found = style.looks([f"method-{i}" for i in range(32)])
    assert len(set(found.values())) == 32
    assert len({(round(luminance(x.colour), 1), x.dash, x.marker) for x in found.values()}) == 32
    for look in found.values():
        assert look.colour in (*style.OWN_HUES, *style.HUES) and luminance(look.colour) < 0.75, "visible"


def test_every_shipped_method_has_a_look_of_its_own_and_those_of_a_board_differ_in_colour() -> None:
    shipped = [
        name
        for name, entry in plugins.methods().entries.items()
        if entry.card.source != "gt"
        and not entry.card.stands_for  # a reference row's look
        and entry.card.kind != "outputs"  # those get one that follows from the name
    ]
    named = [
        m for m in shipped if m != "basicsr"
    ]  # stands for any architecture: its look follows the variant
    assert set(named) <= set(style._fixed())
    assert len(set(style._fixed().values())) == len(style._fixed()), "two methods with one look"
    board = find_board("demo")
    rivals = [m for m in board.methods if m in named]
    found = style.looks(rivals)
    assert len({look.colour for look in found.values()}) == len(rivals) == 6
    assert len({look.marker for look in found.values()}) == len(rivals)
    assert len({persons._hatch(look) for look in found.values()}) == len(rivals)


def test_reference_rows_are_grey_and_do_not_take_a_colour() -> None:
    found = style.looks(["oracle", "bicubic"], ["oracle"])
    assert found["oracle"].colour == style.REFERENCE
    assert found["bicubic"] == style.looks(["bicubic"])["bicubic"]


def test_mean_over_clips_uses_the_clips_that_are_long_enough() -> None:
    rows = [np.array([1.0, 2.0, 3.0]), np.array([3.0, np.nan]), np.array([np.nan, np.nan])]
    found = curves.mean_over_clips(rows)
    assert found.tolist() == [2.0, 2.0, 3.0]
    assert np.isnan(curves.mean_over_clips([np.array([np.nan])])).all()


def test_panels_hold_the_frame_values(tmp_path: Path) -> None:
    synthetic.write_board(tmp_path)
    panels = curves.clip_panels(grid(tmp_path), "psnr", ["fast"])
    expected = synthetic.frame_values("bicubic", "vfhq-mild", "fast", 12)["psnr"]
    assert np.array_equal(panels[0].series["bicubic"], expected)
    average = curves.average_panel(grid(tmp_path), "psnr")
    rows = [synthetic.frame_values("bicubic", "vfhq-mild", c, 12)["psnr"] for c in synthetic.CLIPS]
    assert average.series["bicubic"] == pytest.approx(np.mean(rows, axis=0))


def test_many_clips_are_shown_from_the_hardest_to_the_easiest(tmp_path: Path) -> None:
    clips = tuple(f"c{i:02d}" for i in range(9))
    for i, clip in enumerate(clips):
        values = {"psnr": np.full(3, 20.0 + (7 * i) % 9)}
        synthetic.write_result(tmp_path, "bicubic", "vfhq-mild", clip, frames=3, values=values)
    found = curves.telling_clips(grid(tmp_path, clips), "psnr", most=3)
    levels = [20 + (7 * clips.index(c)) % 9 for c in found]
    assert levels == [20, 24, 28]


def test_a_reference_row_far_away_does_not_squeeze_the_others() -> None:
    references = frozenset({"oracle", "near"})
    series = {
        "a": np.array([25.0, 27.0]),
        "oracle": np.array([np.inf, np.inf]),
        "near": np.array([27.2, 27.4]),
    }
    looks = style.looks(series, references)
    figure = curves.Curves(PSNR, [curves.Panel("c", series)], dict.fromkeys(series, "t"), looks, references)
    scale = curves.find_scale(figure)
    assert scale.beyond == {"oracle"} and scale.low < 25 and 27.4 < scale.high < 29


def test_curves_are_drawn_in_the_methods_colour(tmp_path: Path) -> None:
    synthetic.write_board(tmp_path)
    g = grid(tmp_path)
    looks = style.looks(g.methods, ["oracle"])
    figure = curves.Curves(
        PSNR,
        curves.clip_panels(g, "psnr", g.clips),
        {m: m.title() for m in g.methods},
        looks,
        frozenset({"oracle"}),
        "PSNR over time",
    )
    written = curves.draw_curves(figure, tmp_path / "out" / "psnr", ("png", "pdf"))
    assert [p.suffix for p in written] == [".png", ".pdf"]
    pixels = np.asarray(Image.open(written[0]).convert("RGB")).reshape(-1, 3)
    for method in ("bicubic", "nearest", "lanczos"):
        colour = [int(looks[method].colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert (np.abs(pixels.astype(int) - colour).max(axis=1) < 12).sum() > 100, method
    again = curves.draw_curves(figure, tmp_path / "again" / "psnr", ("png", "pdf"))
    assert again[0].read_bytes() == written[0].read_bytes()
    assert again[1].read_bytes() == written[1].read_bytes()


def test_nothing_to_draw_writes_nothing(tmp_path: Path) -> None:
    empty = curves.Curves(PSNR, [], {}, {})
    assert curves.draw_curves(empty, tmp_path / "x") == [] and not list(tmp_path.iterdir())


def test_slices_enlarge_without_smoothing() -> None:
    strip = np.random.default_rng(0).integers(0, 255, (64, 12, 3), dtype=np.uint8)
    wide = slices.enlarge(strip, 600)
    assert wide.shape == (64, 600, 3)
    assert np.array_equal(wide[:, ::50], strip)
    assert set(map(tuple, wide.reshape(-1, 3))) == set(map(tuple, strip.reshape(-1, 3)))


def test_a_low_strip_is_cropped_at_the_matching_rows() -> None:
    low = np.arange(16, dtype=np.uint8).repeat(3).reshape(16, 1, 3)
    found = slices.crop(low, (8, 24), 64)
    assert found.shape == (16, 1, 3) and found[:, 0, 0].tolist() == [2] * 4 + [3] * 4 + [4] * 4 + [5] * 4
    high = np.arange(64, dtype=np.uint8).repeat(3).reshape(64, 1, 3)
    assert np.array_equal(slices.crop(high, (8, 24), 64), high[8:24])


def test_the_slice_figure_shows_every_strip_and_the_column(tmp_path: Path) -> None:
    clip = synthetic.moving_clip("calm")
    truth = TruthStrip.of(clip)
    green, blue = (np.empty_like(truth.strip) for _ in range(2))
    green[:], blue[:] = (20, 220, 40), (30, 40, 230)
    tiny = Clip.from_array(np.ascontiguousarray(clip.read(0, len(clip))[:, ::4, ::4]), "calm")
    strips = {"Degraded": cut(tiny, truth.column, clip.width), "Green": green, "Blue": blue}
    figure = slices.SliceFigure("calm", "vfhq-mild", truth, strips, style.looks(["Green", "Blue"]))
    written = slices.draw_slices(figure, tmp_path / "slices")
    pixels = np.asarray(Image.open(written[0]).convert("RGB")).astype(int)
    for colour in ((20, 220, 40), (30, 40, 230), (232, 17, 45)):
        assert (np.abs(pixels - colour).max(axis=-1) < 8).sum() > 200, colour


@pytest.mark.parametrize(
    "title", ["A method whose name goes on and on and on", "basicsr:Model[max_length=20,overlap=0.25]"]
)
def test_a_long_name_stays_beside_the_slices_picture(tmp_path: Path, title: str) -> None:
    truth = TruthStrip.of(synthetic.moving_clip("calm"))
    figure = slices.SliceFigure("calm", "vfhq-mild", truth, {title: truth.strip}, {})
    written = slices.draw_slices(figure, tmp_path / "slices", ("png",))
    pixels = np.asarray(Image.open(written[0]).convert("L")).astype(int)
    beside = slice(int(2.58 * 200), int(2.62 * 200))  # right of the picture, which is 2.5 inches wide
    assert pixels[:, int(2.5 * 200)].min() < 200, "the picture ends here"
    assert pixels[:, beside].min() > 240


def test_figures_with_photographs_are_dark_around_these_on_dark_pages(tmp_path: Path) -> None:
    """Every photograph to its edges as it is, all else turned round: no white is left, no photograph is."""
    column = np.full((64, 12, 3), (200, 150, 90), np.uint8)
    photo = np.full((64, 64, 3), (200, 150, 90), np.uint8)
    truth = TruthStrip(column, photo, 30, (8, 24))
    looked = style.looks(["One", "Two"], prominent=["Two"])
    strips = {"One": column, "Two": column}
    formats = ("png", "pdf", style.DARK)
    series = {"One": np.linspace(20, 30, 12)}
    shown = curves.Curves(PSNR, [curves.Panel("calm", series)], {"One": "One"}, looked, set(), "")
    jump = jumps.JumpFigure(
        shown, jumps.Jump("One", 2, 5, 3.0), {"One": [photo, photo], "Two": [photo, photo]}
    )
    made = {
        "slices": slices.draw_slices(
            slices.SliceFigure("calm", "vfhq-mild", truth, strips, looked), tmp_path / "s", formats
        ),
        "grid": grids.draw_grid([grids.GridRow("calm", {"A": photo, "B": photo})], tmp_path / "g", formats),
        "jump": jumps.draw_jump(jump, tmp_path / "j", formats),
    }
    for kind, files in made.items():
        assert [path.name[1:] for path in files] == [".png", ".pdf", "-dark.png"], kind
        light, dark = (np.asarray(Image.open(files[i]).convert("RGB")).astype(int) for i in (0, 2))
        assert light.shape == dark.shape
        inside = (light == (200, 150, 90)).all(axis=-1)
        assert inside.mean() > 0.15, kind
        # a pixel at an edge may be either
        changed = inside & (dark != light).any(axis=-1)
        assert changed.sum() <= 0.01 * inside.sum(), kind
        paper = (light >= 250).all(axis=-1)
        assert paper.mean() > 0.15 and (dark[paper].max(axis=-1) < 40).mean() > 0.999, kind
        assert not (dark.min(axis=-1) >= 250).any(), f"{kind}: no line of paper is left at an edge"
        ink = (light < 60).all(axis=-1)
        assert ink.sum() > 100 and (dark[ink].min(axis=-1) > 150).all(), kind
    again = slices.SliceFigure("calm", "vfhq-mild", truth, strips, looked)
    other = slices.draw_slices(again, tmp_path / "again", formats)
    assert other[2].read_bytes() == made["slices"][2].read_bytes()
    assert other[0].read_bytes() == made["slices"][0].read_bytes(), "the light file does not know of it"


def test_own_methods_have_hues_and_dashes_that_no_shipped_one_has() -> None:
    shipped = style._fixed()
    own = style.looks([f"mine-{i}" for i in range(5)] + list(shipped))
    mine = [own[f"mine-{i}"] for i in range(5)]
    assert len({look.colour for look in mine}) == 5, "a hue each"
    assert {look.colour for look in mine}.isdisjoint(look.colour for look in shipped.values())
    assert {look.dash for look in mine}.isdisjoint(look.dash for look in shipped.values())
    variant = style.looks(["keep", "keep[max_length=20]"])["keep[max_length=20]"]
    assert variant.colour in style.HUES and variant.dash in style.DASHES, "a shipped method's variant is none"
    assert variant.colour != own["keep"].colour


def test_what_stands_out_is_thicker_on_top_and_in_full_colour() -> None:
    plain, some = style.looks(["keep", "mine"]), style.looks(["keep", "mine"], [], ["mine"])
    assert some["mine"].width > plain["mine"].width == some["keep"].width
    assert some["mine"].above > some["keep"].above == plain["mine"].above
    assert some["mine"].ink == plain["mine"].ink == plain["mine"].colour
    assert luminance(some["keep"].ink) > luminance(plain["keep"].ink), "muted"
    assert style.looks(["keep"], [], ["mine"]) == style.looks(["keep"]), "nothing that is not there"
