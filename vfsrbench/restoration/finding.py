"""What a check of a method found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "FAILED", "skipped", "note"]


@dataclass(frozen=True)
class Finding:
    """One promise, and whether it is kept."""

    promise: str
    verdict: Verdict
    detail: str = ""
