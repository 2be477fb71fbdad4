"""The registry of what draws the pairs of adaptive studies.

annotation knows neither ratings nor gains. An app registers the drawing from its `AppConfig.ready`:

    draw_strategies.register(Drawer(strategies=..., default={"uniform": 0.2, ...}, draw=draw))

`draw(study, candidates, size, rng)` returns pairs of models; the prompts are chosen here, and the rows stored here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from celery import current_app
from django.db import transaction

from annotation.models import Study
from annotation.pairing.candidates import Candidates

TASK: Final = "annotation.draw_pairs"

UNIFORM: Final = "uniform"
"""The strategy of a draw that a worker's request makes itself; every drawer has one of this name."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy, as pages show it. `label` and `help` are in English; translated where they are shown."""

    name: str
    label: str
    help: str
    mixed: bool = True
    """Whether a study can give it a share; the others come by themselves."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Two models, as indices i < j of the candidates, drawn by a strategy.

    `probability` is that of the two models given the batch so far; None if the choice was deterministic. `prompt` is
    the index of the prompt if the strategy chose it too.
    """

    i: int
    j: int
    strategy: str
    version: int
    probability: float | None
    prompt: int | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A batch: its pairs in order, the shares that applied, and what the strengths were estimated from."""

    chosen: list[Chosen]
    mix: Mapping[str, float]
    fit: str
    """SHA-256 of the comparisons."""
    cut: int
    """The highest primary key among the comparisons that were read."""
    votes: int


type Draws = Callable[[Study, Candidates, int, np.random.Generator], Drawn]


@dataclass(frozen=True, slots=True)
class Drawer:
    """What draws the batches of all adaptive studies."""

    strategies: tuple[Strategy, ...]
    default: Mapping[str, float]
    """The shares of a study that sets none."""
    draw: Draws

    def mix_of(self, study: Study) -> Mapping[str, float]:
        """Returns the shares of the strategies in `study`."""
        return study.mix or self.default


_drawers: list[Drawer] = []


def register(drawer: Drawer) -> None:
    """Lets `drawer` draw the pairs of adaptive studies.

    Raises:
        ValueError: another one is registered.
    """
    if _drawers and _drawers[0] != drawer:
        raise ValueError("Another drawer is already registered.")
    _drawers[:] = [drawer]


def registered() -> Drawer | None:
    """Returns the drawer; None if no app brought one, and requests draw every pair themselves."""
    return _drawers[0] if _drawers else None


def unknown(mix: Mapping[str, float]) -> list[str]:
    """Returns the names in `mix` that are no strategies a study can give a share."""
    drawer = registered()
    known = {strategy.name for strategy in drawer.strategies if strategy.mixed} if drawer else {UNIFORM}
    return sorted(mix.keys() - known)


def request(study: Study) -> None:
    """Asks the background for the next batch of `study` once the transaction commits; the schedule asks too."""
    study_id = study.pk
    transaction.on_commit(lambda: _enqueue(study_id), robust=True)


def _enqueue(study_id: int) -> None:
    current_app.send_task(TASK, args=[study_id])
