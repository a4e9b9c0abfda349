"""LPIPS 0.1 (Zhang et al., CVPR 2018) in two halves, so that a picture's features are computed once and
compared with many others. Layout and numbers are those of the `lpips` package.

The linear heads come with that package (BSD-2-Clause); the backbone's weights are torchvision's ImageNet
file, given to `load_backbone`. Without them the backbone is random.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from degradations.errors import InputError, did_you_mean

# where the backbone's `features` are cut: after the ReLU in front of each of these indices a map is taken
_CUTS = {
    "alex": (0, 2, 5, 8, 10, 12),
    "vgg": (0, 4, 9, 16, 23, 30),
    "squeeze": (0, 2, 5, 8, 10, 11, 12, 13),
}
_CHANNELS = {
    "alex": (64, 192, 384, 256, 256),
    "vgg": (64, 128, 256, 512, 512),
    "squeeze": (64, 128, 256, 384, 384, 512, 512),
}
_HEADS_SHA256 = {
    "alex": "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    "vgg": "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
    "squeeze": "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76",
}
MIN_SIDE = {"alex": 31, "vgg": 16, "squeeze": 17}


class ScalingLayer(nn.Module):
    """Pictures in [-1, 1] to the backbone's range."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.shift) / self.scale


class Backbone(nn.Module):
    """torchvision's `features`, cut into slices that keep their layers' numbers."""

    def __init__(self, name: str) -> None:
        super().__init__()
        layers = list(_layers(name))
        for number, (start, stop) in enumerate(pairwise(_CUTS[name]), start=1):
            part = nn.Sequential()
            for index in range(start, stop):
                part.add_module(str(index), layers[index])
            self.add_module(f"slice{number}", part)

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for part in self.children():
            x = part(x)
            maps.append(x)
        return maps


class Head(nn.Module):
    """A weight for each channel; the package puts a dropout in front, which does nothing in use."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Dropout(), nn.Conv2d(channels, 1, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class LPIPS(nn.Module):
    """backbone: alex, vgg or squeeze. Pictures are RGB (N, 3, H, W) in [0, 1] on any device.

    `compare(features(a), features(b))` is the distance of each pair, (N,), equal to
    `lpips.LPIPS(net=backbone)(a, b, normalize=True)`.
    """

    exact_layers = ("lins", *(f"lin{number}" for number in range(7)))
    """Run in float32 in either profile, see `layers`."""

    def __init__(self, backbone: str = "alex") -> None:
        super().__init__()
        if backbone not in _CUTS:
            raise did_you_mean("LPIPS backbone", backbone, _CUTS)
        self.backbone = backbone
        self.scaling_layer = ScalingLayer()
        self.net = Backbone(backbone)
        heads = [Head(channels) for channels in _CHANNELS[backbone]]
        for number, head in enumerate(heads):
            self.add_module(f"lin{number}", head)
        self.lins = nn.ModuleList(heads)  # the package's state dict names them twice
        self.load_state_dict(_packaged_heads(backbone), strict=False)
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> LPIPS:
        """Always in evaluation mode: dropout would make the distance random."""
        return super().train(False)

    def load_backbone(self, state: Mapping[str, Tensor]) -> None:
        """torchvision's file (alexnet, vgg16, squeezenet1_1), whose classifier is left out. Raises
        InputError when a tensor is missing or has another shape, or another network's is there."""
        renamed = {}
        for number, (start, stop) in enumerate(pairwise(_CUTS[self.backbone]), start=1):
            for index in range(start, stop):
                prefix = f"features.{index}."
                for name, value in state.items():
                    if name.startswith(prefix):
                        renamed[f"slice{number}.{name.removeprefix('features.')}"] = value
        used = {name.split(".", 1)[1] for name in renamed}
        extra = [
            n for n in state if not n.startswith("classifier.") and n.removeprefix("features.") not in used
        ]
        try:
            self.net.load_state_dict(renamed)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise InputError(f"not the {self.backbone} backbone of torchvision: {reason[:300]}") from error
        if extra:
            raise InputError(f"not the {self.backbone} backbone of torchvision: {extra[0]!r} does not belong")

    def features(self, images: Tensor) -> list[Tensor]:
        """Unit-length feature maps (N, C, h, w) of pictures in [0, 1], one a layer."""
        if min(images.shape[2:]) < MIN_SIDE[self.backbone]:
            raise InputError(
                f"LPIPS ({self.backbone}) needs at least {MIN_SIDE[self.backbone]} pixels a side, "
                f"got {images.shape[3]}x{images.shape[2]}"
            )
        maps = [m.float() for m in self.net(self.scaling_layer(2 * images - 1))]
        return [m / (m.square().sum(1, keepdim=True).sqrt() + 1e-10) for m in maps]

    def layers(self, a: list[Tensor], b: list[Tensor]) -> list[Tensor]:
        """Each layer's map of weighted squared differences (N, 1, h, w) of two sets of features.

        In float32 whatever autocast says: small differences of near-equal maps are what counts here.
        """
        pairs = zip(self.lins, a, b, strict=True)
        with torch.autocast(a[0].device.type, enabled=False):
            return [head((left - right).square()) for head, left, right in pairs]

    def compare(self, a: list[Tensor], b: list[Tensor]) -> Tensor:
        """The distance (N,) of two sets of features; one side may hold a single picture."""
        return torch.stack([layer.mean((1, 2, 3)) for layer in self.layers(a, b)]).sum(0)

    def spatial(self, a: list[Tensor], b: list[Tensor], size: tuple[int, int]) -> Tensor:
        """The distance at every pixel, (N, 1, *size): each layer's map enlarged bilinearly, summed."""
        enlarged = [
            F.interpolate(layer, size=size, mode="bilinear", align_corners=False)
            for layer in self.layers(a, b)
        ]
        return torch.stack(enlarged).sum(0)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.compare(self.features(a), self.features(b))


def _layers(name: str) -> Iterator[nn.Module]:
    if name == "squeeze":
        from torchvision.models import squeezenet1_1

        yield from squeezenet1_1(weights=None).features
    elif name == "alex":
        # channels, kernel, stride, padding; a pool in front of the second and the third
        rows = ((64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1))
        inputs = 3
        for number, (channels, kernel, stride, padding) in enumerate(rows):
            if number in (1, 2):
                yield nn.MaxPool2d(3, 2)
            yield nn.Conv2d(inputs, channels, kernel, stride, padding)
            yield nn.ReLU()
            inputs = channels
    else:
        inputs = 3
        for block, (channels, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))):
            if block:
                yield nn.MaxPool2d(2, 2)
            for _ in range(count):
                yield nn.Conv2d(inputs, channels, 3, padding=1)
                yield nn.ReLU()
                inputs = channels


def _packaged_heads(name: str) -> dict[str, Tensor]:
    spec = importlib.util.find_spec("lpips")
    if spec is None or spec.origin is None:
        raise InputError("LPIPS needs the package lpips, which brings its linear heads: pip install lpips")
    path = Path(spec.origin).parent / "weights" / "v0.1" / f"{name}.pth"
    if not path.is_file():
        raise InputError(f"the package lpips is incomplete: {path} is missing; install it again")
    if hashlib.sha256(path.read_bytes()).hexdigest() != _HEADS_SHA256[name]:
        raise InputError(f"{path} is not the published file of LPIPS 0.1; install lpips 0.1.4 again")
    heads: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return heads
