"""A place for a worker who finds none, because the background has not drawn the next batch."""

from datetime import datetime

import numpy as np

from annotation.draw_strategies import UNIFORM
from annotation.drawing import candidates as readers
from annotation.drawing.store import Changed, Drawing, basis, lock, store
from annotation.models import Draw, Study
from annotation.pairing.candidates import Candidates, Prompts


def open_place(
    study: Study, candidates: Candidates, worker_id: int, at: datetime, rng: np.random.Generator
) -> Draw | None:
    """Draws a pair that the worker has not been offered and opens a place on it; None if no pair is left for them.

    Every two models with a place left are equally likely, so the probability is known without any ratings. Call it
    inside a transaction that holds the worker's row; `candidates` may be older than that.

    Raises:
        Changed: the study was paused or changed since it was read, or others have filled the pair.
    """
    mine = readers.for_worker(candidates, worker_id)
    before = basis(study)
    room = mine.room()
    while len(found := np.argwhere(room > 0)):
        i, j = (int(place) for place in found[rng.integers(len(found))])
        chosen = Prompts(mine).choose(i, j, rng)
        if chosen is None:
            room[i, j] = 0
            continue
        prompt, chance = chosen
        drawing = Drawing(
            model_1=int(mine.models[i]),
            model_2=int(mine.models[j]),
            prompt=int(mine.prompts[prompt]),
            strategy=UNIFORM,
            version=1,
            probability=chance / len(found),
        )
        stored = store(lock(study, before), [drawing], at, rng, late=True, mix={UNIFORM: 1.0})
        if not stored:
            raise Changed
        return stored[0]
    return None
