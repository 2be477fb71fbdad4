"""Whether public readers read what is exported: `make bench-formats`.

A study of 600 votes is exported in layouts of other tools, and files of other tools are read here. Each reader comes
from the package index into an environment of its own, because they pin other versions of what the site uses.

- arena-rank reads the battles of LMArena's layout (140k) and gives the ratings of our board, with ties as half a win,
  within 0.01 points after both are shifted to one mean.
- datasets reads the same file, and the preferences for training, with all their rows and columns.
- inspect_ai reads the log that the tests of its layout use, with the samples and scores that are read here.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOG = ROOT / "tests" / "annotation" / "interchange" / "layouts" / "inspect" / "birds.eval"

CLOSE = 0.01
"""Rating points by which arena-rank's ratings may differ."""

ARENA_RANK = """
import json, sys
import pandas as pd
from arena_rank.models.bradley_terry import BradleyTerry
from arena_rank.utils.data_utils import PairDataset
frame = pd.read_json(sys.argv[1], lines=True)
data = PairDataset.from_pandas(frame)
found = BradleyTerry(n_competitors=len(data.competitors)).compute_ratings_and_cis(data)
print(json.dumps(dict(zip(found["competitors"], map(float, found["ratings"])))))
"""

DATASETS = """
import json, sys
import datasets
found = datasets.load_dataset("json", data_files=sys.argv[1], split="train", cache_dir=sys.argv[2])
print(json.dumps({"rows": found.num_rows, "columns": sorted(found.column_names)}))
"""

INSPECT = """
import json, sys
from inspect_ai.log import read_eval_log
log = read_eval_log(sys.argv[1])
# A score of several numbers is several scores here.
scores = [score.value for sample in log.samples for score in (sample.scores or {}).values()]
number = sum(len(value) if isinstance(value, dict) else 1 for value in scores)
print(json.dumps({"model": log.eval.model, "samples": len(log.samples), "scores": number}))
"""


class Site:
    """The site in a folder of its own, with a study that people have voted in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "LLMFAO_DATA": str(folder / "data"), "PYTHONWARNINGS": "ignore"}

    def run(self, *words: str) -> str:
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def begin(self, votes: int = 600) -> None:
        """Loads votes of three raters on battles with texts, which are made here."""
        models = ("ash", "birch", "cedar", "dogwood", "elm")
        path = self.folder / "battles.json"
        rows = []
        for number in range(votes):
            first = number % 5
            second = (first + 1 + number // 5 % 4) % 5
            winner = ("model_a", "model_b", "tie", "model_a", "model_b", "model_a", "tie (bothbad)")[
                (number * 5 + 3 * first + second) % 7
            ]
            texts = {
                "instruction": f"Question {number // 10}?",
                "response_1": f"{models[first]} says {number}.",
                "response_2": f"{models[second]} says {number}.",
            }
            rows.append(
                {
                    "model_a": models[first],
                    "model_b": models[second],
                    "winner": winner,
                    "judge": f"worker:{number % 23}",
                    "turn": 1,
                    "tstamp": 1_700_000_000 + number,
                    "data": texts,
                }
            )
        path.write_text(json.dumps(rows), encoding="utf-8")
        self.run("load", str(path), "--study", "bench")

    def export(self, layout: str, name: str) -> Path:
        path = self.folder / name
        self.run("export", "bench", "--layout", layout, "--as", "jsonl", "-o", str(path))
        return path

    def ratings(self) -> dict[str, float]:
        board = json.loads(self.run("leaderboard", "bench", "--json", "--ties", "half"))
        return {row["model"]: row["rating"] for group in board["groups"] for row in group["rows"]}


class Reader:
    """A package from the index, in an environment of its own that is kept between runs."""

    def __init__(self, folder: Path, *packages: str) -> None:
        self.python = folder / packages[0] / "bin" / "python"
        if not self.python.exists():
            print(f"Installing {', '.join(packages)} ...", flush=True)
            subprocess.run([sys.executable, "-m", "venv", str(folder / packages[0])], check=True)
            subprocess.run([str(self.python), "-m", "pip", "install", "--quiet", *packages], check=True)

    def says(self, program: str, *arguments: str) -> dict[str, object]:
        done = subprocess.run(
            [str(self.python), "-c", program, *arguments], check=True, stdout=subprocess.PIPE, text=True
        )
        return json.loads(done.stdout.splitlines()[-1])


def shifted(ratings: dict[str, float]) -> dict[str, float]:
    mean = sum(ratings.values()) / len(ratings)
    return {name: rating - mean for name, rating in ratings.items()}


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "llmfao-bench")
    parser.add_argument("--only", choices=["arena-rank", "datasets", "inspect_ai"], help="only this reader")
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    wanted = [options.only] if options.only else ["arena-rank", "datasets", "inspect_ai"]
    failed = 0

    def told(what: str, *, held: bool) -> None:
        nonlocal failed
        failed += not held
        print(f"{'ok    ' if held else 'FAILED'} {what}", flush=True)

    with tempfile.TemporaryDirectory() as place:
        site = Site(Path(place))
        site.begin()
        battles = site.export("arena-140k", "battles.jsonl")
        if "arena-rank" in wanted:
            found = Reader(options.folder, "arena-rank", "pandas").says(ARENA_RANK, str(battles))
            theirs = shifted({name: float(str(value)) for name, value in found.items()})
            ours = shifted(site.ratings())
            apart = max(abs(ours[name] - theirs[name]) for name in ours) if ours.keys() == theirs.keys() else 1e9
            told(f"arena-rank: ratings differ by {apart:.5f} points", held=apart <= CLOSE)
        if "datasets" in wanted:
            reader = Reader(options.folder, "datasets")
            for layout, path in (("arena-140k", battles), ("preferences", site.export("preferences", "train.jsonl"))):
                rows = lines(path)
                read = reader.says(DATASETS, str(path), str(site.folder / "cache"))
                same = read == {"rows": len(rows), "columns": sorted(rows[0])}
                told(f"datasets: {layout}, {read['rows']} rows", held=same)
        if "inspect_ai" in wanted:
            read = Reader(options.folder, "inspect_ai").says(INSPECT, str(LOG))
            told(f"inspect_ai: {read['samples']} samples, {read['scores']} scores", held=_is_read_here(read))
    print(f"{failed} readers differ." if failed else "All readers agree.")
    sys.exit(bool(failed))


def _is_read_here(read: dict[str, object]) -> bool:
    """Returns whether the log has as many samples and scores for inspect_ai as it has here."""
    from annotation.interchange.reading import Source
    from annotation.interchange.registry import FORMATS

    kinds = [getattr(each, "kind", "") for each in FORMATS["inspect"].read(Source(LOG.name, LOG), "answers", None)]
    answers = kinds.count("answers") + kinds.count("passed")
    return read["samples"] == answers and read["scores"] == kinds.count("scores")


if __name__ == "__main__":
    main()
