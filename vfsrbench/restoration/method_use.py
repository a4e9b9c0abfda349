"""A row of the board: a method with its weights, or stored outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from vfsrbench.datasets.importing.manifest import ImportManifest
from vfsrbench.method_spec import Method
from vfsrbench.weights.resolve import Weights


@dataclass(frozen=True)
class MethodUse:
    """A method to run, with its weights. `facts` is what its output depends on, for the key."""

    method: Method
    weights: Weights = field(default_factory=Weights)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.method.id

    @property
    def from_gt(self) -> bool:
        """Whether the method is given the ground truth: then the split does not matter to it."""
        return self.method.card.source == "gt"


@dataclass(frozen=True)
class StoredOutputs:
    """Results that somebody has already, under the row's name.

    `path`: the folder where they lie. `manifests`: what `vfsrbench import` wrote beside them, if it did, by
    split ("": whatever the split).
    `track`: of their method (`MethodCard.reference`), empty where it is not known.
    """

    id: str
    path: Path
    manifests: Mapping[str, ImportManifest] = field(default_factory=dict)
    track: Literal["", "none", "photo"] = ""

    @property
    def manifest(self) -> ImportManifest | None:
        """What the row's manifests say alike; its clips are those of one split."""
        return next(iter(self.manifests.values()), None)

    def manifest_of(self, split: str) -> ImportManifest | None:
        """The manifest of a split's clips."""
        return self.manifests.get(split, self.manifests.get(""))


Row: TypeAlias = MethodUse | StoredOutputs
