"""Loaded methods of one worker, kept from clip to clip until the memory is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vfsrbench.arithmetic import Profile
from vfsrbench.errors import InputError, JobFailure
from vfsrbench.jobs import MethodUse
from vfsrbench.memory import free_memory, is_out_of_memory
from vfsrbench.predictor import Predictor
from vfsrbench.restore import describe

if TYPE_CHECKING:
    import torch


class PredictorCache:
    """Makes and loads each method once. `release` gives back all but one."""

    def __init__(self, device: torch.device, profile: Profile = "strict") -> None:
        self.device = device
        self.profile: Profile = profile
        self._loaded: dict[str, Predictor] = {}

    def get(self, use: MethodUse, release: Callable[[], bool] | None = None) -> Predictor:
        """The method, loaded. JobFailure when its code or its weights cannot be used.

        When memory runs out, `release` is asked to make room (default: the other methods go).
        """
        if use.id in self._loaded:
            return self._loaded[use.id]
        assert use.method is not None
        if use.weights.missing:
            raise JobFailure(use.weights.missing, "skipped")
        predictor = self._load(use)
        if predictor is None and (release() if release else self.release(use.id)):
            predictor = self._load(use)
        if predictor is None:
            raise JobFailure(f"out of memory on {self.device} while loading the method", "oom")
        self._loaded[use.id] = predictor
        return predictor

    def need(self, use: MethodUse) -> Predictor:
        """The same for a method that all the rest depends on: InputError when it cannot be used."""
        try:
            return self.get(use)
        except JobFailure as failure:
            raise InputError(f"method {use.id!r}: {failure.reason}") from failure

    def release(self, keep: str) -> bool:
        """Drop every method but one; whether there was anything to drop."""
        others = [name for name in self._loaded if name != keep]
        for name in others:
            del self._loaded[name]
        free_memory()
        return bool(others)

    def _load(self, use: MethodUse) -> Predictor | None:
        """None when memory ran out."""
        assert use.method is not None
        try:
            predictor = use.method.build()
            predictor.profile = self.profile
            predictor.load(use.weights.paths, self.device)
        except InputError as error:
            raise JobFailure(str(error)) from error
        except (Exception, SystemExit) as error:
            if not is_out_of_memory(error):
                raise JobFailure(f"cannot be loaded: {describe(error)}") from error
        else:
            return predictor
        free_memory()
        return None


def count_parameters(predictor: Predictor) -> int | None:
    """Parameters of all networks that the method holds, None if it holds none."""
    from torch.nn import Module

    networks = [value for value in vars(predictor).values() if isinstance(value, Module)]
    return sum(p.numel() for net in networks for p in net.parameters()) or None
