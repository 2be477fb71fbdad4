"""The settings of a study as words: read from `key=value`, shown, described.

`manage.py study` speaks of them, docs/reference/study-settings.md lists them; this is the one list of both.
"""

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Exit, Outcome, Study
from annotation.models.study import Devices
from annotation.studies.completion_codes import Way, change_platform
from annotation.studies.lifecycle import NotPossible, choose_models
from annotation.studies.sharing import share

TRUE: Final = frozenset({"yes", "true", "on", "1"})
FALSE: Final = frozenset({"no", "false", "off", "0"})

LONG: Final = 60
"""Characters from which on a text is shown by its beginning."""


class Wrong(ValueError):
    """The words of a value are none of its setting's; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a study."""

    key: str
    expects: str
    """What a value looks like."""
    says: str
    read: Callable[[Study, str], Any]
    """The value in words; raises Wrong, or NotPossible."""
    show: Callable[[Study], str]
    field: str = ""
    """The study's field, where it has another name."""

    @property
    def stored_as(self) -> str:
        return self.field or self.key


def _text(_study: Study, words: str) -> str:
    return words


def _whole(_study: Study, words: str) -> int:
    try:
        return int(words)
    except ValueError as error:
        raise Wrong(_("expected a whole number, not “%(words)s”") % {"words": words}) from error


def _whole_or_half(study: Study, words: str) -> int | None:
    return None if words in {"", "half"} else _whole(study, words)


def _share(_study: Study, words: str) -> float:
    try:
        number = float(words.removesuffix("%"))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Wrong(_("expected a share such as 0.6 or 60%%, not “%(words)s”") % {"words": words})
    return number / 100 if words.endswith("%") else number


def _truth(_study: Study, words: str) -> bool:
    if words.lower() in TRUE | FALSE:
        return words.lower() in TRUE
    raise Wrong(_("expected yes or no, not “%(words)s”") % {"words": words})


def _words(_study: Study, words: str) -> list[str]:
    """Separated by commas; one that holds a comma is put in quotes, as in CSV."""
    return [word.strip() for row in csv.reader([words], skipinitialspace=True) for word in row if word.strip()]


def _one_of(choices: Iterable[str]) -> Callable[[Study, str], str]:
    known = list(choices)

    def read(_study: Study, words: str) -> str:
        if words not in known:
            raise Wrong(_("expected one of %(known)s, not “%(words)s”") % {"known": ", ".join(known), "words": words})
        return words

    return read


def _models(study: Study, words: str) -> Any:
    return choose_models(study, _words(study, words))


def _users(_study: Study, words: str) -> list[User]:
    names = _words(_study, words)
    users = {user.get_username(): user for user in User.objects.filter(username__in=names, is_active=True)}
    unknown = [name for name in names if name not in users]
    if unknown:
        raise Wrong(_("no account is named “%(name)s”") % {"name": ", ".join(unknown)})
    return [users[name] for name in names]


def _owner(study: Study, words: str) -> User | None:
    users = _users(study, words)
    if len(users) > 1:
        raise Wrong(_("a study can have only one owner"))
    return users[0] if users else None


