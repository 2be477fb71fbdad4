"""TODOC"""

from typing import Final

from django.utils.translation import gettext, gettext_noop

from annotation.stored_messages import recognised

NOBODY_VOTED = gettext_noop(
    "People have not voted on “%(study)s” yet. Start the study and share its join link, or load comparisons; "
    "what judges said is at --raters NAME."
)


NOTHING_COUNTS = gettext_noop("No comparison of “%(study)s” counts towards this board yet.")


NONE_OF_TYPE = gettext_noop("No comparison by these raters on prompts of the type %(type)s counts towards this board.")


NO_SUCH_JUDGE = gettext_noop("No judge of this study is called %(name)s. There are: %(known)s.")


NO_SUCH_TYPE = gettext_noop("No prompt of this study is of the type %(name)s. There are: %(known)s.")


PROBLEMS: Final[dict[str, str]] = {
    **{message: message for message in (NOBODY_VOTED, NOTHING_COUNTS, NONE_OF_TYPE, NO_SUCH_JUDGE, NO_SUCH_TYPE)},
    "no optimum after %(steps)s Newton steps": gettext_noop(
        "The search for the best ratings did not end after %(steps)s steps, so there are none."
    ),
    "no optimum after %(steps)s steps": gettext_noop(
        "The search for the best ratings did not end after %(steps)s steps, so there are none."
    ),
    "no fixed point after %(steps)s steps": gettext_noop(
        "The shares of this method did not settle after %(steps)s steps, so there are none."
    ),
    "the comparisons do not determine the strengths": gettext_noop(
        "These comparisons do not determine the ratings: too little was compared, or what else is fitted "
        "explains every verdict."
    ),
    "the wins lead in no circle, so there is nothing to settle": gettext_noop(
        "No model that lost has beaten, through others, one that it lost to, so this method has no ratings."
    ),
    "which answer was shown in the first place is not known": gettext_noop(
        "The gain of the left side cannot be fitted: either nothing is known of the sides, or every pair was shown in "
        "both orders, which count as one verdict."
    ),
    "the seed is %(seed)s; 0 or more was expected": gettext_noop("The seed is %(seed)s; it cannot be below 0."),
    "the anchor %(name)s needs a finite rating": gettext_noop("The anchor %(name)s needs a finite rating."),
    "a correction is one of sandwich intervals, and a bootstrap has none": gettext_noop(
        "A correction is for sandwich intervals: a bootstrap has none."
    ),
    "%(method)s has no scale that an anchor could hold": gettext_noop(
        "The method %(method)s gives shares, and has no scale that an anchor could hold."
    ),
    "%(method)s has no intervals that could hold all at once": gettext_noop(
        "The method %(method)s has no intervals, so none that hold all at once."
    ),
    "all verdicts are ties: there is nothing to rate by": gettext_noop(
        "Every verdict is a tie, so there is nothing to rate by."
    ),
    "newman has no finite ratings here; bradley-terry and davidson state a prior instead": gettext_noop(
        "Some models have no losses or no wins against the rest, so Newman’s method has no finite ratings. "
        "Bradley-Terry and Davidson make an assumption instead, and say so."
    ),
    "not a model of this board, as the %(what)s should be: %(name)s": gettext_noop(
        "%(name)s is not on this board: nothing was compared with it."
    ),
    "these models were never compared with %(name)s": gettext_noop(
        "Some of these models hang together without %(name)s: nobody compared them with it."
    ),
    "%(method)s takes no soft verdicts": gettext_noop("The method %(method)s takes no shares of a verdict."),
    "%(method)s needs the texts of the answers": gettext_noop("The method %(method)s needs the texts of the answers."),
    "there is no method %(method)s; there are %(methods)s": gettext_noop(
        "There is no method %(method)s. There are: %(methods)s."
    ),
    "%(method)s cannot fit a first-place effect": gettext_noop(
        "The method %(method)s cannot fit the gain of the left side."
    ),
    "%(method)s has no bootstrapped intervals": gettext_noop("The method %(method)s has no bootstrapped intervals."),
    "a first-place effect has sandwich intervals only": gettext_noop(
        "With the gain of the left side there are no bootstrapped intervals, only sandwich ones."
    ),
    "%(method)s has no intervals by clusters": gettext_noop(
        "The method %(method)s has no intervals, so they cannot be about prompts or raters."
    ),
    "%(name)s is %(value)s; one of %(choices)s was expected": gettext_noop(
        "“%(value)s” is no choice for %(name)s. There are: %(choices)s."
    ),
    "of ties model means the method davidson, and no other": gettext_noop(
        "The word model, said of ties, means the method davidson and goes with no other."
    ),
    "%(method)s gives ties a probability of their own": gettext_noop(
        "The method %(method)s gives ties a probability of their own: they are neither halved nor left out."
    ),
    "elo-bootstrap needs to be told what to redraw: %(ways)s": gettext_noop(
        "The method elo-bootstrap needs to be told what to redraw: %(ways)s."
    ),
    "redraw is an option of elo-bootstrap alone": gettext_noop("Only the method elo-bootstrap redraws."),
    "baseline-win-rate needs a baseline, and no other method has one": gettext_noop(
        "The method baseline-win-rate needs a model to compare with (a baseline), and no other method has one."
    ),
    "%(method)s takes no correction": gettext_noop(
        "The method %(method)s takes no correction: there are no intervals, or only one way to make them."
    ),
    "%(method)s has no sandwich intervals": gettext_noop("The method %(method)s has no sandwich intervals."),
    "independent votes have CR0, not %(correction)s": gettext_noop(
        "Intervals of independent votes are made with CR0: %(correction)s is for votes in clusters."
    ),
    "people and judges together have no intervals": gettext_noop(
        "People and judges together have no intervals: none would describe raters like this mix."
    ),
    "people judge a pair in one order only": gettext_noop(
        "People see a pair in one order only: to read contradictions of two orders is for judges."
    ),
    "nobody was asked on the scale from 1 to 8": gettext_noop(
        "None of these raters was asked on the scale from 1 to 8, so there are no two readings of it."
    ),
    "rounds are of a bootstrap": gettext_noop("Rounds are for a bootstrap, and none is asked for here."),
    "a bootstrap needs at least two rounds": gettext_noop("A bootstrap needs at least two rounds."),
    "nothing is drawn for this board that a seed could decide": gettext_noop(
        "Nothing is drawn for this board, so there is nothing that a seed could decide."
    ),
}
"""Why a board cannot be computed: as the numerics say it and the snapshot stores it, and for people."""


def problem(stored: str) -> str:
    """Why a snapshot could not be computed."""
    found = recognised(stored, PROBLEMS)
    return stored if found is None else gettext(PROBLEMS[found[0]]) % found[1]


def why_not(stored: str) -> str:
    """The same for those who read it on a page: they have no command line, and the study need not be theirs."""
    if recognised(stored, {NOBODY_VOTED: NOBODY_VOTED}):
        return gettext("No vote of people counts towards this board yet.")
    return problem(stored)
