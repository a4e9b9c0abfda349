"""Frames to RGB: flat colours by the formula, pixel formats by FFmpeg's own repacking, natural pictures."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from degradations.errors import InputError
from degradations.imaging.yuv.chroma import CUBIC
from degradations.imaging.yuv.frame import frame_to_rgb, notice, rgb_to_frame
from degradations.imaging.yuv.pixel_formats import pixel_format, samples

TAGS = {"bt601": 6, "bt709": 1, "bt2020": 9, "fcc": 4, "smpte240m": 7}
SHARES = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
    "fcc": (0.3, 0.11),
    "smpte240m": (0.212, 0.087),
}
YUV = (
    "yuv420p",
    "yuv422p",
    "yuv444p",
    "yuv411p",
    "yuv440p",
    "yuv420p10le",
    "yuv422p12be",
    "yuv444p12le",
    "p010le",
)


def flat(pix_fmt: str, codes: tuple[int, ...], size: tuple[int, int] = (9, 7)) -> Any:
    """A frame with the same codes everywhere."""
    pixels = pixel_format(pix_fmt)
    frame = av.VideoFrame(size[1], size[0], pix_fmt)
    for number, code in enumerate(codes):
        samples(frame, pixels, number)[:] = code << pixels.shift
    return frame


def formula(codes: NDArray[Any], matrix: str, full: bool, depth: int) -> NDArray[Any]:
    """The standards' formula in floats, for rows of Y, U, V."""
    kr, kb = SHARES[matrix]
    scale = 2.0 ** (depth - 8)
    black, luma, chroma = (0.0, *2 * (2.0**depth - 1,)) if full else (16 * scale, 219 * scale, 224 * scale)
    y = (codes[:, 0] - black) / luma
    u, v = ((codes[:, c] - 128 * scale) / chroma for c in (1, 2))
    red, blue = y + 2 * (1 - kr) * v, y + 2 * (1 - kb) * u
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    return np.clip(255 * np.stack([red, green, blue], axis=1), 0, 255)


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", TAGS)
@pytest.mark.parametrize("pix_fmt", YUV)
def test_flat_colours_are_the_formulas(pix_fmt: str, matrix: str, full: bool) -> None:
    depth = pixel_format(pix_fmt).depth
    codes = np.random.default_rng(0).integers(0, 1 << depth, (60, 3))
    codes[:3] = [[0, 0, 0], [(1 << depth) - 1] * 3, [0, (1 << depth) - 1, (1 << depth) - 1]]
    want = formula(codes.astype(float), matrix, full, depth)
    for row, colour in zip(codes.tolist(), want, strict=True):
        frame = flat(pix_fmt, tuple(row))
        frame.colorspace, frame.color_range = TAGS[matrix], 2 if full else 1
        got = frame_to_rgb(frame)
        assert got.shape == (9, 7, 3)
        assert np.abs(got - colour).max() < 0.51, row


def test_every_8_bit_code_is_the_formulas() -> None:
    """All luma codes with many chroma codes at once, in 4:4:4."""
    y, chroma = np.arange(256, dtype=np.uint8), np.random.default_rng(1)
    planes = [np.repeat(y[None], 256, 0), *chroma.integers(0, 256, (2, 256, 256), dtype=np.uint8)]
    for matrix, tag in TAGS.items():
        frame = av.VideoFrame(256, 256, "yuv444p")
        for number, plane in enumerate(planes):
            samples(frame, pixel_format("yuv444p"), number)[:] = plane
        frame.colorspace = tag
        want = formula(np.stack(planes, axis=2).reshape(-1, 3).astype(float), matrix, False, 8)
        assert np.abs(frame_to_rgb(frame).reshape(-1, 3) - want).max() < 0.51


