"""Parts of a network through torch.compile, for methods that have the option `compiled`.

A part is called as before: its `forward`, or the method that is named, is replaced in that network alone, so
that names, hooks and state dict stay. What cannot be compiled runs as it is, and one line says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from vfsrbench.runtime.memory import is_out_of_memory
from vfsrbench.runtime.state.poisoned import is_poisoned

OFF, ON, GRAPHS = "false", "true", "reduce-overhead"
"""Values of the option: as it is; compiled; compiled, and started by CUDA graphs."""
VARIANTS = 64
"""Forms of one part (shapes, kinds of arguments) that are compiled at most."""
log = logging.getLogger(__name__)


class Compiling:
    """How one loaded method compiles its networks.

    Args:
        choice: `OFF`, `ON` or `GRAPHS`.
        device: Where the networks run.
        remark: Called with a line when nothing is compiled although it was asked for.
    """

    def __init__(self, choice: str, device: torch.device, remark: Callable[[str], None]) -> None:
        self.choice, self.remark = choice, remark
        self.works = choice != OFF
        if choice == GRAPHS and torch.device(device).type != "cuda":
            self._stop(f"compiled={GRAPHS} does nothing on a {torch.device(device).type.upper()}")

    def parts(self, net: nn.Module, names: Iterable[str]) -> None:
        """Compile these parts of a network, when they are first called.

        Args:
            net: In evaluation mode, on its device.
            names: Modules or methods, with dots ("spynet", "backbone.forward_1"); "" is the network. Of a
                `ModuleDict` or `ModuleList` every module; None in a module's place is passed over.
        """
        if self.works:
            for owner, method in (target for name in names for target in _targets(net, name)):
                setattr(owner, method, _Part(getattr(owner, method), self))

    def fails(self, error: Exception) -> None:
        """Nothing is compiled from now on."""
        if self.works:
            reason = " ".join(str(error).split())[:200]
            self._stop(f"compiled={self.choice}: {type(error).__name__}: {reason}; not compiled")

    def _stop(self, line: str) -> None:
        self.works = False
        log.warning(line)
        self.remark(line)


class _Part:
    """A function of a network, compiled for each form of its arguments."""

    def __init__(self, plain: Callable[..., Any], how: Compiling) -> None:
        self.plain, self.how = plain, how
        self.graphs = how.choice == GRAPHS
        mode = GRAPHS if self.graphs else None
        self.swift = torch.compile(plain, mode=mode, dynamic=False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.how.works:
            return self.plain(*args, **kwargs)
        try:
            return self._compiled(*args, **kwargs)
        except Exception as error:
            if is_out_of_memory(error) or is_poisoned(error):
                raise
            found = self.plain(*args, **kwargs)  # an error of the network's own is raised here
            self.how.fails(error)
            return found

    def _compiled(self, *args: Any, **kwargs: Any) -> Any:
        config: Any = torch._dynamo.config
        with config.patch(recompile_limit=VARIANTS, fail_on_recompile_limit_hit=True):
            if not self.graphs:
                return self.swift(*args, **kwargs)
            torch.compiler.cudagraph_mark_step_begin()
            # the graph's own tensors are overwritten by its next call
            return tree_map_only(Tensor, Tensor.clone, self.swift(*args, **kwargs))


def _targets(net: nn.Module, name: str) -> Iterator[tuple[nn.Module, str]]:
    """Whose method is to be replaced: a module's `forward`, or the method that the name says."""
    path, _, last = name.rpartition(".")
    owner = net.get_submodule(path)
    found: Any = getattr(owner, last) if last else net
    if isinstance(found, nn.ModuleDict | nn.ModuleList):
        yield from ((child, "forward") for child in found.children())
    elif isinstance(found, nn.Module):
        yield found, "forward"
    elif found is not None:
        yield owner, last
