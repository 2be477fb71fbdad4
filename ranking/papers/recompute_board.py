"""Recomputes a Bradley-Terry board from its votes: python recompute_board.py votes.csv [board.csv]

Needs only numpy. With the board's own file as well, it prints how far the two are apart.
"""

import csv
import sys
from pathlib import Path

import numpy as np


def _name(cell: str) -> str:  # without the apostrophe that keeps spreadsheets from running it as a formula
    return cell[1:] if cell[:1] == "'" and cell.lstrip("'")[:1] in tuple("=+-@\t\r") else cell


with Path(sys.argv[1]).open(encoding="utf-8", newline="") as file:
    votes = list(csv.DictReader(file))
names = sorted({_name(vote[side]) for vote in votes for side in ("model_x", "model_y")})
place = {model: number for number, model in enumerate(names)}
points = np.zeros((len(names), len(names)))  # what the row's model won against the column's
for vote in votes:
    x, y = place[_name(vote["model_x"])], place[_name(vote["model_y"])]
    points[x, y] += float(vote["weight"]) * float(vote["share_x"])
    points[y, x] += float(vote["weight"]) * (1 - float(vote["share_x"]))
games, strength = points + points.T, np.zeros(len(names))
for _step in range(200):  # Newton's method, in steps of at most 1
    chance = 1 / (1 + np.exp(strength - strength[:, None]))
    slope, curve = (points - games * chance).sum(axis=1), games * chance * (1 - chance)
    strength += np.clip(np.linalg.pinv(np.diag(curve.sum(axis=1)) - curve, hermitian=True) @ slope, -1, 1)
rating = 1000 + 400 / np.log(10) * (strength - strength.mean())
for model in sorted(names, key=lambda model: -rating[place[model]]):
    print(f"{rating[place[model]]:9.2f}  {model}")
if len(sys.argv) > 2:
    with Path(sys.argv[2]).open(encoding="utf-8", newline="") as file:
        apart = [abs(rating[place[_name(row["model"])]] - float(row["rating"])) for row in csv.DictReader(file)]
    print(f"largest difference: {max(apart):.6f}")
