"""What is known of published checkpoints: one entry a file, in `weights.toml` beside the cards."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from degradations.reading import typed_toml
from degradations.reading.typed_toml import FrozenModel
from vfsrbench.card import Factory, Name
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.plugins import METHOD_GROUP, METRIC_GROUP, methods, metric_weights, metrics
from vfsrbench.registry import points

FILE = "weights.toml"
MOST_BYTES = 1 << 40
LONGEST_FILE = 200  # bytes of a file's name: locks and parts beside it have longer ones
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Archive(FrozenModel):
    """The zip that a file comes in. `member` is the file's name in it, in whatever folder."""

    member: str
    sha256: Hash | None = None
    size: int | None = Field(default=None, ge=1, le=MOST_BYTES)


class PackageFile(FrozenModel):
    """A file inside a package of the Python package index. The package is never installed or imported.

    `package` is `name==version` and `member` the file's path in the wheel, which is also its path below
    `site-packages` where the package is installed. `wheel` is the wheel's full name; its tags (Python, ABI,
    platform) are asked for, whatever Python runs here. Without one the file is only used where the package is
    installed: pip would run the code of a source archive. `sha256` and `size` are the wheel's.
    """

    package: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?==[A-Za-z0-9.!+]+$")]
    member: Annotated[str, Field(pattern=r"^[^/\\]+(/[^/\\]+)+$")]
    wheel: Annotated[str, Field(pattern=r"^([^/\\\s-]+(-[^/\\\s-]+){4,5}\.whl)?$")] = ""
    sha256: Hash | None = None
    size: int | None = Field(default=None, ge=1, le=MOST_BYTES)

    @model_validator(mode="after")
    def _consistent(self) -> PackageFile:
        name, version = self.package.split("==")
        if self.wheel and [_normal(part) for part in self.wheel.split("-")[:2]] != [_normal(name), version]:
            raise ValueError(f"the wheel {self.wheel} is none of {self.package}")
        if any(part in (".", "..") for part in self.member.split("/")):
            raise ValueError(f"member is a path inside the package, not {self.member!r}")
        return self

    @property
    def name(self) -> str:
        """The package's name, without its version."""
        return self.package.split("==")[0]

    @property
    def tags(self) -> tuple[str, str, str]:
        """The wheel's Python, ABI and platform tags, as they stand in its name."""
        python, abi, platform = self.wheel.removesuffix(".whl").split("-")[-3:]
        return python, abi, platform


class WeightFile(FrozenModel):
    """One checkpoint.

    `urls` are tried in order; they point to the archive if there is one. `packages` of the Python package
    index that hold the file come after them. `page` is where a person gets the file when no program can.
    `hash_source` says who states the SHA-256: the authors (`published`) or others who fetched the file
    (`third-party`); `prefix` holds its first digits where the official file name does. `size` is exact,
    `megabytes` an estimate. `network` makes the network that the file fits (class or function), so that a
    file of untrained weights can be written in its place; with `strict` it holds exactly that network's
    tensors, and names and shapes are checked where no hash was published. `library` is the package, as it is
    imported, that alone reads the file, and `extra` the installation extra of ours that brings it.
    """

    name: Name
    file: Annotated[str, Field(pattern=r"^[^/\\]+$")]
    title: str
    urls: tuple[str, ...] = ()
    packages: tuple[PackageFile, ...] = ()
    page: str = ""
    sha256: Hash | None = None
    hash_source: Literal["published", "third-party"] | None = None
    prefix: Annotated[str, Field(pattern=r"^[0-9a-f]{6,64}$")] | None = None
    size: int | None = Field(default=None, ge=1, le=MOST_BYTES)
    megabytes: float | None = Field(default=None, ge=0, le=MOST_BYTES / 1e6)
    licence: str
    licence_url: str = ""
    commercial: bool | None = None
    archive: Archive | None = None
    network: Factory | None = None
    strict: bool = False
    library: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    extra: Annotated[str, Field(pattern=r"^([a-z][a-z0-9-]*)?$")] = ""
    note: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> WeightFile:
        if (self.sha256 is None) != (self.hash_source is None):
            raise ValueError("sha256 and hash_source go together")
        if not self.urls and not self.page and not self.packages:
            raise ValueError("say where the file is: urls, packages, or a page")
        if self.packages and (self.sha256 is None or self.size is None):
            raise ValueError("a file in a package needs its own sha256 and size")
        wrong = [u for u in self.urls if not re.match(r"https?://[^/\s]", u)]
        if wrong:
            raise ValueError(f"urls begin with https:// or http://, not {wrong[0]!r}")
        if self.file in {".", ".."} or len(os.fsencode(self.file)) > LONGEST_FILE:
            raise ValueError(f"file is a plain name of at most {LONGEST_FILE} bytes")
        if self.strict and self.network is None:
            raise ValueError("strict needs the network that the file fits")
        if bool(self.library) != bool(self.extra):
            raise ValueError("library and extra go together")
        return self

    @property
    def provenance(self) -> str:
        """What vouches for a file: published, third-party, prefix, or unverified."""
        return self.hash_source or ("prefix" if self.prefix else "unverified")

    @property
    def wheels(self) -> tuple[PackageFile, ...]:
        """The packages that the file can be fetched from."""
        return tuple(source for source in self.packages if source.wheel)

    @property
    def how(self) -> str:
        """How the file comes: fetched, in a package, by hand."""
        ways = ["fetched"] * bool(self.urls) + ["in a package"] * bool(self.packages)
        return " or ".join(ways) or "by hand"

    @property
    def needs_consent(self) -> bool:
        """Whether the licence has to be accepted first: whatever is not known to allow commercial use."""
        return self.commercial is not True

    def mismatch(self, sha256: str, size: int) -> str:
        """Why a file with this hash and size is not the one meant; empty if it may be."""
        if self.sha256 is not None and sha256 != self.sha256:
            return (
                f"its SHA-256 is {sha256[:12]}..., the {self.hash_source} one is {self.sha256[:12]}... "
                f"({size} bytes)"
            )
        if self.prefix is not None and not sha256.startswith(self.prefix):
            return f"its SHA-256 starts with {sha256[: len(self.prefix)]}, its name says {self.prefix}"
        if self.sha256 is None and self.size is not None and size != self.size:
            return f"it has {size} bytes, {self.size} are expected"
        return ""

    @property
    def expected_bytes(self) -> int:
        """How much has to be downloaded, exactly or about; 0 if nothing is known."""
        if self.archive is not None and self.archive.size is not None:
            return self.archive.size
        return self.size or int((self.megabytes or 0) * 1e6)


