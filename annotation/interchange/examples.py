"""A file for each kind of the exchange format, with its columns and an example row, to be filled in.

The files fit together: loaded at once, they make a study with one pair and a vote on it.
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from annotation.interchange.llmfao import KINDS

ROWS: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "models": (
        {"id": 1, "name": "Model A", "org": "Example Labs"},
        {"id": 2, "name": "Model B", "org": "Another Lab"},
    ),
    "prompts": ({"id": 1, "text": "How do I cool hot tea?", "type": "everyday", "lang": "en"},),
    "results": (
        {"id": 1, "model": 1, "prompt": 1, "result": "Add ice cubes and stir."},
        {"id": 2, "model": 2, "prompt": 1, "result": "Pour it between two cups."},
    ),
    "pairs": (
        {
            "id": 1,
            "prompt": 1,
            "model_x": 1,
            "result_x": "Add ice cubes and stir.",
            "model_y": 2,
            "result_y": "Pour it between two cups.",
        },
    ),
    "training": (
        {
            "id": 101,
            "prompt": 1,
            "text": "How do I cool hot tea without making it weaker?",
            "model_x": 1,
            "result_x": "Add ice cubes and stir.",
            "model_y": 2,
            "result_y": "Pour it between two cups.",
            "golden": "right",
            "reason": "{x} makes the tea weaker, which the prompt asked to avoid.",
        },
    ),
    "check": (
        {
            "id": 201,
            "prompt": 1,
            "text": "What is two plus two?",
            "model_x": 1,
            "result_x": "Four.",
            "model_y": 2,
            "result_y": "Yesterday.",
            "golden": "left",
        },
    ),
    "comparisons": ({"id": 1, "prompt": 1, "model_x": 1, "model_y": 2, "worker": 1, "winner": "right"},),
}
"""By kind, example rows with the columns that most people fill in."""

FILES: Final = {"training": "pairs-training.jsonl", "check": "pairs-check.jsonl"}
"""The names of the files whose names say their kind, because their columns are the same."""


@dataclass(frozen=True, slots=True)
class Example:
    """A template file: what it holds, its name and content."""

    kind: str
    file: str
    content: str
    needed: tuple[str, ...]
    """The columns that every row needs."""

    @property
    def media_type(self) -> str:
        return "text/csv" if self.file.endswith(".csv") else "application/jsonl"


def _csv(rows: tuple[Mapping[str, Any], ...]) -> str:
    target = io.StringIO()
    writer = csv.DictWriter(target, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue()


def _example(kind: str) -> Example:
    known, rows = KINDS[kind], ROWS[kind]
    content = (
        _csv(rows) if known.ending == ".csv" else "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    )
    needed = tuple(column.name for column in known.columns if column.needed)
    return Example(kind, FILES.get(kind, f"{kind}{known.ending}"), content, needed)


EXAMPLES: Final = {kind: _example(kind) for kind in KINDS}
"""The template files by kind, in order of reference."""
