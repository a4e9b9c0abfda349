"""GFPGAN, RestoreFormer(++), GPEN and VQFR as methods: the official steps, options, files, odd input."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from baselines.gfpgan.network import GFPGANClean, draw_noise
from baselines.gpen.network import GPEN
from baselines.layers.norms import ChannelsLastGroupNorm
from baselines.restoreformer.network import RestoreFormer, RestoreFormerPP
from baselines.vqfr.network import VQFR, SerialGroupNorm
from tests.baselines.face.test_face_methods import CPU, SIDE, Frames, as_tensor, clip, info, restore
from vfsrbench.errors import InputError, JobFailure
from vfsrbench.io.clip import Clip
from vfsrbench.method_spec import choose_method
from vfsrbench.restoration.restore import InMemory, restore_clip, window_seed
from vfsrbench.runtime.precision import arithmetic
from vfsrbench.weights.manifest import load_manifest

Nets = dict[str, nn.Module]
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "gfpgan": lambda: GFPGANClean(side=SIDE, narrow=1 / 8),
    "restoreformer": RestoreFormer,
    "restoreformerpp": RestoreFormerPP,
    "gpen": lambda: GPEN(side=SIDE, narrow=1 / 8),
    "vqfr": lambda: VQFR(side=SIDE),
}
CALLS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "gfpgan": lambda net, x: net(x, randomize_noise=False)[0],
    "vqfr": lambda net, x: net(x, fidelity_ratio=0.0)[0],
}


@pytest.fixture(scope="module")
def nets() -> Nets:
    """Networks of seeded weights for 64x64 faces, whose results fill about the range of a picture."""
    made = {}
    for name, build in NETWORKS.items():
        torch.manual_seed(0)
        net = build().eval().requires_grad_(False)
        for parameter, value in net.named_parameters():
            if parameter.endswith((".bias", "noise.weight")) or value.numel() == 1:
                value.normal_(std=0.3)
        net.side = SIDE
        with torch.no_grad():
            out = CALLS.get(name, lambda net, x: net(x)[0])(net, as_tensor(clip(4, SIDE, SIDE)) * 2 - 1)
        made[name] = net
        scale_output(net, float(1.2 * out.std()), float(out.mean()))
    return made


def scale_output(net: nn.Module, spread: float, mean: float) -> None:
    """Every call's image as if the last layer's weights were smaller: GANs of random weights are loud."""

    def hook(module: nn.Module, given: tuple, output: Any) -> Any:
        image = (output[0] - mean) / spread
        return type(output)(image, *output[1:])

    net.register_forward_hook(hook)
    if isinstance(net, VQFR):
        plain = net.restore
        net.restore = lambda *given: (plain(*given) - mean) / spread  # type: ignore[method-assign]


def method(spec: str, net: nn.Module) -> Any:
    """The method as the harness builds it, with a network for 64x64 faces."""
    predictor = choose_method(spec).build()
    predictor.device, predictor.net = CPU, net
    return predictor


def official(net: nn.Module, name: str, frame: Frames) -> Frames:
    """One face as the official tools take it, step by step, in their BGR order."""
    bgr = cv2.resize(frame[..., ::-1], (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    x = torch.from_numpy(np.float32(bgr[..., ::-1] / 255.0)).permute(2, 0, 1)[None]
    out = CALLS.get(name, lambda net, x: net(x)[0])(net, (x - 0.5) / 0.5)[0]
    if name == "gpen":
        face = (out * 0.5 + 0.5).permute(1, 2, 0).flip(2).numpy()
        return (np.clip(face, 0, 1) * 255.0).astype(np.uint8)[..., ::-1]
    face = ((out.clamp(-1, 1) + 1) / 2).permute(1, 2, 0).numpy()[..., ::-1]
    return (face * 255.0).round().astype(np.uint8)[..., ::-1]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("height", "width", "grey"), [(64, 64, False), (16, 16, True), (50, 37, False)])
def test_the_official_steps(nets: Nets, name: str, height: int, width: int, grey: bool) -> None:
    frames = clip(2, height, width, grey)
    ours = restore(method(name, nets[name]), frames)
    with torch.no_grad():
        theirs = np.stack([official(nets[name], name, frame) for frame in frames])
    difference = np.abs(ours.astype(int) - theirs)
    assert difference.max() <= 1  # a value on the border of two levels may go either way
    assert (difference > 0).mean() < 5e-3
    assert 30 < ours.std() < 110  # neither flat nor clipped to black and white


@pytest.mark.parametrize("spec", [*NETWORKS, "vqfr[f=0.5]"])
def test_frames_do_not_depend_on_the_batch(nets: Nets, spec: str) -> None:
    predictor, frames = method(spec, nets[spec.split("[")[0]]), as_tensor(clip(3, 64, 64))
    predictor.start_clip(info(clip(3, 64, 64)))
    with torch.inference_mode():
        sizes = [torch.cat([predictor.restore_batch(p) for p in frames.split(n)]) for n in (1, 2, 3)]
    for other in sizes[1:]:
        assert (other - sizes[0]).abs().max() <= 1.01 / 255
        assert (other != sizes[0]).float().mean() < 2e-3


class Identity(nn.Module):
    """Gives the picture back, as a network whose result is its first item."""

    side = SIDE

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        return x, None


def test_gpen_cuts_off_where_the_others_round() -> None:
    """All 256 levels through an identity network: GPEN's tool darkens 63 of them, the others none."""
    ramp = np.arange(SIDE * SIDE * 3).reshape(1, SIDE, SIDE, 3).astype(np.uint8)
    assert np.array_equal(restore(method("gpen[rounding=nearest]", Identity()), ramp), ramp)
    darker = ramp.astype(int) - restore(method("gpen", Identity()), ramp)
    assert set(darker.ravel()) == {0, 1}
    assert len(set(ramp[darker == 1])) == 63


