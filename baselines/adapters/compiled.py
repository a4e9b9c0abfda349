"""The option `compiled`: a method's networks through torch.compile."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from vfsrbench.predictor import Predictor
from vfsrbench.runtime.compiling.parts import OFF, Compiling


def compile_parts(predictor: Predictor, net: nn.Module, parts: Iterable[str] = ("",)) -> None:
    """Compile parts of a loaded predictor's network as its option says; by default the whole network.

    What cannot be compiled runs as it is, and the predictor's remarks say so. See `Compiling.parts`.
    """

    def remark(line: str) -> None:
        predictor.remarks = tuple(dict.fromkeys((*predictor.remarks, line)))

    Compiling(str(predictor.options.get("compiled", OFF)), predictor.device, remark).parts(net, parts)
