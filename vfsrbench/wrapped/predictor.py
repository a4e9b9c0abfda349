"""A command as a method: frames go into a folder, the command is run, frames are read from another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vfsrbench.card import MethodCard, Value
from vfsrbench.errors import InputError, JobFailure
from vfsrbench.io.clip import Clip
from vfsrbench.io.formats import PICTURE_SUFFIXES, VIDEO_SUFFIXES
from vfsrbench.io.images.folder import encode_png
from vfsrbench.io.names import slug
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.wrapped.command import words_of
from vfsrbench.wrapped.process import run_command, tail

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_MOST_SEED = 2**31
"""Seeds are below it: many programs take 32 bits with a sign."""
_MOST_SAID = 600


@dataclass(frozen=True)
class CommandPlaces:
    """Where commands may write: what they print below `logs`, frames that pass through below `scratch`.

    None: the temporary folder. Logs there are kept where a command fails.
    """

    logs: Path | None = None
    scratch: Path | None = None


class CommandPredictor(Predictor):
    """A method whose card has a `command`.

    Args:
        card: The method's card.
        options: A checked value for every option on the card.
        folder: Where the card lies; the command is started there.
    """

    def __init__(self, card: MethodCard, options: Mapping[str, Value], folder: Path) -> None:
        super().__init__(card, options)
        self.folder = folder
        self.places = CommandPlaces()
        self._log: Path | None = None

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        self._weights = {role: str(Path(path).absolute()) for role, path in weights.items()}

    def start_clip(self, info: ClipInfo) -> None:
        super().start_clip(info)
        self._log = None

    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        import torch

        pixels = (frames * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        with tempfile.TemporaryDirectory(prefix="command-", dir=self.places.scratch) as folder:
            given, made = Path(folder).absolute() / "input", Path(folder).absolute() / "output"
            given.mkdir()
            made.mkdir()
            for number, frame in enumerate(pixels):  # and nothing else: many programs read all that is there
                (given / f"{number:08d}.png").write_bytes(encode_png(frame))
            log = self._log_file()
            words = words_of(self.card, self._values(given, made, generator.initial_seed()))
            with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"$ {' '.join(words)}\n")
            problem = run_command(words, self.folder, log, self.card.time_limit)
            if problem:
                raise JobFailure(f"the command {problem}: {_last(log)} (log: {log})")
            try:
                restored = self._read(made, len(pixels))
            except (InputError, JobFailure) as error:
                raise JobFailure(f"{error} (log: {log})") from error
            if self.places.logs is None:
                with suppress(OSError):
                    log.unlink()
                self._log = None
        return restored.to(frames.device).permute(0, 3, 1, 2).float() / 255

    def _values(self, given: Path, made: Path, seed: int) -> dict[str, object]:
        """What stands for each placeholder."""
        clip = self.clip
        return {
            "input": given,
            "output": made,
            "folder": self.folder,
            "seed": seed % _MOST_SEED,
            "device": self.device.type,
            "clip": clip.name,
            "fps": f"{clip.fps:g}",
            "width": clip.out_width,
            "height": clip.out_height,
            "scale": f"{clip.out_height / clip.height:g}",
            **self.options,
            **self._weights,
        }

    def _log_file(self) -> Path:
        """The clip's log; no file that was there before is written to."""
        if self._log is None and self.places.logs is not None:
            folder = self.places.logs / slug(self.card.name)
            folder.mkdir(parents=True, exist_ok=True)
            name = f"{slug(self.clip.recipe or 'clip')}.{slug(self.clip.name)}"
            number = 1
            while self._log is None:
                path = folder / (f"{name}.log" if number == 1 else f"{name}.{number}.log")
                with suppress(FileExistsError):
                    path.open("x").close()
                    self._log = path
                number += 1
        elif self._log is None:
            handle, name = tempfile.mkstemp(prefix=f"vfsrbench-{slug(self.card.name)}-", suffix=".log")
            os.close(handle)
            self._log = Path(name)
        return self._log

    def _read(self, folder: Path, frames: int) -> Tensor:
        """The frames that the command left, uint8 (T, H, W, 3)."""
        import torch

        clip = Clip.open(_clip_in(folder))
        wanted = (self.clip.out_height, self.clip.out_width)
        if len(clip) != frames:
            raise JobFailure(f"the command was given {frames} frames and left {len(clip)}")
        if (clip.height, clip.width) != wanted:
            raise JobFailure(
                f"the command left frames of {clip.width}x{clip.height}, asked for are "
                f"{wanted[1]}x{wanted[0]}"
            )
        return torch.from_numpy(np.ascontiguousarray(clip.array()))


def _clip_in(folder: Path) -> Path:
    """Where the frames are: right in the folder, in the only folder in it, or in the only video."""
    inside = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    if any(path.suffix.lower() in PICTURE_SUFFIXES for path in inside):
        return folder
    places = [path for path in inside if path.is_dir() or path.suffix.lower() in VIDEO_SUFFIXES]
    if not places:
        raise JobFailure("the command ended well, but left no pictures and no video in {output}")
    if len(places) > 1:
        names = ", ".join(path.name for path in places[:4])
        raise JobFailure(f"the command left {len(places)} folders or videos in {{output}} ({names}), not one")
    return _clip_in(places[0]) if places[0].is_dir() else places[0]


def _last(log: Path) -> str:
    """The end of what the command printed."""
    said = tail(log)
    return said[-_MOST_SAID:] if said else "it printed nothing"
