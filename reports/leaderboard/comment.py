"""What a check of a change found, as a comment under it: problems, and its rows among those that stand."""

from __future__ import annotations

from collections.abc import Iterator

from reports.leaderboard.rules import Outcome
from reports.leaderboard.standing import bundles_in, standing
from reports.leaderboard.tables import tables_of
from reports.leaderboard.tree import Tree
from reports.tables.formats import to_markdown
from vfsrbench.io.foreign_text import one_line

MOST = 60_000
"""Characters of a comment; GitHub takes 65,536."""


def lines_of(done: Outcome) -> Iterator[str]:
    """What a check found, in lines."""
    yield from (f"problem: {line}" for line in done.problems)
    yield from (f"note: {line}" for line in done.notes)
    for entry in done.new:
        division = done.config.settings.divisions[entry.division]
        why = f" ({entry.why_open})" if entry.why_open else ""
        where = f"{entry.board}, {entry.split}: {entry.method} of {entry.lab}"
        yield f"  {where}: {entry.verdict}, {division}{why}"
    yield "it can be taken" if done.ok else "it cannot be taken"


def comment(done: Outcome, base: Tree) -> str:
    """The comment in Markdown. Nothing in it is markup or a mention that a submission chose.

    Args:
        done: What was found.
        base: The leaderboard as it stands.
    """
    head = "The rules are kept." if done.ok else "**Some rules are broken.**"
    parts = [f"### {_plain(done.lab) or 'No submission'}: {head}", ""]
    parts += [f"- problem: {_plain(line)}" for line in done.problems]
    parts += [f"- {_plain(line)}" for line in done.notes]
    for entry in done.new:
        if entry.why_open:
            parts.append(_plain(f"{entry.method}, {entry.split}: open division: {entry.why_open}", "- "))
    boards = list(dict.fromkeys(entry.board for entry in done.new))
    if boards:
        names = [name for name in bundles_in(base) if name not in done.files]
        stands = [e for e in standing(base, done.config, names, check=False).entries if e.board in boards]
        for board in boards:
            for table in tables_of(done.config, board, [*stands, *done.new], frozenset(done.files)):
                if table.rows:
                    parts += ["", _no_mention(to_markdown(table))]
        parts += ["", "Rows in bold are new. Verdicts of other rows are those that were kept with them."]
    return _cut("\n".join(parts) + "\n")


def _cut(text: str) -> str:
    """Not longer than a comment may be."""
    if len(text) <= MOST:
        return text
    return text[: text.rindex("\n", 0, MOST)] + "\n\nThe rest is cut: the comment would be too long.\n"


def _plain(text: str, before: str = "") -> str:
    """Text that GitHub shows as it is."""
    marked = "".join(f"\\{sign}" if sign in "\\`*_[]|~$#<>&" else sign for sign in one_line(text))
    return _no_mention(before + marked)


def _no_mention(text: str) -> str:
    """Without a name that would be called: GitHub finds none across a comment."""
    return text.replace("@", "@<!-- -->")
