"""A finder that stands in for RetinaFace, whose weights are not at hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vfsrbench.faces import face_tools
from vfsrbench.faces.finding.choice import RETINAFACE_FILE

Find = Callable[[NDArray[np.uint8]], NDArray[np.float64]]


def loads(find: Find, name: str = "known") -> Callable[..., face_tools.FaceFinder]:
    """In place of `face_tools.load_finder`: finds by `find`; untrained where RetinaFace's file is random."""

    def load(device: object, choice: str) -> face_tools.FaceFinder:
        random = face_tools.untrained_tools(RETINAFACE_FILE)
        return face_tools.FaceFinder(name, find, untrained=tuple(random))

    return load
