"""Arithmetic a frame of every method and metric with a network, what an H200 makes of it, and where we are.

    python benchmarks/arithmetic_table.py                 all, into docs/speed.md (some minutes)
    python benchmarks/arithmetic_table.py gfpgan fid_gt   these rows; the page's others stay
    python benchmarks/arithmetic_table.py --page          count nothing: the page's tables anew
    python benchmarks/arithmetic_table.py --print edvr    to the terminal
    python benchmarks/arithmetic_table.py --batches       FAN and RAFT, with scoring's batches

Nothing is timed: operations are counted, of methods on tensors without values. docs/speed.md says how. Times
that method_speed.py and gpu.py have recorded are read from their results.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "parity")]

from benchmarks.arithmetic import batches, measured, methods, metrics  # noqa: E402
from benchmarks.arithmetic.counting import H200, roofline  # noqa: E402
from benchmarks.arithmetic.subjects import Subject, by_onnx, method_subjects, metric_cards  # noqa: E402
from vfsrbench import plugins  # noqa: E402
from vfsrbench.errors import describe  # noqa: E402
from vfsrbench.method_spec import choose_method  # noqa: E402

PAGE = ROOT / "docs" / "speed.md"
KINDS = ("methods", "metrics", "where we are", "batches")
MARKS = {k: (f"<!-- begin: {k}, by benchmarks/arithmetic_table.py -->", f"<!-- end: {k} -->") for k in KINDS}
COLUMNS = {
    "methods": (
        "method",
        "frames",
        "GFLOP",
        "GB moved",
        "operations",
        "H200: frames/s at most",
        "launches for nothing",
        "bound by",
    ),
    "metrics": ("metric", "GFLOP, ground truth, once", "GFLOP, a restored clip", "GB moved"),
    "batches": (
        "network",
        "card",
        "a batch",
        "operations",
        "starting them, ms",
        "strict: their work, ms",
        "bound by",
        "fast: their work, ms",
        "bound by",
    ),
    "where we are": (
        "method",
        "one CPU core, strict: s a frame",
        "GFLOP/s",
        "fast: s a frame",
        "GFLOP/s",
        "on a card, fast: frames/s",
        "of the bound",
        "goal, frames/s",
    ),
}
NOT_COUNTED = "not counted yet"


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def method_row(subject: Subject) -> str:
    """Count one method."""
    with methods.loaded(subject.spec) as predictor:
        work = methods.work_of(predictor, subject.frames, real=subject.real)
    bound = roofline(work, H200)
    frames = subject.frames
    seconds = max(bound.seconds, bound.launches) / frames
    return row(
        [
            f"`{subject.spec}`",
            str(frames),
            f"{work.flop / frames / 1e9:.1f}",
            f"{2 * work.elements() / frames / 1e9:.2f}",
            f"{len(work.operations) / frames:.0f}",
            f"{1 / seconds:.0f}",
            f"{frames / bound.seconds:.0f}",
            bound.bound,
        ]
    )


def metric_row(metric_id: str) -> str:
    """Count one metric."""
    work = metrics.work_of(metric_id)
    of_gt, of_restored = work.gflop()
    moved = 4 * work.restored.elements() / work.frames / 1e9
    note = by_onnx(plugins.choose_metric(metric_id).card)
    name = f"`{metric_id}`" + (f" ({note})" if note else "")
    return row([name, f"{of_gt:.1f}", f"{of_restored:.1f}", f"{moved:.2f}"])


def subjects() -> dict[str, dict[str, Subject | None]]:
    """What the tables are of, by kind and name, in their order."""
    return {
        "methods": {subject.spec: subject for subject in method_subjects()},
        "metrics": {card.id: None for card in metric_cards()},
    }


def rows_of(text: str, kind: str) -> dict[str, str]:
    """A page's rows by name; those that are not counted are not among them."""
    body = text.partition(MARKS[kind][0])[2].partition(MARKS[kind][1])[0]
    lines = [line for line in body.splitlines() if line.startswith("| `") and NOT_COUNTED not in line]
    return {line.split("`")[1]: line for line in lines}


