"""What workers that a run starts find in their environment."""

from __future__ import annotations

import re
from collections.abc import Mapping

_CARRIED = re.compile(r"PYTHONPATH|VFSRBENCH_(?!WORKER_)\w+")


def carried(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that say where the harness finds its code, weights and clips."""
    return {name: environment[name] for name in sorted(environment) if _CARRIED.fullmatch(name)}
