"""Engines: every task ends once, a dead worker costs its task alone, nothing hangs, nothing stays behind."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from vfsrbench.engines.base import Event, WorkerUnfit
from vfsrbench.engines.local import kept_memory, worker_environments
from vfsrbench.errors import InputError, PoisonedDevice
from vfsrbench.plugins import get_engine


@dataclass
class Recorder:
    """Hears events, and answers for lost tasks with what `instead` says."""

    instead: object = None

    def __post_init__(self) -> None:
        self.events: list[tuple[object, Event]] = []
        self.lost: list[tuple[object, Event | None, str]] = []

    def on_event(self, task, event) -> None:
        self.events.append((task, event))

    def on_lost(self, task, event, how):
        self.lost.append((task, event, how))
        return self.instead


def run(engine, start, tasks, recorder=None):
    recorder = recorder or Recorder()
    with closing(engine.run(start, tasks, recorder.on_event, recorder.on_lost)) as outcomes:
        return list(outcomes)


def start_doubling():
    def work(task, send_event):
        send_event(Event(None, "doubling", 1, 1))
        if task == 3:
            raise KeyError("three")
        return 2 * task, os.getpid(), os.environ.get("OMP_NUM_THREADS")

    return work


@pytest.mark.parametrize(("name", "workers"), [("serial", None), ("local", 2)])
def test_every_task_ends_once_and_a_crash_costs_only_its_own(name: str, workers):
    recorder = Recorder()
    outcomes = run(get_engine(name, workers), start_doubling, [1, 2, 3, 4, 5], recorder)
    assert sorted(o.result[0] for o in outcomes if not o.crash) == [2, 4, 8, 10]
    (crashed,) = [o for o in outcomes if o.crash]
    assert crashed.task == 3 and "KeyError: 'three'" in crashed.crash
    assert sorted(t for t, _ in recorder.events) == [1, 2, 3, 4, 5]
    pids = {o.result[1] for o in outcomes if o.result}
    assert (pids == {os.getpid()}) == (name == "serial")


def start_dying():
    def work(task, send_event):
        name, marker, deaths = task
        send_event(Event(7, "restoring"))
        if name == "killer":
            count = Path(marker)
            died = len(count.read_text()) if count.exists() else 0
            if died < deaths:
                count.write_text("x" * (died + 1))
                os.kill(os.getpid(), signal.SIGKILL)
        return name

    return work


def test_a_task_whose_worker_dies_once_gets_a_second_try(tmp_path: Path):
    tasks = [("a", "", 0), ("killer", str(tmp_path / "n"), 1), ("b", "", 0)]
    recorder = Recorder()
    outcomes = run(get_engine("local", 1), start_dying, tasks, recorder)
    assert sorted(o.result for o in outcomes) == ["a", "b", "killer"] and not recorder.lost


def test_a_task_whose_worker_dies_twice_is_lost_with_the_step_it_was_in(tmp_path: Path):
    tasks = [("killer", str(tmp_path / "n"), 9), ("a", "", 0)]
    recorder = Recorder(instead=("reduced", "", 0))
    outcomes = run(get_engine("local", 1), start_dying, tasks, recorder)
    assert sorted(o.result for o in outcomes) == ["a", "reduced"]
    ((task, event, how),) = recorder.lost
    assert task[0] == "killer" and event == Event(7, "restoring") and "SIGKILL" in how
    assert (tmp_path / "n").read_text() == "xx"


def start_spoiling():
    """Tasks are lists of words: `bad` spoils the process, and so it does all that comes after it."""
    spoilt: list[str] = []

    def work(task, send_event):
        done = []
        for number, word in enumerate(task):
            if word.startswith("bad"):
                spoilt.append(word)
            if spoilt:
                own = "neighbour" not in word
                done += [f"{word} failed"] if own else []
                rest = task[number + own :]
                raise WorkerUnfit(f"{word}: spoilt", (done, os.getpid()), rest or None, own)
            done.append(word)
        return done, os.getpid()

    return work


@pytest.mark.parametrize("workers", [1, 2])
def test_a_process_that_can_do_no_more_is_replaced_and_its_task_goes_on(workers: int):
    recorder = Recorder()
    tasks = [["a", "bad 1", "b", "bad 2", "c"], ["d"], ["e", "bad 3"], ["f"]]
    outcomes = run(get_engine("local", workers), start_spoiling, tasks, recorder)
    assert not recorder.lost and not any(o.crash for o in outcomes)
    words = sorted(word for o in outcomes for word in o.result[0])
    assert words == ["a", "b", "bad 1 failed", "bad 2 failed", "bad 3 failed", "c", "d", "e", "f"]
    pids = [o.result[1] for o in outcomes for word in o.result[0] if "failed" in word]
    assert len(set(pids)) == 3, "each of these processes did nothing more"


def test_what_others_did_to_a_process_counts_as_a_try(tmp_path: Path):
    recorder = Recorder(instead=["g"])
    tasks = [["a", "bad neighbour", "b"], ["c"]]
    outcomes = run(get_engine("local", 1), start_spoiling, tasks, recorder)
    assert [(task, how) for task, _, how in recorder.lost] == [
        (["bad neighbour", "b"], "bad neighbour: spoilt")
    ]
    assert sorted(word for o in outcomes for word in o.result[0]) == ["a", "c", "g"]


def test_the_serial_engine_has_no_other_process_and_stops():
    recorder = Recorder()
    engine = get_engine("serial", None)
    tasks = [["a"], ["b", "bad", "c"], ["d"]]
    done = []
    with (
        closing(engine.run(start_spoiling, tasks, recorder.on_event, recorder.on_lost)) as outcomes,
        pytest.raises(PoisonedDevice, match=r"^bad: spoilt; this process can do nothing more on its GPU"),
    ):
        done += [next(outcomes) for _ in range(2)]
        next(outcomes)
    assert [o.result[0] for o in done] == [["a"], ["b", "bad failed"]] and not recorder.lost


def start_sleeping():
    def work(task, send_event):
        Path(task, str(os.getpid())).touch()
        time.sleep(60)

    return work


def pids_in(folder: Path, count: int) -> list[int]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = [int(p.name) for p in folder.iterdir()]
        if len(found) == count:
            return found
        time.sleep(0.05)
    raise AssertionError(f"no {count} workers came up")


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


SLEEPER = """
import sys
sys.path.insert(0, {tests!r})
from tests.vfsrbench.engines.test_engines import run, start_sleeping
from vfsrbench.plugins import get_engine
if __name__ == "__main__":
    run(get_engine("local", 2), start_sleeping, [{folder!r}] * 2)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_workers_do_not_outlive_the_run(tmp_path: Path, how: signal.Signals):
    folder = tmp_path / "pids"
    folder.mkdir()
    script = tmp_path / "sleeper.py"
    script.write_text(SLEEPER.format(tests=str(Path(__file__).parents[3]), folder=str(folder)))
    process = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE)
    try:
        workers = pids_in(folder, 2)
        process.send_signal(how)
        process.wait(20)
        assert all(gone(pid) for pid in workers)
    finally:
        process.kill()


