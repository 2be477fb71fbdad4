"""`manage.py grades`: prints tables of a study's judge verdicts and grades."""

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from annotation.interchange.tables import csv_line
from annotation.management.arguments import study_called
from judges.results.score_tables import PAIR_COLUMNS, SCORE_COLUMNS, Tables, compute
from judges.statistics.score_tables import Interval


class Command(BaseCommand):
    """Prints the tables of judge verdicts as text, CSV or JSON."""

    help = "Prints a study's judge scores, and each model's wins and losses in the judged pairs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="The study's address (slug).")
        shape = parser.add_mutually_exclusive_group()
        shape.add_argument("--csv", choices=("scores", "pairs"), help="Print one of the two tables as CSV.")
        shape.add_argument("--json", action="store_true", help="Print both tables as JSON.")

    def handle(self, *, study: str, csv: str | None, json: bool, **options: Any) -> None:
        tables = compute(study_called(study))
        if json:
            self._json(tables)
        elif csv == "scores":
            self._csv(SCORE_COLUMNS, tables.score_rows())
        elif csv == "pairs":
            self._csv(PAIR_COLUMNS, tables.pair_rows())
        else:
            self._text(tables)

    def _json(self, tables: Tables) -> None:
        found = {"scores": list(tables.score_rows()), "pairs": list(tables.pair_rows())}
        self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))

    def _csv(self, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
        self.stdout.write(csv_line(columns), ending="")
        for row in rows:
            self.stdout.write(csv_line(row[column] for column in columns), ending="")

    def _text(self, tables: Tables) -> None:
        if not tables.judges:
            self.stdout.write(_("No judge verdicts or grades in this study yet."))
        for judge, scores in tables.scores.items():
            self.stdout.write(_("Scores from %(judge)s (1 to 10)") % {"judge": judge})
            for each in scores:
                parts = [_number(each.overall.mean, 2, each.overall.interval)]
                if each.overall.deviation is not None:
                    parts.append(
                        _("standard deviation across samples: %(number).2f") % {"number": each.overall.deviation}
                    )
                parts += [
                    _("turn %(turn)d: %(score)s") % {"turn": turn, "score": _number(score.mean, 2)}
                    for turn, score in each.turns.items()
                ]
                parts += [f"{category or '–'}: {_number(score.mean, 2)}" for category, score in each.categories.items()]
                parts.append(_("grades: %(count)d") % {"count": each.overall.number})
                if each.overall.without:
                    parts.append(_("without a score: %(count)d") % {"count": each.overall.without})
                self.stdout.write(f"  {tables.models[each.model].name}: {'; '.join(parts)}")
        for judge, standings in tables.standings.items():
            self.stdout.write(_("Pairs judged by %(judge)s (a win requires winning in every order)") % {"judge": judge})
            for model in standings:
                whole = model.overall
                told = _(
                    "%(matches)d matches: %(wins)d won, %(ties)d tied (%(inconsistent)d contradictory), "
                    "%(losses)d lost; %(unreadable)d unreadable; adjusted win rate %(rate)s"
                ) % {
                    "wins": whole.wins,
                    "ties": whole.ties,
                    "losses": whole.losses,
                    "matches": whole.matches,
                    "inconsistent": whole.inconsistent,
                    "unreadable": whole.unreadable,
                    "rate": _number(whole.adjusted, 3, whole.interval),
                }
                self.stdout.write(f"  {tables.models[model.model].name}: {told}")


def _number(value: float | None, digits: int, interval: Interval | None = None) -> str:
    if value is None:
        return "–"
    ends = f" [{interval.low:.{digits}f}, {interval.high:.{digits}f}]" if interval else ""
    return f"{value:.{digits}f}{ends}"
