"""Both ends of a restoration at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vfsrbench.card import MethodCard
from vfsrbench.predictor import ClipInfo
from vfsrbench.restoration.pipeline.reading import ReadAhead, windows_of
from vfsrbench.restoration.pipeline.writing import WriteBehind
from vfsrbench.restoration.restore import Sink, Source

if TYPE_CHECKING:
    import torch


@contextmanager
def overlapped(
    source: Source, sink: Sink, card: MethodCard, info: ClipInfo, device: torch.device
) -> Iterator[tuple[ReadAhead, WriteBehind]]:
    """Source and sink for `restore_clip`, each with a thread of its own.

    Beside the window at work there is one that was read ahead, one that is being written and one that waits
    for that. When the block ends, all is written.

    Args:
        source: Where frames come from; nobody else reads it in the block.
        sink: Where restored frames go.
        card: The method's.
        info: The clip's.
        device: Where the method runs.
    """
    spans = windows_of(card, info.frames)
    with (
        ReadAhead(source, spans, info.height * info.width * 3, device) as reading,
        WriteBehind(sink) as writing,
    ):
        yield reading, writing
