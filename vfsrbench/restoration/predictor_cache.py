"""Loaded methods of one worker, kept from clip to clip until the memory is needed."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from vfsrbench.errors import InputError, JobFailure
from vfsrbench.predictor import Predictor
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.runtime.memory import attempt_again, free_memory, held_bytes, is_out_of_memory
from vfsrbench.runtime.precision import Profile, arithmetic
from vfsrbench.runtime.seeding import seeded
from vfsrbench.runtime.state.poisoned import failure_of, settle
from vfsrbench.runtime.state.settings import kept_settings
from vfsrbench.wrapped.predictor import CommandPlaces, CommandPredictor

if TYPE_CHECKING:
    import torch

MOST_ON_CPU = 8
"""Loaded methods that a CPU worker holds at most."""
MOST_BYTES_ON_CPU = 2 << 30
"""What their parameters and buffers take together at most; the one in use is always held."""


ClipSize = tuple[int, int, int, int, int]
"""Frames, height and width of what a method gets, height and width of what it makes."""


class PredictorCache:
    """Makes and loads each method once. `release` evicts all but one.

    On a CPU, where memory seldom ends in an error that can be caught, the method that was used longest ago
    goes when there are more than `most`, or when what they hold exceeds `most_bytes`.

    Args:
        device: where methods are loaded.
        profile: the arithmetic they are loaded for.
        seed: of the global generators while a method is made and loaded.
        places: where methods that are commands may write.
    """

    def __init__(
        self,
        device: torch.device,
        profile: Profile = "strict",
        seed: int = 0,
        places: CommandPlaces | None = None,
    ) -> None:
        self.device = device
        self._places = places or CommandPlaces()
        self.profile: Profile = profile
        self.seed = seed
        self.most, self.most_bytes = MOST_ON_CPU, MOST_BYTES_ON_CPU
        self.changed: set[str] = set()
        """Settings of torch that methods changed while they were imported and loaded; they were put back."""
        self.peaks: dict[tuple[str, ClipSize, int], int] = {}
        """What clips took at their peak, by method, size, and how often windows were halved beforehand."""
        self._cold: set[str] = set()
        self._loaded: dict[str, Predictor] = {}  # the one used last stands last

    def get(self, use: MethodUse, release: Callable[[], bool] | None = None) -> Predictor:
        """The method, loaded. JobFailure when its code or its weights cannot be used.

        When memory runs out, `release` is asked to make room (default: the other methods go).
        """
        if use.id in self._loaded:
            self._loaded[use.id] = self._loaded.pop(use.id)
            return self._loaded[use.id]
        if use.weights.missing:
            raise JobFailure(use.weights.missing, "skipped")
        self._evict(room=1)
        predictor = attempt_again(lambda: self._load(use), release or (lambda: self.release(use.id)))
        if predictor is None:
            raise JobFailure(f"out of memory on {self.device} while loading the method", "oom")
        self._loaded[use.id] = predictor
        self._cold.add(use.id)
        self._evict()
        return predictor

    def warms_up(self, use: MethodUse) -> bool:
        """Whether the method's first window is to be restored once before the clock runs: on a GPU, the first
        time after it was loaded. On a CPU that would cost more than it tells."""
        cold = use.id in self._cold
        self._cold.discard(use.id)
        return cold and self.device.type == "cuda"

    @property
    def held(self) -> list[str]:
        """The ids of the loaded methods, the one used last at the end."""
        return list(self._loaded)

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

    def _evict(self, room: int = 0) -> None:
        """Drop what was used longest ago until the CPU's bounds are kept, with `room` for more methods."""
        if self.device.type != "cpu":
            return
        sizes = {name: held_bytes(predictor) for name, predictor in self._loaded.items()}
        for name in self.held[: len(sizes) - 1 + room]:
            if len(self._loaded) + room <= self.most and sum(sizes.values()) <= self.most_bytes:
                return
            del self._loaded[name], sizes[name]
            free_memory()

    def _load(self, use: MethodUse) -> Predictor:
        """Errors of the method become a JobFailure, but for running out of memory."""
        try:
            # what is computed of weights is exact in either profile
            exact = arithmetic("strict", self.device)
            with exact, kept_settings(self.changed), seeded(self.seed, self.device):
                predictor = use.method.build()
                predictor.profile = self.profile
                if isinstance(predictor, CommandPredictor):
                    predictor.places = self._places
                predictor.load(use.weights.paths, self.device)
                settle(self.device)
        except InputError as error:
            raise JobFailure(str(error)) from error
        except pickle.UnpicklingError as error:
            raise JobFailure(f"cannot be loaded: {_not_tensors(error)}") from error
        except (Exception, SystemExit) as error:
            if is_out_of_memory(error):
                raise
            raise failure_of(error, "cannot be loaded") from error
        return predictor


def _not_tensors(error: pickle.UnpicklingError) -> str:
    """What `torch.load(weights_only=True)` refused, without its advice to run what is in the file."""
    found = re.search(r"[Uu]nsupported (?:global|class):? (?:GLOBAL )?([\w.]+)", str(error))
    if found is None:
        why = str(error).rpartition("WeightsUnpickler error:")[2].strip().partition("\n")[0]
        return f"its checkpoint is no readable one ({why.partition('. ')[0][:100]}); copy it again"
    return (
        f"its checkpoint holds {found[1]}, not only tensors; where it was made, keep these alone: "
        'torch.save(model.state_dict(), "net.pth")'
    )
