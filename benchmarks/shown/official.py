"""Which files may be called official: those whose bytes are what the manifest states. Random ones never."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from benchmarks.shown.facts import UsedFile
from vfsrbench.card import WeightUse
from vfsrbench.errors import InputError
from vfsrbench.weights.manifest import Manifest, WeightFile, load_manifest
from vfsrbench.weights.random_init import build_network, untrained_state
from vfsrbench.weights.resolve import Weights, is_untrained, resolve_weights


class NotUsable(InputError):
    """The files that are needed are not here, or are not what they should be."""


def official_weights(uses: Iterable[WeightUse]) -> tuple[Weights, tuple[UsedFile, ...]]:
    """The files for these uses, and what vouches for each; every byte is read.

    Raises:
        NotUsable: A file is missing, is not the published one, or holds random weights.
    """
    uses = tuple(uses)
    manifest = load_manifest()
    weights = resolve_weights(uses, manifest)
    if weights.missing:
        raise NotUsable(_without_places(uses, weights, manifest))
    by_role = {use.role: use for use in uses}
    used = [_checked(by_role[role], path, manifest) for role, path in weights.paths.items()]
    return weights, tuple(sorted(used, key=lambda file: file.name))


def _without_places(uses: Iterable[WeightUse], weights: Weights, manifest: Manifest) -> str:
    """Why the files cannot be used, in words that hold on other machines, too."""
    lacking = [use.names for use in uses if resolve_weights([use], manifest).missing and not use.optional]
    if weights.extra:
        return f"needs vfsrbench[{weights.extra}]"
    return "not here: " + ", ".join(" or ".join(names) for names in lacking)


def _checked(use: WeightUse, path: Path, manifest: Manifest) -> UsedFile:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if is_untrained(path):
        raise NotUsable(f"{path.name}: random weights")
    name, entry = _entry_of(use, path, sha256, manifest)
    if entry is None or entry.provenance == "unverified":
        if entry is not None and made_up(entry, path):
            raise NotUsable(f"{name}: random weights, though its name does not say so")
        return UsedFile(name=name, sha256=sha256, vouched="unverified")
    problem = entry.mismatch(sha256, path.stat().st_size)
    if problem:
        raise NotUsable(f"{name}: not the published file: {problem}")
    package = entry.packages[0].package if entry.packages and not entry.urls else ""
    return UsedFile(name=name, sha256=sha256, vouched=entry.hash_source or "prefix", package=package)


def _entry_of(use: WeightUse, path: Path, sha256: str, manifest: Manifest) -> tuple[str, WeightFile | None]:
    """Which of the use's checkpoints the file is."""
    known = [manifest.entries[name] for name in use.names if name in manifest.entries]
    fitting = [entry for entry in known if not entry.mismatch(sha256, path.stat().st_size)]
    entry = next(iter([*fitting, *known]), None)
    return (use.name, None) if entry is None else (entry.name, entry)


def made_up(entry: WeightFile, path: Path) -> bool:
    """Whether the file holds just what `random_init` makes for this network."""
    if entry.network is None:
        return False
    import torch

    from vfsrbench.runtime.checkpoint import fitting_tensors

    network = build_network(entry)
    try:
        found = fitting_tensors(network, path)
    except InputError:  # not its tensors: whoever loads it says so
        return False
    random = untrained_state(network)
    return all(torch.equal(value, random[name].to(value.dtype)) for name, value in found.items())


def superseded(file: UsedFile, manifest: Manifest) -> bool:
    """Whether the manifest now names other bytes than those that were used."""
    entry = manifest.entries.get(file.name)
    if entry is None:
        return True
    if entry.sha256 is not None:
        return entry.sha256 != file.sha256
    return entry.prefix is not None and not file.sha256.startswith(entry.prefix)
