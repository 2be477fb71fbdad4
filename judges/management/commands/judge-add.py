# ruff: noqa: N999  commands with a hyphen are found by their file's name
"""`manage.py judge-add NAME`: adds a judge, or a new version of it if its settings differ."""

from argparse import ArgumentParser, BooleanOptionalAction
from pathlib import Path
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from annotation.studies.lifecycle import NotPossible
from judges import problems
from judges.judging import judges, lookup
from judges.management.endpoints import add_extras, settings_given
from judges.management.numbers import LEFT_OUT, finite, money, or_none, whole
from judges.models import Judge, JudgeVersion, Orders, Template
from judges.models.work import TokenLimit
from judges.prompting import fastchat, templates
from judges.prompting.builtin import from_instruction
from judges.prompting.readers import READERS

UNPRICED: Final = "No price is set, so calls do not count towards the budget. Set --price-in and --price-out."


class Command(BaseCommand):
    """Adds a judge or a new version of one."""

    help = "Adds a judge. If the judge exists, the given settings become a new version of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="Name of the judge on leaderboards and in files.")
        parser.add_argument(
            "--endpoint", help="For example https://api.example.com/v1, or the address that mock-llm prints."
        )
        parser.add_argument("--model", help="Name of the model at the endpoint.")
        parser.add_argument(
            "--key", dest="key_source", help="API key: the environment variable NAME_API_KEY, or file:NAME."
        )
        parser.add_argument("--reader", choices=sorted(READERS), help="How replies are read; default: bracketed.")
        parser.add_argument("--templates", help="Template set: NAME or NAME:VERSION; default: the set for the reader.")
        parser.add_argument(
            "--templates-file",
            type=Path,
            help="Your own template set as TOML, or FastChat's judge_prompts.jsonl; stored under the judge's name.",
        )
        parser.add_argument(
            "--instruction",
            type=Path,
            help="Plain text with $text, $result_x and $result_y; the first line is the system message.",
        )
        parser.add_argument("--orders", choices=Orders.values)
        parser.add_argument("--each-turn", action="store_true", default=None)
        parser.add_argument("--samples", type=int)
        parser.add_argument(
            "--temperature", type=or_none(finite), default=LEFT_OUT, metavar="T", help="Default: 0; none sends none."
        )
        parser.add_argument(
            "--top-p", type=or_none(finite), default=LEFT_OUT, metavar="P", help="Default: none, which sends none."
        )
        parser.add_argument("--max-tokens", type=int)
        parser.add_argument(
            "--token-limit",
            choices=["automatic", *TokenLimit.values],
            help="Name of the token limit in requests; automatic finds it out. Changing it makes no new version.",
        )
        parser.add_argument("--reasoning-effort", help='Such as low, medium or high; "" sends none.')
        add_extras(parser)
        parser.add_argument("--seed", type=or_none(whole), default=LEFT_OUT, help="Default: none, which sends none.")
        parser.add_argument("--structured", action="store_true", default=None, help="Send the JSON schema.")
        parser.add_argument(
            "--longest-answer", type=int, help="Maximum characters shown of an answer; longer answers are shortened."
        )
        parser.add_argument("--timeout", type=finite, help="Seconds.")
        parser.add_argument("--parallel", type=int, help="Maximum concurrent requests.")
        parser.add_argument("--requests-per-minute", type=int)
        parser.add_argument("--tokens-per-minute", type=int)
        parser.add_argument("--price-in", type=money, help="US dollars per million input tokens.")
        parser.add_argument("--price-out", type=money, help="US dollars per million output tokens.")
        parser.add_argument(
            "--price-cached", type=money, help="US dollars per million cached input tokens; default: the input price."
        )
        parser.add_argument("--batch-percent", type=int, help="Price of replies from batch files, in %% of the prices.")
        parser.add_argument(
            "--reported-cost",
            action=BooleanOptionalAction,
            help="Use the endpoint's own cost (usage.cost), which is in US dollars.",
        )
        parser.add_argument(
            "--ignore-returned-model",
            action=BooleanOptionalAction,
            help="Do not create a version for each new model name that the endpoint returns.",
        )
        parser.add_argument(
            "--everyone",
            action=BooleanOptionalAction,
            help="Anyone with access to a study may use the judge and spend its budget; the default for a new judge.",
        )
        parser.add_argument(
            "--share", nargs="+", metavar="USER", help="Users who may use the judge; replaces the users named before."
        )
        parser.add_argument("--budget", type=money, help="Total budget in US dollars, across all studies.")

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["name"]
        given = settings_given(options, JudgeVersion.SETTINGS)
        judge = Judge.objects.filter(name=name).first()
        users = self._users(options["share"])
        try:
            template = self._template(judge, name, given.get("reader"), options)
            if template is not None:
                given["template"] = template
            if judge is None:
                given.setdefault("reader", "bracketed")
                if missing := [f"--{key}" for key in ("endpoint", "model") if key not in given]:
                    raise CommandError(f"A new judge needs {' and '.join(missing)}.")
                budget = judges.in_nanos(options["budget"])
                judge = judges.add_judge(name, given, budget=budget, everyone=options["everyone"])
                version = judge.current
            else:
                version = judges.change_judge(judge, given)
                if options["budget"] is not None:
                    judges.set_budget(judge, judges.in_nanos(options["budget"]))
            if options["everyone"] is not None or users is not None:
                everyone = judge.everyone if options["everyone"] is None else options["everyone"]
                judges.share(judge, judge.users.all() if users is None else users, everyone=everyone)
        except NotPossible as refusal:
            raise CommandError(str(refusal)) from None
        except ValidationError as error:
            raise CommandError(lookup.faults(error)) from None
        except templates.BadTemplate as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"{judge.name}, version {version.number}: {version.model} at {version.endpoint}, "
            f"templates {version.template}, reader {version.reader}, orders {version.orders}."
        )
        if given.get("endpoint", version.endpoint) != version.endpoint:
            self.stderr.write(str(problems.ENDPOINT_SHORTENED(endpoint=version.endpoint)))
        if judge.budget is not None and not version.priced:
            self.stderr.write(UNPRICED)

    def _users(self, names: list[str] | None) -> list[User] | None:
        """Returns the users with these names, before anything is stored; None if none were given."""
        if names is None:
            return None
        users = list(User.objects.filter(username__in=names))
        if missing := set(names) - {user.username for user in users}:
            raise CommandError(f"No user is named “{min(missing)}”.")
        return users

    def _template(self, judge: Judge | None, name: str, reader: str | None, options: dict[str, Any]) -> Template | None:
        """Returns the requested template set, or None if the judge keeps its current one."""
        file: Path | None = options["templates_file"] or options["instruction"]
        if file is not None:
            try:
                text = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as problem:
                raise CommandError(f"Cannot read {file}: {problem}") from None
            if options["instruction"] and not options["templates_file"]:
                return judges.keep_templates(name, from_instruction(text))
            wanted = reader or (judge.current.reader if judge else "bracketed")
            return judges.keep_templates(name, _templates_in(file, text, wanted))
        if options["templates"] or reader or judge is None:
            return lookup.templates_named(options["templates"] or "", reader or "bracketed")
        return None


def _templates_in(file: Path, text: str, reader: str) -> templates.TemplateSet:
    """Returns the template set in `file`; of FastChat's prompts, those that ask for what `reader` reads.

    Raises:
        BadTemplate: the file is invalid.
        CommandError: it has no prompts for this reader.
    """
    if file.suffix.lower() not in {".jsonl", ".json"}:
        return templates.from_toml(text)
    wanted = "grades" if READERS[reader].gives == "score" else "scores" if reader == "scores" else "pairs"
    found = fastchat.from_jsonl(text)
    if wanted not in found:
        raise CommandError(f"{file} has no prompts for reader {reader}. It has prompts for: {', '.join(found)}.")
    return found[wanted]
