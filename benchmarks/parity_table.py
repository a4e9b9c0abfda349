"""How far each network is from the official one: every tap of every case of its golden pack.

    python benchmarks/parity_table.py                  all networks, as Markdown on the screen
    python benchmarks/parity_table.py keep gmflow      these only
    python benchmarks/parity_table.py --write docs/parity.md

A difference is `parity.compare`: the largest one over the recorded samples, relative to the tap's own
standard deviation. The exit code is 1 when a tap is beyond its limit. To add a network, add a row to ROWS.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/parity"), str(ROOT / "tests/baselines")]

import parity  # noqa: E402
import taps as tap_tools  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

Collector = Callable[[nn.Module, dict[str, Any]], dict[str, Tensor]]


@dataclass(frozen=True)
class Row:
    """A golden pack and the network to hold against it.

    build: "module:class", called with `options`. collect: "module:function" that runs a case and gives
    tap -> tensor ("" when all taps are module paths, see `by_module`). limit: the largest difference
    allowed; where the official network's own rounding (float32 against float64, if the pack records it)
    is larger than that, it is the limit.
    """

    pack: str
    build: str
    collect: str = ""
    limit: float = 1e-3
    options: dict[str, Any] = field(default_factory=dict)


ROWS = (
    Row("codeformer", "baselines.codeformer.network:CodeFormer", "code_taps:codeformer"),
    Row("keep", "baselines.keep.network:KEEP", "code_taps:keep"),
    Row("keep_v1", "baselines.keep.network:KEEP", "code_taps:keep", options={"layout": "asian"}),
    Row("keep_kalman", "baselines.keep.kalman:KalmanFilter", "code_taps:kalman"),
    Row("keep_cfa", "baselines.keep.cfa:CrossFrameAttention", "code_taps:cross_frame"),
    Row("gmflow", "baselines.layers.gmflow:GMFlow", "code_taps:gmflow", limit=2e-3),
    Row("pwcnet", "baselines.layers.pwcnet:PWCNet", "code_taps:pwcnet", limit=1e-4),
    Row("gfpgan", "baselines.gfpgan.network:GFPGANClean", "face_taps:gfpgan", limit=1e-4),
    Row(
        "restoreformer",
        "baselines.restoreformer.network:RestoreFormer",
        "face_taps:restoreformer",
        limit=1e-4,
    ),
    Row(
        "restoreformerpp",
        "baselines.restoreformer.network:RestoreFormerPP",
        "face_taps:restoreformer",
        limit=1e-4,
    ),
    Row("gpen", "baselines.gpen.network:GPEN", "face_taps:gpen", limit=1e-4),
    Row("vqfr", "baselines.vqfr.network:VQFR", "face_taps:vqfr", limit=1e-4),
)


@dataclass
class Tap:
    """The largest difference of a tap over all cases, and the strictest limit that it met or missed."""

    difference: float = 0.0
    limit: float = 0.0
    held: bool = True
    case: str = ""


def by_module(net: nn.Module, case: dict[str, Any]) -> dict[str, Tensor]:
    """Taps that are outputs of modules, by their path, and "out", what the network returns first."""
    with tap_tools.tapped(net, case["outputs"]) as taps:
        out = net(**parity.inputs(case), **case.get("args", {}))
    return {**taps, "out": out[0] if isinstance(out, tuple) else out}


def rounding(case: dict[str, Any]) -> dict[str, float]:
    """The official network's own float32 noise by tap, where the pack records it."""
    return case.get("float64_difference") or case.get("float32_against_float64") or {}


def named(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def measure(row: Row) -> tuple[dict[str, Tap], int]:
    """Every tap of the row's pack, and the number of cases."""
    pack = tap_tools.pack(row.pack)
    net = tap_tools.filled(lambda: named(row.build)(**row.options), pack)
    collect: Collector = named(row.collect) if row.collect else by_module
    found: dict[str, Tap] = {}
    for case in pack["cases"]:
        with torch.no_grad():
            taps = collect(net, case)
        noise = rounding(case)
        wanted = {name: tap for name, tap in taps.items() if name in case["outputs"]}
        for name, difference in tap_tools.differences(wanted, case["outputs"]).items():
            limit = max(row.limit, noise.get(name, 0.0))
            tap = found.setdefault(name, Tap(-1.0))
            tap.held &= difference <= limit
            if not difference <= tap.difference:
                tap.difference, tap.limit, tap.case = difference, limit, case["name"]
    return found, len(pack["cases"])


def section(row: Row, taps: dict[str, Tap], cases: int) -> Iterator[str]:
    worst = max(taps.items(), key=lambda item: item[1].difference)
    yield f"## {row.pack}"
    yield ""
    yield f"`{row.build}`; {cases} cases, {len(taps)} taps; largest: {worst[1].difference:.1e} ({worst[0]})."
    yield ""
    yield "| tap | largest difference | limit | in case |"
    yield "|---|---|---|---|"
    for name, tap in sorted(taps.items(), key=lambda item: (item[0] != "out", item[0])):
        mark = "" if tap.held else " **missed**"
        yield f"| {name} | {tap.difference:.1e}{mark} | {tap.limit:.1e} | {tap.case} |"
    yield ""


def heading() -> str:
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads"
    return f"""# How close the networks are to the official ones

Made by `python benchmarks/parity_table.py --write docs/parity.md`
(torch {torch.__version__}, CPU: {machine}, float32).

Each row is the largest difference over all cases of the network's golden pack in `tests/parity`, relative
to the standard deviation of the tap. The limit is the one set for the network, or, where that is larger,
what rounding alone does to the official network (its own float32 result against float64). `top_idx` are
codebook indices: 0 means that no token differs.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packs", nargs="*", help="packs to measure (default: all)")
    parser.add_argument("--write", type=Path, help="Markdown file to write")
    given = parser.parse_args()
    unknown = set(given.packs) - {row.pack for row in ROWS}
    if unknown:
        parser.error(f"no row for {', '.join(sorted(unknown))}; known: {', '.join(r.pack for r in ROWS)}")
    parts, missed = [heading()], 0
    for row in ROWS:
        if given.packs and row.pack not in given.packs:
            continue
        started = time.perf_counter()
        taps, cases = measure(row)
        missed += sum(not tap.held for tap in taps.values())
        parts.append("\n".join(section(row, taps, cases)))
        print(f"{row.pack}: {cases} cases in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    text = "\n".join(parts).rstrip() + "\n"
    if given.write:
        given.write.write_text(text, encoding="utf-8")
    else:
        print(text)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
