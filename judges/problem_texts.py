"""What stopped a run or a call, in the reader's language; words of an endpoint stay as they came."""

from typing import Final

from annotation.stored_messages import retold
from judges.prompting.readers import gettext_noop

PROBLEMS: Final = (
    gettext_noop("The budget is used up."),
    gettext_noop("The database refused: see the log."),
    gettext_noop("%(error)s: see the log."),
    gettext_noop("The environment has no %(source)s."),
    gettext_noop("There is no readable key in %(path)s."),
    gettext_noop("The file %(path)s is empty."),
    gettext_noop("This is no name of a key."),
    gettext_noop("The key in %(source)s holds characters that no header can carry."),
    gettext_noop("No answer within %(seconds)s seconds."),
    gettext_noop("No connection: %(error)s"),
    gettext_noop("The connection broke: %(error)s"),
    gettext_noop("This is no address: %(error)s"),
    gettext_noop("The endpoint's name leads to %(address)s, where a cloud keeps its machines' secrets."),
    gettext_noop("The reply has more than %(limit)s bytes."),
    gettext_noop("The reply is compressed several times over."),
    gettext_noop("The reply is not JSON."),
    gettext_noop("The reply holds no choice."),
    gettext_noop("The reply holds no text."),
    gettext_noop("The reply holds no score."),
    gettext_noop("The reply has %(number)s classes; a reward model has one."),
    gettext_noop("The reply was cut at the most tokens it may have."),
    gettext_noop("The endpoint gave a reply that it had given before: this is no new sample."),
    gettext_noop("The reply is empty."),
    gettext_noop("The reply was cut while the model was still thinking: there is no answer in it."),
    gettext_noop("The reply has no verdict: “%(end)s”"),
    gettext_noop("The verdict is “%(found)s”; %(wanted)s was expected."),
    gettext_noop("The score %(found)s is not from 1 to 10."),
    gettext_noop("The reply has no log-probabilities of its first token."),
    gettext_noop("A, B and tie hold %(percent)s %% of the first token's probability."),
    gettext_noop("The study is paused or closed."),
    gettext_noop("Who set it may not run this study any more."),
    gettext_noop("The judge was still at work."),
    gettext_noop("A run of the judge is paused or stopped: it waits for that one."),
)
"""What the code that sends, reads and keeps schedules may store as a problem; tests hold them together."""


def told(problem: str) -> str:
    return retold(problem, PROBLEMS)
