"""TODOC"""

from typing import Final

from django.utils.translation import gettext, gettext_noop

from annotation.stored_messages import recognised

NOBODY_VOTED = gettext_noop(
    "“%(study)s” has no votes from people yet. Start the study and share its join link, or upload "
    "comparisons. To rank by a judge’s verdicts, use --raters NAME."
)


NOTHING_COUNTS = gettext_noop("No comparisons in “%(study)s” count towards this leaderboard yet.")


NONE_OF_TYPE = gettext_noop(
    "No comparisons by these raters on prompts in the category “%(type)s” count towards this leaderboard."
)


NO_SUCH_JUDGE = gettext_noop("No judge in this study is named “%(name)s”. Choose from: %(known)s.")


NO_SUCH_TYPE = gettext_noop("No prompt in this study is in the category “%(name)s”. Choose from: %(known)s.")


PROBLEMS: Final[dict[str, str]] = {
    **{message: message for message in (NOBODY_VOTED, NOTHING_COUNTS, NONE_OF_TYPE, NO_SUCH_JUDGE, NO_SUCH_TYPE)},
    "no optimum after %(steps)s Newton steps": gettext_noop(
        "The fit did not converge within %(steps)s iterations, so there are no ratings."
    ),
    "no optimum after %(steps)s steps": gettext_noop(
        "The fit did not converge within %(steps)s iterations, so there are no ratings."
    ),
    "no fixed point after %(steps)s steps": gettext_noop(
        "The fit did not converge within %(steps)s iterations, so there are no ratings."
    ),
    "the comparisons do not determine the strengths": gettext_noop(
        "These comparisons do not determine the ratings. There are too few, or another fitted effect, such "
        "as style or position, explains every verdict."
    ),
    "the wins lead in no circle, so there is nothing to settle": gettext_noop(
        "This method needs a cycle of wins, such as A beats B, B beats C and C beats A. There is none, so "
        "there are no ratings."
    ),
    "which answer was shown in the first place is not known": gettext_noop(
        "Position bias cannot be estimated. Either the sides are unknown, or every pair was shown in both "
        "orders, which count as one verdict."
    ),
    "the seed is %(seed)s; 0 or more was expected": gettext_noop("The seed is %(seed)s. It must be 0 or higher."),
    "the anchor %(name)s needs a finite rating": gettext_noop(
        "The rating of the anchor %(name)s must be a finite number."
    ),
    "a correction is one of sandwich intervals, and a bootstrap has none": gettext_noop(
        "Corrections apply only to sandwich intervals. Bootstrap intervals have none."
    ),
    "%(method)s has no scale that an anchor could hold": gettext_noop(
        "The method %(method)s gives shares, not rating points, so no model can be anchored."
    ),
    "%(method)s has no intervals that could hold all at once": gettext_noop(
        "The method %(method)s has no intervals, so rank ranges for all models at once are not available."
    ),
    "all verdicts are ties: there is nothing to rate by": gettext_noop(
        "Every verdict is a tie, so the models cannot be rated."
    ),
    "newman has no finite ratings here; bradley-terry and davidson state a prior instead": gettext_noop(
        "Some models have no losses or no wins against the rest, so Newman’s method has no finite ratings. "
        "Use Bradley-Terry or Davidson, which add a stated assumption."
    ),
    "not a model of this board, as the %(what)s should be: %(name)s": gettext_noop(
        "%(name)s is not on this leaderboard. Choose a model with comparisons that count."
    ),
    "these models were never compared with %(name)s": gettext_noop(
        "Some of these models form a group that was never compared with %(name)s."
    ),
    "%(method)s takes no soft verdicts": gettext_noop(
        "The method %(method)s does not support soft verdicts (shares of a win)."
    ),
    "%(method)s needs the texts of the answers": gettext_noop("The method %(method)s needs the text of the answers."),
    "there is no method %(method)s; there are %(methods)s": gettext_noop(
        "No method is named “%(method)s”. Choose from: %(methods)s."
    ),
    "%(method)s cannot fit a first-place effect": gettext_noop("The method %(method)s cannot estimate position bias."),
    "%(method)s has no bootstrapped intervals": gettext_noop("The method %(method)s has no bootstrap intervals."),
    "a first-place effect has sandwich intervals only": gettext_noop(
        "With position bias estimated, only sandwich intervals are available, not bootstrapped ones."
    ),
    "%(method)s has no intervals by clusters": gettext_noop(
        "The method %(method)s has no intervals, so you cannot choose which prompts or raters they are for."
    ),
    "%(name)s is %(value)s; one of %(choices)s was expected": gettext_noop(
        "“%(value)s” is not a valid value for %(name)s. Choose from: %(choices)s."
    ),
    "of ties model means the method davidson, and no other": gettext_noop(
        "The ties setting “model” works only with the method davidson."
    ),
    "%(method)s gives ties a probability of their own": gettext_noop(
        "The method %(method)s gives ties a probability of their own. Ties cannot be halved or left out."
    ),
    "elo-bootstrap needs to be told what to redraw: %(ways)s": gettext_noop(
        "The method elo-bootstrap needs the setting redraw. Choose %(ways)s."
    ),
    "redraw is an option of elo-bootstrap alone": gettext_noop("Only the method elo-bootstrap has the setting redraw."),
    "baseline-win-rate needs a baseline, and no other method has one": gettext_noop(
        "The method baseline-win-rate needs a baseline model, and no other method accepts one."
    ),
    "%(method)s takes no correction": gettext_noop(
        "The method %(method)s has no correction setting: it has no intervals, or only one way to compute them."
    ),
    "%(method)s has no sandwich intervals": gettext_noop("The method %(method)s has no sandwich intervals."),
    "independent votes have CR0, not %(correction)s": gettext_noop(
        "Intervals for independent votes use CR0. %(correction)s is for votes in clusters."
    ),
    "people and judges together have no intervals": gettext_noop(
        "Boards of people and judges together have no intervals: none would describe such a mix of raters."
    ),
    "people judge a pair in one order only": gettext_noop(
        "People see each pair in one order only. The setting for contradictory verdicts applies only to judges."
    ),
    "nobody was asked on the scale from 1 to 8": gettext_noop(
        "None of these raters used the scale from 1 to 8, so its two readings do not apply."
    ),
    "rounds are of a bootstrap": gettext_noop(
        "Rounds apply only to a bootstrap, and this leaderboard does not use one."
    ),
    "a bootstrap needs at least two rounds": gettext_noop("A bootstrap needs at least two rounds."),
    "nothing is drawn for this board that a seed could decide": gettext_noop(
        "Computing this leaderboard involves no random draws, so the seed has no effect. Leave it out."
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
        return gettext("No votes by people count towards this board yet.")
    return problem(stored)
