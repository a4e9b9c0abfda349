"""The digest is SHA-256 over a documented byte string, and nothing else decides it."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from degradations.digest import FrameHasher, frame_digest
from degradations.errors import InputError

FRAMES = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3)).astype(np.uint8)


def test_definition_written_out() -> None:
    text = b"vfsrbench-frames:uint8:RGB:4x6:" + FRAMES.tobytes() + (5).to_bytes(8, "little")
    assert frame_digest(FRAMES) == hashlib.sha256(text).hexdigest()


def test_portions_do_not_matter() -> None:
    hasher = FrameHasher(4, 6)
    hasher.update(FRAMES[0])
    hasher.hexdigest()
    hasher.update(FRAMES[1:4])
    hasher.update(np.asfortranarray(FRAMES[4:]))  # another order in memory
    assert hasher.hexdigest() == frame_digest(iter(FRAMES)) == frame_digest(FRAMES)


def test_shape_order_and_content_matter() -> None:
    digests = {
        frame_digest(FRAMES),
        frame_digest(FRAMES[::-1]),
        frame_digest(FRAMES[:4]),
        frame_digest(FRAMES.reshape(5, 6, 4, 3)),
        frame_digest(FRAMES.reshape(10, 2, 6, 3)),
        frame_digest(FRAMES[..., ::-1]),
    }
    assert len(digests) == 6


def test_wrong_frames_are_refused() -> None:
    with pytest.raises(InputError, match="must be uint8"):
        FrameHasher(4, 6).update(FRAMES.astype(np.float32))
    with pytest.raises(InputError, match="must be uint8"):
        FrameHasher(4, 6).update(FRAMES[:, :3])
    with pytest.raises(InputError, match="without frames"):
        frame_digest(FRAMES[:0])
