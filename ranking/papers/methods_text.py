"""The paragraph on methods that a paper takes over, with the numbers of a board filled in."""

from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ranking.methods.registry import METHODS
from ranking.methods.settings import ELO_DEFAULTS
from ranking.models import Leaderboard
from ranking.pages import statements, text
from ranking.pages.statements import About
from ranking.pages.text import written
from ranking.votes.backgrounds import SEPARATOR
from ranking.votes.reader import ALL, PEOPLE


def paragraph(board: Leaderboard) -> str:
    """Returns the sentences about the data, the method and the intervals of `board`."""
    groups: list[dict[str, Any]] = board.sheet["groups"]
    said = [_data(board), *_which(board), _method(board), *_ties(board), *_scale(board)]
    said += [*_as_on_the_board(board), *_intervals(board)]
    if len(groups) > 1:
        told = _("The models fall into %(groups)s groups that were never compared with each other and are rated apart.")
        said.append(told % {"groups": len(groups)})
    if any(group["prior"] for group in groups):
        said.append(_("Every model was given half a tie against the mean, because some have only wins or only losses."))
    return " ".join([*said, _provenance(board)])


def _data(board: Leaderboard) -> str:
    facts: dict[str, Any] = board.sheet.get("facts", {})
    models = sum(len(group["rows"]) for group in board.sheet["groups"])
    words = {
        "study": board.study.name,
        "models": written(models),
        "votes": written(board.comparisons),
        "raters": _raters(board, facts),
        "pairs": written(facts.get("pairs", 0)),
        "prompts": written(facts.get("prompts", 0)),
    }
    if not facts:
        return _("In %(study)s, %(models)s models were rated from %(votes)s comparisons by %(raters)s.") % words
    told = _(
        "In %(study)s, %(models)s models were rated from %(votes)s comparisons by %(raters)s on %(pairs)s pairs of "
        "answers to %(prompts)s prompts."
    )
    ties = facts.get("ties")
    return told % words + ("" if ties is None else " " + _("%(share)s%% are ties.") % {"share": written(100 * ties, 1)})


def _raters(board: Leaderboard, facts: dict[str, Any]) -> str:
    if board.raters == PEOPLE:
        number = facts.get("raters", 0)
        # How many people are in a crowd is not known.
        if not number or facts.get("crowds"):
            return _("people")
        return ngettext("%(number)s person", "%(number)s people", number) % {"number": written(number)}
    if board.raters == ALL:
        return _("people and judges")
    return _("the judge %(name)s") % {"name": board.raters}


def _which(board: Leaderboard) -> list[str]:
    """Returns how the votes were chosen and read, where it is not the usual way."""
    filters = board.asked_filters()
    said = []
    if filters.category:
        said.append(_("Only prompts in the category “%(name)s” count.") % {"name": filters.category})
    if filters.background:
        group = filters.background.replace(SEPARATOR, ": ", 1)
        said.append(_("Only people with the background “%(group)s” count.") % {"group": group})
    if filters.reading == "tie-allowed":
        said.append(_("On the scale from 1 to 8, 4 and 5 count as ties."))
    # Soft verdicts do not contradict one another: their mean counts.
    if board.raters != PEOPLE and not board.sheet.get("facts", {}).get("soft"):
        ways = {
            "drop": _("A judge’s verdicts on a pair that contradict each other are left out."),
            "tie": _("A judge’s verdicts on a pair that contradict each other count as a tie."),
        }
        said.append(ways[filters.inconsistent])
    if board.simulated:
        told = ngettext(
            "%(number)s comparison was made by a program.",
            "%(number)s comparisons were made by a program.",
            board.simulated,
        )
        said.append(told % {"number": written(board.simulated)})
    return said


AS_ON_THE_BOARD: Final = {"went-in": "went-in-weighted", "board": "normal-prior"}
"""By their part of the board's page, the statements that a paper needs as well."""


def _as_on_the_board(board: Leaderboard) -> list[str]:
    it = About.of(board)
    found = [each for part in AS_ON_THE_BOARD for each in statements.said(part, it)]
    return [each.text for each in found if each.code in AS_ON_THE_BOARD.values()]


def _method(board: Leaderboard) -> str:
    settings = board.asked_settings()
    words: dict[str, Any] = {"method": text.method(board.method), "model": settings.baseline}
    if settings.baseline:
        return _("Ratings are win rates against %(model)s.") % words
    if settings.first_place:
        return _("The method is %(method)s, with the advantage of the left position estimated as well.") % words
    return _("The method is %(method)s.") % words


def _ties(board: Leaderboard) -> list[str]:
    rules = {
        "half": _("A tie counts as half a win for both models."),
        "drop": _("Ties are left out."),
        "model": _("Ties have a probability of their own."),
    }
    if METHODS[board.method].own_ties:
        return [rules["model"]]
    return [rules[board.asked_settings().tie_rule]]


def _scale(board: Leaderboard) -> list[str]:
    known, settings = METHODS[board.method], board.asked_settings()
    if known.unit == "share":
        return []
    if known.unit == "points":
        given = {name: getattr(settings, name) for name in ("k", "start")}
        words = {name: f"{ELO_DEFAULTS[name] if value is None else value:g}" for name, value in given.items()}
        return [_("Ratings move by at most %(k)s points per vote and start at %(start)s.") % words]
    if settings.anchor:
        words = {"model": settings.anchor[0], "rating": written(settings.anchor[1])}
        return [_("400 points are odds of 10 to 1; %(model)s is fixed at %(rating)s.") % words]
    return [_("400 points are odds of 10 to 1, and the mean is 1,000.")]


def _intervals(board: Leaderboard) -> list[str]:
    # A group may have too few raters or prompts for intervals while another has them.
    group = next((each for each in board.sheet["groups"] if each["rows"][0]["low"] is not None), None)
    if group is None:
        return [_("There are no intervals.")]
    if group["order_range"]:
        return [_("Ranges hold 95% of the ratings over orders of the votes; they are not confidence intervals.")]
    settings = board.asked_settings()
    if settings.intervals == "bootstrap" or group["correction"] is None:
        words = {"rounds": written(settings.rounds), "about": text.ABOUT[group["clusters"] or "none"]}
        return [_("95%% intervals come from %(rounds)s bootstrap rounds and are for %(about)s.") % words]
    words = {"correction": group["correction"], "about": text.ABOUT[group["clusters"]]}
    said = [
        _("95%% intervals are for %(about)s, from a sandwich covariance with the %(correction)s correction.") % words
    ]
    if settings.simultaneous:
        said.append(_("Rank ranges hold for all models at once."))
    return said


def _provenance(board: Leaderboard) -> str:
    assert board.finished_at is not None  # noqa: S101  only finished boards are cited
    return _(
        "Computed on %(day)s with LLMFAO (ranking methods %(version)s, seed %(seed)s) from the comparisons up to "
        "%(cut)s, digest %(digest)s."
    ) % {
        "day": board.finished_at.date().isoformat(),
        "version": board.version,
        "seed": board.seed,
        "cut": board.cut,
        "digest": board.digest[:12],
    }
