"""What can go wrong when judges and models are asked. An endpoint's own words have no code: they stay as they came."""

from typing import Final

from annotation.problems import gettext_noop, kind

NO_MONEY: Final = kind("no-money", gettext_noop("The budget is used up."))
DATABASE_REFUSED: Final = kind("database-refused", gettext_noop("The database refused: see the log."))
OUR_FAULT: Final = kind("our-fault", gettext_noop("%(error)s: see the log."))

NO_VARIABLE: Final = kind("no-variable", gettext_noop("The environment has no %(source)s."))
NO_KEY_FILE: Final = kind("no-key-file", gettext_noop("There is no readable key in %(path)s."))
EMPTY_KEY_FILE: Final = kind("empty-key-file", gettext_noop("The file %(path)s is empty."))
NO_KEY_NAME: Final = kind("no-key-name", gettext_noop("This is no name of a key."))
ODD_KEY: Final = kind("odd-key", gettext_noop("The key in %(source)s holds characters that no header can carry."))

NO_ANSWER: Final = kind("no-answer", gettext_noop("No answer within %(seconds)s seconds."))
NO_CONNECTION: Final = kind("no-connection", gettext_noop("No connection: %(error)s"))
CONNECTION_BROKE: Final = kind("connection-broke", gettext_noop("The connection broke: %(error)s"))
NO_ADDRESS: Final = kind("no-address", gettext_noop("This is no address: %(error)s"))
SECRET_ADDRESS: Final = kind(
    "secret-address",
    gettext_noop("The endpoint's name leads to %(address)s, where a cloud keeps its machines' secrets."),
)
TOO_MANY_BYTES: Final = kind("too-many-bytes", gettext_noop("The reply has more than %(limit)s bytes."))
PACKED_TWICE: Final = kind("packed-twice", gettext_noop("The reply is compressed several times over."))

NOT_JSON: Final = kind("not-json", gettext_noop("The reply is not JSON."))
NO_CHOICE: Final = kind("no-choice", gettext_noop("The reply holds no choice."))
NO_TEXT: Final = kind("no-text", gettext_noop("The reply holds no text."))
NO_SCORE: Final = kind("no-score", gettext_noop("The reply holds no score."))
MANY_CLASSES: Final = kind("many-classes", gettext_noop("The reply has %(number)s classes; a reward model has one."))

CUT: Final = kind("cut", gettext_noop("The reply was cut at the most tokens it may have."))
CUT_WHILE_THINKING: Final = kind(
    "cut-while-thinking",
    gettext_noop("The reply was cut while the model was still thinking: there is no answer in it."),
)
GIVEN_BEFORE: Final = kind(
    "given-before", gettext_noop("The endpoint gave a reply that it had given before: this is no new sample.")
)

EMPTY: Final = kind("empty", gettext_noop("The reply is empty."))
NO_VERDICT: Final = kind("no-verdict", gettext_noop("The reply has no verdict: “%(end)s”"))
ODD_VERDICT: Final = kind("odd-verdict", gettext_noop("The verdict is “%(found)s”; %(wanted)s was expected."))
SCORE_OUT_OF_RANGE: Final = kind("score-out-of-range", gettext_noop("The score %(found)s is not from 1 to 10."))
NO_LOGPROBS: Final = kind("no-logprobs", gettext_noop("The reply has no log-probabilities of its first token."))
LITTLE_MASS: Final = kind(
    "little-mass", gettext_noop("A, B and tie hold %(percent)s %% of the first token's probability.")
)

STUDY_RESTS: Final = kind("study-rests", gettext_noop("The study is paused or closed."))
MAY_NOT: Final = kind("may-not", gettext_noop("Who set it may not run this study any more."))
AT_WORK: Final = kind("at-work", gettext_noop("The judge was still at work."))
HALTED: Final = kind("halted", gettext_noop("A run of the judge is paused or stopped: it waits for that one."))

NOTHING_TO_JUDGE: Final = kind(
    "nothing-to-judge", gettext_noop("There is nothing to judge yet: this study has no pairs, or no answers, that fit.")
)
SENTINELS_GONE: Final = kind(
    "sentinels-gone", gettext_noop("The sentinels are not for what this judge does now, or they are gone.")
)
ALREADY_AT_WORK: Final = kind(
    "already-at-work", gettext_noop("This judge is at work on this study already. See its run.")
)
NO_BASELINE: Final = kind("no-baseline", gettext_noop("This study has no model “%(model)s”."))
NAME_TAKEN: Final = kind(
    "name-taken",
    gettext_noop(
        "This study has verdicts of “%(name)s” from elsewhere, which nobody can add to. A new version of the "
        "judge can be asked, and counts as “%(next)s”: its page makes one. Or add it by another name."
    ),
)
