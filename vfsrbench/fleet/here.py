"""A plan's setup on another machine: its paths, its weights, and whether its code is that of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from vfsrbench.errors import InputError
from vfsrbench.hashing.facts import digest_of
from vfsrbench.plugins import metrics
from vfsrbench.restoration.method_use import MethodUse, Row, StoredOutputs
from vfsrbench.runs import keys
from vfsrbench.runs.jobs import Setup
from vfsrbench.runs.plan import metric_keys_of
from vfsrbench.scoring.derived import with_sources
from vfsrbench.weights.resolve import resolve_weights

REMEDY = "install the same vfsrbench, plugins and weights here as where the run was planned"


def portable(setup: Setup) -> Setup:
    """The setup with absolute paths, for workers that start in other folders."""
    use = setup.board.dataset
    if use.path is not None:
        there = use.replace(path=str(_absolute(Path(use.path))))
        setup = replace(setup, board=setup.board.replace(dataset=there))
    options = setup.options
    outputs = {name: _absolute(path) for name, path in options.outputs.items()}
    return replace(
        setup,
        workspace=_absolute(setup.workspace),
        options=replace(options, outputs=outputs, manifests=tuple(map(_absolute, options.manifests))),
        methods={name: _portable(row) for name, row in setup.methods.items()},
    )


def on_this_machine(setup: Setup, root: Path) -> Setup:
    """The setup for a worker of this machine.

    Args:
        setup: As it was planned.
        root: Where this machine has the workspace.

    Raises:
        InputError: A method or a metric is not the one here that was planned: its results would stand under
            a key that is not theirs.
    """
    methods = {name: _method_here(name, row) for name, row in setup.methods.items()}
    known = metrics()
    found = metric_keys_of(with_sources(setup.board.metrics, known), known, setup.finder)
    for metric, key in setup.metric_keys.items():
        if found.get(metric) != key:
            raise InputError(f"metric {metric!r} is another here than planned (code or weights); {REMEDY}")
    path = setup.board.dataset.path
    if path is not None and not Path(path).exists():
        raise InputError(f"data set {path}: is not there on this machine; mount it at the same path")
    return replace(setup, workspace=root, methods=methods)


def _method_here(name: str, row: Row) -> Row:
    if isinstance(row, StoredOutputs):
        if not row.path.exists():
            raise InputError(f"outputs {row.path}: not there on this machine; mount them at the same path")
        return row
    card = row.method.card
    weights = resolve_weights(card.weights_for(dict(row.method.options)))
    facts = keys.method_facts(row.method, weights)
    if digest_of("method", facts) != digest_of("method", row.facts):
        parts = sorted(part for part in {*facts, *row.facts} if _differ(facts, row.facts, part))
        why = f" ({weights.missing})" if weights.missing and "weights" in parts else ""
        raise InputError(
            f"method {name!r} is another here than planned: {', '.join(parts)} differ{why}; {REMEDY}"
        )
    return replace(row, weights=weights)


def _differ(one: Mapping[str, object], other: Mapping[str, object], part: str) -> bool:
    return digest_of("part", {"": one.get(part)}) != digest_of("part", {"": other.get(part)})


def _portable(row: Row) -> Row:
    if isinstance(row, StoredOutputs):
        return replace(row, path=_absolute(row.path))
    entry = row.method.entry
    if entry.folder is None:
        return row
    entry = replace(entry, path=_absolute(entry.path), folder=_absolute(entry.folder))
    return MethodUse(replace(row.method, entry=entry), row.weights, row.facts)


def _absolute(path: Path) -> Path:
    return path.absolute()
