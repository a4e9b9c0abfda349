"""A row of the board: a method with its weights, or stored outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vfsrbench.method_spec import Method
from vfsrbench.weights.resolve import Weights


@dataclass(frozen=True)
class MethodUse:
    """A row of the board: a method, or stored outputs (`outputs`: where they are).

    `facts` is what the method's output depends on, for the key.
    """

    id: str
    method: Method | None = None
    outputs: Path | None = None
    weights: Weights = field(default_factory=Weights)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def from_truth(self) -> bool:
        """Whether the method is fed the ground truth: then the split does not matter to it."""
        return self.method is not None and self.method.card.source == "gt"
