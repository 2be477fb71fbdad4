"""Draws the model pairs of adaptive studies from the current fit, for `annotation.draw_strategies`."""

from typing import Final

import numpy as np

from annotation.draw_strategies import Chosen, Drawer, Drawn, Strategy
from annotation.models import LanguageModel, Study
from annotation.pairing.candidates import Candidates
from ranking.boards import counting
from ranking.design import clusters, draws, newcomer
from ranking.design.belief import Belief
from ranking.design.registry import DEFAULT, FIRST_PAIRS, FLOOR, STRATEGIES
from ranking.methods.tally import Floats, Votes, tally
from ranking.votes import reader
from ranking.votes.reader import Filters


def draw(study: Study, candidates: Candidates, size: int, rng: np.random.Generator) -> Drawn:
    """Returns up to `size` pairs of models for `study`, drawn from what people have said until now.

    Votes that are still to come count as known in the uncertainty, so that no pair is drawn again and again before
    its votes arrive.
    """
    line = reader.cut(study)
    read = counting.read(study, Filters(), line)
    belief = Belief.of(_wins(study, candidates, read.votes), pending=candidates.pending)
    mix = study.mix or DEFAULT
    newcomers = newcomer.still_new(belief, _joined_late(candidates, study.floor))
    belief = belief.discounted(clusters.worth(*candidates.next_prompts()))
    found = draws.batch(
        belief,
        candidates.room(),
        size,
        rng,
        mix=mix,
        newcomers=newcomers,
        places=candidates.places_of_models(),
        floor=study.floor,
    )
    chosen = [Chosen(each.i, each.j, each.strategy, _version(each.strategy), each.probability) for each in found]
    return Drawn(chosen, draws.shares(mix, newcomers), read.digest, line.highest, read.votes.total)


def _version(name: str) -> int:
    return FIRST_PAIRS.version if name == FLOOR else STRATEGIES[name].version


def _wins(study: Study, candidates: Candidates, votes: Votes) -> Floats:
    """Returns (m, m) how often each model of the candidates beat each other, a tie as half for each."""
    size = len(candidates.models)
    names = dict(LanguageModel.objects.filter(prompt_set=study.prompt_set_id).values_list("pk", "name"))
    code = {name: place for place, name in enumerate(votes.names)}
    place = np.array([code.get(names[model], -1) for model in candidates.models.tolist()], dtype=np.int64)
    wins = np.zeros((size, size))
    met = np.flatnonzero(place >= 0)
    if len(met) and len(votes):
        counts = tally(votes.among(place[met]))
        wins[np.ix_(met, met)] = counts.wins + counts.ties / 2
    return wins


def _joined_late(candidates: Candidates, floor: int) -> list[int]:
    """Returns the models that were first drawn when all models could have had their first pairs, or not yet."""
    enough = max(floor, draws.FIRST) * len(candidates.models) / 2
    return np.flatnonzero(candidates.joined >= enough).tolist()


DRAWER: Final = Drawer(
    strategies=(
        *(Strategy(name, known.label, known.help) for name, known in STRATEGIES.items()),
        Strategy(FLOOR, FIRST_PAIRS.label, FIRST_PAIRS.help, mixed=False),
    ),
    default=DEFAULT,
    draw=draw,
)
