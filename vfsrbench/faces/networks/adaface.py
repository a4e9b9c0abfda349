"""AdaFace (Kim et al., CVPR 2022), ir_50 and ir_101, in the layout of the authors' checkpoints.

Input: BGR faces aligned to 112x112, float32 in [-1, 1], (N, 3, 112, 112). Output: unit embeddings (N, 512);
`with_length` gives their length before the division too, which the paper takes for the picture's quality.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import BadZipFile

import torch
from torch import Tensor, nn

from vfsrbench.errors import InputError
from vfsrbench.faces.networks.ir_se50 import Residual
from vfsrbench.runtime.checkpoint import load_checkpoint, read_checkpoint, unwrap

_PLANES = (64, 128, 256, 512)
OWN = "model."
"""What the network's tensors begin with in the authors' file; the rest is the training head's."""


class Unit(Residual):
    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__(
            inputs,
            planes,
            stride,
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, planes, 3, padding=1, bias=False),
            nn.BatchNorm2d(planes),
            nn.PReLU(planes),
            nn.Conv2d(planes, planes, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(planes),
        )


class AdaFace(nn.Module):
    """units: how many a stage has; the first of each halves the picture."""

    untrained_gain = 0.5  # without it 49 units that add up leave float32

    def __init__(self, units: Sequence[int]) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)
        )
        # the dropout keeps the official numbering of the layers; it does nothing in use
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512),
            nn.Dropout(0.4),
            nn.Flatten(),
            nn.Linear(512 * 7 * 7, 512),
            nn.BatchNorm1d(512, affine=False),
        )
        body: list[nn.Module] = []
        inputs = 64
        for planes, count in zip(_PLANES, units, strict=True):
            for number in range(count):
                body.append(Unit(inputs, planes, 1 if number else 2))
                inputs = planes
        self.body = nn.Sequential(*body)

    def with_length(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Unit embeddings (N, 512) and their former lengths (N, 1)."""
        embedding = self.output_layer(self.body(self.input_layer(x)))
        length = embedding.norm(dim=1, keepdim=True)
        return embedding / length, length

    def forward(self, x: Tensor) -> Tensor:
        return self.with_length(x)[0]

    @staticmethod
    def tensors_of(path: Path) -> dict[str, Tensor]:
        """What `weights` looks at to see whether a file fits."""
        return own_tensors(path)


def adaface_ir50() -> AdaFace:
    """24 units."""
    return AdaFace((3, 4, 14, 3))


def adaface_ir101() -> AdaFace:
    """49 units."""
    return AdaFace((3, 13, 30, 3))


def load_adaface(network: nn.Module, path: Path) -> nn.Module:
    """Fill the network from the authors' training checkpoint, or from a file of its tensors alone.

    Raises:
        InputError: The file cannot be read, or holds another network.
    """
    load_checkpoint(network, own_tensors(path), where=str(path))
    return network


def own_tensors(path: Path) -> dict[str, Tensor]:
    """The network's tensors in a file of either kind, by their names in the network."""
    content = _read_training(path) if path.suffix == ".ckpt" else read_checkpoint(path)
    tensors = unwrap(content, str(path))
    own = {name.removeprefix(OWN): value for name, value in tensors.items() if name.startswith(OWN)}
    return own or tensors


class _Inert:
    """Stands for whatever is no tensor: a training checkpoint carries the trainer's objects along."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __call__(self, *_: object, **__: object) -> _Inert:
        return self

    def __setstate__(self, _: object) -> None:
        pass

    def __setitem__(self, _: object, __: object) -> None:
        pass

    def append(self, _: object) -> None:
        pass

    def extend(self, _: object) -> None:
        pass


class _Unpickler(pickle.Unpickler):
    """Makes tensors, and of everything else something inert: nothing of a file is executed."""

    def find_class(self, module: str, name: str) -> Any:
        rebuilt = module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_parameter")
        storage = module == "torch" and name.endswith("Storage")
        plain = (module, name) == ("collections", "OrderedDict")
        return super().find_class(module, name) if rebuilt or storage or plain else _Inert


def _read_training(path: Path) -> dict[str, Any]:
    reader = SimpleNamespace(__name__="pickle", Unpickler=_Unpickler, UnpicklingError=pickle.UnpicklingError)
    try:
        with path.open("rb") as file:
            if file.read(2) != b"PK":
                return read_checkpoint(path)
        content = torch.load(path, map_location="cpu", pickle_module=reader, weights_only=False)
    except (
        pickle.UnpicklingError,
        RuntimeError,
        OSError,
        EOFError,
        BadZipFile,
        ValueError,
        TypeError,
    ) as error:
        reason = " ".join(str(error).split())[:100]
        raise InputError(f"{path}: not a readable checkpoint ({reason}); download it again") from None
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: holds a {type(content).__name__}, not tensors by name")
    return dict(content)
