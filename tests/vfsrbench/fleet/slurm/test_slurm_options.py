"""Options of the Slurm engine, the script, and what Slurm 22.05.8 and others print, as it was recorded."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from vfsrbench.errors import InputError
from vfsrbench.fleet.slurm.commands import (
    Details,
    TaskState,
    megabytes,
    read_details,
    read_sacct,
    read_squeue,
    said,
)
from vfsrbench.fleet.slurm.ends import Ending, ending_of, last_line
from vfsrbench.fleet.slurm.engine import SlurmEngine
from vfsrbench.fleet.slurm.options import KNOWN, SlurmOptions
from vfsrbench.fleet.slurm.script import Script

SQUEUE = """\
1_2|FAILED|JobLaunchFailure|n2|1|1|2
1|0|RUNNING|None|n1
1|1|COMPLETING|None|n1
4|0|FAILED|BadConstraints|
5|7|PENDING|Resources|
12|N/A|RUNNING|None|n2
1|2|PENDING|launch failed requeued held|
"""
SCONTROL = (
    "JobId=1 ArrayJobId=1 ArrayTaskId=2 JobName=t.sh UserId=root(0) GroupId=root(0) MCS_label=N/A Nice=0 "
    "JobState=FAILED Reason=JobLaunchFailure Dependency=(null) Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 "
    "ExitCode=0:9 RunTime=00:00:02 TimeLimit=00:01:00 TimeMin=N/A NodeList=n2 NumNodes=1 NumCPUs=2 "
    "NumTasks=1 CPUs/Task=1 ReqB:S:C:T=0:0:*:* TRES=cpu=2,mem=600M,node=1,billing=1 MinCPUsNode=1 "
    "MinMemoryCPU=300M MinTmpDiskNode=0 StdOut=/tmp/slurm/w s%%é/o-1_2.out Power= \n"
)


def test_squeue_scontrol_and_sacct_are_read() -> None:
    found = read_squeue(SQUEUE)
    assert found.keys() == {(1, 0), (1, 1), (4, 0), (5, 7), (1, 2)}
    assert found[1, 0] == TaskState(1, 0, "RUNNING", "", "n1")
    assert found[1, 0].at_work and found[1, 1].at_work and found[4, 0].ended
    held = found[1, 2]
    assert not held.ended and not held.at_work and held.reason == "launch failed requeued held"
    details = read_details(SCONTROL)
    assert details == Details(0, 9, "00:01:00", 600, 2) and details.more_memory(2) == "MinMemoryCPU=600"
    node = read_details(SCONTROL.replace("MinMemoryCPU=300M", "MinMemoryNode=1.50G").replace("0:9", "3:0"))
    assert node == Details(3, 0, "00:01:00", 1536, 0) and node.more_memory(2) == "MinMemoryNode=3072"
    assert read_details(SCONTROL.replace("MinMemoryCPU=300M", "MinMemoryNode=0")).more_memory(2) == ""
    past = read_sacct("7_0|COMPLETED\n7_1|CANCELLED by 0\n7_[2-5]|PENDING\n7_0.batch|COMPLETED\n8|TIMEOUT\n")
    assert {place: state.state for place, state in past.items()} == {(7, 0): "COMPLETED", (7, 1): "CANCELLED"}
    assert [megabytes(text) for text in ("4000M", "2G", "1024K", "4Gn", "", "N/A")] == [
        4000,
        2048,
        1,
        4096,
        0,
        0,
    ]
    assert said(
        "sbatch: error: Memory specification can not be satisfied\nsbatch: error: Batch job failed\n"
    ) == ("Memory specification can not be satisfied; Batch job failed")


MEMORY = "slurmstepd-n2: error: StepId=1.batch exceeded memory limit (364601344 > 314572800), being killed"


@pytest.mark.parametrize(
    ("state", "details", "printed", "kind", "well"),
    [
        ("COMPLETED", Details(), "", Ending.FINAL, True),
        ("FAILED", Details(3), "", Ending.FINAL, True),
        ("FAILED", Details(2), "vfsrbench: metric 'x' is another here", Ending.FINAL, False),
        ("CANCELLED", Details(0, 15), "", Ending.FINAL, True),
        ("NODE_FAIL", Details(), "", Ending.INTERRUPTED, True),
        ("BOOT_FAIL", Details(), "", Ending.INTERRUPTED, True),
        ("PREEMPTED", Details(0, 15), "", Ending.INTERRUPTED, True),
        ("FAILED", Details(130), "", Ending.INTERRUPTED, True),
        ("TIMEOUT", Details(130), "", Ending.TIME, True),
        ("OUT_OF_MEMORY", Details(0, 9), "", Ending.MEMORY, False),
        ("FAILED", Details(0, 9), MEMORY, Ending.MEMORY, False),
        ("FAILED", Details(0, 9), "", Ending.CRASH, False),
        ("FAILED", Details(1), "Traceback", Ending.CRASH, False),
        ("UNKNOWN", Details(), "", Ending.CRASH, False),
    ],
)
def test_what_an_end_means(state: str, details: Details, printed: str, kind: Ending, well: bool) -> None:
    end = ending_of(TaskState(1, 0, state, "", "n1"), details, printed)
    assert (end.kind, end.well) == (kind, well)
    assert "\n" not in end.why and end.why


def test_the_last_words_of_a_task(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_line(log) == ""
    log.write_text(
        "a\n" * 5000 + MEMORY + "\nslurmstepd-n2: error: *** JOB 1 ON n2 CANCELLED AT 2026 ***\n\n"
    )
    assert last_line(log) == MEMORY
    log.write_text("ModuleNotFoundError: no torch\n\n")
    assert last_line(log) == "ModuleNotFoundError: no torch"


def test_options_come_from_the_command_line_and_a_file(tmp_path: Path) -> None:
    file = tmp_path / "slurm.toml"
    file.write_text(
        'partition = "gpu"\ngres = "gpu:a100:1"\ntime = 04:00:00\narray = "16%4"\nexclusive = true\n'
        'mem = "32G"\ncpus-per-task = 8\nsetup = ["module load cuda", "source \\"my env/bin/activate\\""]\n'
    )
    found = SlurmOptions.of({"file": str(file), "mem": "64G", "poll": "2.5"})
    assert found.sbatch == {
        "partition": "gpu", "gres": "gpu:a100:1", "time": "04:00:00", "exclusive": "", "mem": "64G",
        "cpus-per-task": "8",
    }  # fmt: skip
    assert (found.tasks, found.at_once, found.device, found.poll) == (16, 4, "cuda", 2.5)
    assert found.setup == ("module load cuda", 'source "my env/bin/activate"')
    plain = SlurmOptions.of({}, workers=7)
    assert (plain.tasks, plain.device) == (7, "cpu")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"partitoin": "gpu"}, "engine 'slurm' has no option 'partitoin'; it has " + ", ".join(KNOWN)),
        ({"array": "0"}, "engine option array=0: give the number of tasks"),
        ({"array": "3%0"}, "engine option array=3%0: "),
        ({"array": "3", "workers": 4}, "--workers 4 and engine option array=3 differ"),
        ({"gres": "gpu:4"}, "a worker uses one: ask for one, and for more tasks"),
        ({"gpus": "2"}, "2 GPUs a task"),
        ({"poll": "soon"}, "engine option poll=soon: give seconds"),
        ({"time": "4:00\n#SBATCH --uid=0"}, "may have no quotes, backslashes or control characters"),
        ({"file": "no such.toml"}, "engine option file=no such.toml: cannot be read"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_named_in_one_line(given: dict, said: str) -> None:
    workers = given.pop("workers", None)
    with pytest.raises(InputError) as error:
        SlurmOptions.of(given, workers)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time = [", "is no TOML"),
        ('nodes = "2"', "has no option 'nodes'; it has account,"),
        ('time = ["1"]', "must be text or a number"),
        ('file = "x"', "names no other one"),
    ],
)
def test_files_that_cannot_be_are_named_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "slurm.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=r"slurm\.toml") as error:
        SlurmOptions.of({"file": str(file)})
    assert said in str(error.value) and "\n" not in str(error.value)


def test_where_there_is_no_sbatch_one_line_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        InputError, match="there is no sbatch here; run it where jobs are submitted from"
    ) as error:
        SlurmEngine()
    assert "\n" not in str(error.value)


def test_the_script_is_one_that_a_shell_and_a_reader_understand(tmp_path: Path, monkeypatch) -> None:
    workspace = tmp_path / "it's 100%"
    options = SlurmOptions.of(
        {"partition": "gpu", "gres": "gpu:1", "array": "3", "setup": "module load x", "time": "5"}
    )
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", "/my weights")
    monkeypatch.setenv("VFSRBENCH_WORKER_AGAIN", "3")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    script = Script(workspace, "My board", options)
    lines = script.write().read_text().splitlines()
    assert lines[0] == "#!/bin/bash"
    directives = [line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH")]
    log = str(workspace / "logs").replace("%", "%%") + "/slurm-%A_%a.log"
    assert {
        "--array=0-2",
        "--partition=gpu",
        "--gres=gpu:1",
        "--time=5",
        "--requeue",
        f'--output="{log}"',
    } <= {*directives}
    assert len(directives) == len(script.directives())
    assert "export VFSRBENCH_WEIGHTS='/my weights'" in lines and "module load x" in lines
    assert "WORKER_AGAIN" not in "".join(lines)
    # what it does, with a program in Python's place that says how it was called
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$OMP_NUM_THREADS $$ $*"\n')
    python.chmod(0o755)
    own = Script(workspace, "b", SlurmOptions.of({"python": str(python)})).write()
    task = {"SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "3", "SLURM_CPUS_ON_NODE": "6"}
    done = subprocess.run(
        ["bash", own], env={**os.environ, **task}, capture_output=True, text=True, check=True
    )
    threads, pid, *call = done.stdout.split(maxsplit=2)
    assert threads == "6" and call == [f"-m vfsrbench worker {workspace} --device cpu\n"]
    assert (workspace / "slurm" / "started" / "12_3").read_text().split() == [os.uname().nodename, pid]


def test_a_path_that_sbatch_does_not_take_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sbatch takes no path with"):
        Script(tmp_path / 'a "b"', "b", SlurmOptions()).write()
