"""The measures by name: a new one is a file and an entry here."""

from collections.abc import Mapping
from typing import Final

from judges.similarity import embedding, judge, lexical, sentences
from judges.similarity.measure import Measure

MEASURES: Final[Mapping[str, Measure]] = {
    known.name: known for known in (lexical.MEASURE, embedding.MEASURE, sentences.MEASURE, judge.MEASURE)
}
