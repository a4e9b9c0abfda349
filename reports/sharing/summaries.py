"""What a bundle says of all its results together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from vfsrbench.results.load import StoredResult


def environment_of(results: Iterable[StoredResult]) -> dict[str, Any]:
    """What results were made with: sets of software, devices and profiles, each with the number of jobs."""
    records = [result.record for result in results]
    software = Counter(json.dumps(record.versions, sort_keys=True) for record in records)
    return {
        "software": [{"versions": json.loads(text), "jobs": n} for text, n in sorted(software.items())],
        "devices": dict(sorted(Counter(r.device for r in records if r.device).items())),
        "profiles": dict(sorted(Counter(r.profile for r in records).items())),
    }


def licences_of(results: Iterable[StoredResult]) -> dict[str, str]:
    """Checkpoint -> the day on which its licence was accepted, the latest one."""
    found: dict[str, str] = {}
    for result in results:
        for name, day in result.record.licences_accepted.items():
            found[name] = max(day, found.get(name, ""))
    return found
