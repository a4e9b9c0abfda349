"""What a file's first bytes say about it: a web page is no checkpoint, whatever its name is."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path, PurePath

HEAD = 64
"""Bytes that `unlike` needs."""
_ZIP = b"PK\x03\x04"
_SAVED = (_ZIP, b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # by torch.save, new and old
_MOST_HEADER = 100_000_000  # bytes of a safetensors header, the library's own limit
_NCNN_HALF = b"\x47\x6b\x30\x01"  # ncnn's networks in half precision begin with it
_TORCH = frozenset({".pth", ".pt", ".ckpt", ".tar", ".pkl", ".bin"})
# tags of the fields of an ONNX ModelProto, any of which may come first
_ONNX = frozenset(b"\x08\x12\x1a\x22\x28\x32\x3a\x42\x72\xa2\xca")
_ARCHIVES = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"Rar!": "RAR", b"7z\xbc\xaf": "7z"}


def unlike(name: str, head: bytes) -> str:
    """What a file with these first bytes is instead of what its name says.

    Args:
        name: The file's name; its suffix says what is expected.
        head: The first `HEAD` bytes, fewer only if the file is shorter.

    Returns:
        A few words ("a web page"); empty if nothing speaks against it.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    suffix = PurePath(name).suffix.lower()
    if text[:1] == b"<":
        return "a web page"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer"
    if not head:
        return "an empty file"
    if suffix != ".json" and text[:1] in (b"{", b"["):
        return "a JSON message"
    fits = {
        ".zip": head.startswith(_ZIP),
        ".npz": head.startswith(_ZIP),
        ".safetensors": _begins_safetensors(head),
        ".onnx": head[0] in _ONNX,
        **dict.fromkeys(_TORCH, head.startswith(_SAVED)),
        ".bin": head.startswith((*_SAVED, _NCNN_HALF)),
    }.get(suffix, True)
    if fits:
        return ""
    kind = next((kind for magic, kind in _ARCHIVES.items() if head.startswith(magic)), "")
    return f"a {kind} file" if kind else f"no {suffix} file (its first bytes are others)"


def incomplete(path: Path, name: str) -> str:
    """Why the file cannot be whole, where its format shows it: zip files (most .pth) and safetensors.

    Args:
        path: The file.
        name: What it will be called; its suffix says what is expected.

    Returns:
        A few words; empty if it is whole, or if the format does not show it.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(_ZIP) and not zipfile.is_zipfile(path):
        return "its end is missing"
    if PurePath(name).suffix.lower() == ".safetensors" and _begins_safetensors(head):
        return _incomplete_safetensors(path, struct.unpack("<Q", head[:8])[0])
    return ""


def _begins_safetensors(head: bytes) -> bool:
    return len(head) > 8 and struct.unpack("<Q", head[:8])[0] <= _MOST_HEADER and head[8:9] == b"{"


def _incomplete_safetensors(path: Path, length: int) -> str:
    """The header says where each tensor ends; the file has to end with the last one."""
    import json

    with path.open("rb") as file:
        file.seek(8)
        text = file.read(length)
    try:
        entries = json.loads(text)
        ends = [int(facts["data_offsets"][1]) for name, facts in entries.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return "its header cannot be read"
    expected = 8 + length + max(ends, default=0)
    size = path.stat().st_size
    return "" if size == expected else f"it has {size} bytes, its header speaks of {expected}"