@pytest.mark.parametrize("siting", ["left", "center", "top"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv411p", "yuv420p10le"])
def test_interpolated_flat_chroma_is_off_by_one_128th_at_most(pix_fmt: str, siting: Any) -> None:
    """All luma codes of 8 bits beside flat chroma, the extremes of each matrix too."""
    pixels = pixel_format(pix_fmt)
    top = (1 << pixels.depth) - 1
    chroma = np.random.default_rng(2).integers(0, top + 1, (60, 2)).tolist()
    chroma += [[u, v] for u in (0, top // 2, top) for v in (0, top // 2, top)]
    frame = av.VideoFrame(16, 16, pix_fmt)
    luma = np.arange(256).reshape(16, 16) << (pixels.depth - 8)
    samples(frame, pixels, 0)[:] = luma
    for (u, v), (matrix, tag) in itertools.product(chroma, TAGS.items()):
        samples(frame, pixels, 1)[:], samples(frame, pixels, 2)[:] = u, v
        frame.colorspace = tag
        codes = np.stack([luma, np.full_like(luma, u), np.full_like(luma, v)], axis=2).reshape(-1, 3)
        want = formula(codes.astype(float), matrix, False, pixels.depth)
        error = np.abs(frame_to_rgb(frame, siting).reshape(-1, 3) - want).max()
        assert error <= 1 / 2 + 1 / 128 + 1e-9, (u, v, matrix)


def test_the_steepest_chroma_is_cut_and_never_wraps() -> None:
    """Blocks of opposite extremes, whose interpolation overshoots most: no sum leaves 16 bits."""
    frame = av.VideoFrame(64, 64, "yuv420p")
    pixels = pixel_format("yuv420p")
    across, down = np.meshgrid(np.arange(32), np.arange(32))
    for period in (1, 2, 3):
        board = ((across // period + down // period) % 2).astype(np.uint8) * 255
        samples(frame, pixels, 0)[:] = 128
        samples(frame, pixels, 1)[:], samples(frame, pixels, 2)[:] = board, 255 - board
        for matrix, tag in TAGS.items():
            frame.colorspace = tag
            for siting in ("left", "topleft", "bottomleft"):
                want = interpolated(frame, matrix, siting)
                assert np.abs(frame_to_rgb(frame, siting).astype(int) - want).max() <= 1


def interpolated(frame: Any, matrix: str, siting: Any) -> NDArray[Any]:
    """The cubic with the documented weights, and the formula, in floats."""
    shifts = {"left": (0.25, 0), "topleft": (0, 0), "bottomleft": (0.5, 0)}[siting]
    planes = [samples(frame, pixel_format("yuv420p"), number).astype(float) for number in range(3)]
    for axis, shift in enumerate(shifts):
        for number in (1, 2):
            values = np.moveaxis(planes[number], axis, 0)
            padded = np.pad(values, ((4, 4), (0, 0)), mode="edge")
            rows = []
            for pixel in range(2 * len(values)):
                place = pixel / 2 - shift
                sample = int(np.floor(place))
                weights = np.array(CUBIC[round(8 * (place - sample))]) / 64
                rows.append(np.tensordot(weights, padded[sample + 3 : sample + 7], 1))
            planes[number] = np.moveaxis(np.stack(rows), 0, axis)
    codes = np.stack(planes, axis=2)
    return formula(codes.reshape(-1, 3), matrix, False, 8).reshape(codes.shape)


def test_untagged_frames_are_as_ffmpeg_takes_them() -> None:
    grey, colour = flat("gray", (100,)), flat("yuv444p", (100, 90, 160))
    assert (frame_to_rgb(grey) == 100).all()
    assert (frame_to_rgb(grey) == grey.to_ndarray(format="rgb24")).all()
    want = formula(np.array([[100.0, 90, 160]]), "bt601", False, 8)
    assert np.abs(frame_to_rgb(colour)[0, 0] - want).max() < 0.51
    full = flat("yuvj444p", (100, 90, 160))
    assert (
        np.abs(frame_to_rgb(full)[0, 0] - formula(np.array([[100.0, 90, 160]]), "bt601", True, 8)).max()
        < 0.51
    )


def test_grey_of_every_depth() -> None:
    for pix_fmt, white in (
        ("gray", 255),
        ("gray10le", 1023),
        ("gray12be", 4095),
        ("ya8", 255),
        ("gray16le", 65535),
    ):
        for code in (0, white // 3, white // 2, white):
            frame = flat(pix_fmt, (code,))
            frame.color_range = 2
            assert np.abs(frame_to_rgb(frame) - 255 * code / white).max() <= 0.5
    tagged = flat("gray", (235,))
    tagged.color_range = 1
    assert (frame_to_rgb(tagged) == 255).all()


def noise(pix_fmt: str, height: int = 18, width: int = 30) -> Any:
    pixels = pixel_format(pix_fmt)
    frame = av.VideoFrame(width, height, pix_fmt)
    random = np.random.default_rng(0)
    for number in range(3):
        view = samples(frame, pixels, number)
        view[:] = random.integers(0, 1 << pixels.depth, view.shape)
    return frame


@pytest.mark.parametrize(
    ("planar", "packed"),
    [
        *(("yuv420p", name) for name in ("nv12", "nv21", "yuva420p")),
        *(("yuv422p", name) for name in ("nv16", "yuyv422", "uyvy422", "yvyu422", "yuva422p")),
        *(("yuv444p", name) for name in ("nv24", "nv42", "yuva444p", "vuya", "vuyx", "ayuv", "uyva")),
        *(("yuv420p10le", name) for name in ("yuv420p10be", "p010le", "p010be", "yuva420p10le")),
        *(("yuv422p10le", name) for name in ("yuv422p10be", "p210le", "y210le")),
        *(("yuv420p12le", name) for name in ("yuv420p12be", "p012le")),
        *(("yuv422p12le", name) for name in ("y212le", "p212le")),
        *(("yuv444p12le", name) for name in ("yuv444p12be", "xv36le", "p412le")),
    ],
)
def test_other_layouts_hold_the_same_samples(planar: str, packed: str) -> None:
    frame = noise(planar)
    try:
        other = frame.reformat(format=packed)
    except ValueError:
        pytest.skip(f"this FFmpeg cannot write {packed}")
    assert other.format.name == packed
    assert (frame_to_rgb(other) == frame_to_rgb(frame)).all()


@pytest.mark.parametrize(
    "pix_fmt",
    ["rgb24", "bgr24", "rgba", "bgra", "argb", "abgr", "rgb0", "bgr0", "0rgb", "0bgr", "gbrp", "gbrap"],
)
def test_rgb_comes_back_as_it_is(pix_fmt: str) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (11, 13, 3), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pix_fmt)
    assert frame.format.name == pix_fmt
    assert (frame_to_rgb(frame) == rgb).all()


@pytest.mark.parametrize(
    "pix_fmt", ["gbrp10le", "gbrp12be", "gbrap10le", "gbrp14le", "gbrp16le", "rgb48le", "bgr48be", "rgba64le"]
)
def test_deep_rgb_is_rounded_once(pix_fmt: str) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (11, 13, 3), dtype=np.uint8)
    pixels = pixel_format(pix_fmt)
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pix_fmt)
    # FFmpeg widens by shifting, which is up to one level less than the same colour
    assert np.abs(frame_to_rgb(frame).astype(int) - rgb).max() <= 1
    white = (1 << pixels.depth) - 1
    codes = np.random.default_rng(1).integers(0, white + 1, (3, 11, 13))
    for number, plane in enumerate(codes):
        samples(frame, pixels, number)[:] = plane
    want = np.stack(list(codes), axis=2) * 255 / white
    assert np.abs(frame_to_rgb(frame) - want).max() <= 0.5


def test_palettes() -> None:
    frame = av.VideoFrame(5, 4, "pal8")
    samples(frame, pixel_format("pal8"), 0)[:] = np.arange(20).reshape(4, 5)
    colours = np.random.default_rng(0).integers(0, 256, (256, 4), dtype=np.uint8)
    np.ndarray((256, 4), np.uint8, buffer=frame.planes[1])[:] = colours
    assert (frame_to_rgb(frame).reshape(20, 3) == colours[:20, 2::-1]).all()


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "bgr24"])
def test_rows_may_lie_from_the_bottom_up(pix_fmt: str) -> None:
    """As FFmpeg's decoders of old bitmaps give them: with negative distances between rows."""
    rgb = np.random.default_rng(0).integers(0, 256, (16, 20, 3), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pix_fmt)
    graph = av.filter.Graph()
    source = graph.add_buffer(width=20, height=16, format=pix_fmt, time_base=Fraction(1, 25))
    flip, sink = graph.add("vflip"), graph.add("buffersink")
    source.link_to(flip)
    flip.link_to(sink)
    graph.configure()
    graph.push(frame)
    flipped = graph.pull()
    assert flipped.planes[0].line_size < 0
    assert (frame_to_rgb(flipped) == frame_to_rgb(frame)[::-1]).all()


def test_what_is_not_exact_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="xyz12le is not read exactly: convert"):
        frame_to_rgb(av.VideoFrame(8, 8, "xyz12le"))
    with pytest.raises(InputError, match=r"yuv420p16le.* -pix_fmt yuv444p12le"):
        pixel_format("yuv420p16le")
    with pytest.raises(InputError, match=r"rgb555le.* -pix_fmt gbrp"):
        pixel_format("rgb555le")
    for tag, name in ((8, "YCgCo"), (14, "ICtCp"), (10, "constant luminance")):
        frame = flat("yuv444p", (1, 2, 3))
        frame.colorspace = tag
        with pytest.raises(InputError, match=f"{name}.* is not converted exactly: convert"):
            frame_to_rgb(frame)
    with pytest.raises(InputError, match="nv12 is not written"):
        rgb_to_frame(np.zeros((4, 4, 3), np.uint8), "nv12")


def test_transparency_is_said() -> None:
    assert notice("yuva420p") == "the transparency of its yuva420p pixels is ignored"
    assert notice("rgba") and notice("ya8") and notice("gbrap")
    assert notice("yuv420p") is None and notice("bgr0") is None and notice("gbrp") is None


PLACES = {"left": (0, 128), "center": (128, 128), "topleft": (0, 0), "top": (128, 0), "bottomleft": (0, 256)}


def by_swscale(frame: Any, across: int, down: int, matrix: str, full: bool) -> NDArray[Any]:
    """The frame through swscale with its exact flags; chroma sited at so many 1/256 pixels."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format.name, time_base=Fraction(1, 25)
    )
    options = "flags=bicubic+accurate_rnd+full_chroma_int+bitexact:out_range=pc"
    options += f":in_h_chr_pos={across}:in_v_chr_pos={down}:in_color_matrix={matrix}"
    scale = graph.add("scale", f"{options}:in_range={'pc' if full else 'tv'}")
    pixels, sink = graph.add("format", "rgb24"), graph.add("buffersink")
    for before, after in ((source, scale), (scale, pixels), (pixels, sink)):
        before.link_to(after)
    graph.configure()
    graph.push(frame)
    return graph.pull().to_ndarray().astype(int)


@pytest.mark.parametrize("siting", PLACES)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p"])
def test_portraits_are_ffmpegs_exact_conversion(pix_fmt: str, siting: Any) -> None:
    demo = pytest.importorskip("vfsrbench.datasets.demo.clips")
    rgb = next(iter(demo.demo_clip("demo-talking", 1).frames()))
    pixels = pixel_format(pix_fmt)
    across, down = PLACES[siting]
    if pixels.across == 4:
        across *= 3
    for matrix, full in (("bt601", False), ("bt709", False), ("bt2020", True)):
        frame = rgb_to_frame(rgb, pix_fmt, matrix, full, siting)
        got = frame_to_rgb(frame, siting).astype(int)
        want = by_swscale(
            frame, across if pixels.across > 1 else 0, down if pixels.down > 1 else 0, matrix, full
        )
        assert np.abs(got - want).max() <= 1
        assert np.abs(got - want).mean() < 0.3
        assert np.abs((got - want).mean(axis=(0, 1))).max() < 0.05


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p"])
def test_there_and_back_neither_shifts_nor_darkens(pix_fmt: str) -> None:
    """Flat colours and ramps, of odd sizes, in all sitings."""
    ramp = np.linspace(30, 220, 61)
    across, down = np.meshgrid(ramp, ramp[:43])
    smooth = np.stack([across, down, 250 - across], axis=2).round().astype(np.uint8)
    for siting in PLACES:
        for colour in ((255, 255, 255), (0, 0, 0), (200, 120, 90), (10, 200, 60), (128, 128, 128)):
            plain = np.full((7, 9, 3), colour, np.uint8)
            back = frame_to_rgb(rgb_to_frame(plain, pix_fmt, siting=siting), siting)
            assert np.abs(back.astype(int) - plain).max() <= 2
        error = frame_to_rgb(rgb_to_frame(smooth, pix_fmt, siting=siting), siting).astype(int) - smooth
        assert np.abs(error[4:-4, 4:-4]).max() <= 3
        assert np.abs(error[4:-4, 4:-4].mean(axis=(0, 1))).max() < 0.15


def test_an_edge_stays_where_it_is() -> None:
    """A red bar in the middle of grey comes back symmetric: chroma has not moved, in any siting."""
    bar = np.full((32, 33, 3), 128, np.uint8)
    bar[:, 14:19] = (200, 90, 90)
    for siting in PLACES:
        back = frame_to_rgb(rgb_to_frame(bar, "yuv420p", siting=siting), siting).astype(float)
        weight = np.abs(back - 128).sum(axis=(0, 2))
        centre = (weight * np.arange(33)).sum() / weight.sum()
        assert abs(centre - 16) < 0.02
