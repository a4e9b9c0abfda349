"""The door: finds the verb, imports it, and turns every error into one line and an exit code.

0: all went well. 1: an error of ours (the log has the details). 2: something the user gave is wrong.
3: some jobs failed, the others are done. 130: stopped by Ctrl-C; the same command goes on from there.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence

_OF_THE_DISK = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO),
        *(errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR),
    }
)
"""What a file or a disk that the user named can answer; ours to name, not to crash at."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line (default: the process's own) and exit."""
    from vfsrbench.cli.streams import make_patient
    from vfsrbench.errors import InputError

    make_patient()
    code = run(sys.argv[1:] if arguments is None else list(arguments))
    try:
        sys.stdout.flush()
    except InputError as error:
        code = _say(str(error), 2)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """The exit code of a command line. Errors go to stderr in one line."""
    from vfsrbench.cli.environment import shadowed

    problem = shadowed()
    if problem:
        return _say(problem, 2)
    if "" in arguments:
        return _say("an argument is empty; is a variable of the shell not set?", 2)
    from vfsrbench.cli.verbosity import one_command_line

    with one_command_line():
        return _answered(arguments)


def _answered(arguments: Sequence[str]) -> int:
    from vfsrbench.cli.app import invoke
    from vfsrbench.errors import InputError, PoisonedDevice

    try:
        return invoke(list(arguments))
    except InputError as error:
        return _say(str(error), 2)
    except PoisonedDevice as error:
        return _say(str(error), 3)
    except KeyboardInterrupt:
        return _say("stopped; the same command goes on from here", 130)
    except OSError as error:
        if error.filename is None or error.errno not in _OF_THE_DISK:
            return _crash(error, arguments)
        return _say(f"{error.filename}: {error.strerror}", 2)
    except Exception as error:
        return _crash(error, arguments)


def _crash(error: Exception, arguments: Sequence[str]) -> int:
    from vfsrbench.cli.environment import write_crash
    from vfsrbench.cli.verbosity import Verbosity, verbosity

    if verbosity() is Verbosity.VERBOSE:
        import traceback

        traceback.print_exception(error)
    return _say(f"{type(error).__name__}: {error} (details in {write_crash(error, arguments)})", 1)


def _say(text: str, code: int) -> int:
    from vfsrbench.io.foreign_text import one_line

    print(f"vfsrbench: {one_line(' '.join(text.split()))}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
