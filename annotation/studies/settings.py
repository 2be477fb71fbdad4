"""The settings of a study as text: parsed from `key=value`, shown and described.

`manage.py study` reads this list, and the reference page of the study settings shows it.
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
from annotation.models.study import Devices, GoalKind, Offering
from annotation.studies import lifecycle
from annotation.studies.completion_codes import Way, change_platform
from annotation.studies.lifecycle import NotPossible, choose_models
from annotation.studies.prompt_sets import change_study_owner
from annotation.studies.sharing import share

TRUE: Final = frozenset({"yes", "true", "on", "1"})
FALSE: Final = frozenset({"no", "false", "off", "0"})

LONG: Final = 60
"""Longer texts, in characters, are shown by their beginning."""


class InvalidValue(ValueError):
    """The text is not a value of its setting. The message says what was expected."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a study."""

    key: str
    expects: str
    """What a value looks like."""
    help: str
    read: Callable[[Study, str], Any]
    """Parses the text of a value; raises InvalidValue or NotPossible."""
    show: Callable[[Study], str]
    field: str = ""
    """The study's field, if its name is not the key."""

    @property
    def stored_as(self) -> str:
        return self.field or self.key


def _text(_study: Study, words: str) -> str:
    return words


def _whole(_study: Study, words: str) -> int:
    try:
        return int(words)
    except ValueError as error:
        raise InvalidValue(_("expected a whole number, not “%(words)s”") % {"words": words}) from error


def _whole_or_half(study: Study, words: str) -> int | None:
    return None if words in {"", "half"} else _whole(study, words)


def _whole_or_blank(study: Study, words: str) -> int | None:
    return None if words == "" else _whole(study, words)


def _number(_study: Study, words: str) -> float:
    try:
        number = float(words)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidValue(_("expected a number, not “%(words)s”") % {"words": words})
    return number


def _share(_study: Study, words: str) -> float:
    try:
        number = float(words.removesuffix("%"))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidValue(_("expected a share such as 0.6 or 60%%, not “%(words)s”") % {"words": words})
    return number / 100 if words.endswith("%") else number


def _truth(_study: Study, words: str) -> bool:
    if words.lower() in TRUE | FALSE:
        return words.lower() in TRUE
    raise InvalidValue(_("expected yes or no, not “%(words)s”") % {"words": words})


def _words(_study: Study, words: str) -> list[str]:
    """Splits at commas; a word that contains a comma is quoted, as in CSV."""
    return [word.strip() for row in csv.reader([words], skipinitialspace=True) for word in row if word.strip()]


def _mix(_study: Study, words: str) -> dict[str, float]:
    """Parses "uniform=20%, gap=0.8"; empty for the default shares."""
    found: dict[str, float] = {}
    for part in _words(_study, words):
        name, equals, share = part.partition("=")
        if not equals:
            raise InvalidValue(_("expected NAME=SHARE, not “%(words)s”") % {"words": part})
        found[name.strip()] = _share(_study, share.strip())
    return found


def _shown_mix(study: Study) -> str:
    return ", ".join(f"{name}={share:g}" for name, share in study.mix.items())


def _one_of(choices: Iterable[str]) -> Callable[[Study, str], str]:
    known = list(choices)

    def read(_study: Study, words: str) -> str:
        if words not in known:
            raise InvalidValue(
                _("expected one of %(known)s, not “%(words)s”") % {"known": ", ".join(known), "words": words}
            )
        return words

    return read


def _models(study: Study, words: str) -> Any:
    return choose_models(study, _words(study, words))


def _users(_study: Study, words: str) -> list[User]:
    names = _words(_study, words)
    users = {user.get_username(): user for user in User.objects.filter(username__in=names, is_active=True)}
    unknown = [name for name in names if name not in users]
    if unknown:
        raise InvalidValue(_("no account is named “%(name)s”") % {"name": ", ".join(unknown)})
    return [users[name] for name in names]


def _owner(study: Study, words: str) -> User | None:
    users = _users(study, words)
    if len(users) > 1:
        raise InvalidValue(_("a study can have only one owner"))
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


def _simple(key: str, expects: str, help_text: str, read: Callable[[Study, str], Any], field: str = "") -> Setting:
    return Setting(key, expects, help_text, read, _shown(field or key), field)


def _of_exit(outcome: Outcome, part: str) -> Callable[[Study], str]:
    def show(study: Study) -> str:
        exits = {exit_.outcome: exit_ for exit_ in study.exits.all()}
        return str(getattr(exits[outcome], part)) if outcome in exits else ""

    return show


TEXT, WORDS, WHOLE, SHARE, TRUTH = "text", "comma-separated words", "whole number", "0 to 1, or 60%", "yes or no"

