"""The rules by which a submission is taken. They are those of the base: a submission cannot change them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from reports.bundles import schema
from reports.bundles.reading import Bundle
from reports.bundles.schema import CellClaim, RowClaim
from reports.leaderboard.config import BOARDS, FILE, SUBMISSIONS, Config, read_config, read_lab
from reports.leaderboard.divisions import Official
from reports.leaderboard.entries import Entry, entries_of
from reports.leaderboard.fitting import method_of, misfits
from reports.leaderboard.standing import BUNDLE, bundles_in, lab_of
from reports.leaderboard.tree import Tree, opened
from reports.sharing.checking import check_bundle
from vfsrbench.errors import InputError
from vfsrbench.io.names import folded, slug


@dataclass
class Outcome:
    """What a check of a change found: `problems` refuse it, `notes` are to be known, `new` are its rows.

    `files` are the bundles that it adds or replaces; `lab` is empty where it changes no submission.
    """

    config: Config
    lab: str = ""
    files: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    new: list[Entry] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether no rule is broken."""
        return not self.problems


def check_change(base: Tree, head: Tree, by: str = "") -> Outcome:
    """Hold a change against the rules.

    A submission changes files of its own laboratory alone; its bundles hold, have the protocol of their board
    and are no copies; rows that stand keep their values (within epsilon) and their splits.

    Args:
        base: The leaderboard as it stands; its configuration counts.
        head: The leaderboard with the change.
        by: The login of whoever proposes it; a laboratory that stands is its owners' alone, by `lab.toml`.

    Raises:
        InputError: The base is no leaderboard.
    """
    config = read_config(base)
    done = Outcome(config)
    changed = [n for n in sorted({*base.files, *head.files}) if base.files.get(n) != head.files.get(n)]
    if not changed:
        done.notes.append("nothing was changed")
    own = [name for name in changed if name.startswith(f"{SUBMISSIONS}/")]
    done.files = [n for n in own if BUNDLE.fullmatch(n) and n in head.files]
    maintainer = bool(by) and by in config.settings.maintainers
    if own and not maintainer:
        done.problems += _own_files(base, changed, by, done)
        done.problems += _lab(base, head, done.lab)
    elif not own and changed:
        done.notes.append("changes no submission: for the maintainers to look at")
    done.problems += _boards_stay(base, head, config)
    done.problems += [
        f"{name}: was taken away: rows that stand stay" for name in bundles_in(base) if name not in head.files
    ]
    if done.files:
        _Bundles(base, head, done).check()
    return done


def _own_files(base: Tree, changed: Sequence[str], by: str, done: Outcome) -> Iterator[str]:
    """A submission changes regular files of one laboratory, and that is its own."""
    labs = {found: None for name in changed if (found := lab_of(name))}
    done.lab = next(iter(labs), "")
    for lab in list(labs)[1:]:
        yield f"{SUBMISSIONS}/{lab}: is another laboratory's: a submission changes its own files alone"
    for name in changed:
        if not name.startswith(f"{SUBMISSIONS}/"):
            yield f"{name!a}: is not of the submission: it changes its own files alone"
        elif not lab_of(name):
            yield f"{name!a}: a submission has {SUBMISSIONS}/LAB/METHOD.vfsr.zip and lab.toml alone"
    stands = bool(done.lab) and any(lab_of(name) == done.lab for name in base.files)
    if stands and by:
        about = read_lab(base, done.lab)
        if about is None or not about.owners:
            yield f"{SUBMISSIONS}/{done.lab}: its lab.toml names no owners: maintainers alone change it"
        elif by not in about.owners:
            yield f"{SUBMISSIONS}/{done.lab}: belongs to {', '.join(about.owners)}, not to {by!a}"


def _lab(base: Tree, head: Tree, lab: str) -> Iterator[str]:
    """What a laboratory says of itself can be read, and its name is not another one's in other letters."""
    try:
        about = read_lab(head, lab)
    except InputError as error:
        yield str(error)
    else:
        if lab and about is None:
            yield f"{SUBMISSIONS}/{lab}: has no lab.toml, which says whose it is"
    there = {found for name in base.files if (found := lab_of(name))}
    for other in sorted(there - {lab}):
        if folded(other) == folded(lab):
            yield f"{SUBMISSIONS}/{lab}: some file systems do not tell it from {SUBMISSIONS}/{other}"


def _boards_stay(base: Tree, head: Tree, config: Config) -> Iterator[str]:
    """No board, split or clip goes away under rows that stand, nor gets another recipe or ground truth."""
    try:
        later = read_config(head)
    except InputError as error:
        yield str(error)
        return
    for name, rules in config.boards.items():
        now = later.boards.get(name)
        if now is None:
            yield f"{BOARDS}/{name}.toml: the board was taken away"
            continue
        for what, before, after in (("split", rules.recipes, now.recipes), ("clip", rules.clips, now.clips)):
            for one in before:
                if one not in after:
                    yield f"{BOARDS}/{name}.toml: the {what} {one!r} was taken away"
                elif after[one] != before[one]:
                    yield f"{BOARDS}/{name}.toml: the {what} {one!r} is another one now"
    if later.settings.epsilon > config.settings.epsilon:
        yield f"{FILE}: epsilon was raised from {config.settings.epsilon:g} to {later.settings.epsilon:g}"


