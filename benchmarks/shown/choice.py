"""Which methods and metrics can be run here, and what the others lack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.shown.facts import Kind, UsedFile
from benchmarks.shown.official import NotUsable, official_weights
from vfsrbench import plugins
from vfsrbench.card import MetricCard
from vfsrbench.errors import InputError
from vfsrbench.method_spec import Method, choose_method


@dataclass(frozen=True)
class Chosen:
    """A method or metric whose files are here. `module` holds its code."""

    kind: Kind
    name: str
    spec: str
    module: str
    version: int
    weights: tuple[UsedFile, ...] = ()


@dataclass(frozen=True)
class Missing:
    """One that cannot be run, and why: in most cases the files that are not here."""

    kind: Kind
    spec: str
    why: str


def usable(kind: Kind, specs: Iterable[str]) -> Iterator[Chosen | Missing]:
    """Those whose files are here and official, or at least not random; of the others what they lack."""
    for spec in specs:
        if kind == "method":
            method = choose_method(spec)
            name, version, factory = method.card.name, method.card.version, method.card.factory
            uses = method.card.weights_for(dict(method.options))
        else:
            card = plugins.choose_metric(spec).card
            name, version, factory = card.id, card.version, str(code_card(card).factory)
            uses = code_card(card).weights
        try:
            _, used = official_weights(uses)
        except NotUsable as error:
            yield Missing(kind, spec, str(error))
            continue
        yield Chosen(kind, name, spec, factory.partition(":")[0], version, used)


def code_card(card: MetricCard) -> MetricCard:
    """The metric whose code and files a metric uses: of a derived one its source."""
    return code_card(plugins.choose_metric(card.derived.metric).card) if card.derived else card


def metric_ids(only: Sequence[str]) -> list[str]:
    """Metrics: all, or those that are named."""
    return [e.card.id for e in plugins.metrics() if not only or e.card.id in only]


def specs_of(only: Sequence[str]) -> list[str]:
    """Methods as they are run: each by its defaults, and once for every other set of files. Those whose
    outputs are imported are not run here.

    Raises:
        InputError: A name is neither a method nor a metric.
    """
    cards = [entry.card for entry in plugins.methods()]
    known = [card.name for card in cards]
    ids = {entry.card.id for entry in plugins.metrics()}
    for name in only:
        if name.partition("[")[0] not in known and name not in ids:
            raise InputError(f"{name}: neither a method nor a metric; `vfsrbench list` has all")
    if only:
        named = [name for name in only if name.partition("[")[0] in known]
        return [choose_method(name).id for name in named]
    run_here = [card.name for card in cards if card.kind != "outputs"]
    return [spec for name in run_here for spec in variants(choose_method(name))]


def variants(method: Method) -> list[str]:
    """The method by its defaults, and with the options that ask for other checkpoints."""
    found: dict[tuple[str, ...], str] = {}
    settings: list[dict[str, Any]] = [{}, *(use.when for use in method.card.weights)]
    for changed in settings:
        options = {**method.options, **changed}
        files = tuple(sorted({use.name for use in method.card.weights_for(options)}))
        found.setdefault(files, Method(method.entry, options).id)
    return list(found.values())