_PLAIN: Final = [
    _simple("name", TEXT, "Name of the study.", _text),
    _simple(
        "language", "tag such as en or ja", "Language of the instruction and the question, as a BCP 47 tag.", _text
    ),
    _simple("consent", TEXT, "Markdown that workers agree to. Each change makes a new version.", _text),
    _simple("instruction", TEXT, "Markdown that tells workers what to do. Each change makes a new version.", _text),
    _simple(
        "worked_example",
        TEXT,
        "You can use Markdown. Leave blank to show a general example in the worker’s language.",
        _text,
    ),
    _simple("organiser", TEXT, "Who runs the study, shown with the consent.", _text),
    _simple("contact", TEXT, "An e-mail address or a web address for workers’ questions.", _text),
    _simple(
        "expected_minutes",
        "whole number, or blank",
        "How many minutes taking part takes, shown with the consent.",
        _whole_or_blank,
    ),
    _simple("question", TEXT, "Leave blank to ask “Which answer is better?” in the worker’s language.", _text),
    _simple(
        "scale",
        "three, two, five or eight",
        "three: left, tie, right. two: left, right. five: five levels. eight: 1 to 8.",
        _one_of(Study.ScaleName.values),
        "scale_name",
    ),
    _simple("reasons", WORDS, "Workers see them after choosing. Leave blank to skip this question.", _words),
    _simple("show_note", TRUTH, "Show the prompt’s note to workers.", _truth),
    _simple("show_reference", TRUTH, "Show the reference answer to workers.", _truth),
    _simple(
        "reasoning",
        ", ".join(Study.Reasoning.values),
        "Reasoning in the text of answers: shown, folded above the answer, or cut for workers and judges.",
        _one_of(Study.Reasoning.values),
    ),
    _simple("devices", ", ".join(Devices.values), "Devices that workers may use.", _one_of(Devices.values)),
    _simple("overlap", WHOLE, "Votes per pair.", _whole),
    _simple(
        "offering",
        ", ".join(Offering.values),
        "fixed: every pair gets the same number of votes. adaptive: pairs are drawn while votes come in.",
        _one_of(Offering.values),
    ),
    Setting(
        "mix",
        "NAME=SHARE, ..., or blank",
        "Shares of the strategies of an adaptive study, such as uniform=20%, gap=80%. Leave blank for the default.",
        _mix,
        _shown_mix,
    ),
    _simple("floor", WHOLE, "Pairs of each model that an adaptive study first draws at random.", _whole),
    _simple("draw_seed", WHOLE, "Seed of an adaptive study’s draws.", _whole),
    _simple("pair_identical", TRUTH, "Make pairs of two models’ answers that are the same.", _truth),
    _simple("least_votes", WHOLE, "Minimum votes for completion.", _whole),
    _simple("most_votes", WHOLE, "Maximum votes per worker.", _whole),
    _simple("reservation_minutes", WHOLE, "Minutes a pair stays reserved and a vote can be undone.", _whole),
    _simple("only_types", WORDS, "Offer only prompts of these types. Leave blank for all.", _words),
    _simple("only_slugs", WORDS, "Offer only prompts with these slugs. Leave blank for all.", _words),
    _simple("exclude_types", WORDS, "Do not offer prompts of these types.", _words),
    _simple("exclude_slugs", WORDS, "Do not offer prompts with these slugs.", _words),
    Setting(
        "language_models",
        "comma-separated names",
        "Models to compare. Leave blank for every model in the prompt set.",
        _models,
        lambda study: _joined(study.language_models.values_list("name", flat=True)),
    ),
    Setting(
        "training_size",
        "whole number, or half",
        "Training pairs per attempt. half: half of the training pairs. 0: no training.",
        _whole_or_half,
        lambda study: "half" if study.training_size is None else str(study.training_size),
    ),
    _simple("training_pass", SHARE, "Share of right answers needed to pass training.", _share),
    _simple("training_attempts", WHOLE, "Maximum training attempts.", _whole),
    _simple("check_rate", SHARE, "Share of check pairs among the pairs handed out (maximum 0.5).", _share),
    _simple("check_least", WHOLE, "Checks answered before the pass mark applies.", _whole),
    _simple(
        "check_pass",
        SHARE,
        "Pass mark for checks. Workers below it are removed and their votes are not counted.",
        _share,
    ),
    _simple("fast_seconds", "number", "Seconds below which a vote or check is flagged as too fast. 0: none.", _number),
    _simple(
        "goal",
        "top, ranks, budget, or blank",
        "top: separate the top K models from all others. ranks: know every rank to within R. budget: collect N votes.",
        _one_of(GoalKind.values),
    ),
    _simple("goal_number", "whole number, or blank", "K, R or N of the goal.", _whole_or_blank),
    _simple("goal_pauses", TRUTH, "Pause the study when it reaches its goal. no: only say so.", _truth),
    _simple("id_parameter", TEXT, "The join link’s parameter that contains the participant ID.", _text),
    _simple("id_required", TRUTH, "Only accept links that contain a participant ID.", _truth),
    _simple("id_signed", TRUTH, "Only accept participant IDs signed with this study’s key or by the platform.", _truth),
    _simple("id_keys", "JWKS or PEM", "Public keys of a platform that signs its links. Blank: none.", _text),
    _simple("platform_study", TEXT, "The platform’s ID of this study. Signed links for others are refused.", _text),
    _simple(
        "erase_after_days",
        "whole number, or blank",
        "Days after closing when people’s IDs, devices and texts are erased. Votes are kept. Blank: never.",
        _whole_or_blank,
    ),
    _simple("public", TRUTH, "Make results public.", _truth),
]

