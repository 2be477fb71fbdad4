"""Why a board cannot be computed."""

from typing import Final

from annotation.problems import gettext_noop, kind

NOBODY_VOTED: Final = kind(
    "nobody-voted",
    gettext_noop(
        "People have not voted on “%(study)s” yet. Start the study and share its join link, or load comparisons; "
        "what judges said is at --raters NAME."
    ),
)
NOTHING_COUNTS: Final = kind(
    "nothing-counts", gettext_noop("No comparison of “%(study)s” counts towards this board yet.")
)
NONE_OF_TYPE: Final = kind(
    "none-of-type",
    gettext_noop("No comparison by these raters on prompts of the type %(type)s counts towards this board."),
)
NO_SUCH_JUDGE: Final = kind(
    "no-such-judge", gettext_noop("No judge of this study is called %(name)s. There are: %(known)s.")
)
NO_SUCH_TYPE: Final = kind(
    "no-such-type", gettext_noop("No prompt of this study is of the type %(name)s. There are: %(known)s.")
)

NO_OPTIMUM: Final = kind(
    "no-optimum", gettext_noop("The search for the best ratings did not end after %(steps)s steps, so there are none.")
)
NO_FIXED_POINT: Final = kind(
    "no-fixed-point", gettext_noop("The shares of this method did not settle after %(steps)s steps, so there are none.")
)
NOT_DETERMINED: Final = kind(
    "not-determined",
    gettext_noop(
        "These comparisons do not determine the ratings: too little was compared, or what else is fitted explains "
        "every verdict."
    ),
)
NO_CIRCLE: Final = kind(
    "no-circle",
    gettext_noop("No model that lost has beaten, through others, one that it lost to, so this method has no ratings."),
)
NO_SIDES: Final = kind(
    "no-sides",
    gettext_noop(
        "The gain of the left side cannot be fitted: either nothing is known of the sides, or every pair was shown"
        " in both orders, which count as one verdict."
    ),
)
ONLY_TIES: Final = kind("only-ties", gettext_noop("Every verdict is a tie, so there is nothing to rate by."))
NOT_FINITE: Final = kind(
    "not-finite",
    gettext_noop(
        "Some models have no losses or no wins against the rest, so Newman’s method has no finite ratings. "
        "Bradley-Terry and Davidson make an assumption instead, and say so."
    ),
)
NOT_ON_BOARD: Final = kind("not-on-board", gettext_noop("%(name)s is not on this board: nothing was compared with it."))
NEVER_MET: Final = kind(
    "never-met", gettext_noop("Some of these models hang together without %(name)s: nobody compared them with it.")
)

NEGATIVE_SEED: Final = kind("negative-seed", gettext_noop("The seed is %(seed)s; it cannot be below 0."))
ANCHOR_NOT_FINITE: Final = kind("anchor-not-finite", gettext_noop("The anchor %(name)s needs a finite rating."))
CORRECTION_OF_BOOTSTRAP: Final = kind(
    "correction-of-bootstrap", gettext_noop("A correction is for sandwich intervals: a bootstrap has none.")
)
NO_SCALE: Final = kind(
    "no-scale", gettext_noop("The method %(method)s gives shares, and has no scale that an anchor could hold.")
)
NO_SIMULTANEOUS: Final = kind(
    "no-simultaneous", gettext_noop("The method %(method)s has no intervals, so none that hold all at once.")
)
NO_SHARES: Final = kind("no-shares", gettext_noop("The method %(method)s takes no shares of a verdict."))
NEEDS_TEXTS: Final = kind("needs-texts", gettext_noop("The method %(method)s needs the texts of the answers."))
NO_METHOD: Final = kind("no-method", gettext_noop("There is no method %(method)s. There are: %(methods)s."))
NO_SIDE_EFFECT: Final = kind(
    "no-side-effect", gettext_noop("The method %(method)s cannot fit the gain of the left side.")
)
NO_BOOTSTRAP: Final = kind("no-bootstrap", gettext_noop("The method %(method)s has no bootstrapped intervals."))
SIDE_EFFECT_OF_BOOTSTRAP: Final = kind(
    "side-effect-of-bootstrap",
    gettext_noop("With the gain of the left side there are no bootstrapped intervals, only sandwich ones."),
)
NO_CLUSTERS: Final = kind(
    "no-clusters", gettext_noop("The method %(method)s has no intervals, so they cannot be about prompts or raters.")
)
NO_SUCH_CHOICE: Final = kind(
    "no-such-choice", gettext_noop("“%(value)s” is no choice for %(name)s. There are: %(choices)s.")
)
TIES_OF_DAVIDSON: Final = kind(
    "ties-of-davidson", gettext_noop("The word model, said of ties, means the method davidson and goes with no other.")
)
OWN_TIES: Final = kind(
    "own-ties",
    gettext_noop("The method %(method)s gives ties a probability of their own: they are neither halved nor left out."),
)
WHAT_TO_REDRAW: Final = kind(
    "what-to-redraw", gettext_noop("The method elo-bootstrap needs to be told what to redraw: %(ways)s.")
)
NO_REDRAW: Final = kind("no-redraw", gettext_noop("Only the method elo-bootstrap redraws."))
ONE_BASELINE: Final = kind(
    "one-baseline",
    gettext_noop(
        "The method baseline-win-rate needs a model to compare with (a baseline), and no other method has one."
    ),
)
NO_CORRECTION: Final = kind(
    "no-correction",
    gettext_noop("The method %(method)s takes no correction: there are no intervals, or only one way to make them."),
)
NO_SANDWICH: Final = kind("no-sandwich", gettext_noop("The method %(method)s has no sandwich intervals."))
INDEPENDENT: Final = kind(
    "independent",
    gettext_noop("Intervals of independent votes are made with CR0: %(correction)s is for votes in clusters."),
)
MIXED_INTERVALS: Final = kind(
    "mixed-intervals",
    gettext_noop("People and judges together have no intervals: none would describe raters like this mix."),
)
ONE_ORDER: Final = kind(
    "one-order",
    gettext_noop("People see a pair in one order only: to read contradictions of two orders is for judges."),
)
ONE_READING: Final = kind(
    "one-reading",
    gettext_noop("None of these raters was asked on the scale from 1 to 8, so there are no two readings of it."),
)
IDLE_ROUNDS: Final = kind("idle-rounds", gettext_noop("Rounds are for a bootstrap, and none is asked for here."))
FEW_ROUNDS: Final = kind("few-rounds", gettext_noop("A bootstrap needs at least two rounds."))
IDLE_SEED: Final = kind(
    "idle-seed", gettext_noop("Nothing is drawn for this board, so there is nothing that a seed could decide.")
)
