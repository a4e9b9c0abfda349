"""Values that a recipe gives as a number, as a range, or as weighted names; and how they are drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from degradations.numerics.streams import Stream
from degradations.reading.limits import LEAST_FACTOR, LEAST_SIGMA, MOST_FACTOR, MOST_SIGMA

Range = float | tuple[float, float]


MOST = 1e6
"""No amount is larger; those with limits of their own say so."""


def _number(value: Any) -> bool:
    """Whether it is a finite number that is not absurd. ValueError names the limit."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    if not -MOST <= value <= MOST:  # neither are NaN and infinity
        raise ValueError(f"numbers lie in {-MOST:.0f}..{MOST:.0f}, got {str(value)[:20]}")
    return True


def _amount(value: Any) -> Range:
    if _number(value):
        return float(value)
    if not (isinstance(value, list | tuple) and len(value) == 2 and all(map(_number, value))):
        raise ValueError(f"a number or a range [low, high] is expected, got {value!r}")
    low, high = float(value[0]), float(value[1])
    if low > high:
        raise ValueError(f"a range goes from low to high, got [{low:g}, {high:g}]")
    return (low, high)


def within(lowest: float, highest: float, included: bool = True) -> Any:
    """The validator of an amount from `lowest` (or just above it) to `highest`."""

    def check(value: Any) -> Range:
        amount = _amount(value)
        low, high = bounds(amount)
        if low < lowest or (low == lowest and not included):
            raise ValueError(f"must be {'at least' if included else 'more than'} {lowest:g}, got {low:g}")
        if high > highest:
            raise ValueError(f"must be at most {highest:g}, got {high:g}")
        return amount

    return PlainValidator(check)


def _count(value: Any) -> int | tuple[int, int]:
    numbers = list(value) if isinstance(value, list | tuple) else [value]
    whole = all(isinstance(n, int) and not isinstance(n, bool) for n in numbers)
    if not whole or len(numbers) != (2 if isinstance(value, list | tuple) else 1):
        raise ValueError(f"a whole number or a range [low, high] is expected, got {value!r}")
    if numbers[0] > numbers[-1]:
        raise ValueError(f"a range goes from low to high, got {numbers}")
    return (numbers[0], numbers[1]) if isinstance(value, list | tuple) else numbers[0]


def _choice(value: Any) -> str | dict[str, float]:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or not all(_number(w) and w >= 0 for w in value.values()):
        raise ValueError(f"a name, or a table of names and probabilities is expected, got {value!r}")
    total = sum(value.values())
    if not 0.999 < total < 1.001:
        raise ValueError(f"probabilities add up to 1, not to {total:g}")
    return {name: float(weight) for name, weight in value.items()}


Amount = Annotated[Range, PlainValidator(_amount)]
"""A number, or [low, high]: drawn evenly from low (included) to high (excluded)."""
Positive = Annotated[Range, within(0, MOST, included=False)]
NotNegative = Annotated[Range, within(0, MOST)]
Factor = Annotated[Range, within(LEAST_FACTOR, MOST_FACTOR)]
"""How many times smaller a frame becomes (below 1: larger)."""
Spread = Annotated[Range, within(LEAST_SIGMA, MOST_SIGMA)]
"""A kernel's sigma in pixels, or the exponent of its profile."""
Count = Annotated[int | tuple[int, int], PlainValidator(_count)]
"""A whole number, or [low, high]: any of low..high, both included."""
Choice = Annotated[str | dict[str, float], PlainValidator(_choice)]
"""A name, or a table of names and their probabilities."""
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
"""A probability."""
Step = Annotated[float, Field(ge=0, le=MOST, allow_inf_nan=False)]
"""How far a value may move from one frame to the next."""


def bounds(amount: Range) -> tuple[float, float]:
    """The lowest and the highest value."""
    return amount if isinstance(amount, tuple) else (amount, amount)


def count_bounds(count: int | tuple[int, int]) -> tuple[int, int]:
    """The lowest and the highest whole number."""
    return count if isinstance(count, tuple) else (count, count)


def names(choice: str | Mapping[str, float]) -> tuple[str, ...]:
    """Everything that may be chosen."""
    return (choice,) if isinstance(choice, str) else tuple(choice)


def draw(amount: Range, stream: Stream) -> float:
    """The amount itself, or a number from its range; a fixed amount uses up no random numbers."""
    return stream.uniform(*amount) if isinstance(amount, tuple) else amount


def draw_count(count: int | tuple[int, int], stream: Stream) -> int:
    """The number itself, or one from its range."""
    return stream.integer(*count) if isinstance(count, tuple) else count


def pick(choice: str | Mapping[str, float], order: Iterable[str], stream: Stream) -> str:
    """The name itself, or one of the names by its probability.

    They are drawn in the `order` of all names that an operator knows, not in that of the recipe's table: a
    recipe's digest does not know that one.
    """
    if isinstance(choice, str):
        return choice
    return stream.choice({name: choice[name] for name in order if name in choice})


class Walk:
    """A value drawn once a clip that then moves by up to `step` a frame, in its range or `within`."""

    def __init__(self, amount: Range, step: float, stream: Stream, within: Range | None = None) -> None:
        self._low, self._high = bounds(amount if within is None else within)
        self._step = step
        self.value = draw(amount, stream)

    def advance(self, stream: Stream) -> None:
        """One step on; a walk that stands still uses up no random numbers."""
        if self._step:
            moved = self.value + stream.uniform(-self._step, self._step)
            self.value = min(max(moved, self._low), self._high)
