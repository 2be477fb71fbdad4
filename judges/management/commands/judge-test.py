# ruff: noqa: N999  commands with a hyphen are found by their file's name
"""`manage.py judge-test NAME`: tests the connection to a judge with one small request."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.studies.lifecycle import NotPossible
from judges.judging import connection_test, judges, lookup, questions
from judges.models import Judge, dollars


class Command(BaseCommand):
    """Sends one request to a judge's endpoint and prints what came back."""

    help = "Tests the connection to a judge: one small request within its budget, at most 10 a minute."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="Name of a judge (see judge-add).")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            judge = lookup.judge_named(options["name"])
            version = judge.current
            body = questions.request(version, connection_test.MESSAGES)
            purse = Judge.objects.filter(pk=judge.pk)
            found = connection_test.try_out(version, body, "command-line", purse=purse, budget=None)
        except NotPossible as refusal:
            raise CommandError(str(refusal)) from None
        perhaps = f" The request may have cost up to {dollars(found.perhaps)}." if found.perhaps else ""
        if found.problem:
            status = f"HTTP {found.status}: " if found.status else ""
            raise CommandError(f"{status}{found.problem}{perhaps}")
        self.stdout.write(f"{found.model or version.model} at {version.endpoint} replied: {found.text[:300] or '–'}")
        self.stdout.write(
            f"{found.seconds:.2f} s, {found.tokens_in:,} tokens in, {found.tokens_out:,} out, {dollars(found.cost)}."
        )
        if found.limit:
            judges.change_judge(judge, {"token_limit": found.limit})
            self.stdout.write(f"The endpoint takes the token limit as {found.limit} only.")
