"""A small MT-bench benchmark in English and Japanese, and functions that write it, with or without errors."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

WORDS = {
    "en": ("Name a river.", "And a longer one?", "The Elbe.", "The Danube.", "It is right."),
    "ja": ("川の名前をひとつ挙げてください。", "もっと長い川は?", "信濃川です。", "ナイル川です。", "正しいです。"),
}
MODELS = ("alder", "birch")


def question(number: int, language: str = "en", **more: Any) -> dict[str, Any]:
    first, second, *_rest = WORDS[language]
    category = "math" if number % 2 else "writing"
    return {"question_id": number, "category": category, "turns": [f"{number}. {first}", second], **more}


def answer(number: int, model: str, language: str = "en", choices: int = 1, **more: Any) -> dict[str, Any]:
    _first, _second, *said, _judged = WORDS[language]
    return {
        "question_id": number,
        "answer_id": f"{model}-{number}",
        "model_id": model,
        "choices": [
            {"index": index, "turns": [f"{text} ({model} {index})" for text in said]} for index in range(choices)
        ],
        "tstamp": 1700000000.25 + number,
        **more,
    }


def grade(number: int, model: str, score: float, turn: int = 1, language: str = "en", **more: Any) -> dict[str, Any]:
    return {
        "question_id": number,
        "model": model,
        "judge": ["owl", "single-v1" if turn == 1 else "single-v1-multi-turn"],
        "user_prompt": "Grade this.",
        "judgment": f"{WORDS[language][4]} Rating: [[{score}]]",
        "score": score,
        "turn": turn,
        "tstamp": 1700001000.5,
        **more,
    }


def game(number: int, first: str, second: str, turn: int = 1, language: str = "en", **more: Any) -> dict[str, Any]:
    """Builds a pair row; `first` and `second` are the winners in each order."""
    return {
        "question_id": number,
        "model_1": "alder",
        "model_2": "birch",
        "g1_winner": first,
        "g2_winner": second,
        "judge": ["owl", "pair-v2"],
        "g1_user_prompt": "Which is better?",
        "g1_judgment": f"{WORDS[language][4]} 1",
        "g2_user_prompt": "Which is better, the other way round?",
        "g2_judgment": f"{WORDS[language][4]} 2",
        "turn": turn,
        "tstamp": 1700002000.5,
        **more,
    }


def files(language: str = "en", questions: int = 3, choices: int = 1) -> dict[str, list[dict[str, Any]]]:
    numbers = range(81, 81 + questions)
    outcomes = [("model_1", "model_1"), ("model_1", "model_2"), ("tie", "tie"), ("model_2", "model_2")]
    return {
        "question.jsonl": [question(number, language) for number in numbers],
        **{
            f"model_answer/{model}.jsonl": [answer(number, model, language, choices) for number in numbers]
            for model in MODELS
        },
        "reference_answer/sage.jsonl": [answer(number, "sage", language) for number in numbers if number % 2],
        "model_judgment/owl_single.jsonl": [
            grade(number, model, 5 + (number + place) % 5, turn, language)
            for turn in (1, 2)
            for place, model in enumerate(MODELS)
            for number in numbers
        ],
        "model_judgment/owl_pair.jsonl": [
            game(number, *outcomes[place % 4], turn=turn, language=language)
            for turn in (1, 2)
            for place, number in enumerate(numbers)
        ],
    }


def write(folder: Path, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> Path:
    for name, some in rows.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in some))
    return folder


def read(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        str(path.relative_to(folder)): [json.loads(line) for line in path.read_text().splitlines()]
        for path in sorted(folder.rglob("*.jsonl"))
    }
