"""What `--engine-option` tells the Ray engine."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass

from vfsrbench.errors import InputError

KNOWN = ("address", "cpus", "device", "silence")
"""`address`: of a cluster that is there, else one is started here and ended.
`cpus`: of each actor. `device`: of each actor, `cpu` or `cuda`. `silence`: as for `--engine workers`."""
MOST_CPUS = 1024


@dataclass(frozen=True)
class RayOptions:
    """What was chosen.

    Attributes:
        address: HOST:PORT of a cluster; empty: one is started.
        cpus: CPUs of each actor; None: one, or a GPU's share of its machine's.
        device: `cpu` or `cuda`; empty: GPUs where the cluster has some.
        silence: Seconds after which a silent worker's unit may be taken over; empty: the default.
    """

    address: str = ""
    cpus: int | None = None
    device: str = ""
    silence: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> RayOptions:
        """The options of a command line.

        Raises:
            InputError: An option is unknown, or cannot have this value.
        """
        unknown = sorted(set(given) - set(KNOWN))
        if unknown:
            raise InputError(f"engine 'ray' has no option {unknown[0]!r}; it has {', '.join(KNOWN)}")
        address, device = given.get("address", ""), given.get("device", "")
        if "address" in given:
            _check_address(address)
        if "device" in given and device not in ("cpu", "cuda"):
            raise InputError(
                f"engine option device={device}: use cpu or cuda; Ray chooses which GPU an actor gets"
            )
        cpus = _cpus(given["cpus"]) if "cpus" in given else None
        return cls(address, cpus, device, given.get("silence", ""))


def check_installed() -> None:
    """InputError where Ray is not installed. It is not imported."""
    found = importlib.util.find_spec("ray")
    if found is None or found.origin is None:  # a folder that happens to be called ray has no origin
        raise InputError("engine 'ray' needs Ray, which is not installed: pip install vfsrbench[ray]")


def _check_address(address: str) -> None:
    if address.startswith("ray://"):
        raise InputError(
            f"engine option address={address}: Ray's client is not used; give the address of the cluster "
            "itself, HOST:6379, from one of its nodes"
        )
    match = re.fullmatch(r"(?:[^\s:/\[\]]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})", address)
    if match is None or not 0 < int(match[1]) < 65536:
        raise InputError(f"engine option address={address}: give HOST:PORT, as `ray start --head` printed it")


def _cpus(text: str) -> int:
    number = int(text) if re.fullmatch(r"[0-9]{1,6}", text) else 0
    if not 1 <= number <= MOST_CPUS:
        raise InputError(
            f"engine option cpus={text}: give the CPUs of each actor, a whole number from 1 to {MOST_CPUS}"
        )
    return number
