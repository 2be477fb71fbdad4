"""How fast boards come out of a database, and how fast their pages are: part of `make bench-ranking`.

A million comparisons, in PostgreSQL and in SQLite; medians of five, ratios within the run. The floor is
the bare GROUP BY that counts them: models, outcome and side of the comparisons in force on pairs for
voting, read to the last row. Then the pages of a study of 200 models with as many comparisons.
"""

import argparse
import cProfile
import html
import os
import pstats
import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from bench.databases import DATABASES, run_in_each
from bench.ranking import Table, seconds

if TYPE_CHECKING:
    from django.test import Client

    from annotation.models import Study

STUDIES = {"hundred": (100, 40), "two-hundred": (200, 10)}
"""Models and prompts: about 200,000 pairs in either."""

PAGE, SEARCH = 0.1, 0.3
"""Seconds that a page may take, and one that looks for something rare among all pairs."""

FLOOR = """
    SELECT pair.model_x_id, pair.model_y_id, row.winner, row."left", COUNT(*)
    FROM annotation_comparison row JOIN annotation_pair pair ON pair.id = row.pair_id
    WHERE row.study_id = %s AND row.superseded_by_id IS NULL AND NOT row.withdrawn AND pair.purpose = 'vote'
    GROUP BY pair.model_x_id, pair.model_y_id, row.winner, row."left"
"""


