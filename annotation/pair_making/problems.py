"""Why pairs cannot be made."""

from typing import Final

from annotation.problems import gettext_noop, kind

CRASHED: Final = kind("pairs-crashed", gettext_noop("Something went wrong; the log says what."))
NO_STRATEGY: Final = kind("no-strategy", gettext_noop("There is no strategy called %(name)s; there are %(known)s."))
AT_LEAST_ONE: Final = kind("at-least-one", gettext_noop("At least one neighbour and one pair per prompt is needed."))
RANDOM_ONLY: Final = kind(
    "random-only", gettext_noop("A number of pairs per prompt goes with the strategy random only.")
)
SEED_OUT_OF_RANGE: Final = kind("seed-out-of-range", gettext_noop("The seed is a whole number from 0 to 2^63 - 1."))
NO_TWO_MODELS: Final = kind(
    "no-two-models", gettext_noop("No prompt has the results of two models of this study. Load results first.")
)

UNCONNECTED: Final = kind("unconnected", "%(lines)s")
"""Of one prompt or several: for each the next line, its groups, and what to do."""

UNCONNECTED_BY_ONE: Final = kind(
    "unconnected-by-one",
    gettext_noop(
        "Prompt %(prompt)s is not connected: with %(count)d neighbour a result, its results fall into groups "
        "that no pair links."
    ),
)
UNCONNECTED_BY_MORE: Final = kind(
    "unconnected-by-more",
    gettext_noop(
        "Prompt %(prompt)s is not connected: with %(count)d neighbours a result, its results fall into groups "
        "that no pair links."
    ),
)
GROUP: Final = kind("group", "  %(names)s")
AND_MORE: Final = kind("and-more", gettext_noop("%(names)s and %(number)d more"))
ASK_FOR_MORE: Final = kind("ask-for-more", gettext_noop("  Ask for more neighbours, or for all pairs."))
