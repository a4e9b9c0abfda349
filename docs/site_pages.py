"""What `mkdocs.yml` adds to the pages of this folder: the API from docstrings, and the notebook as a page.

Links to files beside the folder, which a site cannot have, become their names.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

NOTEBOOK = "tour.ipynb"
TOUR, API = (f"{name}.md" for name in ("tour", "api"))
"""The pages that are made: they lie in no folder."""
OUTSIDE = re.compile(r"\[([^\]]+)\]\((\.\./[^)\s]+)\)")
HEAD = """# The Python API

The names of `vfsrbench`, from their docstrings. [From Python](python.md) shows them in use.
"""


def on_files(files: Any, *, config: Any) -> Any:
    """Add the pages that are made."""
    from mkdocs.structure.files import File

    folder = Path(config.docs_dir)
    for name, text in ((TOUR, tour((folder / NOTEBOOK).read_text(encoding="utf-8"))), (API, api())):
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with links that the site has."""
    markdown = markdown.replace(f"]({NOTEBOOK})", f"]({TOUR})")
    return OUTSIDE.sub(lambda link: f"{link[1]} (`{link[2].removeprefix('../')}`)", markdown)


def api() -> str:
    """A page of every public name; mkdocstrings fills it."""
    from vfsrbench import MODULE_OF

    return "\n".join([HEAD, *(f"::: {module}.{name}\n" for name, module in sorted(MODULE_OF.items()))])


def tour(notebook: str) -> str:
    """The notebook's cells as a page."""
    parts = []
    for cell in json.loads(notebook)["cells"]:
        text = "".join(cell["source"]).strip()
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    return "\n\n".join(parts) + "\n"
