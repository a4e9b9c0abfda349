"""The graph of an ONNX file: nodes, constants, inputs and outputs, read from its bytes (Protocol Buffers).

Field numbers: onnx.proto of the ONNX specification. Only what a chain of layers needs is read: no sub-graphs,
no tensors in files beside it, no quantized ones.
"""

from __future__ import annotations

import mmap
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TYPES = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}
_MODEL_GRAPH = 7
_NODE, _INITIALIZER, _INPUT, _OUTPUT = 1, 5, 11, 12
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
Message = dict[int, list[Any]]


class UnreadableGraph(Exception):
    """The bytes are no such file, or it holds what is not read here."""


@dataclass(frozen=True)
class Node:
    """One operation. `attributes` has numbers, lists of numbers, texts and arrays by name."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Graph:
    """A network. `constants` are the initialisers; `inputs` and `outputs` are names of values."""

    nodes: tuple[Node, ...]
    constants: dict[str, NDArray[Any]]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read_graph(path: Path) -> Graph:
    """The graph of an ONNX file. UnreadableGraph when it cannot be read; OSError when the file cannot."""
    with path.open("rb") as file:
        try:
            # closed with its last view: what is kept is copied
            return _graph(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
        except (IndexError, KeyError, ValueError, TypeError, struct.error, OverflowError) as error:
            raise UnreadableGraph(f"{path}: {type(error).__name__}: {error}") from None


def _graph(data: memoryview) -> Graph:
    graph = _fields(_fields(data)[_MODEL_GRAPH][0])
    constants = dict(_tensor(one) for one in graph[_INITIALIZER])
    nodes = tuple(_node(one) for one in graph[_NODE])
    inputs = (_text(_fields(one)[1][0]) for one in graph[_INPUT])
    outputs = tuple(_text(_fields(one)[1][0]) for one in graph[_OUTPUT])
    # old files list initialisers among the inputs too
    return Graph(nodes, constants, tuple(name for name in inputs if name not in constants), outputs)


def _node(data: memoryview) -> Node:
    fields = _fields(data)
    attributes = dict(_attribute(one) for one in fields[5])
    inputs, outputs = (tuple(map(_text, fields[number])) for number in (1, 2))
    return Node(_text(fields[4][0]), inputs, outputs, attributes)


def _attribute(data: memoryview) -> tuple[str, Any]:
    fields = _fields(data)
    name, kind = _text(fields[1][0]), (fields[20] or [0])[0]
    if fields[7] or kind == 6:
        return name, [value for one in fields[7] for value in _floats(one)]
    if fields[8] or kind == 7:
        return name, [value for one in fields[8] for value in _integers(one)]
    if fields[2]:
        return name, struct.unpack("<f", fields[2][0])[0]
    if fields[3]:
        return name, _signed(fields[3][0])
    if fields[4]:
        return name, _text(fields[4][0])
    if fields[5]:
        return name, _tensor(fields[5][0])[1]
    return name, 0


def _tensor(data: memoryview) -> tuple[str, NDArray[Any]]:
    """A tensor's name and a copy of its values."""
    fields = _fields(data)
    name = _text(fields[8][0]) if fields[8] else ""
    if fields[13] or (fields[14] and fields[14][0]):
        raise ValueError(f"tensor {name!r} lies in a file of its own")
    shape = [value for one in fields[1] for value in _integers(one)]
    kind = np.dtype(_TYPES[fields[2][0]])
    if fields[9]:
        values = np.frombuffer(fields[9][0], kind.newbyteorder("<"))
    elif kind == np.float32:
        values = np.array([value for one in fields[4] for value in _floats(one)], kind)
    else:
        values = np.array([v for number in (5, 7) for one in fields[number] for v in _integers(one)], kind)
    return name, values.astype(kind).reshape(shape)


def _fields(data: memoryview) -> defaultdict[int, list[Any]]:
    """A message's fields by number: numbers as int, all else as bytes."""
    found: defaultdict[int, list[Any]] = defaultdict(list)
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            found[number].append(value)
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + size > len(data):
            raise ValueError("the file ends within a field")
        found[number].append(data[at : at + size])
        at += size
    return found


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _integers(one: int | memoryview) -> Iterator[int]:
    """A repeated field's numbers: one, or many packed."""
    if isinstance(one, int):
        yield _signed(one)
        return
    at = 0
    while at < len(one):
        value, at = _varint(one, at)
        yield _signed(value)


def _floats(one: memoryview) -> Iterator[float]:
    yield from struct.unpack(f"<{len(one) // 4}f", one)


def _text(data: memoryview) -> str:
    return bytes(data).decode()
