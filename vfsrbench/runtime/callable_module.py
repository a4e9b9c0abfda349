"""Modules that can be called: `vfsrbench.metrics` is a package, `vfsrbench.metrics()` lists what is in it."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


class CallableModule(ModuleType):
    """A module that passes a call on to the public function of its name.

    Importing `vfsrbench.metric` binds that module to the name under which the public API has a function.
    Called, the module does what the function does, so the name works both ways, whatever was imported first.
    """

    def _function(self) -> Callable[..., Any]:
        name = self.__name__.rpartition(".")[2]
        home = importlib.import_module(importlib.import_module("vfsrbench").MODULE_OF[name])
        function: Callable[..., Any] = getattr(home, name)
        return function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function()(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._function())


def make_callable(module: str) -> None:
    """Make a module of this package callable.

    Args:
        module: Its full name (`__name__`); the public API has a function of its last part.
    """
    sys.modules[module].__class__ = CallableModule
