"""`vfsrbench check`: does a method keep its promises?"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

app = typer.Typer()


@app.command()
def check(
    method: Annotated[str, typer.Argument(help="a method's folder, name, or name[option=value]")],
    side: Annotated[int, typer.Option(min=8, help="height and width of the tiny clip's frames")] = 32,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="auto: a GPU if there is one")
    ] = "auto",
) -> None:
    """Try a method's contract on a tiny clip: shapes, range, determinism, windows, batches, strict weights.

    Exit code 3 when a promise is broken.
    """
    import torch

    from vfsrbench.contract import check_method
    from vfsrbench.jobs import MethodUse
    from vfsrbench.plugins import choose_method
    from vfsrbench.weights import resolve_weights

    chosen = choose_method(method)
    weights = resolve_weights(chosen.card.weights_for(dict(chosen.options)))
    place = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    failed = 0
    for finding in check_method(MethodUse(chosen.id, chosen, None, weights), torch.device(place), side):
        failed += finding.verdict == "FAILED"
        detail = f": {finding.detail}" if finding.detail else ""
        typer.echo(f"{finding.verdict:<8}{finding.promise}{detail}")
    typer.echo(f"{chosen.id}: {'all promises kept' if not failed else f'{failed} promises broken'}", err=True)
    if failed:
        raise typer.Exit(3)
