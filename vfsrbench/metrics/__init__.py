"""The metrics: one file a family; their facts stand in `cards/*.toml`."""

from vfsrbench.runtime.callable_module import make_callable

make_callable(__name__)
