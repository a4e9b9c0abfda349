"""A real HTTP server on the loopback interface, with the mishaps that downloads meet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class FileServer:
    """Serves `files` by path (`/name`). `cut_after[path]`: the next connection breaks after so many bytes;
    `types[path]`: its content type; `ranges=False`: partial requests get the whole file. `headers[path]` are
    sent instead of the usual ones of these names (None: not sent), `partial[path]` likewise with answers to
    partial requests; `statuses[path]` is answered whatever was asked; `drips[path]`: so many bytes at a time,
    so many seconds between them. `requests` records (path, Range header) of every request."""

    files: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    cut_after: dict[str, list[int]] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    headers: dict[str, dict[str, str | None]] = field(default_factory=dict)
    partial: dict[str, dict[str, str | None]] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    drips: dict[str, tuple[int, float]] = field(default_factory=dict)
    ranges: bool = True
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    port: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def serving() -> Iterator[FileServer]:
    """A server while the block runs."""
    state = FileServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, state)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(handler: BaseHTTPRequestHandler, state: FileServer) -> None:
    path = handler.path
    wanted = handler.headers.get("Range")
    state.requests.append((path, wanted))
    if path not in state.files:
        handler.send_error(404)
        return
    body = state.files[path]
    etag = state.etags.get(path, '"one"')
    start = 0
    if wanted and state.ranges and handler.headers.get("If-Range") == etag:
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(body):
            handler.send_error(416)
            return
    sent: dict[str, str | None] = {
        "Content-Length": str(len(body) - start),
        "Content-Type": state.types.get(path, "application/octet-stream"),
        "ETag": etag,
    }
    if start:
        sent |= {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} | state.partial.get(path, {})
    sent |= state.headers.get(path, {})
    handler.send_response(state.statuses.get(path, 206 if start else 200))
    for name, value in sent.items():
        if value is not None:
            handler.send_header(name, value)
    handler.end_headers()
    cuts = state.cut_after.get(path, [])
    stop = start + cuts.pop(0) if cuts else len(body)
    handler.close_connection = True
    with suppress(BrokenPipeError, ConnectionResetError):  # a client may go away early
        size, pause = state.drips.get(path, (len(body) + 1, 0.0))
        for at in range(start, stop, size):
            handler.wfile.write(body[at : min(at + size, stop)])
            handler.wfile.flush()
            if pause and state.stopped.wait(pause):
                return
