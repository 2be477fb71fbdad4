"""Runs a command waits for: a progress bar while they last and a summary at the end."""

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
"""Seconds between two progress queries."""


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
    """Summarises `run`: its calls by state, tokens, cost, and what a crash may have cost."""
    states = ", ".join(f"{count:,} {state}" for state, count in progress.states.items() if count)
    perhaps = progress.unsure and f" plus up to {dollars(progress.unsure)} for requests without a reply"
    lines = [
        f"Run {run.pk} is {run.state}: {states or 'nothing to do'}.",
        f"{progress.tokens_in:,} tokens in, {progress.tokens_out:,} out, {dollars(progress.cost)}{perhaps or ''}.",
    ]
    if run.lost:
        lines.append(f"{run.lost:,} calls were interrupted by a crash and sent again.")
    return "\n".join(lines)
