"""Writes the generated part of docs/metrics.md: every metric's card, and the deviation found just now.

    python benchmarks/metrics_table.py            run all comparisons, rewrite the page
    python benchmarks/metrics_table.py --print    the same, to the terminal
    python benchmarks/metrics_table.py --record lpips_alex fvd    these alone, into the file of facts
    python benchmarks/metrics_table.py --fast dover maniqa    the fast profile of these, into the page

All of it goes into benchmarks/results/shown.json, too, with the digest of each metric's code.

The comparisons are those of tests/vfsrbench/metrics/references.py: each metric against the figures of the
implementation that its card names.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "parity")]

from benchmarks.shown.choice import code_card  # noqa: E402
from benchmarks.shown.facts import Deviation, origin  # noqa: E402
from benchmarks.shown.files import load_facts, save_facts  # noqa: E402
from benchmarks.shown_table import write_pages  # noqa: E402
from tests.vfsrbench.metrics.network_references import fast_deviation, fast_deviations  # noqa: E402
from tests.vfsrbench.metrics.outcome import Outcome  # noqa: E402
from tests.vfsrbench.metrics.references import REFERENCES  # noqa: E402
from vfsrbench import plugins  # noqa: E402
from vfsrbench.card import MetricCard  # noqa: E402

PAGE = ROOT / "docs" / "metrics.md"
BEGIN, END = "<!-- begin: written by benchmarks/metrics_table.py -->", "<!-- end -->"


def generated(outcomes: dict[str, Outcome], fast: dict[str, float]) -> str:
    """Overview and definitions as Markdown."""
    cards = [entry.card for entry in plugins.metrics()]
    lines = [
        "| id | unit | better | level | needs | compared values | largest deviation | fast to strict |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(card, outcomes.get(card.id), fast.get(card.id, 0.0)) for card in cards),
        "",
    ]
    for card in cards:
        lines += _section(card)
    return "\n".join(lines)


def _row(card: MetricCard, outcome: Outcome | None, fast: float) -> str:
    source = plugins.choose_metric(card.derived.metric).card if card.derived else card
    files = [f"{use.name} (optional)" if use.optional else use.name for use in source.weights]
    needs = ", ".join([*files, *source.needs]) or "nothing"
    found = ("from " + card.derived.metric, "") if card.derived else ("", "")
    if outcome is not None:
        found = (str(outcome.values), _rounded_up(outcome.worst))
    faster = "" if card.derived else _fast(fast)
    cells = [f"`{card.id}`", card.unit or "1", card.direction, card.level, needs, *found, faster]
    return "| " + " | ".join(cells) + " |"


def _section(card: MetricCard) -> list[str]:
    lines = [f"### `{card.id}`: {card.title}", "", _plain(card.definition) + ".", ""]
    lines += [f"- Source: {_plain(card.source)}.", f"- Checked against: {_plain(card.checked_against)}."]
    note = REFERENCES[card.id].note if card.id in REFERENCES else ""
    if note:
        lines.append(f"- On the deviation: {note}.")
    if card.gameable:
        lines.append("- Gameable: frames unlike the truth can score well, so no board is sorted by it alone.")
    if card.legacy:
        lines.append("- Legacy: explains published figures; never on a board by default.")
    return [*lines, ""]


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(".").replace("*", "\\*").replace("_", "\\_")


def _fast(deviation: float) -> str:
    return _rounded_up(deviation) if deviation else "same"


def _rounded_up(value: float) -> str:
    """One significant digit, never less than what was found."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(value))
    digit = math.ceil(value / 10**exponent)
    return f"{digit}e{exponent}" if digit < 10 else f"1e{exponent + 1}"


def rewritten(page: str, body: str) -> str:
    """The page with what stands between the two marks replaced."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{body}\n{END}{after}"


def with_fast(page: str, found: dict[str, float]) -> str:
    """The page with the last cell of these metrics' rows written again."""
    lines = page.splitlines(keepends=True)
    for number, line in enumerate(lines):
        name = line.split("`")[1] if line.startswith("| `") and line.count("|") == 9 else ""
        if name in found:
            row = line.rpartition("|")[0].rpartition("|")[0]
            lines[number] = f"{row}| {_fast(found[name])} |\n"
    return "".join(lines)


def compared(name: str) -> Outcome:
    """A metric against its reference; the program ends where it cannot be, or is too far off."""
    reference = REFERENCES[name]
    unmet = reference.unmet()
    if unmet:
        raise SystemExit(f"{name}: {unmet}")
    outcome = reference.run()
    if outcome.worst > reference.limit:
        raise SystemExit(f"{name}: deviation {outcome.worst} is above {reference.limit}")
    return outcome


def record(outcomes: dict[str, Outcome]) -> None:
    """Put what was found into the file of facts, and its tables into their pages."""
    facts = load_facts().with_deviations("metrics", [fact(name, found) for name, found in outcomes.items()])
    save_facts(facts)
    write_pages(facts)


def fact(name: str, outcome: Outcome) -> Deviation:
    """What is recorded of one metric."""
    card = plugins.choose_metric(name).card
    module = str(code_card(card).factory).partition(":")[0]
    return Deviation(
        name=name,
        module=module,
        version=card.version,
        largest=outcome.worst,
        limit=REFERENCES[name].limit,
        values=outcome.values,
        origin=origin(module, f"python benchmarks/metrics_table.py --record {name}"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--print", action="store_true", help="to the terminal, not into docs/metrics.md")
    parser.add_argument(
        "--record", nargs="+", choices=sorted(REFERENCES), metavar="METRIC", help="these into the facts alone"
    )
    parser.add_argument("--fast", nargs="+", metavar="METRIC", help="the fast profile of these alone")
    arguments = parser.parse_args()
    if arguments.fast:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        found = {name: fast_deviation(plugins.choose_metric(name).card, device) for name in arguments.fast}
        PAGE.write_text(with_fast(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
        return
    if arguments.record:
        record({name: compared(name) for name in arguments.record})
        return
    outcomes = {name: compared(name) for name in REFERENCES}
    if not arguments.print:
        record(outcomes)
    body = generated(outcomes, fast_deviations())
    if arguments.print:
        print(body)
    else:
        PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8"), body), encoding="utf-8")


if __name__ == "__main__":
    main()
