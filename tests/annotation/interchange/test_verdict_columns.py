"""Verdicts read as columns are those that records have, row by row; a file with an error is left to records."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.interchange.faults import Fault
from annotation.interchange.format import Named
from annotation.interchange.llmfao import Wrong
from annotation.interchange.reading import Head, Reading, Source, look
from annotation.interchange.registry import FORMATS
from annotation.interchange.verdict_columns import VerdictColumns, of_file
from annotation.interchange.verdicts import of_record

type Told = tuple[object, ...]


def recognised(path: Path) -> tuple[str, str, Source] | None:
    """Format, kind and source of a file, as the first format that recognises it reads it."""
    source = Source(path.name, path)
    head = look(source)
    if not isinstance(head, Head):
        return None
    for name in ("llmfao", "plain-comparisons"):
        named = FORMATS[name].recognised(head)
        if isinstance(named, Named) and named.matched:
            return name, named.kind, Source(path.name, path, Reading(columns=named.columns))
    return None


def by_row(name: str, kind: str, source: Source) -> list[Told] | None:
    """The verdicts as records have them; None if there is an error."""
    found: list[Told] = []
    for record in FORMATS[name].read(source, kind, None):
        if isinstance(record, Fault):
            return None
        try:
            for each in of_record(record):
                if each.models[0] == each.models[1]:
                    return None
                told = (each.prompt, each.turn, each.repetition, each.weight, each.share, each.simulated, each.pair)
                found.append((*each.models, each.winner, each.rater, *told))
        except Wrong:
            return None
    return found


def by_column(found: VerdictColumns) -> list[Told]:
    rows = len(found.left)
    defaults = {"turn": 0, "simulated": False}
    names = ("left", "right", "winner", "rater", "prompt", "turn", "repetition", "weight", "share", "simulated", "pair")
    columns = []
    for name in names:
        column = getattr(found, name)
        default = defaults.get(name)
        columns.append([default] * rows if column is None else [column.values[code] for code in column.codes.tolist()])
    return list(zip(*columns, strict=True))


PLAIN = """Model A;Model B;winner_human;winner_gpt-4;question_id
ash;birch;model_a;tie;q1
birch;cedar;;model_b;q2
cedar;ash;cedar;Both;q1
"""

EXCHANGE = """id,prompt,model_x,model_y,worker,winner,left,right,weight,share,rater
0,1,1,2,1,left,ash,birch,,,people
1,1,2,3,,right,birch,cedar,2,0.25,gpt-4
2,1,1,3,2,tie,ash,cedar,0.5,,people
"""


@pytest.mark.parametrize("text", [PLAIN.replace("Model A", "model_a").replace("Model B", "model_b"), EXCHANGE])
def test_columns_have_the_verdicts_of_the_rows(tmp_path, text):
    path = tmp_path / "votes.csv"
    path.write_text(text, encoding="utf-8")
    known = recognised(path)
    assert known is not None
    columns, rows = of_file(*known), by_row(*known)
    assert columns is not None
    assert rows
    assert sorted(map(repr, by_column(columns))) == sorted(map(repr, rows))


PLAIN_CELLS = {
    "model_a": ["ash", "birch", " ash", "", "model_b"],
    "model_b": ["birch", "cedar", "ash"],
    "winner": ["model_a", "model_b", "tie", "ash", "", "A", "nan", "nobody"],
    "winner_gpt-4": ["left", "draw", "", "cedar"],
    "judge": ["gpt-4", "human", "", "expert_1"],
    "annotator": ["", "p1", "p2"],
    "question_id": ["q1", "q2", "", "0123456789abcdef0123456789abcdef"],
    "weight": ["1", "2.5", "", "0", "-1", "x"],
}
EXCHANGE_CELLS = {
    "id": ["0", "1", "x", ""],
    "prompt": ["1", "2"],
    "model_x": ["1", "2"],
    "model_y": ["3", "1"],
    "worker": ["1", "2", ""],
    "winner": ["left", "right", "tie", "x"],
    "left": ["ash", "oak"],
    "right": ["cedar", "ash"],
    "rater": ["people", "gpt-4", "crowd:x", "all", ""],
    "turn": ["0", "1", "-1"],
    "repetition": ["0", "2"],
    "simulated": ["true", "false"],
    "weight": ["", "2", "0"],
    "share": ["", "0.25", "1", "2"],
}


@pytest.mark.parametrize("cells", [PLAIN_CELLS, EXCHANGE_CELLS])
@given(data=st.data())
def test_columns_have_the_verdicts_of_any_rows_or_there_are_none(tmp_path_factory, cells, data):
    needed = (
        {"model_a", "model_b", "winner"} if cells is PLAIN_CELLS else {"id", "prompt", "model_x", "model_y", "winner"}
    )
    names = [name for name in cells if name in needed or data.draw(st.booleans())]
    # Mostly sound rows: the first of a column's cells are.
    row = st.tuples(*(st.sampled_from(cells[name][:2] * 3 + cells[name]) for name in names))
    rows = data.draw(st.lists(row, min_size=1, max_size=5))
    path = tmp_path_factory.mktemp("votes") / "votes.csv"
    path.write_text("\n".join(",".join(line) for line in [names, *rows]) + "\n", encoding="utf-8")
    known = recognised(path)
    if known is None:
        return
    columns, expected = of_file(*known), by_row(*known)
    if columns is not None:
        assert expected is not None
        assert sorted(map(repr, by_column(columns))) == sorted(map(repr, expected))
