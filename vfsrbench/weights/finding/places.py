"""Where the tools of this field keep their checkpoints."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

PACKAGES = (
    "facexlib",
    "gfpgan",
    "lpips",
    "basicsr",
    "realesrgan",
    "face_recognition_models",
    "insightface",
    "pyiqa",
)
"""Packages that download into their own folders."""
CHECKOUTS = (
    *("basicsr", "basicvsr_plusplus", "codeformer", "comfyui", "edvr", "facexlib", "flair", "gfpgan", "gpen"),
    *("keep", "mmagic", "mmediting", "pgtformer", "real-esrgan", "realbasicvsr", "restoreformer"),
    *("restoreformerplusplus", "stable-diffusion-webui", "vqfr"),
)
"""Names of repositories, in lower case; of a checkout the folders of `HOLDING` are looked through."""
HOLDING = (
    "weights",
    "checkpoints",
    "experiments",
    "pretrained_models",
    "pretrained",
    "models",
    "ckpts",
    "gfpgan",
)
SOURCES = ("", "src", "code", "projects", "git", "github", "repos", "work", "workspace", "tools")
"""Folders below the home in which checkouts are looked for."""


def usual_places(home: Path | None, here: Path, environment: Mapping[str, str]) -> list[Path]:
    """The folders that exist among those where checkpoints usually lie, each once.

    Args:
        home: The user's home folder; None if there is none.
        here: The folder that the command runs in; checkouts are also looked for in it and beside it.
        environment: The environment's variables.

    Returns:
        torch hub's checkpoints, insightface's models, the folders of packages, checkouts of repositories.
    """
    found = [*_caches(home, environment), *_of_packages()]
    bases = [here, here.parent, *(home / name for name in SOURCES if home is not None)]
    for base in dict.fromkeys(bases):
        found += _checkouts(base)
    found += [here / name for name in HOLDING]
    return [place for place in dict.fromkeys(found) if _is_folder(place)]


def _caches(home: Path | None, environment: Mapping[str, str]) -> Iterator[Path]:
    caches = [Path(environment["XDG_CACHE_HOME"])] if environment.get("XDG_CACHE_HOME") else []
    caches += [home / ".cache"] if home is not None else []
    torch = [Path(environment["TORCH_HOME"])] if environment.get("TORCH_HOME") else []
    for folder in [*torch, *(cache / "torch" for cache in caches)]:
        yield folder / "hub" / "checkpoints"
        yield folder / "hub" / "pyiqa"
    hubs = [Path(environment["HF_HOME"])] if environment.get("HF_HOME") else []
    yield from (folder / "hub" for folder in [*hubs, *(cache / "huggingface" for cache in caches)])
    if home is not None:
        yield home / ".insightface" / "models"
        yield home / ".facexlib"


def _of_packages() -> Iterator[Path]:
    """The folders of installed packages, which are not imported."""
    for name in PACKAGES:
        with suppress(ImportError, ValueError, AttributeError):
            spec = importlib.util.find_spec(name)
            yield from map(Path, (spec and spec.submodule_search_locations) or ())


def _checkouts(base: Path) -> Iterator[Path]:
    """What of checkouts in the folder `base`, or of the checkout that it is, may hold checkpoints."""
    with suppress(OSError):
        for folder in [base, *sorted(base.iterdir())]:
            if folder.name.lower().removesuffix("-main").removesuffix("-master") in CHECKOUTS:
                yield from (folder / name for name in HOLDING)


def _is_folder(place: Path) -> bool:
    try:
        return place.is_dir()
    except OSError:
        return False
