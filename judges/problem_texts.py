"""What stopped a run or a call, in the reader's language; words of an endpoint stay as they came."""

from typing import Final

from annotation.stored_messages import retold
from judges.prompting.readers import gettext_noop

PROBLEMS: Final = (
    gettext_noop("The budget is used up."),
    gettext_noop("A database operation failed. See the log."),
    gettext_noop("Unexpected error (%(error)s). See the log."),
    gettext_noop("The environment variable %(source)s is not set."),
    gettext_noop("%(path)s has no readable key."),
    gettext_noop("The file %(path)s is empty."),
    gettext_noop("This is not a valid key name. Use NAME_API_KEY or file:NAME."),
    gettext_noop("The key in %(source)s contains characters that an HTTP header cannot carry."),
    gettext_noop("No reply within %(seconds)s seconds."),
    gettext_noop("Could not connect: %(error)s"),
    gettext_noop("The connection was lost: %(error)s"),
    gettext_noop("Invalid address: %(error)s"),
    gettext_noop(
        "The endpoint’s name points to %(address)s, where cloud providers keep credentials. Nothing is sent there."
    ),
    gettext_noop("The reply is larger than %(limit)s bytes."),
    gettext_noop("The reply is compressed more than once."),
    gettext_noop("The reply is not JSON."),
    gettext_noop("The reply contains no choices."),
    gettext_noop("The reply contains no text."),
    gettext_noop("The reply contains no score."),
    gettext_noop("The reply has %(number)s classes, but a reward model has only one."),
    gettext_noop("The reply was cut off at the token limit."),
    gettext_noop("The endpoint repeated an earlier reply, so this does not count as a new sample."),
    gettext_noop("The reply is empty."),
    gettext_noop("The reply was cut off while the model was still thinking, so it contains no answer."),
    gettext_noop("The reply contains no verdict. It ends with “%(end)s”."),
    gettext_noop("The verdict is “%(found)s”, but must be %(wanted)s."),
    gettext_noop("The score %(found)s is not between 1 and 10."),
    gettext_noop("The reply has no log-probabilities for its first token."),
    gettext_noop("A, B and tie add up to %(percent)s%% of the first token’s probability."),
    gettext_noop("The study is paused or closed."),
    gettext_noop("The person who set this schedule can no longer run this study."),
    gettext_noop("The previous run was still in progress."),
    gettext_noop("A run of this judge is paused or stopped. The schedule waits for it to end."),
)
"""What the code that sends, reads and keeps schedules may store as a problem; tests hold them together."""


def told(problem: str) -> str:
    return retold(problem, PROBLEMS)
