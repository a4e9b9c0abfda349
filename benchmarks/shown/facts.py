"""The facts: what was compared or run, when, with what, and what came out.

Facts are found by scripts and never edited. A new one of the same thing (of a run: on the same kind of
device) takes the place of the old one. `benchmarks/shown/files.py` keeps them in a file."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from degradations.reading.typed_toml import FrozenModel
from vfsrbench.hashing.code import SourceTree, our_sources
from vfsrbench.runtime.versions import versions

NETWORK_CODE = ("baselines.", "vfsrbench.faces.", "vfsrbench.metrics.")
"""Code of methods and metrics: what a figure hangs on. The harness around it is tested apart."""
LIBRARIES = ("dlib-bin", "lpips", "onnxruntime")
DIGITS = 16
"""Hexadecimal digits kept of a digest of code: it says whether the code is the same, and guards nothing."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Kind = Literal["method", "metric"]
Versions = Annotated[dict[str, str], AfterValidator(lambda found: dict(sorted(found.items())))]
Rounded = Annotated[float, Field(ge=0), AfterValidator(lambda value: float(f"{value:.3g}"))]


class Origin(FrozenModel):
    """Where a fact comes from: the day (UTC), the digest of the network's code, what computed, the versions,
    and the command that finds the fact again."""

    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    code: Annotated[str, Field(pattern=rf"^[0-9a-f]{{{DIGITS}}}$")]
    device: str
    command: str
    versions: Versions


class Deviation(FrozenModel):
    """How far a network (a golden pack) or a metric is from its reference: the largest difference, and the
    limit there. `where` says in which tap, `module` holds the code, `version` is a metric's."""

    name: str
    module: str
    version: int = 1
    largest: Rounded
    limit: Rounded
    values: int = Field(ge=1)
    where: str = ""
    origin: Origin


class UsedFile(FrozenModel):
    """A checkpoint that was loaded.

    `vouched` is what says that it is the right one (`published`, `third-party`, `prefix`), or `unverified`.
    `package` names the package of the Python index that it comes in, where it comes in no other way.
    """

    name: str
    sha256: Sha256
    vouched: Literal["published", "third-party", "prefix", "unverified"]
    package: str = ""


class Run(FrozenModel):
    """A method, or a metric, run on demo clips with the files named. `figures` are means over the clips: of a
    method by metric, of a metric by the row that it scored. `failed` says why there are none."""

    kind: Kind
    name: str
    spec: str
    module: str
    version: int = 1
    weights: tuple[UsedFile, ...] = ()
    clips: tuple[str, ...]
    frames: int = Field(ge=1)
    recipe: str
    profile: Literal["strict", "fast"]
    figures: dict[str, float] = {}
    failed: str = ""
    origin: Origin

    @property
    def trained(self) -> bool:
        """Whether it ran, with files of which each is known."""
        return bool(self.weights) and not self.failed and all(f.vouched != "unverified" for f in self.weights)

    @property
    def official(self) -> bool:
        """Whether it ran, with files that all come from where their authors publish them."""
        return self.trained and not any(file.package for file in self.weights)

    @property
    def on_gpu(self) -> bool:
        return not self.origin.device.startswith("CPU")

    @property
    def place(self) -> tuple[str, str, bool]:
        return self.kind, self.spec, self.on_gpu


class Facts(FrozenModel):
    """All that is recorded, each part sorted."""

    packs: tuple[Deviation, ...] = ()
    metrics: tuple[Deviation, ...] = ()
    runs: tuple[Run, ...] = ()

    def with_deviations(self, where: Literal["packs", "metrics"], new: Iterable[Deviation]) -> Facts:
        """These facts with new figures in the place of those of the same name."""
        kept = {fact.name: fact for fact in (*getattr(self, where), *new)}
        return self.model_copy(update={where: tuple(kept[name] for name in sorted(kept))})

    def with_runs(self, new: Iterable[Run]) -> Facts:
        """These facts with new runs in the place of those of the same thing on the same kind of device."""
        kept = {run.place: run for run in (*self.runs, *new)}
        return self.model_copy(update={"runs": tuple(kept[place] for place in sorted(kept))})

    def with_facts(self, other: Facts) -> Facts:
        """These facts and another file's, which takes precedence."""
        both = self.with_deviations("packs", other.packs).with_deviations("metrics", other.metrics)
        return both.with_runs(other.runs)


def code_of(module: str, sources: SourceTree | None = None) -> str:
    """The digest of a module of ours and of the code of methods and metrics that it imports."""
    tree = sources or our_sources()
    own = {name for name in tree.closure([module]) if name.startswith(NETWORK_CODE)}
    return tree.digest((), alone={module, *own})[:DIGITS]


@cache
def all_versions() -> dict[str, str]:
    """Versions of what computes, with those of the libraries that single networks need."""
    found = dict(versions())
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def origin(module: str, command: str, device: str = "") -> Origin:
    """Where a fact that is found now comes from; on the CPU, unless a device is named."""
    return Origin(
        date=datetime.now(UTC).date().isoformat(),
        code=code_of(module),
        device=device or f"CPU {platform.machine()}",
        command=command,
        versions=all_versions(),
    )
