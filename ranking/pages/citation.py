"""The citation of a board: what it is, and its permanent address."""

from collections.abc import Callable

from django.urls import reverse
from django.utils.translation import gettext as _

from ranking.models import Leaderboard
from ranking.pages import text
from ranking.pages.options import Switches
from ranking.pages.text import written

SHORT = 12
"""Length of the digest in a citation."""


def citation(board: Leaderboard, made: Switches, absolute: Callable[[str], str]) -> str:
    """Returns the citation of `board`. `made` are its options; `absolute` converts a path to a full URL."""
    assert board.finished_at is not None  # noqa: S101  only finished boards are cited
    words = (text.method(board.method), text.raters(board.raters), *made.special_words)
    return _(
        "%(study)s. Leaderboard %(number)s: %(made)s, %(votes)s comparisons, computed on %(day)s, "
        "digest %(digest)s. LLMFAO, %(address)s"
    ) % {
        "study": board.study.name,
        "number": board.pk,
        "made": ", ".join(map(str, words)),
        "votes": written(board.comparisons),
        "day": board.finished_at.date().isoformat(),
        "digest": board.digest[:SHORT],
        "address": absolute(reverse("leaderboard-board", args=[board.study.slug, board.pk])),
    }
