"""How many threads torch sums with: one, wherever a number must not depend on the machine's cores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """torch with `count` threads for the block (None: as many as it has); put back afterwards.

    torch cuts long sums and matrix products among its threads, so their last digits depend on the number.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
