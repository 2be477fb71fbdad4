"""Boards and agreement as tables for papers, in LaTeX and Markdown. The same figures are in the CSV files."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.utils.translation import gettext as _

from ranking.models import Leaderboard
from ranking.pages import text
from ranking.pages.leaderboard import Table
from ranking.papers.escapes import bibtex_key, latex, markdown
from ranking.reports import agreement

type Cells = Sequence[str]


def _board(tables: Sequence[Table]) -> tuple[Cells, Cells, list[list[Cells]]]:
    """Returns the heads of a board, how they are aligned (l or r), and the rows of each group."""
    ranged = any(table.ranged for table in tables)
    best = any(table.has_best for table in tables)
    heads = [_("Rank range") if ranged else _("Rank"), _("Model"), _("Rating"), _("95% interval"), _("Votes"), _("Won")]
    rows: list[list[Cells]] = [
        [
            [
                line.places,
                line.row["model"],
                line.rating,
                f"{line.low}–{line.high}" if line.low else "–",
                line.comparisons,
                f"{line.win_rate}%",
                *([f"{line.best}%" if line.best else "–"] if best else []),
            ]
            for line in table.lines
        ]
        for table in tables
    ]
    return [*heads, *([_("Ranks first")] if best else [])], ["r", "l", *("r" * (4 + best))], rows


def _caption(board: Leaderboard) -> str:
    return _("%(study)s: leaderboard %(number)s (%(raters)s, %(method)s)") % {
        "study": board.study.name,
        "number": board.pk,
        "raters": text.raters(board.raters),
        "method": text.method(board.method),
    }


def board_latex(board: Leaderboard, tables: Sequence[Table]) -> Iterator[str]:
    """Yields the lines of a table environment. It needs the package booktabs."""
    heads, sides, groups = _board(tables)
    label = f"tab:{bibtex_key(board.study.slug)}-{board.pk}"
    return _latex(_caption(board), label, heads, sides, groups)


def board_markdown(board: Leaderboard, tables: Sequence[Table]) -> Iterator[str]:
    """Yields the lines of a Markdown table for each group."""
    heads, sides, groups = _board(tables)
    return _markdown(_caption(board), heads, sides, groups)


WHOLE: Final = "all"
"""The part of an agreement report that is about all prompts and turns."""


def _agreement(sheet: dict[str, Any]) -> tuple[Cells, Cells, list[list[Cells]]]:
    """Returns the statistics over all prompts, a group for each rater. Those by category are in the CSV file."""
    heads = [_("Rater"), _("Statistic"), _("Value"), _("95% interval"), _("Sample size")]
    groups: list[list[Cells]] = []
    before = None
    for rater, part, statistic, value, low, high, number in agreement.lines(sheet):
        if part != WHOLE or value is None:
            continue
        if rater != before:
            groups.append([])
            before = rater
        interval = "–" if low is None or high is None else f"{low:z.2f} … {high:z.2f}"
        groups[-1].append([rater, statistic, f"{value:z.2f}", interval, text.written(number)])
    return heads, ["l", "l", "r", "r", "r"], groups


def _agreement_caption(report: Leaderboard) -> str:
    return _("%(study)s: agreement of people and judges") % {"study": report.study.name}


def agreement_latex(report: Leaderboard) -> Iterator[str]:
    """Yields the lines of a table environment. It needs the package booktabs."""
    heads, sides, groups = _agreement(report.sheet)
    label = f"tab:{bibtex_key(report.study.slug)}-agreement"
    return _latex(_agreement_caption(report), label, heads, sides, groups)


def agreement_markdown(report: Leaderboard) -> Iterator[str]:
    """Yields the lines of one Markdown table for each rater."""
    heads, sides, groups = _agreement(report.sheet)
    return _markdown(_agreement_caption(report), heads, sides, groups)


def _latex(caption: str, label: str, heads: Cells, sides: Cells, groups: Sequence[Sequence[Cells]]) -> Iterator[str]:
    yield "% \\usepackage{booktabs}\n\\begin{table}\n  \\centering\n"
    yield f"  \\caption{{{_typeset(caption)}}}\n  \\label{{{label}}}\n"
    yield f"  \\begin{{tabular}}{{{''.join(sides)}}}\n    \\toprule\n    {_row(heads)}\n"
    for rows in groups:
        yield "    \\midrule\n"
        for row in rows:
            yield f"    {_row(row)}\n"
    yield "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n"


def _row(cells: Cells) -> str:
    return " & ".join(map(_typeset, cells)) + r" \\"


def _typeset(cell: str) -> str:
    """Returns a cell in LaTeX, with its dashes as LaTeX writes them, so that old fonts have them too."""
    return latex(cell).replace("–", "--").replace("…", r"\ldots{}")


def _markdown(caption: str, heads: Cells, sides: Cells, groups: Sequence[Sequence[Cells]]) -> Iterator[str]:
    yield f"**{markdown(caption)}**\n"
    for rows in groups:
        yield "\n" + _line(heads)
        yield f"|{'|'.join('---:' if side == 'r' else '---' for side in sides)}|\n"
        for row in rows:
            yield _line(row)


def _line(cells: Cells) -> str:
    return f"| {' | '.join(map(markdown, cells))} |\n"
