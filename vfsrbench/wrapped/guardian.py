"""Runs a command, and ends it with all that it started when its time is up or its waiting process is gone.

This file is a script of its own, started by `vfsrbench.wrapped.process`: it imports nothing of ours, so that
it starts in some milliseconds. Its standard input is a pipe that nobody writes to; the other end closes when
the waiting process ends, however that comes.

    python guardian.py SECONDS LOG COMMAND [ARGUMENT ...]

It prints one line: `ended CODE`, `late`, or `unusable REASON`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

PATIENCE = 5.0
"""Seconds between asking a command to end and ending it."""


def main(arguments: list[str]) -> None:
    """Run the command of the arguments, and print how it ended."""
    seconds, log, *command = arguments
    with open(log, "ab") as out:  # noqa: PTH123
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        except OSError as error:
            print(f"unusable {error.strerror or error}")
            return
    threading.Thread(target=_watch, args=(process,), daemon=True).start()
    try:
        code = process.wait(float(seconds))
    except subprocess.TimeoutExpired:
        _end(process)
        print("late")
        return
    _send(process, signal.SIGKILL)  # what it may have left behind
    print(f"ended {code}")


def _watch(process: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 1):  # a buffered stream would be locked when the interpreter ends
        pass
    _end(process)
    os._exit(1)


def _end(process: "subprocess.Popen[bytes]") -> None:
    _send(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE)
    _send(process, signal.SIGKILL)


def _send(process: "subprocess.Popen[bytes]", what: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, what)  # it leads its own session, and so its group


def _heed_nothing(number: int, frame: object) -> None:
    """Ctrl-C reaches the whole group, and the pipe says when to end. Unlike SIG_IGN the command does not
    inherit it."""


if __name__ == "__main__":
    for which in (signal.SIGINT, signal.SIGTERM):
        signal.signal(which, _heed_nothing)
    main(sys.argv[1:])
