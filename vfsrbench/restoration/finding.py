"""Result of one check of a method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "FAILED", "skipped", "note"]


@dataclass(frozen=True)
class Finding:
    """One check, and whether it passed."""

    check: str
    verdict: Verdict
    detail: str = ""
