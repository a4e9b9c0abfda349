"""The general VSR methods: sizes, windows, checkpoints of both naming schools, bad files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from baselines.adapters.vsr import VsrPredictor, fit_input, pad_by_reflection
from baselines.basicvsrpp.network import BasicVSRPlusPlus
from baselines.edvr.adapter import circle
from vfsrbench.errors import InputError
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import ClipInfo

METHODS = ("basicvsr", "basicvsrpp", "realbasicvsr", "edvr")
CPU = torch.device("cpu")


def predictor(spec: str) -> VsrPredictor:
    made = choose_method(spec).build()
    assert isinstance(made, VsrPredictor)
    return made


def tame_weights(method: VsrPredictor, seed: int = 0) -> dict[str, torch.Tensor]:
    """Small random weights in the official layout: large ones blow recurrent features up."""
    generator = torch.Generator().manual_seed(seed)
    state = method.network().state_dict()
    return {
        k: v if k.endswith((".mean", ".std")) else torch.randn(v.shape, generator=generator) * 0.03
        for k, v in state.items()
    }


def loaded(spec: str, tmp_path: Path) -> VsrPredictor:
    method = predictor(spec)
    weights = {f"generator.{k}": v for k, v in tame_weights(method).items()}
    torch.save({"meta": {}, "state_dict": weights | {"step_counter": torch.ones(1)}}, tmp_path / "net.pth")
    method.load({"net": tmp_path / "net.pth"}, CPU)
    return method


def clip(frames: int, height: int, width: int) -> torch.Tensor:
    """A smooth picture that moves a pixel a frame."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(1, 3, height // 4 + 2, width // 4 + 2, generator=generator)
    picture = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    return torch.cat([picture.roll(t, -1) for t in range(frames)])


