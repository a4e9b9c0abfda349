"""`vfsrbench check`: the conformance test of a method."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from vfsrbench.cli import options as o
from vfsrbench.cli.echo import note, say
from vfsrbench.errors import InputError, counted

app = typer.Typer()


@app.command()
def check(
    method: Annotated[
        str | None, typer.Argument(help="a name, name\\[option=value], or a method's folder as ./FOLDER")
    ] = None,
    method_path: o.MethodPath = None,
    side: Annotated[int, typer.Option(min=8, max=4096, help="height and width of the clip's frames")] = 32,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="auto: a GPU if there is one")
    ] = "auto",
) -> None:
    """Try a method's contract on a tiny clip: shapes, range, determinism, windows, batches, strict weights.

    Exit code 3 when a check fails.
    """
    import torch

    from vfsrbench.method_spec import choose_method
    from vfsrbench.restoration.conformance import check_method
    from vfsrbench.restoration.method_use import MethodUse
    from vfsrbench.runtime.device import choose_device
    from vfsrbench.weights.resolve import resolve_weights

    chosen = choose_method(o.one_method(method, method_path, "the method's name"))
    weights = resolve_weights(chosen.card.weights_for(dict(chosen.options)))
    if weights.missing:
        raise InputError(f"{chosen.id}: nothing was checked: {weights.missing}")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: torch sees no CUDA device here; use --device cpu, or auto")
    place = choose_device(None if device == "auto" else device)
    failed = 0
    for finding in check_method(MethodUse(chosen, weights), place, side):
        failed += finding.verdict == "FAILED"
        detail = f": {finding.detail}" if finding.detail else ""
        say(f"{finding.verdict:<8}{finding.check}{detail}")
    verdict = f"{counted(failed, 'check')} failed" if failed else "all checks passed"
    note(f"{chosen.id}: {verdict}")
    if failed:
        raise typer.Exit(3)
