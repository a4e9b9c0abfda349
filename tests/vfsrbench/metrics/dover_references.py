"""DOVER against another making of it, with the same random weights: views cut step by step as the authors'
script does with its two generators, the technical branch from torchvision's Swin3D, the other written out."""

from __future__ import annotations

import math
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models.video.swin_transformer import SwinTransformer3d
from torchvision.transforms.functional import resize

from tests.vfsrbench.metrics import clips
from tests.vfsrbench.metrics.checker import scores
from tests.vfsrbench.metrics.outcome import Outcome, Reference
from tests.vfsrbench.metrics.random_weights import folder, weights_file
from vfsrbench import plugins
from vfsrbench.metric import Frames, TruthInfo
from vfsrbench.metrics.quality.dover import Dover

CENTRES = {"technical_head.fc_last.bias": 1.85, "aesthetic_head.fc_last.bias": -0.18}
"""Added to the random weights: raw values come to lie where trained ones do, away from a sigmoid's ends."""
FRAMES, HEIGHT, WIDTH = 160, 250, 232  # frames are drawn for the aesthetic branch, pieces down and across
MEAN, STD = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])


@cache
def clip() -> Frames:
    return clips.noisy(clips.moving(FRAMES, HEIGHT), 0.5)[:, :, :WIDTH]


@cache
def _state() -> dict[str, Tensor]:
    from safetensors.torch import load_file

    state = load_file(weights_file("dover"))
    return state | {name: state[name] + added for name, added in CENTRES.items()}


@cache
def _file() -> Path:
    from safetensors.torch import save_file

    path = folder() / "dover_centred.untrained.safetensors"
    save_file(_state(), path)
    return path


def _part(prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): v for name, v in _state().items() if name.startswith(prefix)}


