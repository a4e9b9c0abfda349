"""CLIP RN50 in the layout of OpenAI's file: the towers for pictures and sentences, and learned prompts."""

from __future__ import annotations

import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn

from degradations.errors import InputError
from vfsrbench.metrics.networks.clip.image_tower import ImageTower
from vfsrbench.metrics.networks.clip.towers import NOT_TENSORS, WIDTH, Clip
from vfsrbench.runtime.checkpoint import load_checkpoint, read_checkpoint


class ClipRN50(Clip):
    """Pictures and sentences to features (N, 1024) each, not of unit length.

    Example:
        >>> import torch
        >>> with torch.no_grad():
        ...     ClipRN50().eval()(torch.rand(1, 3, 32, 48)).shape
        torch.Size([1, 1024])
    """

    def __init__(self) -> None:
        super().__init__(ImageTower(), 1024)


class LearnedPrompts(nn.Module):
    """CLIP-IQA+: 16 learned words a sentence in the place of written ones, the class in their middle."""

    def __init__(self) -> None:
        super().__init__()
        self.ctx = nn.Parameter(torch.zeros(2, 16, WIDTH))

    def forward(self, embedded: Tensor) -> Tensor:
        """Embedded sentences (2, length, 512): start, 16 words, three of the class, the rest."""
        half = self.ctx.shape[1] // 2
        start, named, rest = embedded[:, :1], embedded[:, 17:20], embedded[:, 20:]
        return torch.cat([start, self.ctx[:, :half], named, self.ctx[:, half:], rest], 1)


def load_clip(path: Path) -> ClipRN50:
    """The network with a file's weights: OpenAI's RN50.pt (an archive of a program, of which only the
    tensors are taken: nothing in it is called) or plain tensors. InputError when it does not fit."""
    network = ClipRN50()
    tensors = _program_tensors(path) if _is_program(path) else read_checkpoint(path)
    given = {name: value for name, value in tensors.items() if name not in NOT_TENSORS}
    load_checkpoint(network, given, where=str(path))
    return network


def load_prompts(path: Path) -> LearnedPrompts:
    """Learned prompts of a file: one tensor (2, 16, 512), bare as it is published, or under the name ctx."""
    prompts = LearnedPrompts()
    bare = None
    if path.suffix != ".safetensors" and zipfile.is_zipfile(path):
        bare = torch.load(path, map_location="cpu", weights_only=True)
    given = {"ctx": bare} if isinstance(bare, Tensor) else read_checkpoint(path)
    load_checkpoint(prompts, given, where=str(path))
    return prompts


def _is_program(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def _program_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return dict(torch.jit.load(str(path), map_location="cpu").state_dict())
    except RuntimeError as error:
        reason = str(error).strip().split("\n")[0][:100]
        raise InputError(f"{path}: not a readable archive of CLIP ({reason}); download it again") from None
