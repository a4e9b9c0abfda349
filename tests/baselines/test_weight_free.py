"""Methods without weights, against closed forms and other libraries' code."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.filters import unsharp_mask
from skimage.restoration import richardson_lucy
from torch import Tensor

from baselines.layers.resample import resample, weight_matrix
from degradations.imaging.codec import Encoding, round_trip
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.runtime.dis_flow import dis_flow
from vfsrbench.windows import method_windows

INTERPOLATIONS = ("bicubic", "bicubic-matlab", "lanczos", "nearest")
ENLARGERS = (*INTERPOLATIONS, "unsharp", "richardson-lucy", "temporal-average")
ALL = (*ENLARGERS, "input", "oracle", "recompressed")
CPU = torch.device("cpu")


def ready(spec: str, frames: Tensor, height: int, width: int, fps: float = 25.0) -> Predictor:
    method = choose_method(spec).build()
    method.load({}, CPU)
    method.start_clip(ClipInfo("c", len(frames), fps, *frames.shape[-2:], height, width))
    return method


def restore(spec: str, frames: Tensor, height: int, width: int) -> Tensor:
    return ready(spec, frames, height, width).restore(frames, torch.Generator())


def noise(frames: int, height: int, width: int, seed: int = 0) -> Tensor:
    """8-bit noise as float32 (T, 3, h, w) in [0, 1]."""
    levels = np.random.default_rng(seed).integers(0, 256, (frames, 3, height, width))
    return torch.from_numpy(levels).float() / 255


def smooth(frames: int, height: int, width: int, seed: int = 0) -> Tensor:
    """A soft 8-bit pattern that moves a pixel a frame to the right."""
    wide = noise(1, height + 8, width + frames + 8, seed)[0].permute(1, 2, 0).numpy()
    soft = cv2.GaussianBlur(wide, (0, 0), 2.0)[4:-4, 4:-4]
    soft = (soft - soft.min()) / (soft.max() - soft.min())
    clip = np.stack([soft[:, frames - t : frames - t + width] for t in range(frames)])
    return torch.from_numpy(np.round(clip * 255) / 255).permute(0, 3, 1, 2).float()


def picture(frames: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(frames[0].permute(1, 2, 0).numpy())


def resized(frames: Tensor, size: tuple[int, int], how: int) -> Tensor:
    """OpenCV's resize in float32, not clamped."""
    return torch.from_numpy(cv2.resize(picture(frames), size[::-1], interpolation=how)).permute(2, 0, 1)[None]


@pytest.mark.parametrize("size", [(48, 80), (96, 160), (50, 77), (12, 20)])
@pytest.mark.parametrize(("name", "how"), [("bicubic", cv2.INTER_CUBIC), ("lanczos", cv2.INTER_LANCZOS4)])
def test_interpolation_is_opencvs(name: str, how: int, size: tuple[int, int]) -> None:
    frames = noise(1, 12, 20)
    torch.testing.assert_close(restore(name, frames, *size), resized(frames, size, how), rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [(63, 65), (128, 200), (512, 96), (16, 9)])
@pytest.mark.parametrize("method", ["cubic", "lanczos", "matlab", "area"])
def test_resampling_in_bands_is_the_whole_matrices(method: str, size: tuple[int, int]) -> None:
    frames = noise(2, 40, 50).double()
    down, across = (weight_matrix(a, b, method) for a, b in zip((40, 50), size, strict=True))
    torch.testing.assert_close(resample(frames, *size, method), down @ frames @ across.T, rtol=0, atol=1e-14)


def test_bicubic_is_torchs_too_and_lanczos_is_another() -> None:
    frames = noise(3, 16, 24)
    expected = torch.nn.functional.interpolate(frames, (64, 96), mode="bicubic", align_corners=False)
    torch.testing.assert_close(restore("bicubic", frames, 64, 96), expected, rtol=0, atol=1e-6)
    assert (restore("lanczos", frames, 64, 96) - expected).abs().max() > 0.02


