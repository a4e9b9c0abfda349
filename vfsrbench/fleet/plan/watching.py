"""How far a plan is: what is done since the last look, what runs, what is silent."""

from __future__ import annotations

import time
from dataclasses import dataclass

from vfsrbench.fleet.plan.files import SharedPlan
from vfsrbench.fleet.plan.leases import Lease


@dataclass(frozen=True)
class Look:
    """One look at a plan.

    Attributes:
        newly_done: Units that were not done at the last look.
        running: The last leases on units that are not done and were not given back.
        given_back: Units that were given back, and are not taken again.
        seconds: What the look took.
    """

    newly_done: tuple[str, ...]
    running: tuple[Lease, ...]
    given_back: tuple[str, ...]
    seconds: float


class Watch:
    """Looks at a plan again and again.

    Args:
        plan: The plan.
    """

    def __init__(self, plan: SharedPlan) -> None:
        self.plan = plan
        self.done: set[str] = set()

    @property
    def all_done(self) -> bool:
        """Whether all units were done at the last look."""
        return len(self.done) == len(self.plan.units)

    def look(self) -> Look:
        """What there is now."""
        began = time.monotonic()
        finished = self.plan.finished()
        new = tuple(sorted(finished - self.done))
        self.done = finished
        leases = self.plan.leases
        listing = leases.listing()
        now = leases.now()
        held = [(u, n) for u, n in listing.last.items() if u not in finished]
        back = tuple(sorted(u for u, n in held if (u, n) in listing.left))
        at_work = [(u, n) for u, n in held if (u, n) not in listing.left]
        running = tuple(x for u, n in sorted(at_work) if (x := leases.look(u, n, now)) is not None)
        return Look(new, running, back, time.monotonic() - began)