def rewritten(text: str, new: dict[str, str]) -> str:
    """The page with these rows in the place of those of the same name, and what follows from them."""
    for kind, names in subjects().items():
        known = rows_of(text, kind) | new
        empty = ["" for _ in COLUMNS[kind][2:]]
        text = placed(
            text, kind, [known.get(name) or row([f"`{name}`", NOT_COUNTED, *empty]) for name in names]
        )
    return placed(text, "where we are", where_we_are(rows_of(text, "methods")))


def placed(text: str, kind: str, rows: Sequence[str]) -> str:
    """The page with another table of a kind."""
    head = [row(COLUMNS[kind]), "|" + "---|" * len(COLUMNS[kind])]
    before, begin, rest = text.partition(MARKS[kind][0])
    _, end, after = rest.partition(MARKS[kind][1])
    return "\n".join([f"{before}{begin}", "", *head, *rows, "", f"{end}{after}"])


def where_we_are(counted: dict[str, str]) -> list[str]:
    """What was measured of each method, against its arithmetic and its bound."""
    page = measured.speed_page()
    device, frames_s = measured.on_card()
    rows = []
    for subject in method_subjects():
        if subject.spec not in counted:
            continue
        cells = [cell.strip() for cell in counted[subject.spec].split("|")[1:-1]]
        gflop, bound = float(cells[2]), float(cells[5])
        fixed = choose_method(subject.spec).card.input_size is not None
        own = [f"`{subject.spec}`"]
        for profile in ("strict", "fast"):
            time = measured.on_cpu(page, subject.spec, profile, fixed)
            side = "" if time is None or fixed or time.side == 512 else f" ({time.side}x{time.side})"
            own += (
                ["-", "-"]
                if time is None
                else [f"{time.seconds:.3g}{side}", f"{time.gflop_s(gflop, fixed):.0f}"]
            )
        reached = frames_s.get(subject.spec)
        own += (
            ["not run", "-"] if reached is None else [f"{reached:.3g} ({device})", f"{reached / bound:.2f}"]
        )
        goal = measured.GOALS.get(subject.name)
        rows.append(row([*own, f"{goal:.0f}" if goal else "-"]))
    return rows


def write(new: dict[str, str]) -> None:
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8"), new), encoding="utf-8")


def write_batches() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = [row(cells) for network in batches.NETWORKS for cells in batches.rows(network)]
    PAGE.write_text(placed(text, "batches", rows), encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("names", nargs="*", help="methods and metrics (default: all)")
    parser.add_argument("--print", action="store_true", help="to the terminal, not into docs/speed.md")
    parser.add_argument("--page", action="store_true", help="count nothing")
    parser.add_argument("--batches", action="store_true", help="FAN and RAFT alone, by their batches")
    given = parser.parse_args(arguments)
    if given.batches:
        write_batches()
        return 0
    if given.page:
        write({})
        return 0
    every = {name: subject for of_kind in subjects().values() for name, subject in of_kind.items()}
    by_name = {subject.name: spec for spec, subject in every.items() if subject} | {
        name: name for name in every
    }
    unknown = set(given.names) - set(by_name)
    if unknown:
        parser.error(f"no row for {', '.join(sorted(unknown))}; known: {', '.join(every)}")
    failed = 0
    for name in [by_name[name] for name in given.names] or every:
        subject = every[name]
        try:
            line = method_row(subject) if subject else metric_row(name)
        except Exception as error:  # the others go on; the page says that it is not counted
            print(f"{name}: {describe(error)}", file=sys.stderr)
            failed = 1
            continue
        print(line, flush=True)
        if not given.print:  # at once: a run that is stopped keeps what it has
            write({name: line})
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
