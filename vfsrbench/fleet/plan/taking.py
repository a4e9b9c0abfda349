"""Which unit a worker takes next: the first that nobody has and whose needs are met, or a silent one's."""

from __future__ import annotations

import time
from collections.abc import Callable

from vfsrbench.fleet.plan.files import SharedPlan, Unit
from vfsrbench.fleet.plan.leases import Held, Lease, Listing, Owner

LOOK_EVERY = 1.0
"""Seconds between two looks into a plan's folders, at the least."""
SHARE_OF_LOOKING = 0.05
"""Of a worker's time: where folders are large and slow, they are looked into less often."""


class Taker:
    """One worker's view of a plan.

    It looks into the folders from time to time. In between it tries the units in their order: a lease that it
    is refused tells that another worker has the unit.

    Args:
        plan: The plan.
        owner: Who takes.
        clock: Seconds, for how often it looks.
        memory: Megabytes that this process may use. A unit that ran out of so many is left to others.
    """

    def __init__(
        self,
        plan: SharedPlan,
        owner: Owner,
        clock: Callable[[], float] = time.monotonic,
        memory: int | None = None,
    ) -> None:
        self.plan, self.owner = plan, owner
        self._memory = memory
        self._too_small: set[str] = set()
        self._clock = clock
        self._waiting: list[Unit] = list(plan.units)
        self._done: set[str] = set()
        self._listing = Listing()
        self._silent: set[str] = set()
        self._look_again = -1.0
        self._silent_again = -1.0

    @property
    def all_done(self) -> bool:
        """Whether every unit is done, by the last look."""
        return not self._waiting

    def next(self) -> Held | None:
        """A lease on the next unit; None if there is none to take now (see `all_done`)."""
        while True:
            if self._clock() >= self._look_again:
                self._look()
            refused = False
            for unit in self._waiting:
                if not self._may_take(unit):
                    continue
                number = self._listing.last.get(unit.id, 0) + 1
                held = self.plan.leases.take(unit.id, number, self.owner)
                self._listing.last[unit.id] = number  # mine or another's
                self._silent.discard(unit.id)
                if held is None:
                    refused = True
                elif self.plan.is_done(unit.id):  # since the last look
                    held.close()
                else:
                    return held
            if not refused or self._clock() < self._look_again:
                return None

    def someone_is_silent(self) -> bool:
        """Whether a lease of this plan has run out, or had to be taken over: its holder may still have locks
        that it will never give back."""
        listing = self.plan.leases.listing()
        last = listing.last.items()
        if any(number > 1 and (unit, number - 1) not in listing.left for unit, number in last):
            return True
        done = self.plan.finished()
        return any(lease.silent for lease in self._busy(listing, done))

    def _may_take(self, unit: Unit) -> bool:
        if unit.id in self._done or not self._done.issuperset(unit.needs):
            return False
        if unit.id in self._too_small:
            return False
        return self._listing.open_now(unit.id) or unit.id in self._silent

    def _look(self) -> None:
        began = self._clock()
        self._done = self.plan.finished()
        self._listing = self.plan.leases.listing()
        self._waiting = [unit for unit in self._waiting if unit.id not in self._done]
        if self._memory is not None:
            lacking = self.plan.lacking_memory()
            self._too_small = {unit for unit, had in lacking.items() if self._memory <= had}
        if began >= self._silent_again:
            self._silent = {lease.unit for lease in self._busy(self._listing, self._done) if lease.silent}
            self._silent_again = began + min(10.0, self.plan.leases.silence / 4)
        took = self._clock() - began
        self._look_again = began + max(min(LOOK_EVERY, self.plan.leases.silence / 8), took / SHARE_OF_LOOKING)

    def _busy(self, listing: Listing, done: set[str]) -> list[Lease]:
        """The leases on units that are neither done nor given back."""
        leases = self.plan.leases
        now = leases.now()
        at_work = [(u, n) for u, n in listing.last.items() if u not in done and (u, n) not in listing.left]
        return [lease for u, n in at_work if (lease := leases.look(u, n, now)) is not None]
