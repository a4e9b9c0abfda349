"""Restored frames written as pictures while they are made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import InputError
from vfsrbench.io.images.folder import encode_png
from vfsrbench.io.names import check_name

Frames = NDArray[np.uint8]


class PngSink:
    """Writes frames as `<folder>/<name>.png`, in the order of the names.

    Args:
        folder: Where they go (`io.atomic.atomic_directory` makes it); it is there.
        names: A name a frame.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder, self._names = folder, names
        self._written: list[Path] = []

    def write(self, frames: Frames) -> None:
        """Write the next frames, (n, H, W, 3). InputError for names that the disk does not tell apart."""
        for frame in frames:
            name = check_name(self._names[len(self._written)], "frame name")
            picture = self._folder / f"{name}.png"
            if os.path.lexists(picture):
                raise InputError(f"two frames are called {name!r}; give them different names")
            picture.write_bytes(encode_png(frame))
            self._written.append(picture)

    def restart(self) -> None:
        """Remove what was written so far."""
        for picture in self._written:
            picture.unlink()
        self._written.clear()
