"""One file over HTTP: resumed after a cut, never larger than announced, never joined from two versions."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from vfsrbench.weights.file_kinds import HEAD, unlike

if TYPE_CHECKING:
    import requests

CHUNK = 1 << 16
ATTEMPTS = 3
"""Connections in a row that may bring (almost) nothing, and times that a file is begun anew."""
MOST_REDIRECTS = 10
MOST_BYTES = 8 << 30
"""The most that is fetched when the file's size is not stated."""
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")

CUT = "cut off"

ProgressCallback = Callable[[int, int], None]
"""Called with bytes done and bytes in all (0 where the server does not say)."""


class FetchError(Exception):
    """Why one URL gave no file."""


@dataclass(frozen=True)
class Patience:
    """Seconds to wait for a connection, and for a piece; in `window` seconds at least `least` bytes come."""

    connect: float = 15
    silence: float = 60
    window: float = 120
    least: int = 1 << 16


PATIENCE = Patience()


@dataclass(frozen=True)
class Extent:
    """Where a response's bytes begin, and how many the file has in all (None: not stated)."""

    start: int
    total: int | None


@dataclass(frozen=True)
class HttpFile:
    """A file behind a URL. `name` says by its suffix what it is; `exact` is its size if that is known.

    Never more than `exact` bytes are fetched, or `most` where the size is not known.
    """

    url: str
    name: str
    exact: int | None = None
    most: int = MOST_BYTES
    patience: Patience = PATIENCE

    def download(self, part: Path, on_progress: ProgressCallback = lambda done, total: None) -> None:
        """All of it into `part`, which may hold its beginning from an earlier call.

        Raises:
            FetchError: nothing comes, what comes is not the file, or it is cut off again and again; only in
                the last case is `part` kept.
            OSError: `part` cannot be written.
        """
        import requests
        import urllib3

        idle, restarts, reason = 0, 0, ""
        with requests.Session() as session:
            while idle < ATTEMPTS and restarts < ATTEMPTS:
                before = size_of(part)
                try:
                    if self._receive(session, part, on_progress):
                        _tag_path(part).unlink(missing_ok=True)
                        return
                    reason = ""
                except (
                    requests.exceptions.ConnectionError,
                    requests.exceptions.Timeout,
                    urllib3.exceptions.ProtocolError,
                    urllib3.exceptions.TimeoutError,
                ) as error:
                    reason = plain(error)
                    if not part.exists():
                        raise FetchError(reason) from None
                except (
                    requests.exceptions.RequestException,
                    urllib3.exceptions.HTTPError,
                    http.client.HTTPException,
                    ValueError,  # an address that cannot be one
                ) as error:
                    raise FetchError(plain(error)) from None
                # cut off: go on where it stopped, as long as something comes
                after = size_of(part)
                idle = 0 if after - before >= self.patience.least else idle + 1
                restarts += after < before
        why = f" ({reason})" if reason not in ("", CUT) else ""
        raise FetchError(f"cut off at {size_of(part)} bytes{why}; run it again to go on from there")

    def _receive(self, session: requests.Session, part: Path, on_progress: ProgressCallback) -> bool:
        """One connection. True when the file is complete, False when it ended early."""
        tag = _tag(part, self.url)
        have = size_of(part) if tag else 0
        # no compression on the way: lengths and ranges must count the file's own bytes
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers |= {"Range": f"bytes={have}-", "If-Range": tag}
        with self._open(session, headers) as response:
            if response.status_code == 416 and have:  # nothing is left to send, or the file has changed
                forget(part)
                return False
            _check_kind(response)
            extent = _extent(response, have, tag)
            if extent is None:  # another part, or a part of another version: from the start
                forget(part)
                return False
            self._check_size(extent.total, part)
            _remember_tag(part, self.url, _strong_tag(response.headers))
            done = self._write(response, part, extent, on_progress)
        total = extent.total if extent.total is not None else self.exact
        return total is None or done == total

    def _open(self, session: requests.Session, headers: dict[str, str]) -> requests.Response:
        """The answer, after redirects, none of which leaves http(s)."""
        url = checked_url(self.url)
        for _ in range(MOST_REDIRECTS + 1):
            timeout = (self.patience.connect, self.patience.silence)
            response = session.get(url, headers=headers, stream=True, timeout=timeout, allow_redirects=False)
            if not response.is_redirect:
                return response
            response.close()
            url = redirected(url, response.headers["Location"])
        raise FetchError(f"redirects more than {MOST_REDIRECTS} times")

    def _check_size(self, total: int | None, part: Path) -> None:
        if total is None:
            return
        if self.exact is not None and total != self.exact:
            forget(part)
            raise FetchError(f"has a file of {total} bytes there, the published one has {self.exact}")
        if total > self.most:
            forget(part)
            raise FetchError(f"has a file of {total} bytes there, at most {self.most} are expected")

    def _write(
        self, response: requests.Response, part: Path, extent: Extent, on_progress: ProgressCallback
    ) -> int:
        done, limit = extent.start, extent.total or self.exact or self.most
        since, counted = time.monotonic(), done
        # as bytes come, not in full pieces: a server that sends one byte a minute would never fill one
        read = getattr(response.raw, "read1", response.raw.read)
        with part.open("ab" if extent.start else "wb") as file:
            head = b""
            while piece := read(CHUNK, decode_content=False):
                if done < HEAD:
                    head += piece
                    problem = unlike(self.name, head) if len(head) >= HEAD else ""
                    if problem:
                        forget(part)
                        raise FetchError(f"sent {problem} instead of the file")
                done += len(piece)
                if done > limit:
                    forget(part)
                    raise FetchError(f"sent more than the {limit} bytes that the file has; it was removed")
                file.write(piece)
                on_progress(done, extent.total or 0)
                now = time.monotonic()
                if now - since > self.patience.window:
                    if done - counted < self.patience.least:
                        few = f"sent {done - counted} bytes in {now - since:.0f} s"
                        raise FetchError(f"{few}; run it again to go on from there")
                    since, counted = now, done
        return done