def restore(method: VsrPredictor, frames: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    method.start_clip(ClipInfo("c", len(frames), 25.0, *frames.shape[-2:], *size))
    with torch.inference_mode():
        return method.restore(frames, torch.Generator())


@pytest.mark.parametrize("spec", METHODS)
@pytest.mark.parametrize(("given", "size"), [((18, 22), (70, 85)), ((64, 66), (64, 66))])
def test_any_size_comes_back_as_asked(
    spec: str, given: tuple[int, int], size: tuple[int, int], tmp_path: Path
) -> None:
    out = restore(loaded(spec, tmp_path), clip(2, *given), size)
    assert out.shape == (2, 3, *size)
    assert torch.isfinite(out).all()


def test_same_size_checkpoints_see_the_full_size(tmp_path: Path) -> None:
    method = loaded("basicvsrpp[checkpoint=denoise]", tmp_path)
    out = restore(method, clip(1, 130, 90), (130, 90))
    assert out.shape == (1, 3, 130, 90)


@pytest.mark.parametrize("spec", METHODS)
def test_one_frame_is_a_clip(spec: str, tmp_path: Path) -> None:
    assert restore(loaded(spec, tmp_path), clip(1, 16, 16), (64, 64)).shape == (1, 3, 64, 64)


def test_a_window_border_changes_frames_near_it_most() -> None:
    """Nine frames whole against their first six, in a small network whose memory fades as a trained one's:
    the cut shows at the border, and little five frames before it. Windows drop half the overlap there.
    """
    method = predictor("basicvsrpp")
    torch.manual_seed(3)
    method.net = BasicVSRPlusPlus(mid_channels=16, num_blocks=1).eval()
    frames = clip(9, 16, 16)
    whole = restore(method, frames, (64, 64))
    cut = restore(method, frames[:6], (64, 64))
    change = (whole[:6] - cut).abs().amax(dim=(1, 2, 3))
    assert change[5] > 1e-5
    assert change[0] < 0.2 * change[5]
    assert method.card.overlap // 2 > 5


def test_edvr_windows_share_what_frames_need(tmp_path: Path) -> None:
    """With the card's overlap a frame inside sees the same five frames in either window: only rounding."""
    method = loaded("edvr", tmp_path)
    frames = clip(9, 16, 16)
    whole = restore(method, frames, (64, 64))
    later = restore(method, frames[3:], (64, 64))
    assert method.card.overlap == 4
    torch.testing.assert_close(whole[5:], later[2:], rtol=1e-4, atol=1e-5)
    assert (whole[3] - later[0]).abs().max() > 1e-4


def test_edvr_takes_frames_from_the_other_side_at_the_ends() -> None:
    assert circle(0, 9, 2) == [4, 3, 0, 1, 2]
    assert circle(1, 9, 2) == [4, 0, 1, 2, 3]
    assert circle(4, 9, 2) == [2, 3, 4, 5, 6]
    assert circle(7, 9, 2) == [5, 6, 7, 8, 4]
    assert circle(8, 9, 2) == [6, 7, 8, 5, 4]
    assert circle(0, 1, 2) == [0] * 5
    assert set(circle(1, 3, 2)) <= {0, 1, 2}


def test_padding_mirrors_without_repeating_the_edge() -> None:
    row = torch.arange(5.0).view(1, 1, 1, 5).expand(1, 3, 4, 5)
    padded = pad_by_reflection(row, multiple=4, least=4)
    expected = np.pad(np.arange(5.0), (0, 3), mode="reflect")
    assert padded.shape == (1, 3, 4, 8)
    assert padded[0, 0, 0].tolist() == expected.tolist()
    tiny = pad_by_reflection(torch.rand(1, 3, 1, 2), multiple=1, least=9)
    assert (
        tiny[0, 0].tolist() == np.pad(tiny[0, 0, :1, :2].numpy(), ((0, 8), (0, 7)), mode="reflect").tolist()
    )


def test_frames_of_the_right_size_are_not_touched() -> None:
    frames = torch.rand(2, 3, 16, 20)
    assert fit_input(frames, 16, 20) is frames
    assert fit_input(frames, 4, 5).shape == (2, 3, 4, 5)


BASICSR = [
    ("backward_resblocks.", "backward_trunk."), ("forward_resblocks.", "forward_trunk."),
    ("upsample1.upsample_conv.", "upconv1."), ("upsample2.upsample_conv.", "upconv2."),
    ("pcd_alignment.", "pcd_align."), ("feat_l2_conv1.conv.", "conv_l2_1."),
    ("feat_l2_conv2.conv.", "conv_l2_2."), ("feat_l3_conv1.conv.", "conv_l3_1."),
    ("feat_l3_conv2.conv.", "conv_l3_2."),
]  # fmt: skip


def to_basicsr(name: str) -> str:
    """OpenMMLab's name -> BasicSR's, as the fact sheet gives the table."""
    if "spynet.basic_module" in name:
        return re.sub(r"\.(\d)\.conv\.(weight|bias)$", lambda m: f".{2 * int(m[1])}.{m[2]}", name)
    for ours, theirs in BASICSR:
        name = re.sub("^" + re.escape(ours), theirs, name)
    return name.replace(".conv.", ".") if name.startswith(("pcd_align", "fusion")) else name


@pytest.mark.parametrize("spec", ["basicvsr", "basicvsrpp", "edvr", "edvr[tsa=false]"])
def test_basicsr_files_load_too(spec: str, tmp_path: Path) -> None:
    method = predictor(spec)
    weights = tame_weights(method)
    renamed = {to_basicsr(k): v for k, v in weights.items() if not k.endswith((".mean", ".std"))}
    assert spec.startswith("edvr") or set(renamed) != set(weights)
    torch.save({"params": renamed}, tmp_path / "net.pth")
    method.load({"net": tmp_path / "net.pth"}, CPU)
    got = method.net.state_dict()
    assert all(torch.equal(got[k], v) for k, v in weights.items())


def test_realbasicvsr_takes_the_averaged_generator(tmp_path: Path) -> None:
    method = predictor("realbasicvsr")
    weights = tame_weights(method)
    both: dict[str, Any] = {f"generator.{k}": torch.zeros_like(v) for k, v in weights.items()}
    both |= {f"generator_ema.{k}": v for k, v in weights.items()}
    both |= {"discriminator.conv.weight": torch.ones(2, 2), "step_counter": torch.ones(1)}
    torch.save({"state_dict": both}, tmp_path / "net.pth")
    method.load({"net": tmp_path / "net.pth"}, CPU)
    assert all(torch.equal(method.net.state_dict()[k], v) for k, v in weights.items())


def test_another_networks_file_is_one_clear_message(tmp_path: Path) -> None:
    other = predictor("edvr")
    torch.save({"state_dict": tame_weights(other)}, tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"net\.pth: does not fit BasicVSRPlusPlus: .*missing.*unexpected"):
        predictor("basicvsrpp").load({"net": tmp_path / "net.pth"}, CPU)


def test_checkpoints_of_another_width_are_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": tame_weights(predictor("basicvsrpp"))}, tmp_path / "net.pth")
    with pytest.raises(InputError, match="does not fit"):
        predictor("basicvsrpp[checkpoint=denoise]").load({"net": tmp_path / "net.pth"}, CPU)


def test_bfloat16_autocast_runs_on_the_cpu(tmp_path: Path) -> None:
    method = loaded("basicvsrpp", tmp_path)
    frames = clip(2, 64, 64)
    plain = restore(method, frames, (256, 256))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        fast = restore(method, frames, (256, 256))
    assert torch.isfinite(fast).all()
    assert (plain - fast.float()).abs().max() < 0.05
