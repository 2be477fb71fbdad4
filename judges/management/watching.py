"""Runs that a command waits for: a progress bar and what they wait for meanwhile, and a summary at the end."""

import math
import re
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone
from tqdm import tqdm

from annotation.studies.lifecycle import NotPossible
from judges import problems
from judges.models import RunState, dollars
from judges.models.work import MOST_FAILURES, Run
from judges.runs.lifecycle import Lifecycle
from judges.runs.progress import Progress

LOOK: Final = 0.5
"""Seconds between two progress queries."""

COUNTDOWN: Final = re.compile(r"\d+ ?(?:s\b|秒)")

TELL: Final = 5.0
"""Seconds after which a command says again what it waits for."""


ENDS: Final = {
    "interrupt": "Interrupted. Run the command again to continue.",
    "paused": "The run was paused elsewhere. Run the command again to continue.",
    "cancelled": "The run was cancelled elsewhere.",
}
"""Messages for runs that stopped early, by reason."""


def worked[R: Run](life: Lifecycle[R, Any, Any], run: R, file: Any, name: str = "") -> str:
    """Works on `run` to its end, with a progress bar in `file`, and returns why it ended, as `life.work` does.

    Raises:
        NoKey: the API key is not available; the run is stopped.
    """
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(life, run, file, name, over), daemon=True)
    watcher.start()
    try:
        why = life.work(run.pk, seconds=math.inf, detached=False)
    finally:
        over.set()
        watcher.join()
    if why == "interrupt":
        life.pause(run)
    run.refresh_from_db()
    return why


def _watch[R: Run](life: Lifecycle[R, Any, Any], run: R, file: Any, name: str, over: threading.Event) -> None:
    news = News(lambda line: tqdm.write(f"{name}: {line}" if name else line, file=file))
    try:
        with tqdm(unit="call", disable=None, file=file, desc=name or None) as bar:
            while not over.wait(LOOK):
                progress = life.progress(run, timezone.now())
                bar.total = progress.planned
                bar.update(progress.over - bar.n)
                bar.set_postfix_str(dollars(progress.cost))
                news.tell(life.waits(run, timezone.now()), time.monotonic())
    finally:
        connection.close()


class News:
    """Says what a run waits for: at once if the reason or the attempt is new, and again after `TELL` seconds."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._last: dict[str, float] = {}

    def tell(self, waits: Iterable[str], now: float) -> None:
        for line in waits:
            # "again in 4 s" counts down, and that is no news.
            what = COUNTDOWN.sub("", line)
            if now - self._last.get(what, -math.inf) >= TELL:
                self._last[what] = now
                self._write(line)


def held[R: Run](life: Lifecycle[R, Any, Any], run: R, write: Callable[[str], None]) -> None:
    """Waits until the senders of a run that was killed are presumed dead, and says until when.

    Raises:
        NotPossible: a sender has a heartbeat, so another process is working on the run.
    """
    until = life.held_until(run)
    if until is None or until <= timezone.now():
        return
    write(
        f"Run {run.pk} is held by a process that was last active at {_clock(until - life.silence)}. If it gives no "
        f"sign of life until {_clock(until)}, this command continues the run."
    )
    while (left := (until - timezone.now()).total_seconds()) > 0:
        time.sleep(min(LOOK, left))
        run.refresh_from_db(fields=["state"])
        now = life.held_until(run)
        if now is None or not run.live:
            return
        if now > until:
            raise NotPossible(problems.WORKED_ON_ELSEWHERE(number=run.pk))


def _clock(at: datetime) -> str:
    return f"{timezone.localtime(at):%H:%M:%S}"


def ended[R: Run](life: Lifecycle[R, Any, Any], run: R, why: str, words: dict[str, str], progress: Progress) -> None:
    """Ends the command with an error if the run stopped early, or if none of its calls worked.

    Raises:
        CommandError: it did; the message says why, or names the most common problem and its number.
    """
    if why or run.state == RunState.STOPPED:
        raise CommandError(words.get(why, run.problem or f"The run is {run.state}."))
    if progress.nothing_worked:
        common = life.problems(run)
        states = max(progress.states.items(), key=lambda item: item[1])
        problem, number = (common[0].text, common[0].number) if common else states
        raise CommandError(str(problems.NONE_WORKED(number=number, total=progress.over, problem=problem)))


def finished[R: Run](
    life: Lifecycle[R, Any, Any], run: R, name: str, out: Any, file: Any, words: dict[str, str]
) -> None:
    """Works on `run` to its end, with a progress bar in `file`, and writes its summary to `out`.

    Raises:
        CommandError: it stopped early, or none of its calls worked; `words` are messages by reason.
        NoKey: the API key is not available; the run is stopped.
    """
    why = worked(life, run, file, name)
    progress = life.progress(run, timezone.now())
    out.write(f"{name}: {summary(run, progress)}")
    ended(life, run, why, words, progress)


def calls(number: int) -> str:
    """Returns a number of calls in words."""
    return "1 call" if number == 1 else f"{number:,} calls"


def summary(run: Run, progress: Progress) -> str:
    """Summarises `run`: its calls by state, tokens, cost, and what a crash may have cost."""
    states = ", ".join(f"{count:,} {state}" for state, count in progress.states.items() if count)
    perhaps = progress.unsure and f" plus up to {dollars(progress.unsure)} for requests without a reply"
    lines = [
        f"Run {run.pk} is {run.state}: {states or 'nothing to do'}.",
        f"{progress.tokens_in:,} tokens in, {progress.tokens_out:,} out, {dollars(progress.cost)}{perhaps or ''}.",
    ]
    if run.lost:
        lines.append(f"Interrupted by a crash and sent again: {calls(run.lost)}.")
    if progress.given_up:
        given_up = f"Failed in {MOST_FAILURES} runs and not asked again: {calls(progress.given_up)}."
        lines.append(f"{given_up} To ask again, use --again given-up.")
    return "\n".join(lines)