@cache
def views(seed: int) -> tuple[Tensor, Tensor]:
    """The technical view (96, H, W, 3) and the aesthetic one (32, H, W, 3), of whole numbers."""
    frames = torch.from_numpy(clip())
    rng = np.random.RandomState(seed)
    assert FRAMES // 3 <= 64, "of longer clips starts are drawn too, before anything else"
    places = [k * (FRAMES // 3) + 2 * i for k in range(3) for i in range(32)]
    numbers = FRAMES // 32 * np.arange(32) + rng.randint(0, FRAMES // 32 - 2, 32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        down = torch.randint(HEIGHT // 7 - 32, (7, 7, 3))
        across = torch.randint(WIDTH // 7 - 32, (7, 7, 3))
    technical = torch.zeros(96, 224, 224, 3)
    for i in range(7):
        for j in range(7):
            for k in range(96):
                top = min(HEIGHT // 7 * i, HEIGHT - 32) + int(down[i, j, k // 32])
                left = min(WIDTH // 7 * j, WIDTH - 32) + int(across[i, j, k // 32])
                piece = frames[places[k] % FRAMES, top : top + 32, left : left + 32]
                technical[k, 32 * i : 32 * i + 32, 32 * j : 32 * j + 32] = piece
    chosen = frames[torch.from_numpy(numbers)].permute(0, 3, 1, 2)
    return technical, resize(chosen, [224, 224], antialias=True).permute(0, 2, 3, 1).float()


def _input(view: Tensor) -> Tensor:
    return ((view - MEAN) / STD).permute(3, 0, 1, 2)[None]


@cache
def technical_raw(seed: int) -> float:
    network = _swin()
    found = []
    with torch.inference_mode():
        for part in _input(views(seed)[0]).split(32, 2):
            x = network.features(network.pos_drop(network.patch_embed(part)))
            found.append(_head("technical_head.", network.norm(x)))
    return float(torch.stack(found).double().mean())


def _head(prefix: str, x: Tensor) -> Tensor:
    """Of channels last."""
    tensors = {name: value.flatten(1) if value.ndim > 1 else value for name, value in _part(prefix).items()}
    x = F.gelu(F.linear(x, tensors["fc_hid.weight"], tensors["fc_hid.bias"]))
    return F.linear(x, tensors["fc_last.weight"], tensors["fc_last.bias"])


@cache
def _swin() -> SwinTransformer3d:
    """torchvision's network with the branch's weights, its biases gated by the fragments."""
    network = SwinTransformer3d([2, 4, 4], 96, [2, 2, 6, 2], [3, 6, 12, 24], [8, 7, 7]).eval()
    ours, given = _part("technical_backbone."), {}
    for name, value in ours.items():
        if name.startswith("layers."):
            _, layer, kind, *rest = name.split(".")
            if "fragment_position" in name:
                continue
            stage = 2 * int(layer) + (kind == "downsample")
            name = ".".join(["features", str(stage), *rest])
            name = name.replace("mlp.fc1", "mlp.0").replace("mlp.fc2", "mlp.3")
        given[name] = value
    given |= {name: value for name, value in network.state_dict().items() if name.startswith("head.")}
    network.load_state_dict(given, strict=True)
    for layer in range(3):
        for number, block in enumerate(network.features[2 * layer]):
            shift = (4, 3, 3) if number % 2 else (0, 0, 0)
            name = f"layers.{layer}.blocks.{number}.attn."
            near, far = (
                ours[f"{name}{kind}_position_bias_table"][ours[f"{name}relative_position_index"]]
                for kind in ("relative", "fragment")
            )
            gate = torch.from_numpy(_gate(56 >> layer, shift))[..., None]
            bias = (near * gate + far * (1 - gate)).permute(0, 3, 1, 2).contiguous()
            block.attn.get_relative_position_bias = partial(_given, bias)
    return network


def _given(bias: Tensor, window: object) -> Tensor:
    return bias


def _gate(side: int, shift: tuple[int, int, int]) -> np.ndarray:
    """(windows, 392, 392): rows plus columns of fragments between two tokens of a window."""
    found = []
    for _, top, left in np.ndindex(2, side // 7, side // 7):
        tokens = [(7 * top + i, 7 * left + j) for _ in range(8) for i in range(7) for j in range(7)]
        rows = np.array([(i + shift[1]) % side * 7 // side for i, _ in tokens])
        columns = np.array([(j + shift[2]) % side * 7 // side for _, j in tokens])
        found.append(np.abs(rows[:, None] - rows) + np.abs(columns[:, None] - columns))
    return np.array(found, np.float32)


@cache
def aesthetic_raw(seed: int) -> float:
    state = _part("aesthetic_backbone.")
    x = _input(views(seed)[1])
    with torch.inference_mode():
        for stage, depth in enumerate((3, 3, 9, 3)):
            first, second = (f"downsample_layers.{stage}.{n}" for n in (0, 1))
            if stage == 0:
                x = _norm(state, second, _conv(state, first, x, (2, 4, 4)))
            else:
                x = _conv(state, second, _norm(state, first, x), (1, 2, 2))
            for block in range(depth):
                x = _block(state, f"stages.{stage}.{block}", x, (1, 3, 1)[block % 3])
        x = _norm(state, "norm", x).permute(0, 2, 3, 4, 1)
        return float(_head("aesthetic_head.", x).double().mean())


def _block(state: dict[str, Tensor], name: str, x: Tensor, time: int) -> Tensor:
    width = x.shape[1]
    weight, bias = state[f"{name}.dwconv.weight"], state[f"{name}.dwconv.bias"]
    inner = F.conv3d(x, weight, bias, padding=(time // 2, 3, 3), groups=width)
    inner = _norm(state, f"{name}.norm", inner).permute(0, 2, 3, 4, 1)
    inner = F.gelu(F.linear(inner, state[f"{name}.pwconv1.weight"], state[f"{name}.pwconv1.bias"]))
    inner = F.linear(inner, state[f"{name}.pwconv2.weight"], state[f"{name}.pwconv2.bias"])
    return x + (state[f"{name}.gamma"] * inner).permute(0, 4, 1, 2, 3)


def _conv(state: dict[str, Tensor], name: str, x: Tensor, stride: tuple[int, int, int]) -> Tensor:
    return F.conv3d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride)


def _norm(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    """Over channels, by its formula."""
    mean = x.mean(1, keepdim=True)
    spread = (x - mean).square().mean(1, keepdim=True)
    shape = (-1, 1, 1, 1)
    x = (x - mean) / (spread + 1e-6).sqrt()
    return x * state[f"{name}.weight"].view(shape) + state[f"{name}.bias"].view(shape)


def value(kind: str, seed: int) -> float:
    """The value of a draw."""
    standard = {}
    if kind != "aesthetic":
        standard["technical"] = (technical_raw(seed) - 0.1107) / 0.07355
    if kind != "technical":
        standard["aesthetic"] = (aesthetic_raw(seed) + 0.08285) / 0.03774
    if kind == "overall":
        return 1 / (1 + math.exp(-0.6104 * standard["technical"] - 0.3896 * standard["aesthetic"]))
    return 1 / (1 + math.exp(-standard[kind]))


def against(metric_id: str, kind: str, seeds: range) -> Outcome:
    """The metric's value; of one branch alone if `kind` says so and the card does not."""
    card = plugins.metrics()[metric_id].card
    chosen = Dover(card.model_copy(update={"params": {**card.params, "value": kind}}))
    chosen.load({"network": _file()}, torch.device("cpu"))
    got = chosen.finish(scores(chosen, clip(), clip(), 16, TruthInfo("clip", "", FRAMES)))
    wanted = [value(kind, seed) for seed in seeds]
    assert all(0.1 < each < 0.9 for each in wanted), "a sigmoid at its ends would hide deviations"
    return Outcome(abs(got - float(np.mean(wanted))), len(wanted))


def _reference(metric_id: str, kind: str) -> Reference:
    run = lambda: against(metric_id, kind, range(42, 43))  # noqa: E731
    return Reference(run, 2e-5, "both sides work in float32", heavy=True)


_FIVE = Reference(
    lambda: against("dover_mean5", "aesthetic", range(42, 47)),
    2e-5,
    "both sides work in float32; five draws of the aesthetic branch, as one of both takes minutes",
    heavy=True,
)


DOVER_REFERENCES: dict[str, Reference] = {
    "dover": _reference("dover", "overall"),
    "dover_technical": _reference("dover_technical", "technical"),
    "dover_aesthetic": _reference("dover_aesthetic", "aesthetic"),
    "dover_mean5": _FIVE,
}
