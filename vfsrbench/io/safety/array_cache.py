"""Arrays kept in files, one a key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from vfsrbench.errors import DamagedFile
from vfsrbench.io.names import slug
from vfsrbench.io.safety.damaged import SetAside, leave
from vfsrbench.io.safety.sealed import read_arrays, write_arrays


class ArrayCache:
    """Arrays in sealed `.npz` files, one a key. A damaged file is set aside and counts as missing."""

    def __init__(self, folder: Path, set_aside: SetAside = leave) -> None:
        self.folder = folder
        self._set_aside = set_aside

    def get(self, key: str) -> dict[str, NDArray[Any]] | None:
        """The arrays kept under `key`, None if there are none."""
        try:
            return read_arrays(self._path(key))
        except FileNotFoundError:
            return None
        except DamagedFile as error:
            self._set_aside(error)
            return None

    def put(self, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep the arrays under `key`, instead of what was there."""
        write_arrays(self._path(key), arrays)

    def _path(self, key: str) -> Path:
        return self.folder / f"{slug(key)}.npz"
