"""Text that users give: UTF-8 or an error with the line; TOML and JSON within limits."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from degradations.errors import InputError
from degradations.reading.names import as_path, is_path
from degradations.reading.regular_file import check_regular_file, is_there
from degradations.reading.text import read_json, read_lines, read_text, read_toml


def file(folder: Path, content: bytes, name: str = "f.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [b"one\ntwo\n", b"\xef\xbb\xbfone\ntwo\n", b"one\r\ntwo\r\n", b"one\rtwo\r", b"\xef\xbb\xbfone\rtwo\r\n"],
)
def test_byte_order_mark_and_line_ends_change_nothing(tmp_path: Path, content: bytes) -> None:
    assert read_text(file(tmp_path, content)) == "one\ntwo\n"


def test_lines_end_at_line_ends_alone(tmp_path: Path) -> None:
    """str.splitlines would cut at these, too, and shift every line after them."""
    text = "a\x0bb\x0cc\x1cd\x85e\u2028f\ng"
    assert read_lines(file(tmp_path, text.encode())) == ["a\x0bb\x0cc\x1cd\x85e\u2028f", "g"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("one\ntwo".encode("utf-16"), "is UTF-16"),
        ("one\ntwo".encode("utf-32"), "is UTF-32"),
        ("one\ntwo".encode("utf-16-le"), "line 1: holds a NUL byte"),
        (b"one\ncaf\xe9\n", "line 2: is not UTF-8"),
        (b"one\r\ntwo\r\ncaf\xe9\n", "line 3: is not UTF-8"),
        (b"one\rtwo\rcaf\xe9", "line 3: is not UTF-8"),
        (b"one\ntwo\0\n", "line 2: holds a NUL byte"),
        (b"one\n\xed\xa0\x80", "line 2: is not UTF-8"),  # a lone surrogate
        (b"one\n\xef\xbb\xbftwo", "line 2: a byte order mark stands inside"),
    ],
)
def test_anything_else_is_an_error_with_the_line(tmp_path: Path, content: bytes, why: str) -> None:
    path = file(tmp_path, content)
    with pytest.raises(InputError) as error:
        read_text(path)
    assert why in str(error.value) and str(error.value).startswith(str(path))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"a": ' + b"9" * 5000 + b"}", "whole numbers lie in"),
        (b'{"a": 9223372036854775808}', "whole numbers lie in"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply; 32 levels"),
        (b"[" * 33 + b"0" + b"]" * 33, "nested too deeply; 32 levels"),
        (b'{"a": 1, "b": 2, "a": 3}', "'a' stands there twice"),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b'{"a": "\\ud800"}', "lone surrogate"),
        (b'{"a": 1,\n"b" 2}', "is not JSON (line 2"),
        (b"", "is not JSON (line 1"),
    ],
)
def test_json_is_refused_with_the_limit(tmp_path: Path, content: bytes, why: str) -> None:
    path = file(tmp_path, content)
    with pytest.raises(InputError) as error:
        read_json(path)
    assert why in str(error.value) and str(path) in str(error.value)


def test_json_at_the_limits_is_read(tmp_path: Path) -> None:
    assert read_json(file(tmp_path, b"[" * 31 + b"0" + b"]" * 31))
    assert read_json(file(tmp_path, b"[9223372036854775807, -9223372036854775808]"))[1] == -(2**63)
    assert read_json(file(tmp_path, b'{"a": NaN, "a": 1}'), strict=False) == {"a": 1}


def test_dots_in_numbers_and_prose_nest_nothing(tmp_path: Path) -> None:
    weights = ", ".join(["0.1"] * 99)
    prose = "A. " * 20 + "." * 80
    content = read_toml(file(tmp_path, f'text = "{prose}"\nweights = [{weights},\n{weights}]'.encode()))
    assert content["text"] == prose and len(content["weights"]) == 198


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a = " + b"9" * 5000, "whole number is too long; whole numbers lie in"),
        (b"a = 9223372036854775808", "whole numbers lie in"),
        (b"a = 0x" + b"f" * 5000, "whole numbers lie in"),
        (b"a = " + b"[" * 50_000 + b"]" * 50_000, "nested too deeply; 32 levels"),
        (b"a" + b".a" * 40 + b" = 1", "nested too deeply; 32 levels"),
        (b"a" + b".a" * 1_000_000 + b" = 1", "nested too deeply; 32 levels"),
        (b"[" + b"'a' . " * 500_000 + b"a]", "nested too deeply; 32 levels"),
        (b"b = {c" + b".a" * 1_000_000 + b" = 1}", "nested too deeply; 32 levels"),
        (b"a = 1\nb = ", "TOML syntax error"),
    ],
)
def test_toml_is_refused_with_the_limit(tmp_path: Path, content: bytes, why: str) -> None:
    path = file(tmp_path, content, "f.toml")
    with pytest.raises(InputError) as error:
        read_toml(path)
    assert why in str(error.value) and str(path) in str(error.value)


def special(folder: Path, kind: str) -> Path:
    """Something that is no regular file, called x.toml."""
    path = folder / "x.toml"
    if kind == "named pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "socket":
        os.chdir(folder)  # socket paths are short
        socket.socket(socket.AF_UNIX).bind("x.toml")
    elif kind == "folder":
        path.mkdir()
    elif kind == "circle":
        path.symlink_to(path)
    else:
        path.symlink_to(folder / "nowhere")
    return path


@pytest.mark.parametrize("kind", ["named pipe", "device", "socket", "folder", "circle", "link to"])
def test_no_regular_file_is_refused_without_being_opened(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = special(tmp_path, kind)
    assert is_there(path)
    for read in (check_regular_file, read_text, read_toml, read_json):
        with pytest.raises(InputError, match=kind):
            read(path)


def test_too_large_a_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    with path.open("wb") as sparse:
        sparse.truncate(1 << 40)
    for read in (read_text, read_toml, read_json):
        with pytest.raises(InputError, match="has at most"):
            read(path)


@pytest.mark.parametrize("text", ["./a", "../a", "/a", "~/a", "a/b", ".", "..", "C:\\a", "c:/a"])
def test_paths(text: str) -> None:
    assert is_path(text) and as_path(text) == text


@pytest.mark.parametrize("text", ["a", "a.toml", ".a", "a:b", "a[b=1]", ""])
def test_bare_names_are_no_paths(text: str) -> None:
    assert not is_path(text) and is_path(as_path(text))
