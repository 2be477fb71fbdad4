"""One fit by another library, in its own environment: `python ranking_peers.py WHAT arrays.npz REPEATS`.

Prints the seconds of each repetition as JSON, after one that is not counted.
"""

import json
import sys
import time
from collections.abc import Callable

import numpy as np


def evalica_bradley_terry(x: np.ndarray, y: np.ndarray, outcome: np.ndarray, models: int) -> Callable[[], object]:
    import evalica
    import pandas as pd

    winners = [(evalica.Winner.Y, evalica.Winner.Draw, evalica.Winner.X)[code] for code in outcome]
    xs, ys, index = x.tolist(), y.tolist(), pd.RangeIndex(models)
    return lambda: evalica.bradley_terry(xs, ys, winners, index=index)


def evalica_elo_kernel(x: np.ndarray, y: np.ndarray, outcome: np.ndarray, models: int) -> Callable[[], object]:
    from evalica import _brzo

    arrays = {"xs": x.astype(np.uint64), "ys": y.astype(np.uint64), "winners": np.array([2, 0, 1], np.uint8)[outcome]}
    numbers = {"initial": 1000.0, "base": 10.0, "scale": 400.0, "k": 4.0, "win_weight": 1.0, "tie_weight": 0.5}
    return lambda: _brzo.elo(**arrays, weights=np.ones(len(x)), total=models, **numbers)


def evalica_bootstrap(x: np.ndarray, y: np.ndarray, outcome: np.ndarray, models: int) -> Callable[[], object]:
    import evalica
    import pandas as pd

    winners = [(evalica.Winner.Y, evalica.Winner.Draw, evalica.Winner.X)[code] for code in outcome]
    xs, ys, index = x.tolist(), y.tolist(), pd.RangeIndex(models)
    # A tenth of the rounds: the table multiplies.
    return lambda: evalica.bootstrap(
        evalica.bradley_terry, xs, ys, winners, index=index, n_resamples=100, bootstrap_method="percentile"
    )


def choix_bradley_terry(x: np.ndarray, y: np.ndarray, outcome: np.ndarray, models: int) -> Callable[[], object]:
    import choix

    decided = outcome != 1
    won = np.where(outcome == 2, x, y)[decided].tolist()
    lost = np.where(outcome == 2, y, x)[decided].tolist()
    pairs = list(zip(won, lost, strict=True))
    return lambda: choix.ilsr_pairwise(models, pairs)


def arena_rank(x: np.ndarray, y: np.ndarray, outcome: np.ndarray, models: int) -> Callable[[], object]:
    import pandas as pd
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    words = np.array(["model_b", "tie", "model_a"])[outcome]
    frame = pd.DataFrame({"model_a": x.astype(str), "model_b": y.astype(str), "winner": words})

    def run() -> object:
        dataset = PairDataset.from_pandas(frame)
        return BradleyTerry(n_competitors=len(dataset.competitors)).compute_ratings_and_cis(dataset)

    return run


def main() -> None:
    what, path, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3])
    arrays = np.load(path)
    run = globals()[what](arrays["x"], arrays["y"], arrays["outcome"], int(arrays["models"]))
    run()
    seconds = []
    for _repeat in range(repeats):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