@pytest.mark.parametrize("name", NETWORKS)
def test_the_fast_profile_gives_nearly_the_same(nets: Nets, name: str) -> None:
    """bfloat16 has 8 bits of mantissa; networks of random weights amplify its rounding."""
    predictor, frames = method(name, nets[name]), clip(1, 64, 64)
    strict = restore(predictor, frames).astype(float)
    predictor.profile = "fast"
    with arithmetic("fast", CPU):
        fast = restore(predictor, frames)
    error = np.abs(fast - strict).mean() / strict.std()
    assert 0 < error < 0.1


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("profile", ["strict", "fast"])
def test_channels_last_with_exact_norms(name: str, profile: str, tmp_path: Path) -> None:
    """CPUs convolve faster in that order; in strict no norm may be torch's own, which rounds otherwise there,
    but for VQFR's, which round as the official ones."""
    predictor = choose_method(name).build()
    predictor.profile = profile
    predictor.load({"net": stored(tmp_path / "net.pth", empty(name), WRAPPED[name])}, CPU)
    filters = [p for p in predictor.net.parameters() if p.ndim == 4 and min(p.shape[1:]) > 1]
    assert predictor.order == torch.channels_last
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in filters)
    norms = {type(m) for m in predictor.net.modules() if isinstance(m, nn.GroupNorm)}
    if profile == "strict":
        assert norms <= {ChannelsLastGroupNorm, SerialGroupNorm}
        assert (SerialGroupNorm in norms) == (name == "vqfr")


def test_vqfrs_ratio_reaches_the_network(nets: Nets) -> None:
    frames = clip(1, 64, 64)
    default, zero, half = (
        restore(method(f"vqfr{o}", nets["vqfr"]), frames) for o in ("", "[f=0]", "[f=0.5]")
    )
    assert np.array_equal(default, zero)
    assert not np.array_equal(default, half)
    with pytest.raises(InputError, match=re.escape("option 'f' of vqfr")):
        choose_method("vqfr[f=1.5]")


def seeded(net: nn.Module, frames: Frames, seed: int = 0, name: str = "clip") -> Frames:
    written = InMemory()
    predictor = method("gfpgan[noise=seeded]", net)
    about = replace(info(frames), name=name)
    restore_clip(predictor, Clip.from_array(frames, name), about, written, seed=seed, device=CPU)
    return np.concatenate(written.parts)


def test_gfpgans_seeded_noise_follows_from_seed_clip_and_frame(nets: Nets) -> None:
    still = clip(1, 64, 64).repeat(3, 0)
    first = seeded(nets["gfpgan"], still)
    assert np.array_equal(first, seeded(nets["gfpgan"], still))
    assert np.array_equal(first[:2], seeded(nets["gfpgan"], still[:2]))
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first, seeded(nets["gfpgan"], still, seed=1))
    assert not np.array_equal(first, seeded(nets["gfpgan"], still, name="other"))
    stored = restore(method("gfpgan", nets["gfpgan"]), still)
    assert np.array_equal(stored[0], stored[1])