def test_each_worker_sees_one_gpu_and_its_share_of_the_cores(monkeypatch: pytest.MonkeyPatch):
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("vfsrbench.engines.local.cores", lambda: 8)
    environments = worker_environments(4, ["0", "GPU-77"])
    assert [e["CUDA_VISIBLE_DEVICES"] for e in environments] == ["0", "GPU-77", "0", "GPU-77"]
    assert {e["OMP_NUM_THREADS"] for e in environments} == {"2"}
    assert "CUDA_VISIBLE_DEVICES" not in worker_environments(2, [])[0]


MEMORY = ("GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "THP_MEM_ALLOC_ENABLE")
HUGE = {"THP_MEM_ALLOC_ENABLE": "1"}


def test_workers_keep_freed_memory_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in MEMORY:
        monkeypatch.delenv(name, raising=False)
    ours = "glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=268435456"
    assert worker_environments(1, [])[0].items() >= {"GLIBC_TUNABLES": ours, **HUGE}.items()
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    assert kept_memory() == {"GLIBC_TUNABLES": f"glibc.malloc.check=0:{ours}", **HUGE}
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=0")
    assert kept_memory() == HUGE
    monkeypatch.delenv("GLIBC_TUNABLES")
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "131072")
    assert kept_memory() == HUGE
    monkeypatch.setenv("THP_MEM_ALLOC_ENABLE", "0")
    assert kept_memory() == {"THP_MEM_ALLOC_ENABLE": "0"}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="these settings are glibc's")
def test_a_worker_uses_arrays_memory_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Page faults of a process that makes and frees five arrays of 32 MB again and again."""
    code = (
        "import resource, numpy as np\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "make = lambda: [np.ones(4_000_000) for _ in range(5)]\n"
        "make()\nbefore = faults()\n"
        "for _ in range(5): make()\n"
        "print(faults() - before)"
    )
    for name in MEMORY:
        monkeypatch.delenv(name, raising=False)
    found = []
    for more in ({}, worker_environments(1, [])[0]):
        done = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | more, capture_output=True, text=True
        )
        found.append(int(done.stdout))
    assert found[1] < 0.1 * found[0]


def start_reporting_device():
    def work(task, send_event):
        return os.environ.get("CUDA_VISIBLE_DEVICES"), "torch" in sys.modules

    return work


def test_a_worker_has_its_device_before_torch_is_imported(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    (outcome,) = run(get_engine("local", 1), start_reporting_device, ["x"])
    assert outcome.result == ("5", False)


def test_unknown_engines_and_counts_are_input_errors():
    with pytest.raises(InputError, match="did you mean 'local'"):
        get_engine("locl")
    with pytest.raises(InputError, match="at least 1"):
        get_engine("local", 0)
