"""Servers that lie, stall or send something else: one line each, nothing left that looks whole."""

from __future__ import annotations

import json
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.vfsrbench.file_server import FileServer, serving
from tests.vfsrbench.weights.test_download import BODY, entry_of, leftovers
from vfsrbench.errors import InputError
from vfsrbench.weights.download import Fetcher, most_bytes
from vfsrbench.weights.http_file import CHUNK, FetchError, HttpFile, Patience, redirected

UNKNOWN: dict[str, object] = {"sha256": None, "hash_source": None}


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as state:
        state.files["/net.pth"] = BODY
        yield state


def refused(server: FileServer, root: Path, **facts: object) -> str:
    """The one line that a fetch ends with. Nothing may stand there that looks like the file."""
    with pytest.raises(InputError) as caught:
        Fetcher(root, patience=Patience(2, 0.4, 0.6)).fetch(entry_of(server.url("/net.pth"), **facts))
    assert "\n" not in str(caught.value)
    assert not (root / "net.pth").exists()
    return str(caught.value)


@pytest.mark.parametrize("text", ["abc", "-5", "12, 13", "1e6", "", "9" * 30, "٣"])
def test_a_content_length_that_is_none_is_one_line(server: FileServer, tmp_path: Path, text: str) -> None:
    server.headers["/net.pth"] = {"Content-Length": text.encode().decode("latin-1")}
    line = refused(server, tmp_path)
    assert "Content-Length" in line or "contained multiple unmatching values" in line
    assert leftovers(tmp_path) == []


def test_no_content_length_is_no_fault(server: FileServer, tmp_path: Path) -> None:
    server.headers["/net.pth"] = {"Content-Length": None}
    assert Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth"))).read_bytes() == BODY


@pytest.mark.parametrize("declared", [len(BODY) - 1, len(BODY) + 1])
def test_a_lying_content_length_is_told_from_the_size_on_the_manifest(
    server: FileServer, tmp_path: Path, declared: int
) -> None:
    server.headers["/net.pth"] = {"Content-Length": str(declared)}
    line = refused(server, tmp_path, size=len(BODY), **UNKNOWN)
    assert f"has a file of {declared} bytes there, the published one has {len(BODY)}" in line
    assert leftovers(tmp_path) == []
    if declared > len(BODY):
        assert "cut off" in refused(server, tmp_path, **UNKNOWN)


def test_never_more_bytes_than_the_manifest_says(server: FileServer, tmp_path: Path) -> None:
    server.headers["/net.pth"] = {"Content-Length": None}
    heard: list[int] = []
    entry = entry_of(server.url("/net.pth"), size=10 * CHUNK, **UNKNOWN)
    with pytest.raises(InputError, match=f"sent more than the {10 * CHUNK} bytes"):
        Fetcher(tmp_path, progress=lambda done, total: heard.append(done)).fetch(entry)
    assert heard[-1] <= 10 * CHUNK
    assert leftovers(tmp_path) == []


def test_the_cap_where_no_size_is_known(server: FileServer, tmp_path: Path) -> None:
    assert most_bytes(entry_of("http://x/a", megabytes=100)) == (None, 264_000_000)
    assert most_bytes(entry_of("http://x/a")) == (None, 8 << 30)
    assert most_bytes(entry_of("http://x/a", size=5, megabytes=100)) == (5, 5)
    server.headers["/net.pth"] = {"Content-Length": str(9 << 30)}
    assert f"at most {8 << 30} are expected" in refused(server, tmp_path, **UNKNOWN)
    server.headers["/net.pth"] = {"Content-Length": None}
    part = tmp_path / "part"
    with pytest.raises(FetchError, match="sent more than the 100000 bytes"):
        HttpFile(server.url("/net.pth"), "net.pth", most=100_000).download(part)
    assert not part.exists()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\n <!DOCTYPE html><html>log in</html>" + b" " * 100, "a web page"),
        (b"<html>short", "a web page"),
        (b'{"error": "quota exceeded"}' + b" " * 100, "a JSON message"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "a Git LFS pointer"),
        (b"\x1f\x8b\x08\x00" + bytes(100), "a gzip file"),
        (b"plain text, and more of it, " * 10, "no .pth file"),
        (b"", "an empty file"),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_the_first_bytes_tell_that_it_is_something_else(
    server: FileServer, tmp_path: Path, body: bytes, kind: str, known: bool
) -> None:
    server.files["/net.pth"] = body
    assert kind in refused(server, tmp_path, **({} if known else UNKNOWN))
    assert leftovers(tmp_path) == []


def test_a_file_whose_format_tells_that_it_is_cut_is_not_kept(server: FileServer, tmp_path: Path) -> None:
    """A server whose Content-Length is that of half the file: nothing but the format can tell."""
    server.files["/net.pth"] = b"PK\x03\x04" + bytes(1000)
    assert "its end is missing" in refused(server, tmp_path, **UNKNOWN)
    header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    server.files["/net.pth"] = struct.pack("<Q", len(header)) + header + bytes(12)
    line = refused(server, tmp_path, file="net.safetensors", **UNKNOWN)
    assert f"its header speaks of {8 + len(header) + 16}" in line
    assert not (tmp_path / "net.safetensors").exists()


