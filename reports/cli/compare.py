"""`vfsrbench compare`: results of any origin side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from reports.cli.table_options import Bundles, TableOptions
from vfsrbench.cli.echo import say
from vfsrbench.cli.option_groups import grouped

app = typer.Typer()


@app.command()
@grouped
def compare(
    results: Annotated[
        list[Path] | None, typer.Argument(help="results files, or folders of them, from anywhere")
    ] = None,
    *,
    bundle: Bundles = None,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="these columns alone (repeatable)")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", metavar="NAME", help="results of this data set alone, by its name"),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="results of this seed alone")] = None,
    versus: Annotated[str | None, typer.Option(help="the method that the others are tested against")] = None,
    partial: Annotated[bool, typer.Option("--partial", help="means over incomplete rows, too")] = False,
    table: TableOptions,
    form: Annotated[
        Literal["terminal", "csv", "json", "md", "tex"], typer.Option("--format", help="how it is printed")
    ] = "terminal",
) -> None:
    """Put results from any folders side by side: a table a split, in LaTeX one for all of them."""
    from reports.compare import compare as compare_results
    from reports.tables import formats
    from reports.tables.terminal import print_tables

    tables, skipped = compare_results(
        results or (),
        metrics=metric or (),
        versus=versus,
        change=table.of,
        bundles=bundle or (),
        dataset=dataset,
        seed=seed,
    )
    for text in skipped:
        say(f"skipped: {text}", err=True)
    if form == "terminal":
        print_tables(tables, partial=partial)
    elif form == "csv":
        say(formats.to_csv(tables), nl=False)
    elif form == "json":
        say(formats.to_json(tables))
    elif form == "md":
        say("\n".join(formats.to_markdown(made, partial=partial) for made in tables))
    else:
        say(formats.to_latex_splits(tables, partial=partial), nl=False)
