"""Computes the similarities of a run from its replies, chooses the top prompts, and stores both.

Pairs of models whose answers, measure and filters are those of an earlier run take its scores over.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from annotation.pairing import mad
from judges.llm import embeddings
from judges.models import CallState, JudgeVersion, SimilarityCall, SimilarityRun, SimilarityTable
from judges.similarity import lexical, planning
from judges.similarity.corpus import Corpus
from judges.similarity.measure import DROPPED, NO_ANSWER, NOT_ASKED, SCORED, STATES, Ask, Heard
from judges.similarity.planning import digest, kept_of
from judges.similarity.terms import Terms

BATCH: Final = 500
ROWS: Final = 200
"""Pairs of models stored at once."""

type Progress = Callable[[int], None]
"""Called with the number of pairs of models done; may raise to stop."""


@dataclass(frozen=True)
class Plan:
    """Which pairs of models a run compares itself: `fresh`, indices of two models; the tables of the `others` exist."""

    corpus: Corpus
    terms: Terms
    digests: Mapping[tuple[int, int], str]
    others: Mapping[tuple[int, int], int]
    """The primary key of the earlier table, by pair of models."""

    @property
    def fresh(self) -> list[tuple[int, int]]:
        return [pair for pair in self.corpus.pairs if pair not in self.others]


def plan(corpus: Corpus, terms: Terms, version: JudgeVersion | None, run: SimilarityRun | None = None) -> Plan:
    """Returns what is to be compared. Tables of `run` itself, stored before a crash, count as earlier ones."""
    digests = _digests(corpus, terms, version)
    known: dict[str, int] = {}
    for some in batched(digests.values(), BATCH, strict=False):
        rows = SimilarityTable.objects.filter(digest__in=some).order_by("pk")
        known |= {
            found: key
            for key, found, summary in rows.values_list("pk", "digest", "summary")
            # What failed is asked again.
            if not {CallState.FAILED, NOT_ASKED} & summary["states"].keys()
        }
    others = {pair: known[found] for pair, found in digests.items() if found in known}
    return Plan(corpus, terms, digests, others)


def _digests(corpus: Corpus, terms: Terms, version: JudgeVersion | None) -> dict[tuple[int, int], str]:
    """Returns by pair of models the digest of everything that their scores depend on."""
    asked = digest(version, terms.how.asks, (), "shown" if terms.with_prompt else "") if version is not None else ""
    settings = [terms.measure, terms.how.version, asked, terms.as_json()["filters"], terms.with_prompt]
    head = json.dumps([settings, corpus.prompts]).encode()
    columns = [np.ascontiguousarray(column).tobytes() for column in corpus.digests().T]

    def of(x: int, y: int) -> str:
        models = b" %d %d " % (corpus.models[x], corpus.models[y])
        return hashlib.sha256(head + models + columns[x] + columns[y]).hexdigest()

    return {pair: of(*pair) for pair in corpus.pairs}


def compare(run: SimilarityRun, progress: Progress) -> int:
    """Stores a table for each pair of models that has none in `run` yet; returns how many scores were taken over."""
    terms = Terms.from_json(run.measure, run.options)
    corpus = Corpus(run.study)
    there = set(SimilarityTable.objects.filter(run=run).values_list("model_x", "model_y"))
    found = plan(corpus, terms, run.version, run)
    todo = [pair for pair in corpus.pairs if _models(corpus, pair) not in there]
    vectors = _prompt_vectors(corpus, terms, run.version)
    reused = [pair for pair in todo if pair in found.others]
    done = len(there)
    for some in batched(reused, ROWS, strict=False):
        _take_over(run, found, some, vectors)
        done += len(some)
        progress(done)
    fresh = [pair for pair in todo if pair not in found.others]
    scores = _scores(corpus, terms, run.version, fresh, lambda: progress(done))
    for places in batched(range(len(fresh)), ROWS, strict=False):
        rows = []
        for place in places:
            table = _table(run, found, fresh[place])
            table.fill(corpus.prompts, scores.values[:, place], scores.states[place], scores.dropped[place])
            rows.append(_concluded(table, terms, vectors))
        SimilarityTable.objects.bulk_create(rows, ignore_conflicts=True)
        done += len(places)
        progress(done)
    return len(reused)


def _models(corpus: Corpus, pair: tuple[int, int]) -> tuple[int, int]:
    return corpus.models[pair[0]], corpus.models[pair[1]]


def _table(run: SimilarityRun, found: Plan, pair: tuple[int, int]) -> SimilarityTable:
    x, y = _models(found.corpus, pair)
    return SimilarityTable(run=run, model_x_id=x, model_y_id=y, digest=found.digests[pair])


def _take_over(run: SimilarityRun, found: Plan, pairs: Sequence[tuple[int, int]], vectors: Any) -> None:
    before = SimilarityTable.objects.in_bulk([found.others[pair] for pair in pairs])
    rows = []
    for pair in pairs:
        table, earlier = _table(run, found, pair), before[found.others[pair]]
        table.fill(earlier.prompt_keys, earlier.values, earlier.state_numbers, earlier.dropped_by)
        rows.append(_concluded(table, found.terms, vectors))
    SimilarityTable.objects.bulk_create(rows, ignore_conflicts=True)


def _concluded(table: SimilarityTable, terms: Terms, vectors: Any) -> SimilarityTable:
    """Returns `table` with its summary, and the prompts that are chosen."""
    similarity, dropped = table.values[0], table.dropped_by
    known = similarity[np.isfinite(similarity)]
    bits = {name: 1 << bit for bit, name in enumerate(terms.chosen_filters().limits)}
    table.summary = {
        "states": {STATES[number]: count for number, count in sorted(Counter(table.state_numbers.tolist()).items())},
        "dropped": {name: int(((dropped & bit) > 0).sum()) for name, bit in bits.items()},
        "alone": {name: int((dropped == bit).sum()) for name, bit in bits.items()},
        "least": float(known.min()) if len(known) else None,
        "median": float(np.median(known)) if len(known) else None,
    }
    taken = mad.choose(similarity, vectors, top=terms.top, spread=terms.spread)
    table.chosen = table.prompt_keys[taken].tolist()
    return table


@dataclass(slots=True)
class _All:
    """All scores of a run: values (columns, pairs, prompts), states and dropped (pairs, prompts)."""

    values: NDArray[np.float64]
    states: NDArray[np.uint8]
    dropped: NDArray[np.uint8]


def _scores(
    corpus: Corpus,
    terms: Terms,
    version: JudgeVersion | None,
    pairs: Sequence[tuple[int, int]],
    alive: Callable[[], None],
) -> _All:
    size = (len(pairs), len(corpus.prompts))
    found = _All(
        np.full((len(terms.how.columns), *size), np.nan),
        np.full(size, STATES.index(NO_ANSWER), np.uint8),
        np.zeros(size, np.uint8),
    )
    if not pairs:
        return found
    x, y = np.array(pairs, np.int64).T
    pair_at = np.full((len(corpus.models), len(corpus.models)), -1, np.int64)
    pair_at[x, y] = np.arange(len(pairs))
    for part in corpus.parts(pairs, terms.how.block):
        block, dropped = kept_of(part, terms)
        left, right = part.block.left, part.block.right
        place = pair_at[part.places[left, 1], part.places[right, 1]], part.places[left, 0]
        found.dropped[place] = dropped
        found.states[place] = np.where(dropped > 0, STATES.index(DROPPED), STATES.index(SCORED))
        scores = terms.how.score(block, _hearing(part, corpus, terms, version, block))
        kept = dropped == 0
        place = place[0][kept], place[1][kept]
        found.states[place] = scores.states
        found.values[:, place[0], place[1]] = scores.values
        alive()
    return found


def _hearing(
    part: Any, corpus: Corpus, terms: Terms, version: JudgeVersion | None, block: Any
) -> Callable[[Ask], Heard]:
    """Returns what looks up the reply to a request about `block`."""
    if version is None:
        return _silence
    asked = {ask: each.call.digest for ask, each in planning.wanted(part, corpus.prompts, terms, version, block)}
    heard = heard_of(list(dict.fromkeys(asked.values())))
    return lambda ask: heard.get(asked[ask], _silence(ask))


def _silence(ask: Ask) -> Heard:
    return Heard(NOT_ASKED)


def heard_of(digests: Sequence[str]) -> dict[str, Heard]:
    """Returns what came of the calls with these digests, by digest."""
    found: dict[str, Heard] = {}
    for some in batched(digests, BATCH, strict=False):
        rows = SimilarityCall.objects.filter(digest__in=some)
        for key, state, packed, width, score in rows.values_list(
            "digest", "state", "reply__vectors", "reply__width", "reply__score"
        ):
            vectors = None
            if state == CallState.OK and packed is not None and width is not None:
                vectors = np.frombuffer(bytes(packed), embeddings.DTYPE).reshape(-1, width)
            found[key] = Heard(state, vectors, score if state == CallState.OK else None)
    return found


def _prompt_vectors(corpus: Corpus, terms: Terms, version: JudgeVersion | None) -> Any:
    """Returns the vectors by which the prompts are spread, a row for each; None if they are not.

    They are embeddings where answers are embedded, with zeros for a prompt that has none, and counts of trigrams
    otherwise.
    """
    if not terms.spread:
        return None
    texts = corpus.prompt_texts(corpus.prompts)
    if not terms.embeds_prompts or version is None:
        return lexical.vectors([texts[key] for key in corpus.prompts])
    digests = [planning.of_prompt(key, texts[key], version).call.digest for key in corpus.prompts]
    heard = heard_of(list(dict.fromkeys(digests)))
    known = [heard[key].vectors if key in heard else None for key in digests]
    width = next((each.shape[1] for each in known if each is not None), 1)
    rows = [np.zeros(width) if each is None or each.shape[1] != width else each[0] for each in known]
    return np.array(rows).reshape(len(digests), width)