def test_gfpgans_seeded_noise_is_the_official_draw(nets: Nets) -> None:
    """For frame 1 of a clip: 15 maps (here 9) in the network's order from one generator."""
    frames = clip(2, 64, 64)
    generator = torch.Generator().manual_seed(window_seed(0, "clip", 1))
    with torch.no_grad():
        out = nets["gfpgan"](as_tensor(frames[1:]) * 2 - 1, noise=draw_noise(1, SIDE, generator))[0]
    expected = ((out[0].clamp(-1, 1) + 1) / 2 * 255).round().permute(1, 2, 0).numpy().astype(np.uint8)
    assert np.array_equal(seeded(nets["gfpgan"], frames)[1], expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_one_frame_and_odd_sizes(nets: Nets, name: str) -> None:
    predictor = method(name, nets[name])
    one = restore(predictor, clip(1, 33, 47), size=50)
    assert one.shape == (1, 50, 50, 3)
    assert np.abs(one[0].astype(int) - restore(predictor, clip(3, 33, 47), size=50)[0]).max() <= 1


def test_a_failing_network_fails_the_job(nets: Nets) -> None:
    """The official tools hand the input on as the result instead."""

    class SkippedPlugin(Identity):
        def forward(self, x: Tensor) -> tuple[Tensor, None]:
            raise RuntimeError("something in the network")

    with pytest.raises(JobFailure, match="something in the network"):
        restore(method("restoreformer", SkippedPlugin()), clip(1, 64, 64))


WEIGHTS = {
    "gfpgan": "gfpgan-1.4",
    "gfpgan[version=1.3]": "gfpgan-1.3",
    "gfpgan[version=1.2,noise=seeded]": "gfpgan-1.2",
    "restoreformer": "restoreformer",
    "restoreformerpp": "restoreformerpp",
    "gpen": "gpen-512",
    "vqfr[f=0.1]": "vqfr",
}


@pytest.mark.parametrize("spec", WEIGHTS)
def test_the_options_choose_the_weights(spec: str) -> None:
    chosen = choose_method(spec)
    assert [use.name for use in chosen.card.weights_for(dict(chosen.options))] == [WEIGHTS[spec]]
    assert WEIGHTS[spec] in load_manifest().entries


def stored(path: Path, network: nn.Module, wrap: Callable[[dict[str, Tensor]], Any]) -> Path:
    """A small file in the official layout: every tensor one number, spread by strides of zero."""
    names = network.state_dict()
    torch.save(wrap({name: torch.tensor(0.01).expand(value.shape) for name, value in names.items()}), path)
    return path


def empty(name: str) -> nn.Module:
    with torch.device("meta"):
        return choose_method(name).build().network()


WRAPPED: dict[str, Callable[[dict[str, Tensor]], Any]] = {
    "gfpgan": lambda tensors: {"params_ema": tensors},
    "restoreformer": lambda tensors: {"params": tensors},
    "restoreformerpp": lambda tensors: {
        "state_dict": {
            **{f"vqvae.{name}": value for name, value in tensors.items()},
            "vqvae.quantize.utility_counter": torch.zeros(1024),
        },
        "epoch": 3,
    },
    "gpen": lambda tensors: tensors,
    "vqfr": lambda tensors: {"params_ema": tensors},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_official_files_load_strictly(name: str, tmp_path: Path) -> None:
    predictor = choose_method(name).build()
    predictor.load({"net": stored(tmp_path / "net.pth", empty(name), WRAPPED[name])}, CPU)
    assert predictor.net.side == 512
    assert not predictor.net.training
    assert all((value == 0.01).all() for value in predictor.net.state_dict().values())


@pytest.mark.parametrize("name", NETWORKS)
def test_files_of_another_network_are_refused(name: str, tmp_path: Path) -> None:
    other = {"restoreformer": "restoreformerpp", "restoreformerpp": "restoreformer"}.get(
        name, "restoreformer"
    )
    path = stored(tmp_path / "net.pth", empty(other), WRAPPED[other])
    with pytest.raises(InputError, match=r"net\.pth: does not fit .*another network or version"):
        choose_method(name).build().load({"net": path}, CPU)


@pytest.mark.parametrize("name", NETWORKS)
def test_truncated_and_missing_files_are_refused(name: str, tmp_path: Path) -> None:
    path = stored(tmp_path / "net.pth", empty(name), WRAPPED[name])
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="truncated or damaged"):
        choose_method(name).build().load({"net": path}, CPU)
    with pytest.raises(InputError, match="no such checkpoint"):
        choose_method(name).build().load({"net": tmp_path / "none.pth"}, CPU)