def _joined(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' if "," in word else word for word in words)


def _shown(field: str) -> Callable[[Study], str]:
    def show(study: Study) -> str:
        value = getattr(study, field)
        match value:
            case bool():
                return "yes" if value else "no"
            case list():
                return _joined(value)
            case None:
                return ""
            case _:
                return str(value)

    return show


def _simple(key: str, expects: str, says: str, read: Callable[[Study, str], Any], field: str = "") -> Setting:
    return Setting(key, expects, says, read, _shown(field or key), field)


def _of_exit(outcome: Outcome, part: str) -> Callable[[Study], str]:
    def show(study: Study) -> str:
        exits = {exit_.outcome: exit_ for exit_ in study.exits.all()}
        return str(getattr(exits[outcome], part)) if outcome in exits else ""

    return show


TEXT, WORDS, WHOLE, SHARE, TRUTH = "text", "words, separated by commas", "a whole number", "0 to 1, or 60%", "yes or no"

_PLAIN: Final = [
    _simple("name", TEXT, "What the study is called.", _text),
    _simple("language", "a tag such as en or ja", "Of the instruction and the question.", _text),
    _simple("consent", TEXT, "Markdown that people agree to; a change is a new version.", _text),
    _simple("instruction", TEXT, "Markdown that tells people what to do; a change is a new version.", _text),
    _simple(
        "worked_example",
        TEXT,
        "You can use Markdown. Leave blank to show a general example in the worker’s language.",
        _text,
    ),
    _simple("question", TEXT, "Leave blank to ask “Which answer is better?” in the worker’s language.", _text),
    _simple(
        "scale",
        "three, two, five or eight",
        "Left, tie, right; without a tie; five levels; 1 to 8.",
        _one_of(Study.ScaleName.values),
        "scale_name",
    ),
    _simple("reasons", WORDS, "Workers see them after choosing. Leave blank to skip this question.", _words),
    _simple("show_note", TRUTH, "Show the prompt's note.", _truth),
    _simple("show_reference", TRUTH, "Show the reference answer.", _truth),
    _simple("devices", ", ".join(Devices.values), "Which devices are let in.", _one_of(Devices.values)),
    _simple("overlap", WHOLE, "Votes per pair.", _whole),
    _simple("least_votes", WHOLE, "Votes a worker must give for the code.", _whole),
    _simple("most_votes", WHOLE, "Votes a worker may give.", _whole),
    _simple("reservation_minutes", WHOLE, "Minutes a pair stays reserved, and a vote can be taken back.", _whole),
    _simple("only_types", WORDS, "Offer only prompts of these types; empty: of all.", _words),
    _simple("only_slugs", WORDS, "Offer only prompts with these slugs; empty: with any.", _words),
    _simple("exclude_types", WORDS, "Offer no prompt of these types.", _words),
    _simple("exclude_slugs", WORDS, "Offer no prompt with these slugs.", _words),
    Setting(
        "language_models",
        "names, separated by commas",
        "The models compared; empty: every model of the prompt set.",
        _models,
        lambda study: _joined(study.language_models.values_list("name", flat=True)),
    ),
    Setting(
        "training_size",
        "a whole number, or half",
        "Training pairs an attempt draws; half: of those there are; 0: no training.",
        _whole_or_half,
        lambda study: "half" if study.training_size is None else str(study.training_size),
    ),
    _simple("training_pass", SHARE, "Share of right answers that passes the training.", _share),
    _simple("training_attempts", WHOLE, "Attempts at the training.", _whole),
    _simple("check_rate", SHARE, "Share of check pairs among those handed out, 0.5 at most.", _share),
    _simple("check_least", WHOLE, "Checks answered before a verdict on them.", _whole),
    _simple("check_pass", SHARE, "Share of right checks below which a worker leaves.", _share),
    _simple("id_parameter", TEXT, "The join link’s parameter that contains the participant ID.", _text),
    _simple("id_required", TRUTH, "Admit nobody whose link does not say who they are.", _truth),
    _simple("public", TRUTH, "Anybody may read the results.", _truth),
]

_PEOPLE: Final = [
    Setting(
        "owner",
        "an account's name",
        "Whose study it is; empty: nobody's but the superusers'.",
        _owner,
        lambda study: study.owner.get_username() if study.owner else "",
    ),
    Setting(
        "colleagues",
        "names of accounts, separated by commas",
        "Who else may see and change it.",
        _users,
        lambda study: _joined(study.colleagues.order_by("username").values_list("username", flat=True)),
    ),
]


def _exit_settings(outcome: Outcome) -> Iterator[Setting]:
    leaving = outcome.replace("-", " ")
    yield Setting(f"code.{outcome}", TEXT, f"The code of who leaves so: {leaving}.", _text, _of_exit(outcome, "code"))
    yield Setting(
        f"link.{outcome}", "an address", "Where they go with it; empty: nowhere.", _text, _of_exit(outcome, "url")
    )


_EXITS: Final = [setting for outcome in Outcome for setting in _exit_settings(outcome)]

SETTINGS: Final[dict[str, Setting]] = {setting.key: setting for setting in (*_PLAIN, *_PEOPLE, *_EXITS)}

TEXTS: Final = frozenset({"consent", "instruction", "worked_example"})
"""The settings that are Markdown of several lines."""


@transaction.atomic
def apply(study: Study, words: Mapping[str, str]) -> Study:
    """Sets what `words` say, all or none.

    Raises:
        NotPossible: a key or a value is not known; the message says what is.
    """
    values = _read(study, words)
    changes = {SETTINGS[key].stored_as: value for key, value in values.items() if SETTINGS[key] in _PLAIN}
    try:
        study = change_platform(study, changes, _ways(study, values))
    except ValidationError as error:
        raise NotPossible("\n".join(_said(error))) from error
    if "owner" in values:
        study.owner = values["owner"]
        study.save(update_fields=["owner"])
    if "colleagues" in values:
        share(study, values["colleagues"])
    return study


def _read(study: Study, words: Mapping[str, str]) -> dict[str, Any]:
    values = {}
    for key, value in words.items():
        if key not in SETTINGS:
            raise NotPossible(
                _("No setting is named “%(key)s”. Available settings:\n%(known)s")
                % {"key": key, "known": "\n".join(f"  {known}" for known in SETTINGS)}
            )
        try:
            values[key] = SETTINGS[key].read(study, value)
        except Wrong as wrong:
            raise NotPossible(f"{key}: {wrong}.") from wrong
    return values


def _ways(study: Study, values: Mapping[str, Any]) -> dict[Outcome, Way]:
    """The exits that change: the code or the link that `values` leave out stays."""
    exits: dict[str, Exit] = {exit_.outcome: exit_ for exit_ in study.exits.all()}
    ways = {}
    for outcome in Outcome:
        code, link = f"code.{outcome}", f"link.{outcome}"
        if code in values or link in values:
            there = exits.get(outcome) or Exit(code="", url="")
            ways[outcome] = Way(values.get(code, there.code), values.get(link, there.url))
    return ways


def _said(error: ValidationError) -> list[str]:
    """What is wrong, each with the key it was set by."""
    if not hasattr(error, "error_dict"):
        return list(error.messages)
    keys = {setting.stored_as: key for key, setting in SETTINGS.items()} | {"url": "link"}
    return [
        f"{keys.get(field, field)}: {message}" for field, messages in error.message_dict.items() for message in messages
    ]


def shown(study: Study) -> list[tuple[str, str]]:
    """Every setting with its value as `apply` reads it, but that long texts are shown by their beginning."""
    return [(key, _brief(setting.show(study))) for key, setting in SETTINGS.items()]


def _brief(text: str) -> str:
    lines = text.splitlines() or [""]
    if len(lines) == 1 and len(text) <= LONG:
        return text
    return _("%(beginning)s … (%(number)d characters)") % {"beginning": lines[0][:LONG].rstrip(), "number": len(text)}
