"""Files that users name, looked at before they are opened: reading a pipe or a device may never end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from degradations.errors import InputError

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def check_regular_file(path: str | os.PathLike[str], what: str = "file") -> os.stat_result:
    """The file's status, links followed.

    Args:
        path: What the user gave. It is not opened.
        what: What was expected there, for the messages ("picture", "TOML file").

    Returns:
        The status of the regular file.

    Raises:
        InputError: Nothing is there, it cannot be looked at, or it is a folder, a named pipe, a device, a
            socket, or a link that leads in a circle.
    """
    name = os.fspath(path)
    try:
        status = Path(name).stat()
    except ValueError:  # a NUL byte
        raise InputError(f"{name!r}: is no path of a {what}") from None
    except OSError as error:
        raise InputError(f"{name}: {_why_not_there(Path(name), error, what)}") from None
    if stat.S_ISREG(status.st_mode):
        return status
    kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
    kind = next((text for test, text in _KINDS if test(status.st_mode)), kind)
    raise InputError(f"{name}: is {kind}, a {what} was expected")


def is_there(path: str | os.PathLike[str]) -> bool:
    """Whether something is called so, be it a pipe or a link to nothing: what is there is read or refused,
    never passed over in silence."""
    try:
        os.lstat(path)
    except (OSError, ValueError):
        return False
    return True


def read_bytes(path: str | os.PathLike[str], what: str = "file", most: int = 1 << 29) -> bytes:
    """The content of a regular file of at most `most` bytes. InputError names the file and the reason."""
    status = check_regular_file(path, what)
    if status.st_size > most:
        raise InputError(f"{os.fspath(path)}: has {status.st_size} bytes, a {what} has at most {most}")
    try:
        with Path(path).open("rb") as file:
            content = file.read()
    except OSError as error:
        raise InputError(f"{os.fspath(path)}: cannot be read ({error.strerror})") from None
    if len(content) > most:  # it has grown, or is one of /proc, which state no size
        raise InputError(f"{os.fspath(path)}: has more than {most} bytes, the most for a {what}")
    return content


def _why_not_there(path: Path, error: OSError, what: str) -> str:
    if error.errno == errno.ELOOP:
        return f"is a link that leads in a circle, a {what} was expected"
    if error.errno == errno.ENOENT and path.is_symlink():
        return f"is a link to {path.readlink()}, which is not there"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "no such file"
    return f"cannot be read ({error.strerror})"
