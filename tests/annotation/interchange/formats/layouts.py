"""Small files in the layouts of other tools, made for these tests, and what they hold."""

from pathlib import Path
from typing import Final

from annotation.interchange.faults import Fault
from annotation.interchange.format import Record
from annotation.interchange.formats import (
    alpaca_eval,
    arena_55k,
    arena_140k,
    arena_hard,
    chatbot_arena,
    comparia,
    inspect_logs,
    lm_evaluation_harness,
    mt_bench_people,
    promptfoo,
)
from annotation.interchange.reading import Reading, Source

LAYOUTS: Final = Path(__file__).parent.parent / "layouts"

FORMATS: Final = {
    known.FORMAT.name: known.FORMAT
    for known in (
        *(alpaca_eval, arena_55k, arena_140k, arena_hard, chatbot_arena),
        *(comparia, inspect_logs, lm_evaluation_harness, mt_bench_people, promptfoo),
    )
}

RUN: Final = "lm_evaluation_harness/acme__quill-7b"

HELD: Final[dict[str, tuple[str, str, dict[str, int]]]] = {
    "alpaca_eval/annotations.json": ("alpaca-eval", "annotations", {"battles": 7}),
    "alpaca_eval/outputs.json": ("alpaca-eval", "outputs", {"answers": 4}),
    "alpaca_eval/people.json": ("alpaca-eval", "annotations", {"battles": 4}),
    "arena_140k/battles.jsonl": ("arena-140k", "battles", {"battles": 6}),
    "arena_140k/battles.parquet": ("arena-140k", "battles", {"battles": 6}),
    "arena_55k/plain-texts.csv": ("arena-55k", "battles", {"battles": 3}),
    "arena_55k/train.csv": ("arena-55k", "battles", {"battles": 6}),
    "arena_hard/answers.jsonl": ("arena-hard", "answers", {"answers": 4}),
    "arena_hard/judgments.jsonl": ("arena-hard", "judgments", {"battles": 8}),
    "arena_hard/older-answers-fern-2.jsonl": ("arena-hard", "answers", {"answers": 4}),
    "arena_hard/older-answers-quill-7b.jsonl": ("arena-hard", "answers", {"answers": 4}),
    "arena_hard/older-judgments.jsonl": ("arena-hard", "judgments", {"battles": 6}),
    "arena_hard/older-questions.jsonl": ("arena-hard", "questions", {"answers": 4}),
    "arena_hard/questions.jsonl": ("arena-hard", "questions", {"answers": 4}),
    "chatbot_arena/battles-100k.parquet": ("chatbot-arena", "battles", {"battles": 6}),
    "chatbot_arena/battles-33k.jsonl": ("chatbot-arena", "battles", {"battles": 6}),
    "chatbot_arena/older.json": ("chatbot-arena", "votes", {"votes": 6}),
    "comparia/conversations-with-texts.jsonl": ("comparia", "conversations", {"battles": 6}),
    "comparia/conversations.jsonl": ("comparia", "conversations", {"votes": 6}),
    "comparia/reactions.jsonl": ("comparia", "reactions", {"votes": 4, "passed": 1}),
    "comparia/votes-with-texts.jsonl": ("comparia", "votes", {"battles": 6}),
    "comparia/votes.jsonl": ("comparia", "votes", {"votes": 5, "passed": 1}),
    "comparia/votes.parquet": ("comparia", "votes", {"votes": 5, "passed": 1}),
    "inspect/birds.eval": ("inspect", "answers", {"answers": 5, "scores": 7, "passed": 1}),
    "inspect/birds.json": ("inspect", "answers", {"answers": 5, "scores": 7, "passed": 1}),
    f"{RUN}/results_2025-06-01T10-00-00.123456.json": ("lm-eval-harness", "results of a run", {}),
    f"{RUN}/samples_birds_2025-06-01T10-00-00.123456.jsonl": (
        *("lm-eval-harness", "answers"),
        {"answers": 5, "passed": 1},
    ),
    "mt_bench_people/gpt4.jsonl": ("mt-bench-people", "battles", {"battles": 2}),
    "mt_bench_people/human.jsonl": ("mt-bench-people", "battles", {"battles": 5}),
    "promptfoo/results.json": ("promptfoo", "answers", {"answers": 4, "passed": 1}),
}
"""By file, its format, its kind, and the number of records of each kind."""

REFUSED: Final = (
    "inspect/version-3.eval",
    "inspect/version-3.json",
    "lm_evaluation_harness/likelihoods/samples_choice.jsonl",
)
"""Files that cannot be loaded, each with a reason that says what to do."""


def source(name: str, model: str = "", reading: Reading | None = None) -> Source:
    path = LAYOUTS / name
    return Source(path.name, path, reading or Reading(), model)


def read(name: str, model: str = "", reading: Reading | None = None) -> list[Record]:
    """Returns the records of a file of `HELD`, which has no errors."""
    known, kind, _held = HELD[name]
    found = list(FORMATS[known].read(source(name, model, reading), kind, None))
    assert not [each for each in found if isinstance(each, Fault)]
    return found  # type: ignore[return-value]


def votes(name: str, model: str = "") -> list[tuple[str, str, str | None]]:
    """Returns the models and the winner of each vote or pair of a file."""
    kinds = {"battles", "votes"}
    return [(*each.values["models"], each.values["winner"]) for each in read(name, model) if each.kind in kinds]
