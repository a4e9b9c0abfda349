"""Runs every method and metric whose official files are here on the demo clips, and records what was shown.

    python benchmarks/official_weights.py                      all, with the files that are here
    python benchmarks/official_weights.py --in /data/models --accept-licence     look for files there first
    python benchmarks/official_weights.py --fetch --accept-licence               get what is missing first
    python benchmarks/official_weights.py --only keep gfpgan ids_w600k_r50 --frames 16 --device cuda

`make test-weights` is the first line, with WEIGHTS=/data/models the second. A method or metric whose files
are not here is skipped with what it lacks; random weights are refused. Each fact is saved as soon as it is
known, in shown/facts.json, where it takes the place of an older one of the same thing; tables of it lie
beside, in shown/table.md. The repository's own facts and pages stay as they are:

    python benchmarks/shown_table.py --add shown/facts.json    puts the facts into them

The exit code is 3 when something failed.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.shown.card_run import card_run  # noqa: E402
from benchmarks.shown.choice import Missing  # noqa: E402
from benchmarks.shown.demo_run import Setting, run_demo  # noqa: E402
from benchmarks.shown.facts import Run  # noqa: E402
from benchmarks.shown.files import load_facts, save_facts  # noqa: E402
from benchmarks.shown.table import section  # noqa: E402
from vfsrbench.cli.main import run as command_line  # noqa: E402
from vfsrbench.errors import InputError  # noqa: E402
from vfsrbench.io.atomic import atomic_file  # noqa: E402
from vfsrbench.runtime.device import choose_device  # noqa: E402
from vfsrbench.runtime.precision import Profile  # noqa: E402

OUT = ROOT / "shown" / "facts.json"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these methods and metrics")
    parser.add_argument("--clips", nargs="+", default=[], help="demo clips (default: all)")
    parser.add_argument("--frames", type=int, default=4, help="of each clip; metrics that need more get them")
    parser.add_argument("--recipe", default="vfhq-mild", help="how the clips are degraded")
    parser.add_argument("--profile", choices=get_args(Profile), default="strict")
    parser.add_argument("--device", help="default: the GPU if there is one")
    parser.add_argument(
        "--in", dest="folder", metavar="DIR", help="look for files here, and use them in place"
    )
    parser.add_argument("--fetch", action="store_true", help="fetch what is missing first")
    parser.add_argument("--accept-licence", action="store_true", help="you have read the licences")
    parser.add_argument(
        "--facts", type=Path, default=OUT, help="the file of facts (default: shown/facts.json)"
    )
    return parser.parse_args(arguments)


def get_files(given: argparse.Namespace) -> None:
    """Look for files, or fetch them, by the commands that users have; what cannot be had is told by them."""
    accept = ["--accept-licence"] * given.accept_licence
    names = [name.partition("[")[0] for name in given.only]
    if given.folder:
        command_line(["weights", "find", *names, "--in", given.folder, "--yes", *accept])
    if given.fetch:
        command_line(["weights", "fetch", *(names or ["all"]), "--if-possible", *accept])


def command_of(given: argparse.Namespace) -> str:
    """The command that makes the facts again on a machine that has the files."""
    words = ["python", "benchmarks/official_weights.py"]
    words += ["--only", *given.only] if given.only else []
    words += ["--clips", *given.clips] if given.clips else []
    words += ["--frames", str(given.frames), "--recipe", given.recipe]
    words += ["--profile", given.profile] if given.profile != "strict" else []
    return shlex.join(words)


def main(arguments: Sequence[str]) -> int:
    given = parse(arguments)
    runs: list[Run] = []
    missing: list[Missing] = []
    try:
        facts = load_facts(given.facts)
        device = choose_device(given.device)
        get_files(given)
        setting = Setting(
            device,
            given.frames,
            tuple(given.clips),
            given.recipe,
            given.profile,
            tuple(given.only),
            command_of(given),
        )
        for found in run_demo(setting):
            print(told(found), flush=True)
            if isinstance(found, Missing):
                missing.append(found)
                continue
            runs.append(found)
            facts = facts.with_runs([found])
            save_facts(facts, given.facts)  # at once: a run that is cut keeps what it has
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if runs:
        with atomic_file(given.facts.with_name("table.md")) as temporary:
            temporary.write_text(section(load_facts().with_facts(facts), card_run()) + "\n", encoding="utf-8")
    return tell(runs, missing, given.facts)


def told(found: Run | Missing) -> str:
    """A line of what was found."""
    if isinstance(found, Missing):
        return f"skipped {found.spec}: {found.why}"
    figures = ", ".join(f"{key} {value:.4g}" for key, value in found.figures.items())
    return f"{found.kind} {found.spec}: " + (f"FAILED: {found.failed}" if found.failed else figures or "ran")


def tell(runs: Sequence[Run], missing: Sequence[Missing], path: Path) -> int:
    """What was run, in a few lines; the exit code."""
    official = sorted(run.spec for run in runs if run.official)
    packaged = sorted(run.spec for run in runs if run.trained and not run.official)
    free = sum(not run.weights and not run.failed for run in runs)
    failed = sorted(run.spec for run in runs if run.failed)
    print(f"\nwith official files: {', '.join(official) or 'none'}")
    print(f"with trained files that come in packages: {', '.join(packaged) or 'none'}")
    print(f"without files: {free}; skipped: {len(missing)}; failed: {', '.join(failed) or 'none'}")
    if missing:
        print("`vfsrbench weights fetch NAME`, or `weights find --in DIR`, brings files that are not here.")
    if runs:
        print(f"facts: {path}; tables: {path.with_name('table.md')}")
        print(f"into the repository's pages: python benchmarks/shown_table.py --add {path}")
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
