"""A table's lines and the width of its columns, and the environment that they fit into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

COLUMN, PAGE = 229.0, 469.0
"""Points: the narrowest column and page of usual two-column classes (article; CVPR and IEEE have more)."""
SURE = 0.97
"""A table is taken to fit if its estimated width is at most this part."""
READABLE = 0.6
"""The smallest part of its size to which a table is shrunk, where there is another way."""
WIDE_GAP, NARROW_GAP = 12.0, 6.0
"""Points between two columns: LaTeX's own, and `\\tabcolsep` halved."""
NEEDS = "% needs \\usepackage{booktabs,graphicx}\n"
_OR_ELSE = r"\providecommand{\resizebox}[3]{#3}% without graphicx it keeps its width"
_FITTED = r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%"


@dataclass(frozen=True)
class Sheet:
    """`head` are the lines above the first rule, `blocks` those between rules; `widths` those of the
    columns, in points."""

    head: Sequence[str]
    blocks: Sequence[Sequence[str]]
    widths: Sequence[float]

    def width(self, gap: float) -> float:
        """Points that it takes with such gaps between columns."""
        return sum(self.widths) + gap * (len(self.widths) - 1)

    @property
    def readable(self) -> bool:
        """Whether it fits a page without becoming too small."""
        return READABLE * self.width(NARROW_GAP) <= PAGE

    def latex(self, caption: str, label: str, note: str = "") -> str:
        """The whole table: in a column if it fits there, else over the page's width, shrunk if it is
        wider."""
        narrow = next((gap for gap in (WIDE_GAP, NARROW_GAP) if self.width(gap) <= SURE * COLUMN), None)
        gap = narrow or (WIDE_GAP if self.width(WIDE_GAP) <= SURE * PAGE else NARROW_GAP)
        kind = "table*" if narrow is None else "table"
        lines = [rf"\begin{{{kind}}}[t]", r"\centering", rf"\caption{{{caption}}}", rf"\label{{{label}}}"]
        if gap == NARROW_GAP:
            lines.append(rf"\setlength{{\tabcolsep}}{{{NARROW_GAP / 2:g}pt}}")
        lines += [_OR_ELSE, _FITTED] * (narrow is None)
        lines += [rf"\begin{{tabular}}{{@{{}}l{'r' * (len(self.widths) - 1)}@{{}}}}", r"\toprule", *self.head]
        for block in self.blocks:
            lines += [r"\midrule", *block]
        lines += [r"\bottomrule", r"\end{tabular}" + "}" * (narrow is None), rf"\end{{{kind}}}"]
        return NEEDS + note + "\n".join(lines) + "\n"
