"""Remembered digests of clips belong to the code that read the frames."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vfsrbench.clips import noise, picture_folder
from vfsrbench.io import digest_cache
from vfsrbench.io.clip import Clip
from vfsrbench.io.digest_cache import ClipDigests


def test_changed_reading_code_decodes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A remembered digest of frames that another version of the reader made names other frames."""
    folder = picture_folder(tmp_path / "c", noise(2))
    decoded: list[str] = []
    whole = Clip.digest
    monkeypatch.setattr(Clip, "digest", lambda clip: decoded.append(clip.name) or whole(clip))
    for _ in range(2):
        ClipDigests(tmp_path / "d").of(Clip.open(folder))
    assert len(decoded) == 1
    monkeypatch.setattr(digest_cache, "module_digest", lambda name: "other")
    ClipDigests(tmp_path / "d").of(Clip.open(folder))
    assert len(decoded) == 2
