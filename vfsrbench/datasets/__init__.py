"""Data sets: layouts on disk, clips with their ground truth, landmarks and references."""

from vfsrbench.runtime.callable_module import make_callable

make_callable(__name__)
