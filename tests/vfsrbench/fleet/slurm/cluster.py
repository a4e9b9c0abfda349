"""A Slurm of two nodes on this machine, in a folder of its own: its key, ports, state and logs lie there."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
NODES = ("n1", "n2")
CONFIGURATION = """\
ClusterName=vfsrbench-test
SlurmctldHost={host}
SlurmctldPort={controller}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SlurmUser={user}
SlurmdUser={user}
ReturnToService=2
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdSpoolDir={folder}/%n
SlurmdPidFile={folder}/%n.pid
SlurmdLogFile={folder}/%n.log
SlurmdTimeout=10
KillWait=5
DefMemPerCPU=1500
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={n1} CPUs=2 RealMemory=4000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={n2} CPUs=2 RealMemory=4000
PartitionName=main Nodes=n1,n2 Default=YES State=UP PriorityTier=1
PartitionName=first Nodes=n1,n2 State=UP PriorityTier=10
"""


def missing() -> str:
    """Why no Slurm can be started here; empty if one can."""
    os.environ["PATH"] = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    return f"no {absent[0]} here: apt-get install slurm-wlm munge" if absent else ""


class Cluster:
    """The Slurm. `start` sets SLURM_CONF; `stop` ends what it started, by its pid files, and removes all."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vfsrbench-slurm-"))
        self.folder.chmod(0o755)  # munged wants its socket to be reachable by everyone
        self.configuration = self.folder / "slurm.conf"

    def start(self) -> None:
        """Start all; returns when both nodes are idle."""
        (self.folder / "state").mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o600)
        controller, *nodes = _free_ports(3)
        places = dict(zip(NODES, nodes, strict=True))
        host, user = socket.gethostname().partition(".")[0], getpass.getuser()
        text = CONFIGURATION.format(folder=self.folder, host=host, user=user, controller=controller, **places)
        self.configuration.write_text(text)
        os.environ["SLURM_CONF"] = str(self.configuration)
        munge = [f"--{name}-file={self.folder}/munged.{name}" for name in ("pid", "log", "seed")]
        _call("munged", f"--key-file={key}", f"--socket={self.folder}/munge.socket", *munge)
        _call("slurmctld", "-f", str(self.configuration))
        for node in NODES:
            self.start_node(node)
        until(lambda: self.ask("sinfo", "-h", "-N", "-o", "%t").split().count("idle") >= 4, 60, self.report)

    def start_node(self, node: str) -> None:
        """Start a node's daemon."""
        _call("slurmd", "-f", str(self.configuration), "-N", node)

    def stop_node(self, node: str) -> None:
        """Kill a node's daemon, as if the node had gone."""
        os.kill(self._pid(node), signal.SIGKILL)

    def stop(self) -> None:
        """Cancel all jobs of this Slurm, and end it."""
        self.ask("scancel", "--user", getpass.getuser())
        time.sleep(1)
        for name in (*NODES, "slurmctld", "munged"):
            with suppress(OSError, ValueError):
                os.kill(self._pid(name), signal.SIGTERM)
        time.sleep(1)
        self._end_orphans()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, *command: str) -> str:
        """What a command of Slurm's prints."""
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()

    def tasks(self, states: str = "PENDING,RUNNING,COMPLETING") -> list[str]:
        """The jobs and tasks in these states, as `12_0`."""
        return self.ask("squeue", "-h", "-r", "-t", states, "-o", "%i").split()

    def report(self) -> str:
        """The ends of the logs."""
        logs = [f"{path.name}:\n{path.read_text()[-1500:]}" for path in sorted(self.folder.glob("*.log"))]
        return "\n".join([self.ask("sinfo", "-N"), self.ask("squeue", "-r", "-t", "all"), *logs])

    def _end_orphans(self) -> None:
        """End what a node that was killed left behind: its steps work in the folder."""
        for process in psutil.process_iter(["name", "cwd"]):
            cwd, name = process.info["cwd"] or "", process.info["name"] or ""
            if name.startswith("slurmstepd") and Path(cwd).is_relative_to(self.folder):
                with suppress(psutil.Error):
                    process.kill()

    def _pid(self, name: str) -> int:
        return int((self.folder / f"{name}.pid").read_text())


def until(
    holds: Callable[[], bool], seconds: float, report: Callable[[], str] = str, every: float = 0.2
) -> None:
    """Wait until something holds, and look so often."""
    last = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > last:
            raise TimeoutError(report())
        time.sleep(every)


def _call(*command: str) -> None:
    subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports
