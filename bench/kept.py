"""`make bench-kept`: pages over a million comparisons or grades, with and without what is kept for them.

Tables of what judges said are kept; pairs are searched with nothing kept beside the comparisons, a page at a time.
Beside each stands the best that a request could do without anything kept: the bare GROUP BY that counts the same rows,
read to the last. In PostgreSQL and in SQLite; means of three, in seconds of a processor, the database's included, so
that other work on the machine does not count (Linux alone tells them). A page that takes more than `LIMIT` without what
is kept is why it is kept; a page as it is that takes more is a failure.
"""

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from bench.databases import DATABASES, run_in_each
from bench.ranking import Table

if TYPE_CHECKING:
    from django.test import Client

    from annotation.models import Study
    from annotation.models.pair import PairQuerySet
    from ranking.pairs.search import Sought

LIMIT = 0.3
"""Seconds that a page may take."""

RARE = (
    "?split=judge%3Ajudge",
    "?split=judge%3Ajudge&category=code",
    "?split=orders%3Ajudge",
    "?votes=2",
    "?votes=5%2B",
    "?model=3&split=judge%3Ajudge",
)
"""Searches that find some pairs of 199,000, or none."""

PAGES = 100
"""Pages that are turned in search of a full page, at most."""

DIVIDED = """
    SELECT row.pair_id FROM annotation_comparison row JOIN annotation_rater rater ON rater.id = row.rater_id
    WHERE row.study_id = %s AND row.superseded_by_id IS NULL AND NOT row.withdrawn
    GROUP BY row.pair_id, row.turn
    HAVING COUNT(CASE WHEN rater.kind = 'worker' THEN 1 END) >= 5
        OR COUNT(CASE WHEN rater.name = 'judge' THEN 1 END) > 1
"""

GRADED = """
    SELECT row.judge, result.model_id, row.turn, result.prompt_id, COUNT(*), SUM(row.score), SUM(row.score * row.score)
    FROM judges_judgment row JOIN annotation_result result ON result.id = row.result_id
    WHERE row.study_id = %s AND row.judge = 'judge 3'
    GROUP BY row.judge, result.model_id, row.turn, result.prompt_id
"""


def processor() -> float:
    """Seconds of a processor that this process has taken, and PostgreSQL with it, where it is asked."""
    from django.db import connection

    own = os.times()
    spent = own.user + own.system
    if connection.vendor != "postgresql":
        return spent
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    # Of every process: its parent, its own time, and that of its children that have ended.
    told = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        told[int(path.parent.name)] = (int(fields[1]), sum(map(int, fields[11:13])), sum(map(int, fields[13:15])))
    server = told[backend][0]
    ticks = sum(told[server][1:]) + sum(spent for parent, spent, _ended in told.values() if parent == server)
    return spent + ticks / os.sysconf("SC_CLK_TCK")


def seconds(run: Callable[[], object], repeats: int = 3, *, warm: bool = True) -> float:
    """The mean of some runs, after one that is not counted."""
    if warm:
        run()
    began = processor()
    for _repeat in range(repeats):
        run()
    return (processor() - began) / repeats


def bare(sql: str, study: "Study") -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, [study.pk])
        cursor.fetchall()


def load(client: "Client", address: str) -> bytes:
    """The whole answer at `address`."""
    answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answers {answer.status_code}")
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def searches(table: Table, rows: int) -> None:
    """The browser of pairs of a study of 200 models, looking for what is rare."""
    from django.test import Client
    from django.utils import timezone

    from bench.population import vacuum
    from bench.ranking_database import judge, make_study, vote
    from ranking.pairs import search

    study = make_study("pairs", models=200, prompts=10, raters=1000)
    vote(study, 0, rows - study.pairs.count())
    judge(study, "judge", every=20_000)
    vacuum()
    client = Client(headers={"host": "localhost"})
    root = f"/leaderboard/{study.slug}/pairs/"
    table.add("pairs: the bare GROUP BY over the comparisons", seconds(partial(bare, DIVIDED, study)))
    for query in RARE:
        table.add(f"pairs: one page, {query}", seconds(partial(load, client, root + query)), LIMIT)
        table.add("            a pair, with its neighbours", seconds(partial(load, client, f"{root}7/{query}")), LIMIT)
        sought = search.Sought.of(query_words(query))
        pairs = search.shown(study, timezone.now(), to_all=True)
        began = processor()
        turned = turn_pages(study, pairs, sought)
        table.add(f"            to a full page or the end, {turned} pages", processor() - began)


def query_words(query: str) -> dict[str, str]:
    from django.http import QueryDict

    return QueryDict(query.removeprefix("?")).dict()


def turn_pages(study: "Study", pairs: "PairQuerySet", sought: "Sought") -> int:
    """Turns pages as a reader does who has not found enough yet; how many."""
    from ranking.pages.pairs import SIZE
    from ranking.pairs.search import Search

    start, found = None, 0
    for page in range(1, PAGES + 1):
        part = Search.of(study, pairs, sought).find(start, SIZE)
        found += len(part.pairs)
        if found >= SIZE or not part.more:
            return page
        start = part.stopped or part.pairs[-1]
    return PAGES


def tables(table: Table, number: int) -> None:
    """The pages of grades of a study with a million of them."""
    from django.contrib.auth.models import User
    from django.test import Client
    from django.utils import timezone

    from bench.grades import compare, grade, make_study
    from bench.population import vacuum
    from judges.results import score_tables

    study, results = make_study("grades")
    grade(study, results, number)
    compare(study, results)
    vacuum()
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.create_superuser("reader", password=None))
    said = study.judgments.count() + study.comparisons.count()
    table.add("grades: verdicts and grades", said, None, "")
    table.add("grades: the bare GROUP BY over those of one judge", seconds(partial(bare, GRADED, study)))
    pages = (f"/grades/{study.slug}/", f"/grades/{study.slug}/?judge=judge+3")
    with patch.object(score_tables, "AT_ONCE", 10 * said):
        for page in pages:
            table.add(f"grades: without kept tables, {page}", seconds(partial(load, client, page), 1, warm=False))
    table.add("grades: filling the tables", seconds(lambda: score_tables.fill(study.pk, timezone.now()), 1, warm=False))
    for page in pages:
        table.add(f"grades: with kept tables, {page}", seconds(partial(load, client, page)), LIMIT)


def inside(options: argparse.Namespace) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    table = Table()
    print(f"\n{connection.vendor}, load {os.getloadavg()[0]:.1f} before", flush=True)
    if options.part != "grades":
        searches(table, options.rows)
    if options.part != "pairs":
        tables(table, options.rows)
    sys.exit(bool(table.missed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=DATABASES, action="append", dest="databases")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--part", choices=("pairs", "grades"))
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options)
    part = ["--part", options.part] if options.part else []
    arguments = ["--inside", "--rows", str(options.rows), *part]
    sys.exit(bool(run_in_each(options.databases or DATABASES, "bench.kept", arguments)))


if __name__ == "__main__":
    main()