def keys_half(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' kernel with a = -1/2."""
    d = np.abs(distance)
    near, far = 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def imresize_matrix(source: int, target: int) -> NDArray[np.float64]:
    """MATLAB's imresize for enlarging, written out: kernel at half-pixel centres, symmetric border."""
    centres = (np.arange(target) + 0.5) * source / target - 0.5
    inside = np.pad(np.eye(source), ((4, 4), (0, 0)), mode="symmetric")
    return keys_half(centres[:, None] - (np.arange(-4, source + 4))) @ inside


@pytest.mark.parametrize("size", [(48, 80), (50, 77)])
def test_bicubic_matlab_is_imresize(size: tuple[int, int]) -> None:
    frames = noise(2, 12, 20)
    down, across = imresize_matrix(12, size[0]), imresize_matrix(20, size[1])
    expected = np.einsum("yh,nchw,xw->ncyx", down, frames.numpy().astype(np.float64), across)
    got = restore("bicubic-matlab", frames, *size).numpy()
    np.testing.assert_allclose(got, expected, atol=1e-4)
    pillow_like = torch.nn.functional.interpolate(frames, size, mode="bicubic", antialias=True).numpy()
    np.testing.assert_allclose(got[..., 16:-16, 16:-16], pillow_like[..., 16:-16, 16:-16], atol=1e-4)


@pytest.mark.parametrize("size", [(48, 80), (50, 77), (12, 20), (6, 5)])
def test_nearest_is_torchs_nearest_exact(size: tuple[int, int]) -> None:
    frames = noise(2, 12, 20)
    expected = torch.nn.functional.interpolate(frames, size, mode="nearest-exact")
    assert torch.equal(restore("nearest", frames, *size), expected)


@pytest.mark.parametrize(("sigma", "amount"), [(4.0, 0.5), (1.3, 2.0)])
def test_unsharp_is_skimages(sigma: float, amount: float) -> None:
    frames = smooth(1, 20, 30)
    large = picture(restore("bicubic", frames, 80, 120).clamp(0, 1))
    expected = unsharp_mask(large, radius=sigma, amount=amount, channel_axis=2, preserve_range=True)
    got = picture(restore(f"unsharp[sigma={sigma},amount={amount}]", frames, 80, 120))
    np.testing.assert_allclose(got, expected, atol=2e-3)  # skimage mirrors without repeating the border
    np.testing.assert_allclose(got[20:-20, 20:-20], expected[20:-20, 20:-20], atol=1e-5)


def test_richardson_lucy_is_skimages() -> None:
    frames = smooth(1, 16, 20)
    large = picture(restore("bicubic", frames, 64, 80).clamp(0, 1))
    sigma, steps, room = 2.0, 6, 120  # more room than the steps carry the border's influence
    kernel = cv2.getGaussianKernel(17, sigma)
    wide = np.pad(large.astype(np.float64), ((room, room), (room, room), (0, 0)), mode="symmetric")
    planes = [richardson_lucy(wide[..., c], kernel @ kernel.T, num_iter=steps, clip=False) for c in range(3)]
    expected = np.stack(planes, axis=2)[room:-room, room:-room]
    got = picture(restore(f"richardson-lucy[sigma={sigma},iterations={steps}]", frames, 64, 80))
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_deconvolution_brings_a_blurred_picture_nearer() -> None:
    sharp = smooth(1, 32, 32, seed=5).repeat_interleave(4, 2).repeat_interleave(4, 3)
    blurred = cv2.GaussianBlur(picture(sharp), (0, 0), 5.0)
    small = torch.from_numpy(cv2.resize(blurred, (32, 32), interpolation=cv2.INTER_AREA))
    frames = small.permute(2, 0, 1)[None]
    errors = {
        name: (restore(name, frames, 128, 128) - sharp).square().mean().item()
        for name in ("bicubic", "unsharp", "richardson-lucy")
    }
    assert errors["richardson-lucy"] < 0.5 * errors["bicubic"]
    assert errors["unsharp"] < 0.9 * errors["bicubic"]


def test_temporal_average_removes_noise_along_motion() -> None:
    clean = smooth(9, 48, 64)
    dirty = (clean + 0.06 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    inner = (..., slice(8, -8), slice(8, -8))

    def error(restored: Tensor) -> float:
        return (restored[2:-2] - clean[2:-2])[inner].square().mean().item()

    averaged = error(restore("temporal-average", dirty, 48, 64))
    alone = error(restore("temporal-average[radius=0]", dirty, 48, 64))
    still = torch.stack([dirty[max(0, t - 2) : t + 3].mean(0) for t in range(9)])  # without compensation
    assert averaged < 0.4 * alone and averaged < 0.5 * error(still)
    torch.testing.assert_close(
        restore("temporal-average[radius=0]", dirty, 96, 128), restore("bicubic", dirty, 96, 128)
    )


def test_temporal_average_written_out() -> None:
    """Two frames, OpenCV's flow and OpenCV's remap."""
    frames = smooth(2, 40, 52)
    pixels = [np.round(picture(f[None]) * 255).astype(np.uint8) for f in frames]
    flow = dis_flow(pixels[0], pixels[1])
    y, x = np.mgrid[0:40, 0:52].astype(np.float32)
    inside = (np.abs(x + flow[0] - 25.5) <= 25.5) & (np.abs(y + flow[1] - 19.5) <= 19.5)
    carried = cv2.remap(picture(frames[1:]), x + flow[0], y + flow[1], cv2.INTER_LINEAR)
    expected = (picture(frames[:1]) + carried) / 2
    got = picture(restore("temporal-average", frames, 40, 52))
    assert inside.mean() > 0.9 and np.abs(flow[0]).mean() > 0.5
    np.testing.assert_allclose(got[inside], expected[inside], atol=4e-3)  # OpenCV 4 rounds to 1/32 px


def test_temporal_average_takes_small_frames() -> None:
    for height, width in ((8, 8), (24, 100), (16, 128)):
        assert restore("temporal-average", noise(3, height, width), height, width).shape[-2:] == (
            height,
            width,
        )


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("window", [5, 8])
def test_windows_do_not_matter(name: str, window: int) -> None:
    frames = smooth(17, 24, 32)
    size = (24, 32) if name in {"oracle", "recompressed"} else (48, 64)
    method = ready(name, frames, *size)
    whole = method.restore(frames, torch.Generator())
    pieces = []
    for span in method_windows(len(frames), window, method.card.overlap, method.card.tail):
        part = method.restore(frames[span.start : span.stop], torch.Generator())
        pieces.append(part[span.keep_from - span.start : span.keep_to - span.start])
    assert torch.equal(torch.cat(pieces), whole) == (name != "recompressed")


@pytest.mark.parametrize("name", ENLARGERS)
def test_sizes_grey_values_and_determinism(name: str) -> None:
    frames = torch.full((2, 3, 16, 20), 100 / 255)
    out = restore(name, frames, 64, 80)
    assert out.shape == (2, 3, 64, 80) and out.dtype == torch.float32
    torch.testing.assert_close(out, torch.full_like(out, 100 / 255), rtol=0, atol=1e-5)
    busy = noise(3, 16, 20)
    assert torch.equal(restore(name, busy, 64, 80), restore(name, busy, 64, 80))


def test_oracle_gives_the_ground_truth() -> None:
    frames = noise(3, 16, 20)
    assert torch.equal(restore("oracle", frames, 16, 20), frames)
    assert choose_method("oracle").card.source == "gt"


def test_input_is_enlarged_as_bicubic_does_it() -> None:
    frames = noise(3, 16, 20)
    assert torch.equal(restore("input", frames, 64, 80), restore("bicubic", frames, 64, 80))
    card = choose_method("input").card
    assert (card.source, card.stands_for) == ("lq", "input")


def test_recompressed_is_the_ground_truth_through_h264() -> None:
    frames = smooth(6, 32, 48)
    assert choose_method("recompressed").card.source == "gt"
    pixels = (frames * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    method = ready("recompressed[crf=30]", frames, 32, 48, fps=30000 / 1001)
    got = (method.restore(frames, torch.Generator()) * 255).round().permute(0, 2, 3, 1).numpy()
    encoding = Encoding("libx264", Fraction(30000, 1001), crf=30, preset="medium", x264_params="mbtree=0")
    np.testing.assert_array_equal(got, np.stack(list(round_trip(iter(pixels), encoding))))
    grey = frames[:, :1].repeat(1, 3, 1, 1)  # colour is lost to 4:2:0 at any rate
    errors = [
        (restore(f"recompressed[crf={crf}]", grey, 32, 48) - grey).square().mean().item()
        for crf in (10, 18, 30, 45)
    ]
    assert errors == sorted(errors) and 0 < errors[1] < 1e-4 < 1e-3 < errors[3]
