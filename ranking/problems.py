"""Why a board cannot be computed."""

from typing import Final

from annotation.problems import gettext_noop, kind

NOBODY_VOTED: Final = kind(
    "nobody-voted",
    gettext_noop(
        "“%(study)s” has no votes from people yet. Start the study and share its join link, or upload "
        "comparisons. To rank by a judge’s verdicts, use --raters NAME."
    ),
)
NOTHING_COUNTS: Final = kind(
    "nothing-counts", gettext_noop("No comparisons in “%(study)s” count towards this leaderboard yet.")
)
NONE_OF_TYPE: Final = kind(
    "none-of-type",
    gettext_noop(
        "No comparisons by these raters on prompts in the category “%(type)s” count towards this leaderboard."
    ),
)
NO_SUCH_JUDGE: Final = kind(
    "no-such-judge", gettext_noop("No judge in this study is named “%(name)s”. Choose from: %(known)s.")
)
NO_SUCH_TYPE: Final = kind(
    "no-such-type", gettext_noop("No prompt in this study is in the category “%(name)s”. Choose from: %(known)s.")
)
NO_SUCH_BACKGROUND: Final = kind(
    "no-such-background",
    gettext_noop("Fewer than 10 people in this study are “%(name)s”. Choose from: %(known)s."),
)
NONE_OF_BACKGROUND: Final = kind(
    "none-of-background",
    gettext_noop("No comparisons by people who are “%(background)s” count towards this leaderboard."),
)
BACKGROUND_OF_PEOPLE: Final = kind(
    "background-of-people", gettext_noop("Only people have a background. Choose people as raters.")
)

NO_SUCH_JUDGE_IN_FILES: Final = kind(
    "no-such-judge-in-files", gettext_noop("No judge in these files is named “%(name)s”. Choose from: %(known)s.")
)
NO_SUCH_TYPE_IN_FILES: Final = kind(
    "no-such-type-in-files",
    gettext_noop("No prompt in these files is in the category “%(name)s”. Choose from: %(known)s."),
)
NO_VERDICTS_IN_FILES: Final = kind(
    "no-verdicts-in-files",
    gettext_noop(
        "These files hold no votes or verdicts on pairs of answers (only: %(kinds)s). To have their answers "
        "compared, load them into a study."
    ),
)
NOTHING_IN_FILES: Final = kind(
    "nothing-in-files", gettext_noop("No comparisons in these files count towards this leaderboard.")
)

NO_GOAL: Final = kind("no-goal", gettext_noop("“%(study)s” has no goal. Choose one in its settings."))

NO_OPTIMUM: Final = kind(
    "no-optimum",
    gettext_noop(
        "The computation did not converge within %(steps)s iterations, so there are no ratings. Try another method."
    ),
)
NO_FIXED_POINT: Final = kind(
    "no-fixed-point",
    gettext_noop(
        "The computation did not converge within %(steps)s iterations, so there are no ratings. Try another method."
    ),
)
NOT_DETERMINED: Final = kind(
    "not-determined",
    gettext_noop(
        "These comparisons do not determine the ratings. There are too few, or another fitted effect, such "
        "as style or position, explains every verdict."
    ),
)
NO_CIRCLE: Final = kind(
    "no-circle",
    gettext_noop(
        "This method needs a cycle of wins, such as A beats B, B beats C and C beats A. There is none, so "
        "there are no ratings. Choose another method."
    ),
)
NO_SIDES: Final = kind(
    "no-sides",
    gettext_noop(
        "Position bias cannot be estimated. Either the sides are unknown, or every pair was shown in both "
        "orders, which count as one verdict."
    ),
)
ONLY_TIES: Final = kind(
    "only-ties", gettext_noop("Every verdict is a tie, so the models cannot be rated. More votes are needed.")
)
NOT_FINITE: Final = kind(
    "not-finite",
    gettext_noop(
        "Some models have no losses or no wins against the rest, so Newman’s method has no finite ratings. "
        "Use Bradley-Terry or Davidson, which add a stated assumption."
    ),
)
NOT_ON_BOARD: Final = kind(
    "not-on-board", gettext_noop("%(name)s is not on this leaderboard. Choose a model with comparisons that count.")
)
NEVER_MET: Final = kind(
    "never-met",
    gettext_noop(
        "Some of these models were never compared with %(name)s, directly or through other models. Choose "
        "another baseline model."
    ),
)

