"""All that is of interest on a machine with a card, in one prepared run.

    python benchmarks/gpu.py --seconds 420
    python benchmarks/gpu.py --seconds 420 --resume          what an earlier run did not get to, or failed at
    python benchmarks/gpu.py --seconds 60 --steps methods --methods keep gfpgan
    python benchmarks/gpu.py --reduced --device cpu --out /tmp/gpu.json      whether it works, in small

Steps: the machine and its cold start; precision errors a profile; fused attention; of each method cold
start, repeatability, waits by line, frames/s and peak memory by batch and profile, difference to the CPU;
milliseconds a frame of each metric; the scorer with all of them; what libraries say when memory ends.
Weights are random.

Results go into benchmarks/results/gpu.json and gpu.md, and from there into docs/parity.md, docs/speed.md and
README.md. They are saved after every part, so a run that is cut still counts; methods and metrics have a
share of the time each. The work runs in a process of its own: one that dies, or whose card fails for good, is
replaced, and what it was at is told and left out. The exit code is 1 when a step failed or was cut.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "parity")]

from vfsrbench.io.atomic import atomic_file  # noqa: E402

OUT = Path(__file__).resolve().parent / "results" / "gpu.json"
STEPS = ("machine", "precision", "attention", "methods", "metrics", "scoring", "memory_texts")
SHARES = {"methods": 0.6, "metrics": 0.5}
"""Of the time that is left when they begin, so that the steps after them have some."""
TIME_OVER = "the time was over"
CLOSING = 3.0
"""Seconds kept for writing the results."""
UNFINISHED = "unfinished"
"""The state of a step that goes on in another process, or with `--resume`."""
Results = dict[str, Any]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--seconds", type=float, default=420, help="all of it ends by then")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--methods", nargs="+", default=[], help="in the step of methods, these alone")
    parser.add_argument("--resume", action="store_true", help="keep what the file has; do the rest")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--reduced", action="store_true", help="small pictures and few parts")
    parser.add_argument("--out", type=Path, default=OUT, help="JSON file; the page lies beside it")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


# --- the results ---------------------------------------------------------------------------------------


def load(path: Path) -> Results:
    found: Results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def save(path: Path, results: Results) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    with atomic_file(path.with_suffix(".md")) as temporary:
        temporary.write_text(page(results), encoding="utf-8")


def page(results: Results) -> str:
    """The results for people: a section a step, a line a part."""
    lines = ["# What was measured on a card", "", f"Made by `{results.get('command', '')}`.", ""]
    for name, step in results.get("steps", {}).items():
        lines += [f"## {name}: {step['state']}", ""]
        lines += [f"- {part}: {_told(facts)}" for part, facts in step["parts"].items()]
        lines += [f"- {step['why']}"] if step.get("why") else []
        lines.append("")
    return "\n".join(lines)


def _told(facts: Any) -> str:
    if isinstance(facts, dict):
        return ", ".join(f"{key} {_nested(value)}" for key, value in facts.items())
    return _nested(facts)


def _nested(value: Any) -> str:
    if isinstance(value, dict):
        return f"({_told(value)})"
    if isinstance(value, list):
        return "[" + "; ".join(map(_told, value)) + "]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


# --- the worker ----------------------------------------------------------------------------------------


def work(given: argparse.Namespace) -> int:
    """Run the steps one after the other, saving after every part. 75: the card is of no use any more."""
    from benchmarks.gpu_steps import machine, memory_texts, methods, metrics, precision
    from benchmarks.gpu_steps.session import Session
    from vfsrbench.errors import describe
    from vfsrbench.runtime.device import choose_device
    from vfsrbench.runtime.state.poisoned import is_poisoned

    runs = {
        "machine": machine.run,
        "precision": precision.run,
        "attention": precision.attention,
        "methods": methods.run,
        "metrics": metrics.run,
        "scoring": metrics.together,
        "memory_texts": memory_texts.run,
    }
    session = Session(
        choose_device(given.device), time.monotonic() + given.seconds, given.reduced, tuple(given.methods)
    )
    for name in given.steps:
        results = load(given.out)
        before = results.setdefault("steps", {}).get(name, {})
        step: Results = {"state": "running", "parts": before.get("parts", {})}
        known = set(step["parts"])
        results["steps"][name] = step
        save(given.out, results)
        until = time.monotonic() + SHARES.get(name, 1.0) * session.left
        try:
            for part, facts in runs[name](session):
                if callable(facts):
                    if part in known:
                        continue
                    if time.monotonic() > until:
                        step |= {"state": "cut", "why": "its share of the time was over: --resume goes on"}
                        break
                    step["at"] = part
                    save(given.out, results)
                    facts = tried(facts)
                    del step["at"]
                step["parts"][part] = facts
                save(given.out, results)
            else:
                step["state"] = "done"
        except Exception as error:
            lost = is_poisoned(error)
            if lost and "at" in step:  # the part's own doing: the next process goes on behind it
                step["parts"][step.pop("at")] = {"failed": describe(error)}
                step["state"] = UNFINISHED
            else:
                step |= {"state": "failed", "why": describe(error)}
            if lost:
                save(given.out, results)
                return 75
        save(given.out, results)
    return 0


def tried(part: Callable[[], Results]) -> Results:
    """What a part finds; an error costs itself alone, but for one after which the card is lost."""
    from vfsrbench.errors import InputError, JobFailure, PoisonedDevice, describe
    from vfsrbench.runtime.memory import free_memory
    from vfsrbench.runtime.state.poisoned import is_poisoned

    try:
        return part()
    except PoisonedDevice:
        raise
    except (InputError, JobFailure) as error:
        return {"failed": str(error)}
    except Exception as error:
        if is_poisoned(error):
            raise
        return {"failed": describe(error)}
    finally:
        free_memory()


# --- the run -------------------------------------------------------------------------------------------


def run(given: argparse.Namespace) -> int:
    """Start workers until every step has had its turn or the time is over."""
    ends = time.monotonic() + given.seconds
    steps = kept_steps(given)
    save(given.out, {"command": command_of(given), "seconds": given.seconds, "steps": steps})
    waiting = [name for name in given.steps if steps.get(name, {}).get("state") != "done"]
    while waiting and ends - time.monotonic() > CLOSING:
        before = load(given.out)["steps"]
        ended = work_until(given, waiting, ends - CLOSING)
        close(given.out, ended)
        after = load(given.out)["steps"]
        if after == before:  # it did not get as far as a step, or a part of one
            break
        waiting = [name for name in waiting if after.get(name, {}).get("state", UNFINISHED) == UNFINISHED]
    results = load(given.out)
    for name in waiting:
        step = results["steps"].setdefault(name, {"parts": {}})
        step["state"] = "cut" if step["parts"] else "not reached"
    save(given.out, results)
    if given.out == OUT:
        record()
    print(page(results))
    return int(any(step["state"] != "done" for step in results["steps"].values()))


def kept_steps(given: argparse.Namespace) -> Results:
    """What stays of an earlier run: steps that are not asked for, with `--resume` all that was found, and
    with `--methods` the other methods."""
    found = load(given.out).get("steps", {})
    if not given.resume and not given.methods and tuple(given.steps) == STEPS:
        return {}
    kept: Results = {}
    for name, step in found.items():
        again = name in given.steps and not (given.resume and step["state"] == "done")
        if not again:
            kept[name] = step
        elif given.resume or (given.methods and name == "methods"):
            found_before = step["parts"].items()
            parts = {
                p: facts for p, facts in found_before if "failed" not in facts and p not in given.methods
            }
            kept[name] = {"state": UNFINISHED, "parts": parts}
    return kept


def record() -> None:
    """Put what ran on a card into the pages that say what has been shown, and where we are."""
    from benchmarks import arithmetic_table, shown_table
    from benchmarks.shown.files import load_facts

    shown_table.write_pages(load_facts())
    arithmetic_table.write({})


def work_until(given: argparse.Namespace, steps: Sequence[str], ends: float) -> str:
    """One worker; how it ended, empty if well."""
    left = max(0.1, ends - time.monotonic())
    words = [sys.executable, __file__, "--worker", "--seconds", f"{left:.1f}", "--device", given.device]
    words += ["--out", str(given.out), "--steps", *steps]
    words += ["--methods", *given.methods] if given.methods else []
    words += ["--reduced"] if given.reduced else []
    try:
        code = subprocess.run(words, timeout=left, stdout=sys.stderr).returncode
    except subprocess.TimeoutExpired:
        return TIME_OVER
    return "" if code == 0 else f"its process ended with {code}"


def close(path: Path, ended: str) -> None:
    """Give the step that was running when the worker ended its state; the part that killed it is told, and
    the step goes on behind it."""
    results = load(path)
    for step in results["steps"].values():
        if step["state"] == "running":
            part = step.pop("at", None)
            if part is not None and ended != TIME_OVER:
                step["parts"][part] = {"failed": ended or "its process ended"}
                step["state"] = UNFINISHED
            else:
                step |= {"state": "cut", "why": ended or "its process ended"}
    save(path, results)


def command_of(given: argparse.Namespace) -> str:
    words = ["python benchmarks/gpu.py", f"--seconds {given.seconds:g}", f"--device {given.device}"]
    words += [f"--steps {' '.join(given.steps)}"] if tuple(given.steps) != STEPS else []
    words += [f"--methods {' '.join(given.methods)}"] if given.methods else []
    words += ["--resume"] if given.resume else []
    return " ".join([*words, *(["--reduced"] if given.reduced else [])])


def main(arguments: Sequence[str]) -> int:
    given = parse(arguments)
    return work(given) if given.worker else run(given)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
