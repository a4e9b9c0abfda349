"""Content keys: what a result depends on, hashed. Equal key means the work is done.

Nothing is keyed by a file's name, place or date. A clip's name is in the key of its degradation because the
random draws are seeded with it.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from vfsrbench.card import MethodCard, MetricCard
from vfsrbench.faces.finding.choice import found_by
from vfsrbench.hashing.code import (
    CODE_SUFFIXES,
    OWN_PACKAGES,
    folder_digest,
    foreign_digest,
    module_digest,
    restore_code,
    score_code,
)
from vfsrbench.hashing.facts import Facts, digest_of
from vfsrbench.io.safety.paths import expanded
from vfsrbench.method_spec import Method
from vfsrbench.plugins import Entry
from vfsrbench.weights.resolve import Weights
from vfsrbench.wrapped.command import files_digest


def code_facts(entry: Entry[MethodCard] | Entry[MetricCard]) -> dict[str, Any]:
    """What says which code this is: a digest of the class's module and of what it imports of ours; of a
    third party's plugin, its files' content too. An object made in Python: nothing does, so it gets a name
    that no earlier run had."""
    if entry.folder is None and not entry.path.is_file():
        return {"object": uuid.uuid4().hex}
    card = entry.card
    if isinstance(card, MethodCard) and card.command:
        return command_facts(entry, card)
    if card.factory is None:
        return {}  # a derived metric's arithmetic is the scorer's, and outputs are frames, not code
    module = str(card.factory).partition(":")[0]
    if entry.folder is None and module.partition(".")[0] in OWN_PACKAGES:
        return {"source": module_digest(module)}
    if entry.folder is not None:
        return {"files": folder_digest(entry.folder, CODE_SUFFIXES)}
    source = {"source": foreign_digest(module)}
    if isinstance(card, MetricCard):  # its folder holds other cards, too
        return source
    return {**source, "files": folder_digest(entry.path.parent, CODE_SUFFIXES)}


def command_facts(entry: Entry[Any], card: MethodCard) -> dict[str, Any]:
    """What says which command this is: its text, what it names, the card's folder, and our code around it.

    Files in a package's folder count as those of a folder of the user's do.
    """
    folder = entry.folder or entry.path.parent
    return {
        "command": card.command,
        "named": files_digest(card, folder),
        "files": folder_digest(folder, CODE_SUFFIXES),
        "source": module_digest("vfsrbench.wrapped.predictor"),
    }


def method_facts(method: Method, weights: Weights) -> dict[str, Any]:
    """All that a method's output depends on, but for its input and seed."""
    card = method.card
    return {
        "class": card.factory,
        "version": card.version,
        "code": code_facts(method.entry),
        "harness": restore_code(),
        "options": _option_facts(method),
        "weights": None if weights.missing else weights.hashes,
        "windows": [card.window, card.overlap, card.tail, card.stateful, card.source, card.scale],
    }


def _option_facts(method: Method) -> dict[str, Any]:
    """The options' values; of files, their content."""
    facts: dict[str, Any] = dict(method.options)
    for name, option in method.card.options.items():
        if option.type == "file" and facts[name]:
            with expanded(str(facts[name])).open("rb") as file:
                facts[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return facts


def metric_facts(entry: Entry[MetricCard], weights: Weights, source: Facts | None = None) -> dict[str, Any]:
    """All that a metric's values depend on, but for the frames. Missing weights count: when they come,
    the scores are due again. `source` has the facts of the metric that a derived one is computed from."""
    card = entry.card
    facts = {
        "id": card.id,
        "version": card.version,
        "class": card.factory,
        "code": code_facts(entry),
        "harness": score_code(),
        "params": dict(card.params),
        "cap": card.cap,
        "derived": card.derived.model_dump() if card.derived else None,
        "weights": None if weights.missing else weights.hashes,
        "source": source,
    }
    finder = found_by(card, weights)
    # a metric may load dlib's landmarks in any case: hashes do not tell who finds the face
    return {**facts, "finder": finder} if finder else facts


def restore_key(method: Facts, clip: Facts) -> str:
    """The key of a restored clip: `method_facts`, and what is fed to it (frames, range, seed, profile)."""
    return digest_of("restore", {"method": method, "input": clip})


def job_key(restored: str, truth: Facts) -> str:
    """The key of a job's results file: restored frames, and the ground truth they are compared with."""
    return digest_of("job", {"restored": restored, "truth": truth})


def metric_key(metric: Facts) -> str:
    """The key of a metric (`metric_facts`): equal keys give equal values for equal frames."""
    return digest_of("metric", metric)


def score_key(job: str, metric: str) -> str:
    """The key of one metric's values in a job's results file, from both their keys."""
    return digest_of("score", {"job": job, "metric": metric})