def begun(server: FileServer, root: Path) -> None:
    """A fetch that got ten pieces and was cut off."""
    server.cut_after["/net.pth"] = [10 * CHUNK, 0, 0, 0]
    assert "cut off" in refused(server, root)
    assert (root / ".net.pth.part").stat().st_size == 10 * CHUNK
    server.requests.clear()


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}"},
        {"Content-Range": f"bytes {10 * CHUNK + 1}-{len(BODY) - 1}/{len(BODY)}"},
        {"Content-Range": f"bytes {10 * CHUNK}-{len(BODY) - 1}/5"},
        {"Content-Range": "bytes nonsense"},
        {"Content-Range": None},
        {"Content-Length": "17"},
        {"ETag": '"two"'},
    ],
)
def test_a_part_that_does_not_continue_what_is_there_is_not_joined(
    server: FileServer, tmp_path: Path, headers: dict[str, str | None]
) -> None:
    begun(server, tmp_path)
    server.partial["/net.pth"] = headers
    assert Fetcher(tmp_path).fetch(entry_of(server.url("/net.pth"))).read_bytes() == BODY
    assert [r for _, r in server.requests] == [f"bytes={10 * CHUNK}-", None], "it did not start again"


def test_a_part_that_nobody_asked_for(server: FileServer, tmp_path: Path) -> None:
    server.statuses["/net.pth"] = 206
    assert "sent a part of the file, the whole was asked for" in refused(server, tmp_path)
    server.statuses["/net.pth"] = 416
    assert "HTTP 416" in refused(server, tmp_path)
    assert leftovers(tmp_path) == []


def test_a_total_that_is_not_the_files_is_refused_when_resuming(server: FileServer, tmp_path: Path) -> None:
    begun(server, tmp_path)
    server.partial["/net.pth"] = {"Content-Range": f"bytes {10 * CHUNK}-{len(BODY) - 1}/{2 * len(BODY)}"}
    assert "the published one has" in refused(server, tmp_path, size=len(BODY))
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("encoding", ["gzip", "br", "x" * 300])
def test_a_file_that_comes_packed_is_refused(server: FileServer, tmp_path: Path, encoding: str) -> None:
    server.headers["/net.pth"] = {"Content-Encoding": encoding}
    assert "sent the file packed" in refused(server, tmp_path)


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/net.pth", "http://[", "javascript:1"]
)
def test_redirects_stay_on_the_web(server: FileServer, tmp_path: Path, target: str) -> None:
    server.statuses["/net.pth"], server.headers["/net.pth"] = 302, {"Location": target}
    assert "no http(s) address" in refused(server, tmp_path)
    assert leftovers(tmp_path) == []


def test_redirects_are_followed_but_not_in_circles(server: FileServer, tmp_path: Path) -> None:
    server.files["/moved"] = b"x"
    server.statuses["/moved"], server.headers["/moved"] = 307, {"Location": "/net.pth"}
    path = Fetcher(tmp_path).fetch(entry_of(server.url("/moved")))
    assert path.read_bytes() == BODY
    path.unlink()
    server.statuses["/net.pth"], server.headers["/net.pth"] = 301, {"Location": "/net.pth"}
    assert "redirects more than 10 times" in refused(server, tmp_path)
    with pytest.raises(FetchError, match=r"redirects from https to 'http://x\.org/a', which is not secure"):
        redirected("https://x.org/b", "http://x.org/a")
    assert redirected("https://x.org/b", "//y.org/a") == "https://y.org/a"


def test_a_step_back_from_https_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a real TLS server with a certificate of our own."""
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    made += ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"]
    try:
        subprocess.run(made, cwd=tmp_path, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no openssl to make a certificate with")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", "http://localhost:1/net.pth")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    web = HTTPServer(("127.0.0.1", 0), Handler)
    web.socket = context.wrap_socket(web.socket, server_side=True)
    thread = threading.Thread(target=web.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    url = f"https://localhost:{web.server_address[1]}/net.pth"
    try:
        with pytest.raises(InputError, match="not secure \\(certificate\\)"):
            Fetcher(tmp_path).fetch(entry_of(url))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "cert.pem"))
        with pytest.raises(InputError, match="redirects from https"):
            Fetcher(tmp_path).fetch(entry_of(url))
    finally:
        web.shutdown()
        web.server_close()
        thread.join()


def test_a_server_that_stalls_is_left(server: FileServer, tmp_path: Path) -> None:
    server.drips["/net.pth"] = (1000, 5.0)
    since = time.monotonic()
    line = refused(server, tmp_path)
    assert "cut off" in line
    assert "no answer in time" in line
    assert time.monotonic() - since < 10


def test_a_server_that_drips_is_left(server: FileServer, tmp_path: Path) -> None:
    """Each byte comes in time, the file never would."""
    server.drips["/net.pth"] = (1, 0.05)
    since = time.monotonic()
    assert "bytes in 1 s; run it again to go on from there" in refused(server, tmp_path)
    assert time.monotonic() - since < 10


@pytest.mark.parametrize("url", ["file:///etc/passwd", "net.pth", "ftp://x.org/a", "http:///a"])
def test_urls_on_a_manifest_are_of_the_web(url: str) -> None:
    with pytest.raises(ValueError, match="urls begin with https:// or http://"):
        entry_of(url)


@pytest.mark.parametrize("file", ["..", ".", "a" * 250, "é" * 120])
def test_a_files_name_on_a_manifest_is_one_plain_short_name(file: str) -> None:
    with pytest.raises(ValueError, match="file is a plain name of at most 200 bytes"):
        entry_of("http://x.org/a", file=file)


def test_a_root_that_cannot_be_made_is_one_line(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be written \(Not a directory\)"):
        Fetcher(tmp_path / "file" / "weights").fetch(entry_of(server.url("/net.pth")))
