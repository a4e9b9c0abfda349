"""A sink that writes restored frames while the method works at the next window."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from vfsrbench.restoration.restore import Sink

Frames = NDArray[np.uint8]
WAITING = 1
"""Windows that wait to be written, beside the one that is written just now: then the method waits, too."""


class WriteBehind:
    """Hands frames to a sink in a thread of its own, in order. Use it in a `with` block.

    What the sink raises is raised by the next call here, at the latest when the block ends without an error.

    Args:
        sink: Where the frames go.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue(WAITING)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="write behind", daemon=True)
        self._thread.start()

    def write(self, frames: Frames) -> None:
        """Append frames; waits while too many others wait."""
        self._raise()
        self._queue.put(lambda: self._sink.write(frames))

    def restart(self) -> None:
        """Forget every frame written so far."""
        self.flush()
        self._sink.restart()

    def flush(self) -> None:
        """Wait until all is written."""
        self._queue.join()
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _work(self) -> None:
        failed = False
        while (write := self._queue.get()) is not None:
            try:
                if not failed:
                    write()
            except BaseException as error:
                failed, self._error = True, error
            finally:
                self._queue.task_done()

    def __enter__(self) -> WriteBehind:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join()
        if kind is None:
            self._raise()
