"""Where rendered demo clips lie: known without what renders or reads them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from vfsrbench.io.safety.paths import expanded, user_cache

DEFAULT_FRAMES = 24
VERSION = 1  # counted up whenever a pixel changes; caches of other versions are left alone


def demo_files(name: str, frames: int = DEFAULT_FRAMES, folder: Path | None = None) -> list[Path]:
    """Where the frames of a demo clip lie, or will."""
    place = (folder or cache_folder()) / f"demo-v{VERSION}" / name
    return [place / f"{number:08d}.png" for number in range(frames)]


def cache_folder() -> Path:
    """Where rendered frames are kept: `VFSRBENCH_CACHE`, or the platform's cache folder; a user without a
    home folder gets one in the folder of temporary files."""
    given = os.environ.get("VFSRBENCH_CACHE")
    if given:
        return expanded(given)
    return user_cache() or Path(tempfile.gettempdir()) / f"vfsrbench-cache-{os.getuid()}"
