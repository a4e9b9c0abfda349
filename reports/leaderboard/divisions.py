"""Which division a row belongs to: found from its records, not said by whoever hands it in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from reports.leaderboard.config import Division
from vfsrbench import plugins
from vfsrbench.results.schema import JobRecord
from vfsrbench.weights.manifest import load_manifest


@dataclass(frozen=True)
class Official:
    """What counts as official here: methods, and the SHA-256 of checkpoints by name (None: not known)."""

    methods: Collection[str]
    checkpoints: Mapping[str, str | None]
    more: Collection[str] = ()

    @classmethod
    def here(cls, more: Collection[str] = ()) -> Official:
        """What is installed, and SHA-256s that maintainers add."""
        manifest = load_manifest()
        return cls(frozenset(plugins.methods().entries), {one.name: one.sha256 for one in manifest}, more)


def division_of(records: Sequence[JobRecord], official: Official) -> tuple[Division, str]:
    """The division of a row, and why it is open if it is."""
    for record in records:
        name = record.method.partition("[")[0]
        if name not in official.methods:
            return "open", f"the method {name} is not one of vfsrbench"
        if record.imported:
            return "open", "outputs of its own tool: which weights made them is not known"
        of_metrics = {used for score in record.scores.values() for used in score.weights}
        for checkpoint, digest in sorted(record.weights.items()):
            if checkpoint in of_metrics or digest in official.more:
                continue
            known = official.checkpoints.get(checkpoint)
            if known is None:
                return "open", f"no official checksum of {checkpoint} is known"
            if digest != known:
                return "open", f"{checkpoint} is not the official file"
    return "official", ""
