"""A small study as exchange files, and helpers to write them with or without errors."""

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

MODELS: list[dict[str, Any]] = [
    {"id": 7, "api_id": "ostrava/alder-7b", "name": "Alder 7B", "api": "local", "type": "chat", "org": "Ostrava Labs"},
    {"id": 3, "api_id": None, "name": "=Birch", "api": None, "type": None, "org": None},
    {"id": 12, "api_id": "c", "name": "command", "api": "local", "type": "chat", "org": "Cohort"},
]
PROMPTS: list[dict[str, Any]] = [
    {"id": 5, "text": "Write a haiku.", "type": "prose", "slug": "haiku", "stop": None, "note": None},
    {"id": 2, "text": "Reverse a list.", "type": "code", "slug": "list", "stop": "\n", "note": "In Python."},
]


def result(number: int, model: dict[str, Any], prompt: dict[str, Any], text: str, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "model": model["id"],
        "result": text,
        "duration": 12.5,
        "rate": None,
        "prompt": prompt["id"],
        **{key: model[key] for key in ("api_id", "name", "api", "type", "org")},
        "slug": prompt["slug"],
        **more,
    }


RESULTS = [
    result(
        100 + 10 * place + index, model, prompt, f"Answer of {model['id']} to {prompt['id']}, with \u0007 and/or é 猫"
    )
    for place, prompt in enumerate(PROMPTS)
    for index, model in enumerate(MODELS)
]
TEXTS = {(row["prompt"], row["model"]): row["result"] for row in RESULTS}


def pair(number: int, prompt: dict[str, Any], x: int, y: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "prompt": prompt["id"],
        **{key: prompt[key] for key in ("text", "type", "slug", "note")},
        "model_x": x,
        "result_x": TEXTS[prompt["id"], x],
        "model_y": y,
        "result_y": TEXTS[prompt["id"], y],
        **more,
    }


PAIRS = [pair(0, PROMPTS[0], 7, 3), pair(4, PROMPTS[0], 12, 7), pair(9, PROMPTS[1], 3, 12)]


def golden_pair(number: int, golden: str, reason: str | None = "It does what it was asked.") -> dict[str, Any]:
    return {
        "id": number,
        "prompt": 5,
        "text": "An edited prompt.",
        "model_x": 7,
        "result_x": "Edited x.",
        "model_y": 3,
        "result_y": "Edited y.",
        "golden": golden,
        "reason": reason,
    }


TRAINING = [golden_pair(-1, "left"), golden_pair(-2, "right"), golden_pair(-3, "tie")]
CHECK = [golden_pair(-11, "left", None)]

CROWD = """id,prompt,model_x,model_y,worker,winner,left,right
0,5,7,3,0,left,Alder 7B,'=Birch
0,5,3,7,1,left,'=Birch,Alder 7B
4,5,12,7,0,tie,command,Alder 7B
9,2,3,12,1,right,'=Birch,command
"""
JUDGE = """id,prompt,model_x,model_y,winner,left,right
0,5,7,3,right,Alder 7B,'=Birch
4,5,12,7,tie,command,Alder 7B
"""


def jsonl(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


FILES = {
    "models.jsonl": jsonl(MODELS),
    "prompts.jsonl": jsonl(PROMPTS),
    "results.jsonl": jsonl(RESULTS),
    "pairs.jsonl": jsonl(PAIRS),
    "pairs-training.jsonl": jsonl(TRAINING),
    "pairs-check.jsonl": jsonl(CHECK),
    "crowd-comparisons.csv": CROWD,
    "robin-crowd-comparisons.csv": JUDGE,
}
CORPUS = ("models.jsonl", "prompts.jsonl", "results.jsonl")


def write(folder: Path, **changed: str | bytes | None) -> Path:
    """Writes the small study to `folder`; `changed` replaces files by name without suffix, None omits one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        content = changed.pop(name.partition(".")[0].replace("-", "_"), text)
        if content is not None:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert not changed, f"no such file: {changed}"
    return folder


def pack(path: Path) -> Path:
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return packed
