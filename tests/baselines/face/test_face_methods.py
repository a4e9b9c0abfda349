"""CodeFormer and KEEP as methods: the official tools' steps around the networks, options, odd input."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.adapters.aligned import is_grey, resize_faces, to_grey, transfer_colour
from baselines.adapters.ready import ready
from baselines.codeformer.network import CodeFormer
from baselines.keep.network import KEEP
from tests.baselines.face.test_codeformer import small_network
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.restoration.restore import InMemory, restore_clip

Frames = NDArray[np.uint8]
SIDE = 64
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def codeformer() -> CodeFormer:
    return small_network(CodeFormer)


@pytest.fixture(scope="module")
def keep() -> KEEP:
    return small_network(KEEP, layout="v1")


def clip(frames: int, height: int, width: int, grey: bool = False) -> Frames:
    noise = np.random.RandomState(0).randint(0, 256, (frames, height // 4 + 1, width // 4 + 1, 3))
    pictures = noise.repeat(4, 1).repeat(4, 2)[:, :height, :width].astype(np.uint8)
    return pictures[..., :1].repeat(3, -1) if grey else pictures


def as_tensor(frames: Frames) -> Tensor:
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255


def info(frames: Frames, size: int = SIDE) -> ClipInfo:
    return ClipInfo("clip", len(frames), 25.0, *frames.shape[1:3], size, size)


@functools.lru_cache(maxsize=2)
def readied(net: torch.nn.Module) -> torch.nn.Module:
    """A copy, as the adapters lay it out; nothing changes its weights afterwards."""
    return ready(copy.deepcopy(net), CPU)


def method(spec: str, net: torch.nn.Module) -> Any:
    """The method as the harness builds it, with a network of seeded weights for 64x64 faces."""
    predictor = choose_method(spec).build()
    predictor.device, predictor.net = CPU, readied(net)
    return predictor


def restore(predictor: Predictor, frames: Frames, size: int = SIDE) -> Frames:
    written = InMemory()
    restore_clip(predictor, Clip.from_array(frames, "clip"), info(frames, size), written, seed=0, device=CPU)
    return np.concatenate(written.parts)


def official(net: CodeFormer, frame: Frames, w: float) -> Frames:
    """One face as the official CodeFormer tool takes it, step by step, in its BGR order."""
    bgr = cv2.resize(frame[..., ::-1], (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    difference = [bgr[..., a].astype(np.int16) - bgr[..., b] for a, b in ((0, 1), (1, 2), (2, 0))]
    grey = sum(d.var() for d in difference) / 3 <= 10
    x = torch.from_numpy(np.float32(bgr[..., ::-1] / 255.0)).permute(2, 0, 1)[None]
    out = net((x - 0.5) / 0.5, w=w, adain=True)[0][0].clamp(-1, 1)
    face = np.round(((out + 1) / 2).permute(1, 2, 0).numpy()[..., ::-1] * 255.0).astype(np.uint8)
    if not grey:
        return face[..., ::-1]
    luma = 0.114 * face[..., 0] + 0.587 * face[..., 1] + 0.2989 * face[..., 2]
    content = luma[..., None].repeat(3, -1)
    stats = [(a.mean((0, 1)), np.sqrt(a.var((0, 1)) + 1e-5)) for a in (content, bgr.astype(float))]
    (mean, std), (wanted_mean, wanted_std) = stats
    matched = (content - mean) / std * wanted_std + wanted_mean
    return np.clip(np.rint(matched), 0, 255).astype(np.uint8)[..., ::-1]


@pytest.mark.parametrize(("height", "width"), [(64, 64), (16, 16), (50, 37)])
@pytest.mark.parametrize("grey", [False, True])
def test_codeformer_does_the_official_steps(
    codeformer: CodeFormer, height: int, width: int, grey: bool
) -> None:
    frames = clip(2, height, width, grey)
    ours = restore(method("codeformer[w=0.7]", codeformer), frames)
    with torch.no_grad():
        theirs = np.stack([official(codeformer, frame, 0.7) for frame in frames])
    difference = np.abs(ours.astype(int) - theirs)
    assert difference.max() <= 1  # a value on the border of two levels may round either way
    assert (difference > 0).mean() < 5e-3


def test_codeformers_frames_do_not_depend_on_the_batch(codeformer: CodeFormer) -> None:
    predictor, frames = method("codeformer", codeformer), as_tensor(clip(3, 64, 64))
    predictor.start_clip(info(clip(3, 64, 64)))
    by_batch = [torch.cat([predictor.restore_batch(p) for p in frames.split(size)]) for size in (1, 2, 3)]
    for other in by_batch[1:]:
        assert (other - by_batch[0]).abs().max() <= 1.01 / 255
        assert (other != by_batch[0]).float().mean() < 1e-3


def test_codeformers_options_reach_the_network(codeformer: CodeFormer) -> None:
    frames = clip(1, 64, 64)
    specs = ("codeformer", "codeformer[w=0]", "codeformer[w=1]", "codeformer[adain=false]")
    results = {spec: restore(method(spec, codeformer), frames) for spec in specs}
    default = restore(method("codeformer[w=0.5,adain=true]", codeformer), frames)
    assert np.array_equal(results["codeformer"], default)
    assert all(not np.array_equal(results[spec], default) for spec in specs[1:])


def test_a_grey_face_comes_back_grey(codeformer: CodeFormer, keep: KEEP) -> None:
    frames = clip(2, 64, 64, grey=True)
    for predictor in (method("codeformer", codeformer), method("keep", keep)):
        out = restore(predictor, frames)
        assert np.array_equal(out[..., :1].repeat(3, -1), out)
        assert out.std() > 1
    coloured = restore(method("keep", keep), clip(2, 64, 64))
    assert not np.array_equal(coloured[..., :1].repeat(3, -1), coloured)


def test_only_the_grey_frames_of_a_clip_turn_grey(keep: KEEP) -> None:
    mixed = clip(2, 64, 64)
    mixed[1] = clip(1, 64, 64, grey=True)[0]
    out = restore(method("keep", keep), mixed)
    assert [np.array_equal(f[..., :1].repeat(3, -1), f) for f in out] == [False, True]


def test_keep_restores_sub_clips_from_scratch(keep: KEEP) -> None:
    frames = clip(3, 16, 16)
    ours = restore(method("keep[max_length=2]", keep), frames)
    parts = [restore(method("keep", keep), frames[i : i + 2]) for i in (0, 2)]
    assert np.array_equal(ours, np.concatenate(parts))
    whole = restore(method("keep", keep), frames).astype(int)
    assert np.abs(ours[2:] - whole[2:]).max() > 1


def test_keep_takes_sub_clips_of_20_frames_by_default() -> None:
    assert choose_method("keep").build().card.window == 20
    assert choose_method("keep[max_length=7]").build().card.window == 7
    assert not choose_method("keep").build().card.stateful
    assert choose_method("keep[stream=true]").build().card.stateful


def test_keep_streams_over_the_borders_of_sub_clips(keep: KEEP) -> None:
    frames = clip(3, 16, 16)
    predictor = method("keep[stream=true,max_length=2,kfn=false]", keep)
    whole = restore(method("keep[kfn=false]", keep), frames).astype(int)
    for _ in range(2):  # a second clip remembers nothing of the first
        assert np.abs(restore(predictor, frames) - whole).max() <= 1
    cut = restore(method("keep[max_length=2,kfn=false]", keep), frames)
    assert np.abs(cut - whole)[2:].max() > 1


@pytest.mark.parametrize(
    ("option", "later"), [("kfn=false", True), ("stream=true", False), ("max_length=1", True)]
)
def test_keeps_options_change_later_frames_only(keep: KEEP, option: str, later: bool) -> None:
    """A clip within one window: streaming has no border to cross."""
    frames = clip(3, 16, 16)
    ours, plain = (restore(method(s, keep), frames).astype(int) for s in (f"keep[{option}]", "keep"))
    assert np.abs(ours[0] - plain[0]).max() <= 1
    assert (np.abs(ours[1:] - plain[1:]).max() > 1) == later


@pytest.mark.parametrize("spec", ["codeformer", "keep", "keep[stream=true]"])
def test_clips_of_one_frame(codeformer: CodeFormer, keep: KEEP, spec: str) -> None:
    net = codeformer if spec == "codeformer" else keep
    one, more = restore(method(spec, net), clip(1, 16, 16)), restore(method(spec, net), clip(3, 16, 16))
    assert one.shape == (1, SIDE, SIDE, 3)
    assert np.abs(one[0].astype(int) - more[0]).max() <= 1


@pytest.mark.parametrize("spec", ["codeformer", "keep"])
def test_odd_sizes_in_and_other_sizes_out(codeformer: CodeFormer, keep: KEEP, spec: str) -> None:
    net = codeformer if spec == "codeformer" else keep
    assert restore(method(spec, net), clip(2, 33, 47), size=50).shape == (2, 50, 50, 3)


@pytest.mark.parametrize("shape", [(0, 3, 16, 16), (2, 1, 16, 16), (2, 3, 16)])
def test_empty_clips_and_other_layouts_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="at least one"):
        resize_faces(torch.zeros(shape))


def test_frames_are_resized_as_opencv_does_it() -> None:
    frames = clip(2, 30, 41)
    expected = np.stack([cv2.resize(f, (64, 64), interpolation=cv2.INTER_LINEAR) for f in frames])
    got = resize_faces(as_tensor(frames), 64)
    assert np.array_equal((got * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy(), expected)


@pytest.mark.parametrize(("spread", "expected"), [(0, True), (3, True), (4, True), (5, False), (40, False)])
def test_grey_is_what_the_official_rule_calls_grey(spread: int, expected: bool) -> None:
    """One channel alternates by +- spread / 2 around the others: two differences of variance (spread/2)^2,
    so the mean of three is spread^2 / 6, to be compared with 10."""
    base = np.random.RandomState(1).randint(60, 180, (1, 32, 32, 1)).repeat(3, -1)
    base[:, :, ::2, 0] += spread
    difference = [base[..., a] - base[..., b] for a, b in ((0, 1), (1, 2), (2, 0))]
    rule = bool(sum(d.var() for d in difference) / 3 <= 10)
    assert bool(is_grey(as_tensor(base.astype(np.uint8)))[0]) == rule
    assert rule == (spread**2 / 6 <= 10) == expected or spread in (5, 40)


def test_luma_and_colour_transfer() -> None:
    frame = torch.tensor([1.0, 0.5, 0.25])[None, :, None, None].expand(1, 3, 4, 4)
    grey = to_grey(frame)
    torch.testing.assert_close(grey, torch.full((1, 3, 4, 4), 0.2989 + 0.587 * 0.5 + 0.114 * 0.25))
    content, style = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16) * 0.3 + 0.2
    out = transfer_colour(content, style)
    torch.testing.assert_close(out.mean((2, 3)), style.mean((2, 3)))
    torch.testing.assert_close(
        out.std((2, 3), correction=0), style.std((2, 3), correction=0), rtol=1e-4, atol=0
    )


@pytest.mark.parametrize(
    ("spec", "weights"),
    [
        ("codeformer", {"net": "codeformer"}),
        ("keep", {"net": "keep-v1"}),
        ("keep[layout=v0]", {"net": "keep-v0"}),
        ("keep[layout=asian,cfa=false]", {"net": "keep-asian"}),
        ("keep[flow=pwcnet]", {"net": "keep-v1", "flow": "pwcnet"}),
    ],
)
def test_the_options_choose_the_weights(spec: str, weights: dict[str, str]) -> None:
    chosen = choose_method(spec)
    assert {use.role: use.name for use in chosen.card.weights_for(dict(chosen.options))} == weights


def test_loading_fills_the_chosen_network(tmp_path: Path) -> None:
    path = tmp_path / "codeformer.pth"
    with torch.device("meta"):
        empty = CodeFormer()
    stored = {name: torch.tensor(0.01).expand(value.shape) for name, value in empty.state_dict().items()}
    torch.save({"params_ema": stored}, path)
    predictor = choose_method("codeformer").build()
    predictor.load({"net": path}, CPU)
    assert predictor.net.side == 512
    assert not predictor.net.training
    assert all((value == 0.01).all() for value in predictor.net.state_dict().values())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="truncated or damaged"):
        choose_method("codeformer").build().load({"net": path}, CPU)