NEGATIVE_SEED: Final = kind("negative-seed", gettext_noop("The seed is %(seed)s. It must be 0 or higher."))
ANCHOR_NOT_FINITE: Final = kind(
    "anchor-not-finite", gettext_noop("The rating of the anchor %(name)s must be a finite number.")
)
CORRECTION_OF_BOOTSTRAP: Final = kind(
    "correction-of-bootstrap",
    gettext_noop("Corrections apply only to sandwich intervals. Bootstrap intervals have none."),
)
NO_SCALE: Final = kind(
    "no-scale", gettext_noop("The method %(method)s gives shares, not rating points, so no model can be anchored.")
)
NO_SIMULTANEOUS: Final = kind(
    "no-simultaneous",
    gettext_noop("The method %(method)s has no intervals, so rank ranges for all models at once are not available."),
)
NO_SHARES: Final = kind(
    "no-shares",
    gettext_noop(
        "Some of these comparisons are soft verdicts (shares of a win), and the method %(method)s cannot use them. "
        "Choose Bradley-Terry, style-controlled Bradley-Terry or a win rate."
    ),
)
NO_WEIGHTS: Final = kind(
    "no-weights",
    gettext_noop(
        "Some of these comparisons have a weight, and the method %(method)s cannot use it. Choose Bradley-Terry, "
        "style-controlled Bradley-Terry or a win rate."
    ),
)
NEEDS_TEXTS: Final = kind(
    "needs-texts", gettext_noop("The method %(method)s needs the text of the answers. Choose another method.")
)
NO_METHOD: Final = kind("no-method", gettext_noop("No method is named “%(method)s”. Choose from: %(methods)s."))
NO_SIDE_EFFECT: Final = kind("no-side-effect", gettext_noop("The method %(method)s cannot estimate position bias."))
NO_BOOTSTRAP: Final = kind("no-bootstrap", gettext_noop("The method %(method)s has no bootstrap intervals."))
SIDE_EFFECT_OF_BOOTSTRAP: Final = kind(
    "side-effect-of-bootstrap",
    gettext_noop("With position bias estimated, only sandwich intervals are available, not bootstrapped ones."),
)
NO_CLUSTERS: Final = kind(
    "no-clusters",
    gettext_noop("The method %(method)s has no intervals, so you cannot choose which prompts or raters they are for."),
)
NO_SUCH_CHOICE: Final = kind(
    "no-such-choice", gettext_noop("“%(value)s” is not a valid value for %(name)s. Choose from: %(choices)s.")
)
TIES_OF_DAVIDSON: Final = kind(
    "ties-of-davidson", gettext_noop("The ties setting “model” works only with the method davidson.")
)
OWN_TIES: Final = kind(
    "own-ties",
    gettext_noop("The method %(method)s gives ties a probability of their own. Ties cannot be halved or left out."),
)
WHAT_TO_REDRAW: Final = kind(
    "what-to-redraw", gettext_noop("The method elo-bootstrap needs the setting redraw. Choose %(ways)s.")
)
NO_REDRAW: Final = kind("no-redraw", gettext_noop("Only the method elo-bootstrap has the setting redraw."))
ONLY_ELO: Final = kind("only-elo", gettext_noop("Only the Elo methods have the setting %(name)s."))
ODD_ELO: Final = kind(
    "odd-elo",
    gettext_noop("The setting %(name)s of Elo cannot be %(value)s. Choose a finite number, above 0 for k and scale."),
)
ONE_BASELINE: Final = kind(
    "one-baseline",
    gettext_noop("The method baseline-win-rate needs a baseline model, and no other method accepts one."),
)
NO_CORRECTION: Final = kind(
    "no-correction",
    gettext_noop(
        "The method %(method)s has no correction setting: it has no intervals, or only one way to compute them."
    ),
)
NO_SANDWICH: Final = kind("no-sandwich", gettext_noop("The method %(method)s has no sandwich intervals."))
INDEPENDENT: Final = kind(
    "independent",
    gettext_noop("Intervals for independent votes use CR0. %(correction)s is for votes in clusters."),
)
MIXED_INTERVALS: Final = kind(
    "mixed-intervals",
    gettext_noop(
        "Leaderboards of people and judges together have no intervals: none would describe such a mix of raters."
    ),
)
ONE_ORDER: Final = kind(
    "one-order",
    gettext_noop(
        "People see each pair in one order only. The setting for contradictory verdicts applies only to judges."
    ),
)
ONE_READING: Final = kind(
    "one-reading",
    gettext_noop("None of these raters used the scale from 1 to 8, so its two readings do not apply."),
)
IDLE_ROUNDS: Final = kind(
    "idle-rounds", gettext_noop("Rounds apply only to a bootstrap, and this leaderboard does not use one.")
)
FEW_ROUNDS: Final = kind("few-rounds", gettext_noop("A bootstrap needs at least two rounds."))
IDLE_SEED: Final = kind(
    "idle-seed",
    gettext_noop("Computing this leaderboard involves no random draws, so the seed has no effect. Leave it out."),
)