_PEOPLE: Final = [
    Setting(
        "owner",
        "account name",
        "Owner of the study. Without one, only colleagues and superusers can manage it.",
        _owner,
        lambda study: study.owner.get_username() if study.owner else "",
    ),
    Setting(
        "colleagues",
        "comma-separated account names",
        "Other accounts that can view and change the study.",
        _users,
        lambda study: _joined(study.colleagues.order_by("username").values_list("username", flat=True)),
    ),
]


def _exit_settings(outcome: Outcome) -> Iterator[Setting]:
    label = outcome.replace("-", " ")
    yield Setting(
        f"code.{outcome}", TEXT, f"Completion code for the outcome “{label}”.", _text, _of_exit(outcome, "code")
    )
    yield Setting(
        f"link.{outcome}", "URL", "Return link for this outcome. Leave blank for none.", _text, _of_exit(outcome, "url")
    )


_EXITS: Final = [setting for outcome in Outcome for setting in _exit_settings(outcome)]

SETTINGS: Final[dict[str, Setting]] = {setting.key: setting for setting in (*_PLAIN, *_PEOPLE, *_EXITS)}

TEXTS: Final = frozenset({"consent", "instruction", "worked_example", "id_keys"})
"""The settings whose value has several lines and can be read from a file."""


@transaction.atomic
def apply(study: Study, words: Mapping[str, str]) -> Study:
    """Applies the settings in `words`, all or none of them.

    Raises:
        NotPossible: a key or a value is not valid, or the study is hidden; the message says what is.
    """
    lifecycle.check_shown(study)
    values = _read(study, words)
    changes = {SETTINGS[key].stored_as: value for key, value in values.items() if SETTINGS[key] in _PLAIN}
    try:
        study = change_platform(study, changes, _ways(study, values))
    except ValidationError as error:
        raise NotPossible("\n".join(_said(error))) from error
    if "owner" in values:
        change_study_owner(study, values["owner"])
    if "colleagues" in values:
        share(study, values["colleagues"])
    return study


def warning_of(study: Study, words: Mapping[str, str]) -> str:
    """Returns what the settings in `words` mean for votes that the study has; empty if nothing.

    Raises:
        NotPossible: a key or a value is not valid.
    """
    values = _read(study, words)
    return lifecycle.warning_of(
        study, {SETTINGS[key].stored_as: value for key, value in values.items() if SETTINGS[key] in _PLAIN}
    )


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
        except InvalidValue as wrong:
            raise NotPossible(f"{key}: {wrong}.") from wrong
    return values


def _ways(study: Study, values: Mapping[str, Any]) -> dict[Outcome, Way]:
    """Returns the exits that change; a code or link that `values` leaves out keeps its value."""
    exits: dict[str, Exit] = {exit_.outcome: exit_ for exit_ in study.exits.all()}
    ways = {}
    for outcome in Outcome:
        code, link = f"code.{outcome}", f"link.{outcome}"
        if code in values or link in values:
            there = exits.get(outcome) or Exit(code="", url="")
            ways[outcome] = Way(values.get(code, there.code), values.get(link, there.url))
    return ways


def _said(error: ValidationError) -> list[str]:
    """Returns the messages of `error`, each after the key of its setting."""
    if not hasattr(error, "error_dict"):
        return list(error.messages)
    keys = {setting.stored_as: key for key, setting in SETTINGS.items()} | {"url": "link"}
    return [
        f"{keys.get(field, field)}: {message}" for field, messages in error.message_dict.items() for message in messages
    ]


def shown(study: Study) -> list[tuple[str, str]]:
    """Returns every setting with its value as `apply` reads it; long texts are cut."""
    return [(key, _brief(setting.show(study))) for key, setting in SETTINGS.items()]


def _brief(text: str) -> str:
    lines = text.splitlines() or [""]
    if len(lines) == 1 and len(text) <= LONG:
        return text
    return _("%(beginning)s … (%(number)d characters)") % {"beginning": lines[0][:LONG].rstrip(), "number": len(text)}
