"""README's tables of methods and boards, from cards, boards and the facts of docs/parity.md.

Also what pages of leaderboards say of the methods' networks: reports/leaderboard/pages/parity.csv.

    python benchmarks/readme_tables.py            rewrite them
    python benchmarks/readme_tables.py --check    exit code 1 when one of them would change

It measures nothing: figures of parity and runs are those of benchmarks/results/shown.json.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.shown.facts import Facts  # noqa: E402
from benchmarks.shown.files import load_facts  # noqa: E402
from benchmarks.shown.table import Shown, packs_of  # noqa: E402
from vfsrbench import plugins  # noqa: E402
from vfsrbench.board import Board, load_board  # noqa: E402
from vfsrbench.card import MethodCard  # noqa: E402
from vfsrbench.cli.verbs.cards.cells import licence_word  # noqa: E402
from vfsrbench.weights.manifest import Manifest  # noqa: E402

README = ROOT / "README.md"
PARITY = ROOT / "reports" / "leaderboard" / "pages" / "parity.csv"
BEGIN, END = "<!-- {}: made by `python benchmarks/readme_tables.py` -->", "<!-- /{} -->"


def methods_table(facts: Facts) -> str:
    """Networks, a row each; then those that need no weights, and those whose outputs are taken in."""
    shown = Shown(facts)
    cards = [entry.card for entry in plugins.methods()]
    networks = [card for card in cards if card.weights]
    outputs = [card for card in cards if card.kind == "outputs"]
    others = [card for card in cards if not card.weights and card.kind != "outputs"]
    references = [card for card in others if card.source != "lq" or card.stands_for]
    free = [card for card in others if card not in references]
    return "\n".join(
        [
            "| method | paper | year | weights, licence | parity | run with official weights |",
            "|---|---|---|---|---|---|",
            *(_method_row(card, shown) for card in networks),
            "",
            f"Without weights: {_names(free)}. Reference rows: {_names(references)}. "
            f"Taken in by their outputs: {_names(outputs)}.",
        ]
    )


def _method_row(card: MethodCard, shown: Shown) -> str:
    packs = packs_of(card.factory.partition(":")[0], shown.facts)
    largest = max((pack.largest for pack in packs), default=None)
    parity = "none yet" if largest is None else f"{largest:.1e}" if largest else "0"
    title = f"[{card.title}]({card.url})" if card.url else card.title
    ran = shown.with_files("method", card.name)
    cells = [
        f"{title} `{card.name}`",
        _cited(card.paper),
        str(card.year or ""),
        f"{_weights(card, shown.manifest)}, {licence_word(card.licence, card.commercial)}",
        parity,
        "yes" if ran.startswith("yes") else ran.partition(":")[0],
    ]
    return f"| {' | '.join(cells)} |"


def parity_file(facts: Facts) -> str:
    """CSV: of each method with golden packs, the one that is nearest to its limit."""
    rows = []
    for card in (entry.card for entry in plugins.methods()):
        packs = packs_of(card.factory.partition(":")[0], facts) if card.factory and card.weights else []
        if packs:
            worst = max(packs, key=lambda pack: pack.largest / pack.limit)
            cases = sum(pack.values for pack in packs)
            rows.append(f"{card.name},{worst.name},{cases},{worst.largest:.1e},{worst.limit:.0e}")
    return "\n".join(["method,pack,cases,largest,limit", *sorted(rows)]) + "\n"


def _cited(paper: str) -> str:
    """Authors and place: `Feng et al., ECCV 2024`."""
    parts = paper.split(", ")
    return f"{parts[0]}, {parts[-1]}" if len(parts) > 1 else paper


def _weights(card: MethodCard, manifest: Manifest) -> str:
    """How the files come that the method needs as it stands on a board."""
    options = {name: option.default for name, option in card.options.items()}
    for use in card.weights_for(options):
        entries = [manifest.entries.get(name) for name in use.names]
        if not any(entry is not None and (entry.urls or entry.wheels) for entry in entries):
            return "by hand"
    return "`fetch`"


def boards_table() -> str:
    """Every shipped board in a row."""
    boards = [load_board(path) for path in plugins.board_files().values()]
    return "\n".join(
        [
            "| board | what | clips | splits | methods, metrics | beside it |",
            "|---|---|---|---|---|---|",
            *map(_board_row, boards),
        ]
    )


def _board_row(board: Board) -> str:
    cells = [
        f"`{board.name}`",
        board.title,
        board.dataset.layout,
        ", ".join(board.splits),
        f"{len(board.methods)}, {len(board.metrics)}",
        "the paper's figures" if board.published else "",
    ]
    return f"| {' | '.join(cells)} |"


def _names(cards: Sequence[MethodCard]) -> str:
    return ", ".join(f"`{card.name}`" for card in cards)


def rewritten(text: str, facts: Facts) -> str:
    """README with both tables made anew."""
    for name, body in (("methods", methods_table(facts)), ("boards", boards_table())):
        begin, end = BEGIN.format(name), END.format(name)
        if text.count(begin) != 1 or text.count(end) != 1:
            raise SystemExit(f"README.md has no one place {begin} to {end}")
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{body}\n{end}{rest.partition(end)[2]}"
    return text


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if README is behind")
    given = parser.parse_args(arguments)
    text = README.read_text(encoding="utf-8")
    facts = load_facts()
    made, parity = rewritten(text, facts), parity_file(facts)
    if given.check:
        return int(made != text or parity != PARITY.read_text(encoding="utf-8"))
    README.write_text(made, encoding="utf-8")
    PARITY.write_text(parity, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
