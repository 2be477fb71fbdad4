"""The formats that `load` knows: a new one is a file and a line here, or in the `ready` of the app that owns it."""

from typing import Final

from annotation.interchange import llmfao
from annotation.interchange.format import Format
from annotation.interchange.formats import (
    alpaca_eval,
    answers_file,
    arena_55k,
    arena_140k,
    arena_hard,
    battles,
    chatbot_arena,
    comparia,
    inspect_logs,
    lm_evaluation_harness,
    mad,
    mt_bench_people,
    plain_comparisons,
    preferences,
    promptfoo,
)
from annotation.problems import gettext_noop

FORMATS: Final[dict[str, Format]] = {}


def register(known: Format) -> None:
    """Lets files of the format `known` be loaded.

    Raises:
        ValueError: another format has its name.
    """
    if FORMATS.setdefault(known.name, known) is not known:
        raise ValueError(f"A format {known.name!r} is registered already.")


register(
    Format(
        "llmfao",
        gettext_noop("LLMFAO"),
        gettext_noop(
            "models, prompts, results, pairs, training and check pairs, and comparisons: as .jsonl, .json, .csv, "
            ".xlsx or .parquet, also as .gz. A folder of such files as .zip."
        ),
        tuple(llmfao.KINDS),
        llmfao.recognised,
        llmfao.read,
        gettext_noop(
            "This file is not recognised. Its first rows do not have the columns of models, prompts, results, pairs "
            "or comparisons."
        ),
        called=lambda name: llmfao.kind_of(name) is not None,
    )
)
for known in (
    *(mad.FORMAT, battles.FORMAT, chatbot_arena.FORMAT, arena_55k.FORMAT, arena_140k.FORMAT, mt_bench_people.FORMAT),
    *(comparia.FORMAT, alpaca_eval.FORMAT, arena_hard.FORMAT),
    *(inspect_logs.FORMAT, lm_evaluation_harness.FORMAT, promptfoo.FORMAT),
    *(preferences.FORMAT, answers_file.FORMAT, plain_comparisons.FORMAT),
):
    register(known)
