"""Files of installed packages, found without importing the packages."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from vfsrbench.weights.manifest import PackageFile


def installed_file(source: PackageFile, size: int | None = None) -> Path | None:
    """Where the file of a package lies if the package is installed, in whatever version.

    Args:
        source: The package and the file's path in it.
        size: The file's size in bytes; one of another size is none.

    Returns:
        The file's path; None if it is not installed. Its content is not looked at.
    """
    try:
        path = Path(str(importlib.metadata.distribution(source.name).locate_file(source.member)))
        return path if path.is_file() and size in (None, path.stat().st_size) else None
    except (importlib.metadata.PackageNotFoundError, OSError, ValueError):
        return None