def make_study(slug: str, *, models: int, prompts: int, raters: int) -> "Study":
    """A study of every two of `models` on each of `prompts`, without comparisons."""
    from annotation.models import LanguageModel, Pair, Prompt, PromptSet, Rater, RaterKind, Result, Status, Worker
    from annotation.studies import lifecycle

    owner = PromptSet.objects.create(slug=slug, name=slug)
    made = LanguageModel.objects.bulk_create(
        LanguageModel(prompt_set=owner, number=index, name=f"model {index}", org=f"maker {index % 20}")
        for index in range(models)
    )
    asked = Prompt.objects.bulk_create(
        Prompt(prompt_set=owner, number=index, text=f"Question {index}", type=("code", "prose")[index % 2])
        for index in range(prompts)
    )
    results = Result.objects.bulk_create(
        Result(prompt_set=owner, number=index, prompt=asked[index // models], model=made[index % models], text="Yes.")
        for index in range(models * prompts)
    )
    study = lifecycle.create_study(slug, owner)
    one, other = np.triu_indices(models, 1)
    pairs = (
        Pair(
            study=study,
            number=prompt * len(one) + index,
            key=0.5,
            wanted=5,
            prompt=asked[prompt],
            model_x=made[x],
            model_y=made[y],
            result_x=results[prompt * models + x],
            result_y=results[prompt * models + y],
        )
        for prompt in range(prompts)
        for index, (x, y) in enumerate(zip(one.tolist(), other.tolist(), strict=True))
    )
    Pair.objects.bulk_create(pairs, batch_size=5000)
    people = Rater.objects.bulk_create(Rater(study=study, kind=RaterKind.WORKER) for _index in range(raters))
    Worker.objects.bulk_create(Worker(rater=rater, study=study, number=n) for n, rater in enumerate(people))
    # Of a closed study everybody may see every pair.
    study.public, study.status = True, Status.CLOSED
    study.save()
    return study


def vote(study: "Study", first: int, count: int) -> None:
    """Stores `count` votes, the first being the study's number `first`, no two of a rater on one pair."""
    from annotation.models import RaterKind

    pairs = list(study.pairs.order_by("pk").values_list("pk", "model_x__number", "model_y__number"))
    raters = list(study.raters.filter(kind=RaterKind.WORKER).order_by("pk").values_list("pk", flat=True))
    strength = np.random.default_rng(0).normal(0, 0.6, 1 + max(y for _pk, _x, y in pairs))
    rng = np.random.default_rng(first)
    number = np.arange(first, first + count)
    # Every pair gets its first vote before any gets a second, in an order like that of a draw.
    place, turn = (number * 7_368_787) % len(pairs), number // len(pairs)
    rater = (place + turn * 7919 + number // 1000) % len(raters)
    pair, x, y = np.array(pairs)[place].T
    won = rng.random(count) < 1 / (1 + np.exp(strength[y] - strength[x]))
    word = np.where(rng.random(count) < 0.2, "tie", np.where(won, "x", "y"))
    left = np.where(rng.random(count) < 0.5, "x", "y")
    store(study, pair, np.array(raters)[rater], word, left)


def judge(study: "Study", name: str, every: int) -> None:
    """A judge that says what most people say of each pair, and something else of one in `every`."""
    from annotation.models import Rater, RaterKind

    said = np.array(list(study.comparisons.order_by().values_list("pair", "winner")))
    pair, place = np.unique(said[:, 0].astype(np.int64), return_inverse=True)
    words = np.array(["tie", "x", "y"])
    counts = np.bincount(place * 3 + np.searchsorted(words, said[:, 1]), minlength=3 * len(pair)).reshape(-1, 3)
    verdict = counts.argmax(axis=1)
    verdict[::every] = counts[::every].argmin(axis=1)
    rater = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name=name)
    store(study, pair, np.full(len(pair), rater.pk), words[verdict], np.full(len(pair), "x"))


def store(study: "Study", pair: np.ndarray, rater: np.ndarray, winner: np.ndarray, left: np.ndarray) -> None:
    """Many comparisons, alike but for these columns, in little time, by what either database has for it."""
    from django.db import connection, transaction
    from django.utils import timezone

    from annotation.models import Comparison

    at = timezone.now()
    alike = Comparison(study=study, answered_at=at, stored_at=at)
    fields = [field for field in Comparison._meta.concrete_fields if not field.primary_key]
    row = [field.get_db_prep_save(getattr(alike, field.attname), connection) for field in fields]
    places = [[field.name for field in fields].index(name) for name in ("pair", "rater", "winner", "left")]

    def rows() -> Iterator[list[object]]:
        for values in zip(pair.tolist(), rater.tolist(), winner.tolist(), left.tolist(), strict=True):
            for place, value in zip(places, values, strict=True):
                row[place] = value
            yield row

    names, table = ", ".join(f'"{field.column}"' for field in fields), Comparison._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # The rows are right: to look each reference up would take longer than to store them.
            cursor.execute("SET LOCAL session_replication_role = replica")
            with cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
                for values in rows():
                    copy.write_row(values)
        else:
            marks = ", ".join(["%s"] * len(fields))
            cursor.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', map(tuple, rows()))


def floor(study: "Study") -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(FLOOR, [study.pk])
        cursor.fetchall()


def boards(table: Table, study: "Study", rows: int) -> None:
    """A board without clusters from all rows."""
    from bench.population import vacuum
    from ranking.boards import compute, snapshots
    from ranking.methods.settings import Settings
    from ranking.votes.evidence import facts
    from ranking.votes.reader import Filters

    filters, settings = Filters(), Settings(clusters="none")
    vacuum()
    base = seconds(partial(floor, study))
    table.add(f"{rows:,} comparisons: the bare GROUP BY that counts them", base)
    line = snapshots.firm_cut(study)
    board = seconds(lambda: compute.compute(study, filters, settings, line))
    table.add("            the leaderboard from them", board)
    table.add("            of the bare GROUP BY", board / base, 1.5, "x")
    known = seconds(lambda: facts(study, filters, line), 3)
    table.add("            what a reader needs to trust it, counted for its snapshot", known)
    table.add("            drawing a line under the comparisons", seconds(lambda: snapshots.firm_cut(study)))


def pages(table: Table, study: "Study", profile: Path | None) -> None:
    """Every board that is kept is computed, and two that were asked for; then the time of the server for each page.

    Of pages alike the slowest is told. The file of all pairs is left out: it is made while it is sent.
    """
    from django.test import Client
    from django.utils import timezone

    from bench.population import vacuum
    from ranking.boards import requests, snapshots
    from ranking.methods.settings import Settings
    from ranking.models import Leaderboard
    from ranking.votes.reader import Filters

    vacuum()
    for filters in (Filters(), Filters(category="code")):
        requests.ask_for(study, filters, Settings(clusters="none"), timezone.now())
    for pk in snapshots.recompute_changed(timezone.now()):
        snapshots.fill(pk, timezone.now())
    for row in Leaderboard.objects.filter(study=study):
        table.add(f"200 models: computing {row.method} for {row.raters}", row.seconds or 0.0)
        if row.problem:
            raise RuntimeError(row.problem)
    client = Client(headers={"host": "localhost"})
    found: dict[str, tuple[float, str]] = {}
    for kind, address in addresses(client, study):
        took = seconds(partial(load, client, address))
        found[kind] = max(found.get(kind, (0.0, "")), (took, address))
        if profile is not None:
            watch = cProfile.Profile()
            watch.runcall(load, client, address)
            with profile.open("a") as file:
                print(f"{connection_name()} {address}", file=file)
                pstats.Stats(watch, stream=file).sort_stats("cumulative").print_stats(60)
    for kind, (took, address) in found.items():
        limit = SEARCH if kind in {"pairs", "a pair"} else PAGE
        table.add(f"200 models: {kind}, {address.removeprefix('/leaderboard/')}", took, limit)


def load(client: "Client", address: str) -> bytes:
    """The whole answer at `address`."""
    answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answers {answer.status_code}")
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


FILTERS = (
    "",
    "?split=people",
    "?split=judge%3Ajudge",
    "?split=orders%3Ajudge",
    "?split=judge%3Ajudge&category=code",
    "?votes=0",
    "?votes=3",
    "?votes=5%2B",
    "?model=3",
    "?model=3&against=150",
    "?model=3&outcome=tied",
    "?model=3&outcome=lost&split=judge%3Ajudge",
    "?rater=judge",
    "?rater=7&split=people",
    "?text=Question+7",
    "?category=prose&prompt=8",
)
"""What can be looked for among pairs: what is found at once, rarely, and never."""


def addresses(client: "Client", study: "Study") -> Iterator[tuple[str, str]]:
    """Every kind of page of a study's results, and its addresses: those of the board are followed from it."""
    root = f"/leaderboard/{study.slug}/"
    yield "the board", root
    for link in sorted(set(re.findall(rb'href="([^"]*)"', load(client, root)))):
        address = html.unescape(link.decode())
        address = root + address if address.startswith("?") else address
        if address.startswith(f"{root}?"):
            yield "a switch of the board", address
    for raters in ("people", "judge", "all"):
        for name in ("", "wins/", "wins.csv", "models/3/", "models/3/wins.csv", "board.csv", "board.json"):
            yield name or "the board", f"{root}{name}?raters={raters}"
    for name in ("agreement", "columns"):
        for file in ("/", ".csv", ".json"):
            yield name + file, f"{root}{name}{file}"
    for query in FILTERS:
        yield "pairs", f"{root}pairs/{query}"
        yield "a pair", f"{root}pairs/7/{query}"


def connection_name() -> str:
    from django.db import connection

    return connection.vendor


def inside(options: argparse.Namespace) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    table = Table()
    print(f"\n{connection_name()}")
    for slug, (models, prompts) in STUDIES.items():
        study = make_study(slug, models=models, prompts=prompts, raters=1000)
        if slug == "hundred":
            vote(study, 0, options.rows)
            boards(table, study, options.rows)
            # What is measured next is not to be read among it.
            study.comparisons.all()._raw_delete("default")
        else:
            vote(study, 0, options.rows - study.pairs.count())
            judge(study, "judge", every=20_000)
            pages(table, study, options.profile)
    sys.exit(bool(table.missed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=DATABASES, action="append", dest="databases")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--profile", type=Path, help="a file for the profiles of the pages")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options)
    profile = ["--profile", str(options.profile)] if options.profile else []
    sys.exit(
        bool(
            run_in_each(
                options.databases or DATABASES,
                "bench.ranking_database",
                ["--inside", "--rows", str(options.rows), *profile],
            )
        )
    )


if __name__ == "__main__":
    main()
