"""Prompts for judges: template sets, and safe substitution of prompts and answers into them.

The judged texts are untrusted. Substitution is a single pass over the template, so that nothing in an answer is
interpreted as template syntax. Text that could be mistaken for part of the frame is broken by a space after its first
character, where people and models can still read it:

- verdicts in the format of the judge's reader, so that a quoted verdict is not read as one;
- lines that repeat a delimiter of the template, which is the line before or after a placeholder;
- control tokens of chat formats, such as `<|im_end|>`.

Control characters, bidirectional overrides and invisible tag characters become U+FFFD. `$fence` is a word that no
answer can contain, because it is derived from the hash of the answers.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from annotation.interchange.llmfao import has_reference
from annotation.problems import gettext_noop

type Kind = Literal["pair", "single"]
type Role = Literal["system", "user", "assistant"]

PLACES: Final[Mapping[str, frozenset[str]]] = {
    "pair": frozenset({"answer_a", "answer_b", "conversation_a", "conversation_b", "result_x", "result_y"}),
    "single": frozenset({"answer", "conversation"}),
}
"""Placeholders of answers by kind of set; `result_x` and `result_y` are LLMFAO's original names for A and B."""

SHARED_PLACES: Final = frozenset(
    {"prompt", "text", "first_prompt", "reference", "references", "category", "language", "question", "fence"}
)
LAYOUTS: Final = ("conversation", "references")
LAYOUT_PLACES: Final = frozenset({"prompt", "answer", "speaker", "turn", "fence"})
"""Placeholders of a layout, which says how one turn of a conversation is written."""
SPEAKERS: Final = ("Assistant A", "Assistant B", "Assistant", "Reference answer")
TRUSTED: Final = frozenset({"language", "fence"})
"""Placeholders filled by the program, not with texts of prompts or answers."""

_PLACE: Final = re.compile(r"\$(?:(\$)|([a-z_][a-z0-9_]*)|\{([a-z_][a-z0-9_]*)\})")
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_CHAT_TOKEN: Final = re.compile(
    r"<(?=\|[^|<>\s]{1,40}\|>|\uff5c[^\uff5c<>]{1,40}\uff5c>|<?/?SYS>|/?s>|/?(?:start_of_turn|end_of_turn|bos|eos)>)|\[(?=/?INST\])",
    re.IGNORECASE,
)
LONGEST_TEMPLATE: Final = 100_000
LONGEST_ANSWER: Final = 30_000
"""Default maximum characters of a text shown to a judge."""


class BadTemplate(ValueError):
    """A template or a set is invalid; `reason` is the English message with %(name)s placeholders for `values`."""

    def __init__(self, reason: str, **values: str) -> None:
        super().__init__(reason % values)
        self.reason = reason
        self.values = values


@dataclass(frozen=True, slots=True)
class Part:
    """One template of a set, and the conditions for its use.

    `categories`: only prompts of these types; `turns`: only if one turn, or several, are judged; `language`: only
    prompts in this language. A part that shows a reference is only used if the judged turn has one.
    """

    user: str
    system: str = ""
    categories: tuple[str, ...] = ()
    turns: Literal["", "one", "several"] = ""
    language: str = ""

    def places(self) -> frozenset[str]:
        return frozenset(_places(self.system)) | frozenset(_places(self.user))

    @property
    def shows_reference(self) -> bool:
        return bool({"reference", "references"} & self.places())