def _normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower() if not name[:1].isdigit() else name


class ManifestFile(FrozenModel):
    """A `weights.toml`."""

    weights: tuple[WeightFile, ...]


@dataclass(frozen=True)
class Manifest:
    """All entries by name, and what was skipped (a plugin's broken file) with the reason."""

    entries: dict[str, WeightFile] = field(default_factory=dict)
    broken: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> WeightFile:
        if name not in self.entries:
            raise did_you_mean("checkpoint", name, self.entries)
        return self.entries[name]

    def __iter__(self) -> Iterator[WeightFile]:
        return iter(self.entries[name] for name in sorted(self.entries))


def load_manifest() -> Manifest:
    """Every entry of every installed package of methods or metrics."""
    entries: dict[str, WeightFile] = {}
    broken: list[str] = []
    for path in _files():
        try:
            status = path.stat()
            found = _read(path, status.st_size, status.st_mtime_ns)
        except InputError as error:
            broken.append(str(error))
            continue
        except OSError as error:
            broken.append(f"{path}: cannot be read: {error.strerror}")
            continue
        for entry in found:
            if entry.name in entries:
                broken.append(f"{path}: the checkpoint name {entry.name!r} is taken; rename it")
            else:
                entries[entry.name] = entry
    return Manifest(entries, tuple(broken))


@lru_cache(maxsize=64)
def _read(path: Path, size: int, modified: int) -> tuple[WeightFile, ...]:
    """The entries of one file. Each state of it is parsed once, however many methods and metrics ask."""
    return typed_toml.load(ManifestFile, path).weights


def needs_of() -> dict[str, list[tuple[str, ...]]]:
    """Method or metric -> the checkpoints on its card, or on that of what it is derived from; one of a tuple
    is enough, the first is preferred."""
    scores = metrics()
    cards = [(found.card.name, found.card.weights) for found in methods()]
    cards += [(found.card.id, metric_weights(found.card, scores)) for found in scores]
    needs: dict[str, list[tuple[str, ...]]] = {}
    for label, uses in cards:
        needs[label] = list(dict.fromkeys([*needs.get(label, []), *sorted(use.names for use in uses)]))
    return {label: groups for label, groups in needs.items() if groups}


def needed_by() -> dict[str, list[str]]:
    """Checkpoint name -> the methods and metrics that need it."""
    users: dict[str, list[str]] = {}
    for label, groups in needs_of().items():
        for name in dict.fromkeys(name for group in groups for name in group):
            users.setdefault(name, []).append(label)
    return users


def _files() -> Iterator[Path]:
    """`weights.toml` of every registered package and of the folders in it, without importing them."""
    for group in (METRIC_GROUP, METHOD_GROUP):
        for point in points(group):
            try:
                spec = importlib.util.find_spec(point.module)
            except Exception:  # `plugins` reports the package itself
                continue
            for place in list(spec.submodule_search_locations or []) if spec else []:
                yield from sorted((*Path(place).glob(FILE), *Path(place).glob(f"*/{FILE}")))
