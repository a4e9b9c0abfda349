"""ArcFace's improved ResNets (Deng et al., CVPR 2019), in the layout of insightface's arcface_torch files.

Input: RGB faces aligned to 112x112, float32 in [-1, 1], (N, 3, 112, 112). Output: raw embeddings (N, 512),
not normalised. The official `backbone.pth` loads strictly.
"""

from __future__ import annotations

from torch import Tensor, nn

EMBEDDING = 512


class Block(nn.Module):
    """Norm, conv, norm, PReLU, strided conv, norm, plus the shortcut; nothing after the sum."""

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.prelu = nn.PReLU(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != planes:
            shortcut = nn.Conv2d(inputs, planes, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(planes))

    def forward(self, x: Tensor) -> Tensor:
        out = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        out = self.bn3(self.conv2(out))
        return out + (x if self.downsample is None else self.downsample(x))


class IResNet(nn.Module):
    """`blocks`: how many in each of the four stages; every stage halves the picture, 112 to 7."""

    def __init__(self, blocks: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        inputs = 64
        for stage, (planes, count) in enumerate(zip((64, 128, 256, 512), blocks, strict=True), start=1):
            rest = [Block(planes, planes, 1) for _ in range(count - 1)]
            self.add_module(f"layer{stage}", nn.Sequential(Block(inputs, planes, 2), *rest))
            inputs = planes
        self.bn2 = nn.BatchNorm2d(512)
        self.fc = nn.Linear(512 * 7 * 7, EMBEDDING)
        self.features = nn.BatchNorm1d(EMBEDDING)
        self.features.weight.requires_grad = False  # the official network holds this scale at 1

    def forward(self, x: Tensor) -> Tensor:
        x = self.prelu(self.bn1(self.conv1(x)))
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
        return self.features(self.fc(self.bn2(x).flatten(1)))


def iresnet50() -> IResNet:
    """43.6 million values (174 MB)."""
    return IResNet((3, 4, 14, 3))


def iresnet100() -> IResNet:
    """65.2 million values (261 MB)."""
    return IResNet((3, 13, 30, 3))