@dataclass
class _Bundles:
    """The bundles of a change, against those that stand."""

    base: Tree
    head: Tree
    done: Outcome

    def check(self) -> None:
        kept: dict[str, _Known] = {}
        for name in bundles_in(self.head):
            try:
                with opened(self.head, name) as bundle:
                    kept[name] = _Known.of(bundle, lab_of(name))
            except InputError:
                continue  # told below, where it is new
        for name in self.done.files:
            if self.head.files[name].kind != "file":
                self.done.problems.append(f"{name}: is no regular file")
                continue
            try:
                with opened(self.head, name) as bundle:
                    self.done.problems += [f"{name}: {line}" for line in self._of(name, bundle)]
            except InputError as error:
                self.done.problems.append(str(error))
                continue
            for other, known in kept.items():
                if other != name and name in kept and (why := kept[name].repeats(known)):
                    self.done.problems.append(f"{name}: {why} {other}")

    def _of(self, name: str, bundle: Bundle) -> Iterator[str]:
        config = self.done.config
        rules = config.boards.get(bundle.board.name)
        if rules is None:
            yield f"is of the board {bundle.board.name!r}; boards here: {', '.join(config.boards) or 'none'}"
            return
        checked = check_bundle(bundle)
        yield from checked.problems
        for row in checked.rows:
            yield from (f"{row.method}, {row.split}: {line}" for line in row.problems)
        yield from misfits(bundle, rules)
        found = BUNDLE.fullmatch(name)
        plain = slug(method_of(bundle).partition("[")[0])
        if found and plain and not found["method"].casefold().startswith(plain.casefold()):
            yield f"is of the method {plain}: the file's name begins with it"
        entries = list(
            entries_of(bundle, lab_of(name), name, Official.here(set(config.settings.official)), checked)
        )
        for entry in {e.row: e for e in entries if e.lab}.values():
            if entry.division not in rules.divisions:
                yield f"is in the division {config.settings.divisions[entry.division]!r} ({entry.why_open})"
        self.done.new += [e for e in entries if e.lab]
        if name in self.base.files:
            with opened(self.base, name) as before:
                yield from self._kept(lab_of(name), before, bundle)

    def _kept(self, lab: str, before: Bundle, after: Bundle) -> Iterator[str]:
        """A row that stands keeps its splits, metrics and values, unless maintainers agreed to a change."""
        board, method = before.board.name, method_of(before)
        for agreed in self.done.config.settings.corrections:
            if (agreed.lab, agreed.method) == (lab, method) and agreed.board in ("", board):
                self.done.notes.append(f"{method} of {lab} may change: {agreed.reason}")
                return
        if (after.board.name, method_of(after)) != (board, method):
            yield f"replaces the row of {method} on {board} by another one: take another file name"
            return
        now = {(row.split, row.method): row for row in after.table.rows}
        for row in before.table.rows:
            if row.reference_row:
                continue
            other = now.get((row.split, row.method))
            if other is None:
                yield f"the split {row.split!r}, on which its row stands, was removed"
            else:
                yield from self._values(row, other)

    def _values(self, before: RowClaim, after: RowClaim) -> Iterator[str]:
        for metric, old in before.cells.items():
            new, epsilon = after.cells.get(metric), self.done.config.settings.epsilon_of(metric)
            if new is None:
                yield f"{before.split}: its row stands with {metric}, which was removed"
            elif _moved(old, new, epsilon):
                yield (
                    f"{before.split}: {metric} of the row that stands changes from {_said(old)} to "
                    f"{_said(new)}, by more than {epsilon:g} of itself; a better method takes another name, "
                    f"a correction is agreed on in {FILE}"
                )


def _moved(old: CellClaim, new: CellClaim, epsilon: float) -> bool:
    if old.mean is None or new.mean is None:
        return old.mean is not None
    if old.mean == new.mean:
        return False
    # values that are not finite are equal or they moved
    return not abs(old.mean - new.mean) <= epsilon * max(abs(old.mean), abs(new.mean))


def _said(cell: CellClaim) -> str:
    return "no value" if cell.mean is None else f"{cell.mean:.6g}"


@dataclass(frozen=True)
class _Known:
    """What tells one bundle from another: its row, and the checksums of that row's results."""

    row: tuple[str, str, str]
    results: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, bundle: Bundle, lab: str) -> _Known:
        method = method_of(bundle)
        places = (
            schema.result_file(r.record.split, r.record.method, r.record.clip)
            for r in bundle.results
            if r.record.method == method
        )
        files = bundle.head.files
        return cls((lab, bundle.board.name, method), frozenset((name, files[name]) for name in places))

    def repeats(self, other: _Known) -> str:
        """How one repeats another; empty if it does not."""
        lab, board, method = self.row
        if self.row == other.row:
            return f"{method} of {lab} on {board} stands there already, in"
        if self.results & other.results:
            return "has results that are byte for byte those of"
        return ""
