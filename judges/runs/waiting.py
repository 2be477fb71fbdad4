"""What a sender waits for, so that whoever watches a run is told: a retry, a rate limit, or room in the budget."""

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.problems import Problem
from annotation.stored_problems import told


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a call waits for, or a whole sender.

    `problem` is why; `status` is the HTTP status of the reply, if one came. `attempt` is the number of the next one of
    `attempts`; both are 0 if nothing has failed. `until` is the time at which the next call is sent, if it is known.
    `calls` is how many calls wait for the same.
    """

    problem: Problem
    status: int | None = None
    attempt: int = 0
    attempts: int = 0
    until: datetime | None = None
    calls: int = 1

    def as_json(self) -> dict[str, Any]:
        """Returns the row that a sender stores."""
        return {
            "text": self.problem.text,
            "data": self.problem.data,
            "status": self.status,
            "attempt": self.attempt,
            "attempts": self.attempts,
            "until": self.until and self.until.isoformat(),
            "calls": self.calls,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Returns what was stored by `as_json`."""
        return cls(
            Problem.stored(stored["text"], stored["data"]),
            stored["status"],
            stored["attempt"],
            stored["attempts"],
            datetime.fromisoformat(stored["until"]) if stored["until"] else None,
            stored["calls"],
        )

    def sentence(self, at: datetime) -> str:
        """Returns it in the reader's language, as "502 Busy (attempt 3 of 8, again in 4 s, 2 calls)"."""
        words = told(self.problem).strip()
        reason = f"{self.status} {words}" if self.status and self.status != 200 else words
        seconds = math.ceil(max(0.0, (self.until - at).total_seconds())) if self.until else 0
        calls = ngettext("%(count)d call", "%(count)d calls", self.calls) % {"count": self.calls}
        values = {"reason": reason, "seconds": seconds, "calls": calls, "attempt": self.attempt, "most": self.attempts}
        if not self.attempts:
            return (_("%(reason)s (next request in %(seconds)d s)") if self.until else "%(reason)s") % values
        return _("%(reason)s (attempt %(attempt)d of %(most)d, again in %(seconds)d s, %(calls)s)") % values


def commonest(waits: Collection[Waiting]) -> Waiting | None:
    """Returns what most of `waits` wait for, with the number of calls that do and the earliest next attempt."""
    if not waits:
        return None
    text, calls = Counter(each.problem.text for each in waits).most_common(1)[0]
    same = [each for each in waits if each.problem.text == text]
    latest = max(same, key=lambda each: each.attempt)
    times = [each.until for each in same if each.until is not None]
    return Waiting(latest.problem, latest.status, latest.attempt, latest.attempts, min(times) if times else None, calls)