def checked_url(url: str) -> str:
    """`url` back if it is http(s) with a host. FetchError otherwise."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise FetchError(f"{url[:200]!r} is no http(s) address")
    return url


def redirected(url: str, location: str) -> str:
    """Where `location` leads from `url`. FetchError when that is not http(s), or a step back from https."""
    try:
        target = urljoin(url, location)
        scheme = urlsplit(target).scheme
    except ValueError:
        target, scheme = location, ""
    if scheme not in ("http", "https"):
        raise FetchError(f"redirects to {location[:200]!r}, which is no http(s) address")
    if scheme == "http" and urlsplit(url).scheme == "https":
        raise FetchError(f"redirects from https to {location[:200]!r}, which is not secure")
    return checked_url(target)


def size_of(part: Path) -> int:
    """Bytes of the file; 0 if there is none."""
    return part.stat().st_size if part.exists() else 0


def forget(part: Path) -> None:
    """Remove a part and what is noted of it."""
    part.unlink(missing_ok=True)
    _tag_path(part).unlink(missing_ok=True)


def _check_kind(response: requests.Response) -> None:
    if response.status_code not in (200, 206):
        raise FetchError(f"HTTP {response.status_code} {response.reason}".strip())
    if response.headers.get("Content-Type", "").lower().startswith("text/html"):
        raise FetchError("sent a web page instead of the file")
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise FetchError(f"sent the file packed ({encoding[:40]!r}), which was not asked for")


def _extent(response: requests.Response, have: int, tag: str) -> Extent | None:
    """What the response holds; None when it does not continue the `have` bytes that are there."""
    length = _length(response.headers)
    if response.status_code == 200:
        return Extent(0, length)
    if not have:
        raise FetchError("sent a part of the file, the whole was asked for")
    found = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if found is None or _strong_tag(response.headers) not in ("", tag):
        return None
    first, last = int(found[1]), int(found[2])
    total = last + 1 if found[3] == "*" else int(found[3])
    if first != have or last < first or last >= total or length not in (None, last + 1 - first):
        return None
    return Extent(have, total)


def _length(headers: Mapping[str, str]) -> int | None:
    """Content-Length; None if there is none that counts. FetchError when it is no number."""
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        return None
    text = headers.get("Content-Length")
    if text is None:
        return None
    values = {value.strip() for value in text.split(",")}
    if len(values) != 1 or not re.fullmatch(r"[0-9]{1,18}", value := values.pop()):
        raise FetchError(f"sent a Content-Length that is none ({text[:40]!r})")
    return int(value)


def _strong_tag(headers: Mapping[str, str]) -> str:
    """What the server calls this version of the file; empty if it has no name for it."""
    tag = headers.get("ETag") or headers.get("Last-Modified") or ""
    return "" if tag.startswith("W/") else tag


def _tag_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _remember_tag(part: Path, url: str, tag: str) -> None:
    """Noted so that two versions are never joined."""
    if tag:
        _tag_path(part).write_text(json.dumps({"url": url, "tag": tag}), encoding="utf-8")
    else:
        _tag_path(part).unlink(missing_ok=True)


def _tag(part: Path, url: str) -> str:
    try:
        facts = json.loads(_tag_path(part).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return ""
    return str(facts.get("tag", "")) if isinstance(facts, dict) and facts.get("url") == url else ""


def plain(error: Exception) -> str:
    """A connection error in a few words."""
    import requests
    import urllib3

    if isinstance(error, requests.exceptions.SSLError):
        return "the connection is not secure (certificate)"
    if isinstance(error, requests.exceptions.Timeout | urllib3.exceptions.TimeoutError):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ConnectionError | urllib3.exceptions.ProtocolError):
        return "no connection" if "IncompleteRead" not in str(error) else CUT
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return f"leads to what is no http(s) address ({str(error)[:100]})"
    return f"{type(error).__name__}: {str(error)[:100]}"
