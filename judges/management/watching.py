"""A run that a command waits for: a bar while it goes on, and what is said of it in the end."""

import math
import threading
from collections.abc import Callable
from typing import Any, Final

from django.db import connection
from django.utils import timezone
from tqdm import tqdm

from judges.models import dollars
from judges.models.work import Run
from judges.runs.lifecycle import Lifecycle
from judges.runs.progress import Progress

LOOK: Final = 0.5
"""Seconds between two looks at a run."""


ENDS: Final = {
    "interrupt": "Interrupted. Run this again to go on where it stopped.",
    "paused": "The run was paused from elsewhere. Run this again to go on.",
    "cancelled": "The run was cancelled from elsewhere.",
}
"""What is said of a run that ended before its end, by why it did."""


def worked[R: Run](life: Lifecycle[R, Any, Any], run: R, file: Any, name: str = "") -> str:
    """Works on `run` to its end while a bar in `file` shows how far it is; returns why it ended, as `life.work`.

    Raises:
        NoKey: the key cannot be had; the run is stopped.
    """
    over = threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(lambda: life.progress(run, timezone.now()), file, name, over), daemon=True
    )
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


def _watch(look: Callable[[], Progress], file: Any, name: str, over: threading.Event) -> None:
    try:
        with tqdm(unit="call", disable=None, file=file, desc=name or None) as bar:
            while not over.wait(LOOK):
                progress = look()
                bar.total = progress.planned
                bar.update(progress.over - bar.n)
                bar.set_postfix_str(dollars(progress.cost))
    finally:
        connection.close()


def summary(run: Run, progress: Progress) -> str:
    """How `run` ended: its calls by state, tokens, money, and what a crash may have cost."""
    states = ", ".join(f"{count:,} {state}" for state, count in progress.states.items() if count)
    perhaps = progress.unsure and f", and at most {dollars(progress.unsure)} on requests whose reply never came"
    lines = [
        f"Run {run.pk} is {run.state}: {states or 'nothing was to do'}.",
        f"{progress.tokens_in:,} tokens in, {progress.tokens_out:,} out, {dollars(progress.cost)}{perhaps or ''}.",
    ]
    if run.lost:
        lines.append(f"{run.lost:,} calls were in flight when a process died, and were asked again.")
    return "\n".join(lines)
