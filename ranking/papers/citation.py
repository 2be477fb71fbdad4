"""The BibTeX entry of a board."""

from collections.abc import Callable

from django.urls import reverse
from django.utils.translation import gettext as _

from ranking.models import Leaderboard
from ranking.pages import text
from ranking.pages.citation import SHORT
from ranking.pages.options import Switches
from ranking.pages.text import written
from ranking.papers.escapes import bibtex, bibtex_key


def entry(board: Leaderboard, made: Switches, absolute: Callable[[str], str]) -> str:
    """Returns the BibTeX entry of `board`. `made` are its options; `absolute` converts a path to a full URL."""
    assert board.finished_at is not None  # noqa: S101  only finished boards are cited
    day = board.finished_at.date()
    words = (text.method(board.method), text.raters(board.raters), *made.special_words)
    title = _("%(study)s: leaderboard %(number)s") % {"study": board.study.name, "number": board.pk}
    note = _("%(made)s; %(votes)s comparisons; computed on %(day)s; digest %(digest)s") % {
        "made": ", ".join(map(str, words)),
        "votes": written(board.comparisons),
        "day": day.isoformat(),
        "digest": board.digest[:SHORT],
    }
    address = absolute(reverse("leaderboard-board", args=[board.study.slug, board.pk]))
    fields = {
        # A second pair of braces keeps capitals, and keeps names of organisations whole.
        "title": f"{{{bibtex(title)}}}",
        "author": f"{{{bibtex(board.study.organiser or 'LLMFAO')}}}",
        "year": str(day.year),
        "url": address,
        "note": bibtex(note),
    }
    lines = ",\n".join(f"  {name:<6} = {{{value}}}" for name, value in fields.items())
    return f"@misc{{{bibtex_key(f'{board.study.slug}-{board.pk}')},\n{lines}\n}}\n"
