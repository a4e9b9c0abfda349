"""Writes what has been shown, and how, into docs/parity.md and README.md, from benchmarks/results/shown.json.

    python benchmarks/shown_table.py                     rewrite both pages
    python benchmarks/shown_table.py --add facts.json    put a file's facts into the repository's first
    python benchmarks/shown_table.py --print             to the terminal
    python benchmarks/shown_table.py --changed           which facts were found with other code than today's

It measures nothing. Facts are found by parity_table.py (packs), metrics_table.py (metrics) and
official_weights.py (runs), with day, code, files, versions and command.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.shown.card_run import card_run  # noqa: E402
from benchmarks.shown.facts import Facts  # noqa: E402
from benchmarks.shown.files import load_facts, save_facts  # noqa: E402
from benchmarks.shown.table import changed, readme_lines, section  # noqa: E402
from vfsrbench.errors import InputError  # noqa: E402

PAGE, README = ROOT / "docs" / "parity.md", ROOT / "README.md"
BEGIN, END = "<!-- begin: written by benchmarks/shown_table.py -->", "<!-- end: shown -->"


def between(text: str) -> str:
    """What stands between the marks."""
    return text.partition(BEGIN)[2].partition(END)[0].strip("\n")


def rewritten(text: str, body: str) -> str:
    """The text with what stands between the marks replaced."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{body}\n\n{END}{rest.partition(END)[2]}"


def bodies(facts: Facts) -> dict[Path, str]:
    """What belongs between the marks of each page."""
    cards = card_run()
    return {PAGE: section(facts, cards), README: readme_lines(facts, cards)}


def write_pages(facts: Facts) -> None:
    """Make the parts of both pages anew."""
    for path, body in bodies(facts).items():
        path.write_text(rewritten(path.read_text(encoding="utf-8"), body), encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--add", type=Path, metavar="FILE", help="facts of `make test-weights`")
    parser.add_argument("--print", action="store_true", help="to the terminal, not into the pages")
    parser.add_argument("--changed", action="store_true", help="facts whose code, files or version changed")
    given = parser.parse_args(arguments)
    try:
        facts = load_facts()
        if given.add:
            if not given.add.is_file():
                raise InputError(f"{given.add}: no such file; `make test-weights` writes shown/facts.json")
            facts = facts.with_facts(load_facts(given.add))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if given.changed:
        print("\n".join(changed(facts)) or "all facts are of today's code, files and versions")
    elif given.print:
        print(*bodies(facts).values(), sep="\n\n")
    else:
        if given.add:
            save_facts(facts)
        write_pages(facts)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
