"""Entry points of the engines whose workers share a workspace: their code is imported when one is chosen."""

from __future__ import annotations

from collections.abc import Mapping

from vfsrbench.engines.base import Engine


def workers(workers: int | None = None, options: Mapping[str, str] | None = None) -> Engine:
    """Any number of `vfsrbench worker` processes, on any machines that see the workspace."""
    from vfsrbench.fleet.engine import WorkersEngine

    return WorkersEngine(workers, dict(options or {}))


def slurm(workers: int | None = None, options: Mapping[str, str] | None = None) -> Engine:
    """Workers that are the tasks of a Slurm array."""
    from vfsrbench.fleet.slurm.engine import SlurmEngine

    return SlurmEngine(workers, dict(options or {}))


def ray(workers: int | None = None, options: Mapping[str, str] | None = None) -> Engine:
    """Workers that are actors of a Ray cluster, one a GPU or so many CPUs."""
    from vfsrbench.fleet.ray.engine import RayEngine

    return RayEngine(workers, dict(options or {}))
