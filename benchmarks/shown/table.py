"""The tables "what has been shown, and how", and the README's sentences: from facts and cards alone.

Methods and metrics are those that are installed: what nothing is recorded of says so. A fact of another
version of a metric, or of files that the manifest no longer names, is shown as such; which facts the code
has moved on from is said by `changed`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from benchmarks.shown.card_run import CardRun
from benchmarks.shown.choice import code_card
from benchmarks.shown.facts import Deviation, Facts, Kind, Run, UsedFile, code_of
from benchmarks.shown.official import superseded
from vfsrbench import plugins
from vfsrbench.card import MethodCard, MetricCard
from vfsrbench.hashing.code import our_sources
from vfsrbench.weights.manifest import Manifest, load_manifest

NONE = "no facts yet"
OTHER = "other files than the manifest names now"
CODE = "other code"
SHOWN = ("psnr", "idd_dlib", "oracle", "bicubic")
"""Figures of a run that stand in the table; the file of facts has all."""


@dataclass(frozen=True)
class Shown:
    """The facts, seen from the cards and the manifest as they are now. `cards`: what ran on a graphics card
    with random weights."""

    facts: Facts
    cards: CardRun = field(default_factory=CardRun)

    @cached_property
    def manifest(self) -> Manifest:
        return load_manifest()

    @cached_property
    def versions(self) -> dict[tuple[Kind, str], int]:
        """The versions that cards state now."""
        found: dict[tuple[Kind, str], int] = {
            ("method", e.card.name): e.card.version for e in plugins.methods()
        }
        return found | {("metric", e.card.id): e.card.version for e in plugins.metrics()}

    def outdated(self, fact: Run | Deviation, kind: Kind = "metric") -> str:
        """What has changed since, by the fact's own words; empty if nothing has."""
        now = self.versions.get((kind, fact.name), fact.version)
        if fact.version != now:
            return f"version {fact.version}, it is {now} now"
        if isinstance(fact, Run) and any(superseded(file, self.manifest) for file in fact.weights):
            return OTHER
        return ""

    def runs(self, kind: Kind, name: str) -> list[Run]:
        return [run for run in self.facts.runs if (run.kind, run.name) == (kind, name)]

    def with_files(self, kind: Kind, name: str) -> str:
        """The cell that says with which files it ran: official ones, trained ones from a package, others."""
        ran = [run for run in self.runs(kind, name) if run.weights]
        good = [run for run in ran if not run.failed]
        for label, runs in (
            ("yes", [run for run in good if run.official]),
            ("no, but with trained weights from a package", [run for run in good if run.trained]),
            ("no, but with files that nothing vouches for", good),
        ):
            if runs:
                now = [run for run in runs if not self.outdated(run, kind)]
                notes = sorted({self.outdated(run, kind) for run in runs}) if not now else []
                files = dict.fromkeys(f"`{file.name}`" for run in now or runs for file in run.weights)
                return f"{label}: {', '.join(files)}" + "".join(f" ({note})" for note in notes)
        return "failed, see below" if ran else "no"

    def on_gpu(self, kind: Kind, name: str) -> str:
        """The cell that says on which graphics cards it ran, and with what."""
        devices = sorted({r.origin.device for r in self.runs(kind, name) if r.on_gpu and not r.failed})
        if devices:
            return f"yes: {', '.join(devices)}"
        if name in (self.cards.methods if kind == "method" else self.cards.metrics):
            return f"with random weights: {self.cards.device}"
        return "no"


def packs_of(module: str, facts: Facts) -> list[Deviation]:
    """The packs of networks that a method's code imports."""
    imported = our_sources().closure([module])
    return [pack for pack in facts.packs if pack.module in imported]


def changed(facts: Facts, code: Callable[[str], str] = code_of) -> list[str]:
    """A line for each fact that was found with other code, files or versions than those of now."""
    shown = Shown(facts)
    lines = []
    for label, kind, found in (
        ("pack", "method", facts.packs),
        ("metric", "metric", facts.metrics),
        ("run", None, facts.runs),
    ):
        for fact in found:
            of: Kind = fact.kind if isinstance(fact, Run) else "metric" if kind == "metric" else "method"
            notes = [shown.outdated(fact, of), CODE if code(fact.module) != fact.origin.code else ""]
            if any(notes):
                name = fact.spec if isinstance(fact, Run) else fact.name
                told = ", ".join(note for note in notes if note)
                lines.append(f"{label} {name} ({fact.origin.date}): {told}; again by `{fact.origin.command}`")
    return lines


def section(facts: Facts, cards: CardRun | None = None) -> str:
    """The part of docs/parity.md."""
    shown = Shown(facts, cards or CardRun())
    methods = [entry.card for entry in plugins.methods() if entry.card.weights]
    metrics = [e.card for e in plugins.metrics() if e.card.weights and not e.card.derived]
    lines = [
        "| method | network parity: largest difference | run with official weights | on a GPU |",
        "|---|---|---|---|",
        *(_method_row(card, shown) for card in methods),
        "",
        "| metric | largest deviation from its reference | run with official weights | on a GPU |",
        "|---|---|---|---|",
        *(_metric_row(card, shown) for card in metrics),
        "",
        *_without_weights(shown),
        "",
        *_run_lines(shown),
    ]
    return "\n".join(lines)


def _method_row(card: MethodCard, shown: Shown) -> str:
    packs = packs_of(card.factory.partition(":")[0], shown.facts)
    return _row(card.name, _parity(packs), "method", shown)


def _parity(packs: Sequence[Deviation]) -> str:
    """The largest figure of a method's packs, and which missed their limits."""
    if not packs:
        return NONE
    worst = max(packs, key=lambda pack: pack.largest)
    others = f"; {len(packs)} packs" if len(packs) > 1 else ""
    missed = [pack.name for pack in packs if pack.largest > pack.limit]
    note = f"; missed: {', '.join(missed)}" if missed else ""
    return f"{_size(worst.largest)} ({worst.name}{others}{note}), {_days(packs)}"


def _size(value: float) -> str:
    return f"{value:.1e}" if value else "0"


def _days(facts: Sequence[Deviation]) -> str:
    days = sorted({fact.origin.date for fact in facts})
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _metric_row(card: MetricCard, shown: Shown) -> str:
    found = next((fact for fact in shown.facts.metrics if fact.name == card.id), None)
    if found is None:
        return _row(card.id, NONE, "metric", shown)
    notes = ["missed" if found.largest > found.limit else "", shown.outdated(found)]
    told = "".join(f" ({note})" for note in notes if note)
    return _row(card.id, f"{_size(found.largest)}{told}, {found.origin.date}", "metric", shown)


def _row(name: str, parity: str, kind: Kind, shown: Shown) -> str:
    return f"| `{name}` | {parity} | {shown.with_files(kind, name)} | {shown.on_gpu(kind, name)} |"


def _without_weights(shown: Shown) -> list[str]:
    """Which of those that need no files have run, and which have not."""
    free: dict[Kind, list[str]] = {
        "method": [e.card.name for e in plugins.methods() if not e.card.weights],
        "metric": [e.card.id for e in plugins.metrics() if not code_card(e.card).weights],
    }
    lines = []
    for kind, names in free.items():
        ran = [name for name in names if any(not run.failed for run in shown.runs(kind, name))]
        left = [name for name in names if name not in ran]
        line = f"- {kind.capitalize()}s that need no files, and ran in the same way: {_names(ran)}."
        lines.append(line + (f" With {NONE}: {_names(left)}." if left else ""))
    return lines


def _run_lines(shown: Shown) -> list[str]:
    """Each run with files: what it was made with, and its main figures."""
    runs = [run for run in shown.facts.runs if run.weights]
    if not runs:
        return ["Nothing has run with files yet."]
    lines = [
        "| run | files (SHA-256; stated by) | clips, frames | figures | when, on what |",
        "|---|---|---|---|---|",
        *(_run_row(run, shown) for run in runs),
        "",
    ]
    commands = dict.fromkeys(run.origin.command for run in runs)
    return [*lines, f"Made by {'; '.join(f'`{command}`' for command in commands)}."]


def _run_row(run: Run, shown: Shown) -> str:
    outdated = shown.outdated(run, run.kind)
    figures = ", ".join(f"{key} {run.figures[key]:.4g}" for key in SHOWN if key in run.figures)
    cells = [
        f"`{run.spec}`" + (f" ({outdated})" if outdated else ""),
        ", ".join(map(_file, run.weights)),
        f"{run.recipe}: {len(run.clips)} clips of {run.frames}",
        f"failed: {run.failed}" if run.failed else figures or "-",
        f"{run.origin.date}, {run.origin.device}, torch {run.origin.versions.get('torch', '?')}",
    ]
    return "| " + " | ".join(cells) + " |"


def _file(file: UsedFile) -> str:
    package = f", in {file.package}" if file.package else ""
    return f"`{file.name}` {file.sha256[:12]} ({file.vouched}{package})"


def readme_lines(facts: Facts, cards: CardRun | None = None) -> str:
    """The README's statement: what ran with official weights, what with trained ones from packages, what has
    golden figures only, what has neither."""
    shown = Shown(facts, cards or CardRun())
    methods = [entry.card for entry in plugins.methods() if entry.card.weights]
    metrics = [e.card.id for e in plugins.metrics() if e.card.weights and not e.card.derived]
    official = [c.name for c in methods if any(r.official for r in shown.runs("method", c.name))]
    trained = [c.name for c in methods if any(r.trained for r in shown.runs("method", c.name))]
    trained = [name for name in trained if name not in official]
    golden = [c.name for c in methods if packs_of(c.factory.partition(":")[0], facts)]
    golden = [name for name in golden if name not in (*official, *trained)]
    neither = [c.name for c in methods if c.name not in (*official, *trained, *golden)]
    of_metrics = [m for m in metrics if any(r.official for r in shown.runs("metric", m))]
    packaged = [m for m in metrics if m not in of_metrics and any(r.trained for r in shown.runs("metric", m))]
    references = {fact.name for fact in facts.metrics} & set(metrics) - {*of_metrics, *packaged}
    packages = {f.package for r in facts.runs if r.trained and not r.official for f in r.weights if f.package}
    gpu = sorted({run.origin.device for run in facts.runs if run.on_gpu and not run.failed})
    lines = [
        f"- With official weights, as their authors publish them: methods: {_names(official)}; metrics: "
        f"{_names(of_metrics)}.",
        f"- With trained weights that come in packages ({', '.join(sorted(packages)) or 'none'}): methods: "
        f"{_names(trained)}; metrics: {_names(packaged)}.",
        f"- With golden figures of the official code alone, never with its weights: {_names(golden)}; "
        f"{len(references)} metrics were compared with their references on made-up weights.",
    ]
    lines += [f"- With neither so far: {_names(neither)}."] if neither else []
    without = f"; with random weights: {shown.cards.device}" if shown.cards.device else ""
    return "\n".join([*lines, f"- On a GPU: {', '.join(gpu) or 'nothing so far'}{without}."])


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