@dataclass(frozen=True, slots=True)
class TemplateSet:
    """Templates of one kind. `rules` are sentences shared by parts as `$rule_NAME`, by language.

    `rules[""]` applies to languages without their own rules. `layout` says how each turn is written in `conversation`
    placeholders and in `references`; without it, turns are separated by lines with `$fence`.
    """

    kind: Kind
    parts: tuple[Part, ...]
    rules: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    layout: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        # Sets without a layout keep the hash that they had before there were any.
        return ({"layout": dict(self.layout)} if self.layout else {}) | {
            "kind": self.kind,
            "rules": {language: dict(rules) for language, rules in self.rules.items()},
            "parts": [
                {
                    "user": part.user,
                    "system": part.system,
                    "categories": list(part.categories),
                    "turns": part.turns,
                    "language": part.language,
                }
                for part in self.parts
            ],
        }

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: user turns, and as many answers per side; one side if a single answer is graded.

    `turn` is 0 for the whole conversation, otherwise the judged turn, from 1; later turns are not shown.
    """

    prompts: Sequence[str]
    answers: Sequence[Sequence[str]]
    references: Sequence[str] = ()
    turn: int = 0
    category: str = ""
    language: str = ""
    question: str = ""

    @property
    def shown(self) -> int:
        """Number of turns shown to the judge."""
        turns = min(len(self.prompts), *(len(side) for side in self.answers))
        return min(self.turn, turns) if self.turn else turns


@dataclass(frozen=True, slots=True)
class Filled:
    """The messages to send; `cut` is true if a text exceeded the maximum length and was shortened."""

    messages: tuple[Mapping[str, str], ...]
    part: int
    cut: bool


def _places(text: str) -> Iterator[str]:
    for match in _PLACE.finditer(text):
        if not match[1]:
            yield match[2] or match[3]


def check(templates: TemplateSet) -> None:
    """Checks that a set can be used.

    Raises:
        BadTemplate: a placeholder is unknown, the answers are not shown, or no part applies to every prompt.
    """
    if not templates.parts:
        raise BadTemplate(gettext_noop("A template set needs at least one part."))
    size = sum(len(part.user) + len(part.system) for part in templates.parts)
    size += sum(map(len, templates.layout.values()))
    if size + sum(len(text) for rules in templates.rules.values() for text in rules.values()) > LONGEST_TEMPLATE:
        raise BadTemplate(
            gettext_noop("The template set is longer than %(limit)s characters."), limit=str(LONGEST_TEMPLATE)
        )
    if any("\0" in text for text in _texts(templates)):
        # PostgreSQL cannot store it.
        raise BadTemplate(gettext_noop("The template set contains a NUL character."))
    _check_layout(templates)
    known = PLACES[templates.kind] | SHARED_PLACES
    for rules in templates.rules.values():
        for text in rules.values():
            for place in _places(text):
                if place not in SHARED_PLACES:
                    raise BadTemplate(gettext_noop("$%(place)s cannot be used in a rule."), place=place)
    for number, part in enumerate(templates.parts, 1):
        for place in part.places():
            rule = place.removeprefix("rule_")
            if rule != place:
                if rule not in templates.rules.get("", {}):
                    raise BadTemplate(
                        gettext_noop("Part %(part)s: no rule is named “%(rule)s”."), part=str(number), rule=rule
                    )
            elif place not in known:
                raise BadTemplate(
                    gettext_noop("Part %(part)s: $%(place)s is not a placeholder. Use one of %(known)s."),
                    part=str(number),
                    place=place,
                    known=", ".join(f"${name}" for name in sorted(known)),
                )
        _check_answers(templates.kind, number, set(_places(part.user)))
    if not any(_is_general(part) for part in templates.parts):
        raise BadTemplate(
            gettext_noop(
                "At least one part must apply to every prompt: no categories, language or turns, and no reference "
                "answer."
            )
        )


def _check_layout(templates: TemplateSet) -> None:
    for name, text in templates.layout.items():
        if name not in LAYOUTS:
            raise BadTemplate(gettext_noop("Unknown key in the layout: %(key)s."), key=name)
        places = set(_places(text))
        if unknown := places - LAYOUT_PLACES:
            raise BadTemplate(gettext_noop("$%(place)s cannot be used in a layout."), place=min(unknown))
        if not {"prompt", "answer"} <= places:
            raise BadTemplate(gettext_noop("A layout needs $prompt and $answer."))


def _texts(templates: TemplateSet) -> Iterator[str]:
    """Yields every text in a set."""
    yield from templates.layout.values()
    for part in templates.parts:
        yield from (part.user, part.system, part.language, *part.categories)
    for language, rules in templates.rules.items():
        yield from (language, *rules, *rules.values())


def _check_answers(kind: Kind, number: int, places: set[str]) -> None:
    if kind == "single":
        complete = bool(places & PLACES["single"])
    else:
        complete = all(
            places & {f"answer_{side}", f"conversation_{side}", f"result_{old}"}
            for side, old in (("a", "x"), ("b", "y"))
        )
    if not complete:
        reason = (
            gettext_noop("Part %(part)s does not show the answer. Add $answer or $conversation.")
            if kind == "single"
            else gettext_noop("Part %(part)s does not show both answers. Add $answer_a and $answer_b.")
        )
        raise BadTemplate(reason, part=str(number))


def _is_general(part: Part) -> bool:
    return not (part.categories or part.turns or part.language or part.shows_reference)


def choose(templates: TemplateSet, subject: Subject) -> int:
    """Returns the index of the part for `subject`: the first of the most specific parts that apply."""

    def rank(part: Part) -> tuple[bool, bool, bool, bool] | None:
        several = subject.shown > 1
        if part.categories and subject.category not in part.categories:
            return None
        if part.turns and (part.turns == "several") != several:
            return None
        if part.language and not _speaks(subject.language, part.language):
            return None
        if part.shows_reference and not has_reference(subject.references, subject.shown):
            return None
        return (bool(part.categories), bool(part.turns), bool(part.language), part.shows_reference)

    ranked = [(fit, -index) for index, part in enumerate(templates.parts) if (fit := rank(part)) is not None]
    return -max(ranked)[1]


def _speaks(tag: str, language: str) -> bool:
    return tag.lower() == language.lower() or tag.lower().startswith(language.lower() + "-")


def fill(
    templates: TemplateSet,
    subject: Subject,
    markers: str | None = None,
    longest: int = LONGEST_ANSWER,
) -> Filled:
    """Builds the messages that ask a judge about `subject`.

    `markers` matches the first character of what the judge's reader would read as a verdict.
    """
    index = choose(templates, subject)
    part = templates.parts[index]
    rules = {**templates.rules.get("", {}), **_rules_of(templates, subject.language)}
    system, user = (_with_rules(text, rules, subject) for text in (part.system, part.user))
    delimiters = _delimiters(system) | _delimiters(user) | _layout_lines(templates.layout, subject.shown)
    fence = _fence(subject)
    texts = [*subject.prompts, *subject.references, *(text for side in subject.answers for text in side)]
    cut = any(len(text) > longest for text in texts)

    def safe(text: str) -> str:
        return neutralise(shorten(text, longest), markers, delimiters)

    values = _values(subject, safe, fence, templates.layout)
    roles: tuple[tuple[Role, str], ...] = (("system", system), ("user", user))
    messages = tuple({"role": role, "content": _fill(text, values)} for role, text in roles if text.strip())
    return Filled(messages, index, cut)


def _rules_of(templates: TemplateSet, language: str) -> Mapping[str, str]:
    return next((rules for tag, rules in templates.rules.items() if tag and _speaks(language, tag)), {})


def _with_rules(text: str, rules: Mapping[str, str], subject: Subject) -> str:
    """Inserts the rules into `text`; rules that name the language are left out if it is unknown."""

    def rule(match: re.Match[str]) -> str:
        place = match[2] or match[3] or ""
        if not place.startswith("rule_"):
            return match[0]
        sentence = rules[place.removeprefix("rule_")]
        return sentence if subject.language or "language" not in set(_places(sentence)) else ""

    return _PLACE.sub(rule, text)


def _fill(text: str, values: Mapping[str, str]) -> str:
    filled = _PLACE.sub(lambda match: "$" if match[1] else values[match[2] or match[3]], text)
    return filled.strip()


def _fence(subject: Subject) -> str:
    """Returns twelve letters that an answer cannot anticipate, because they depend on its full text."""
    texts = [list(subject.prompts), [list(side) for side in subject.answers], list(subject.references)]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:12]


def _values(subject: Subject, safe: Callable[[str], str], fence: str, layout: Mapping[str, str]) -> dict[str, str]:
    turn = layout.get("conversation", "")
    shown = subject.shown
    prompts = [safe(text) for text in subject.prompts[:shown]]
    sides = [[safe(text) for text in side[:shown]] for side in subject.answers]
    references = [safe(text) for text in subject.references[:shown]]
    values = {
        "prompt": prompts[-1],
        "text": prompts[-1],
        "first_prompt": prompts[0],
        "reference": references[shown - 1] if len(references) >= shown else "",
        "references": _conversation(
            prompts, references, fence, "Reference answer", layout.get("references", ""), empty=False
        ),
        "category": safe(subject.category),
        "language": subject.language,
        "question": safe(subject.question),
        "fence": fence,
    }
    if len(sides) == 1:
        values |= {"answer": sides[0][-1], "conversation": _conversation(prompts, sides[0], fence, "Assistant", turn)}
    else:
        for letter, old, side in zip("ab", "xy", sides, strict=True):
            values[f"answer_{letter}"] = values[f"result_{old}"] = side[-1]
            values[f"conversation_{letter}"] = _conversation(prompts, side, fence, f"Assistant {letter.upper()}", turn)
    return values


def _conversation(
    prompts: Sequence[str], answers: Sequence[str], fence: str, speaker: str, layout: str, *, empty: bool = True
) -> str:
    """Returns the turns with their answers; without `empty`, leaves out turns whose answer is empty."""
    turns = []
    for number, (prompt, answer) in enumerate(zip(prompts, answers, strict=False), 1):
        if not empty and not answer:
            continue
        if layout:
            values = {"prompt": prompt, "answer": answer, "speaker": speaker, "turn": str(number), "fence": fence}
            turns.append(_written(layout, values))
            continue
        turns.append(f"--- {fence} User, turn {number}\n{prompt}")
        turns.append(f"--- {fence} {speaker}, turn {number}\n{answer}")
    return "\n\n".join(turns if layout else [*turns, f"--- {fence} end"])


def _written(layout: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda match: "$" if match[1] else values[match[2] or match[3]], layout)


def _layout_lines(layout: Mapping[str, str], turns: int) -> frozenset[str]:
    """Returns the lines that a layout writes around the texts, for every speaker and turn."""
    found = set()
    for line in (line.strip() for text in layout.values() for line in text.splitlines()):
        if not line or {"prompt", "answer"} & set(_places(line)):
            continue
        for speaker in SPEAKERS:
            for number in range(1, turns + 2):
                values = {"speaker": speaker, "turn": str(number), "fence": ""}
                found.add(_written(line, values))
    return frozenset(found)


def _delimiters(template: str) -> frozenset[str]:
    """Returns the lines of `template` directly above and below a placeholder that contain no placeholder."""
    lines = template.splitlines()
    found = set()
    for number, line in enumerate(lines):
        if not set(_places(line)) - TRUSTED:
            continue
        for neighbours in (reversed(lines[:number]), iter(lines[number + 1 :])):
            neighbour = next((each.strip() for each in neighbours if each.strip()), "")
            if neighbour and not any(True for _place in _places(neighbour)):
                found.add(neighbour)
    return frozenset(found)


def shorten(text: str, longest: int) -> str:
    """Shortens `text` to its start and end, with the number of omitted characters between them."""
    if len(text) <= longest:
        return text
    head = longest * 2 // 3
    left_out = f"\n[... {len(text) - longest} characters left out ...]\n"
    return text[:head] + left_out + text[len(text) - (longest - head) :]


def neutralise(text: str, markers: str | None, delimiters: frozenset[str] = frozenset()) -> str:
    """Breaks everything in `text` that could be mistaken for a verdict or part of the frame."""
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _CHAT_TOKEN.sub(lambda match: f"{match[0]} ", text)
    if markers is not None:
        text = re.sub(markers, lambda match: f"{match[0]} ", text, flags=re.IGNORECASE)
    if not delimiters:
        return text.strip()
    folded = {_folded(delimiter) for delimiter in delimiters}
    fences = tuple(line for line in folded if len(line) >= 3 and not any(map(str.isalnum, line)))
    return "\n".join(_broken(line, folded, fences) for line in text.strip().split("\n"))


def _folded(line: str) -> str:
    return " ".join(line.split()).casefold()


def _broken(line: str, delimiters: set[str], fences: tuple[str, ...]) -> str:
    folded = _folded(line)
    if folded not in delimiters and not (fences and folded.startswith(fences)):
        return line
    start = len(line) - len(line.lstrip()) + 1
    return f"{line[:start]} {line[start:]}"


def from_json(stored: Mapping[str, Any]) -> TemplateSet:
    """Reads a set from the values of `TemplateSet.as_json` or of a TOML file.

    Raises:
        BadTemplate: the values have another structure.
    """
    if unknown := set(stored) - {"kind", "rules", "parts", "layout"}:
        raise BadTemplate(gettext_noop("Unknown key in the template set: %(key)s."), key=min(unknown))
    kind = stored.get("kind")
    if kind not in PLACES:
        raise BadTemplate(gettext_noop("kind must be pair or single."))
    parts = stored.get("parts")
    if not isinstance(parts, list):
        raise BadTemplate(gettext_noop("A template set needs at least one part."))
    rules = stored.get("rules", {})
    if not isinstance(rules, dict) or not all(
        isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values()) for texts in rules.values()
    ):
        raise BadTemplate(gettext_noop("rules must contain only strings, by language and name."))
    layout = stored.get("layout", {})
    if not isinstance(layout, dict) or not all(isinstance(text, str) for text in layout.values()):
        raise BadTemplate(gettext_noop("layout must contain only strings."))
    return TemplateSet("pair" if kind == "pair" else "single", tuple(map(_part, parts)), rules, layout)


def _part(stored: Any) -> Part:
    if not isinstance(stored, dict) or not isinstance(stored.get("user"), str):
        raise BadTemplate(
            gettext_noop("Each part needs a user string. If given, system and language must also be strings.")
        )
    if unknown := stored.keys() - {"user", "system", "categories", "turns", "language"}:
        raise BadTemplate(gettext_noop("Unknown key in a part: %(key)s."), key=min(unknown))
    categories = stored.get("categories", [])
    if not isinstance(categories, list) or not all(isinstance(word, str) for word in categories):
        raise BadTemplate(gettext_noop("categories must be a list of strings."))
    turns = stored.get("turns", "")
    if turns not in {"", "one", "several"}:
        raise BadTemplate(gettext_noop("turns must be one or several."))
    system, language = stored.get("system", ""), stored.get("language", "")
    if not isinstance(system, str) or not isinstance(language, str):
        raise BadTemplate(
            gettext_noop("Each part needs a user string. If given, system and language must also be strings.")
        )
    return Part(stored["user"], system, tuple(categories), turns, language)


def from_toml(text: str) -> TemplateSet:
    """Reads and checks a set from a TOML document.

    Raises:
        BadTemplate: it is not valid TOML or not a usable set.
    """
    try:
        stored = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadTemplate(gettext_noop("This is not valid TOML: %(problem)s"), problem=str(error)) from None
    rules = stored.get("rules")
    if isinstance(rules, dict) and rules:
        # Rules for every language are under [rules], those for one language under, for example, [rules.ja].
        stored["rules"] = {
            "": {name: text for name, text in rules.items() if not isinstance(text, dict)},
            **{tag: texts for tag, texts in rules.items() if isinstance(texts, dict)},
        }
    templates = from_json(stored)
    check(templates)
    return templates


def to_toml(templates: TemplateSet) -> str:
    """Writes the document that `from_toml` reads."""
    lines = [f"kind = {_toml(templates.kind)}"]
    for language, rules in templates.rules.items():
        lines += ["", f"[rules.{_toml(language)}]" if language else "[rules]"]
        lines += [f"{name} = {_toml(text)}" for name, text in rules.items()]
    if templates.layout:
        lines += ["", "[layout]", *(f"{name} = {_toml(text)}" for name, text in templates.layout.items())]
    for part in templates.parts:
        lines += ["", "[[parts]]"]
        if part.categories:
            lines.append(f"categories = [{', '.join(map(_toml, part.categories))}]")
        if part.turns:
            lines.append(f"turns = {_toml(part.turns)}")
        if part.language:
            lines.append(f"language = {_toml(part.language)}")
        if part.system:
            lines.append(f"system = {_toml(part.system)}")
        lines.append(f"user = {_toml(part.user)}")
    return "\n".join(lines) + "\n"


def _toml(text: str) -> str:
    """Returns a literal block if the text allows it, otherwise a quoted string."""
    plain = not _CONTROL.search(text) and "'''" not in text and not text.endswith("'") and "\r" not in text
    if "\n" in text and plain:
        return f"'''\n{text}'''"
    # JSON and TOML use the same escapes, except for the delete character.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
