"""Tables on a terminal."""

from collections.abc import Collection, Iterable, Sequence

from tabulate import tabulate


def text_table(lines: Iterable[Sequence[str]], right: Collection[int] = ()) -> str:
    """Lines of as many cells each in columns two spaces apart; the columns `right` are aligned to the right.

    A Japanese character counts as the two columns that it takes on a terminal.
    """
    table = list(lines)
    align = ["right" if place in right else "left" for place in range(len(table[0]))]
    return tabulate(table, tablefmt="plain", disable_numparse=True, colalign=align)
