"""`vfsrbench new leaderboard`: a folder to publish as a repository."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from vfsrbench.cli.echo import say
from vfsrbench.errors import InputError
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.safety.targets import check_out_folder, check_path
from vfsrbench.version import __version__

FILES = {
    "leaderboard.toml": "leaderboard.toml.txt",
    "CONTRIBUTING.md": "CONTRIBUTING.md.txt",
    "submissions/README.md": "submissions.md.txt",
    ".github/workflows/submission.yml": "submission.yml.txt",
    ".github/workflows/publish.yml": "publish.yml.txt",
}


def new_leaderboard(
    folder: Path, templates: Path, title: str, fill: Callable[[str, dict[str, str]], str]
) -> None:
    """Write a leaderboard's files into a folder, which may be there (a clone, say).

    Raises:
        InputError: One of the files is there already: nothing is written then.
    """
    check_out_folder(folder)
    for name in FILES:
        if os.path.lexists(check_path(folder / name)):
            raise InputError(f"{folder / name}: is there already; choose another folder; nothing was written")
    words = {"title": title, "version": __version__}
    for name, template in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as temporary:
            temporary.write_text(
                fill((templates / template).read_text(encoding="utf-8"), words), encoding="utf-8"
            )
    say(f"{folder}: {', '.join(FILES)}")
    say(f"next: vfsrbench leaderboard add-board {folder} BUNDLE   then: docs/leaderboard.md")
