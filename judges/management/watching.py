"""A run that a command waits for: a bar while it goes on, and what is said of it in the end."""

import threading
from collections.abc import Callable
from typing import Any, Final

from django.db import connection
from tqdm import tqdm

from judges.models import dollars
from judges.models.work import Run
from judges.services.measuring import Progress

LOOK: Final = 0.5
"""Seconds between two looks at a run."""


def watched(work: Callable[[], str], look: Callable[[], Progress], file: Any, name: str = "") -> str:
    """Does `work` while a bar in `file` shows what `look` sees; returns what `work` does."""
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(look, file, name, over), daemon=True)
    watcher.start()
    try:
        return work()
    finally:
        over.set()
        watcher.join()


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
