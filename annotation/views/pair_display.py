"""What a worker sees of a pair: the prompt, two panes and the answer buttons.

Nothing here may reveal who wrote an answer: templates get texts, never a model, a result or a pair.
"""

from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from annotation.interchange.llmfao import has_reference
from annotation.models import Pair, Study
from annotation.safe_html import Text, rendered, wording
from annotation.scales import SCALES, Side, other

LONG_TEXT: Final = 400
"""A prompt with this many characters, or the lines below, can be collapsed."""
LONG_LINES: Final = 6

LABELS: Final = {
    "three": [gettext_lazy("A is better"), pgettext_lazy("neither is better", "Tie"), gettext_lazy("B is better")],
    "two": [gettext_lazy("A is better"), gettext_lazy("B is better")],
    "five": [
        gettext_lazy("A is much better"),
        gettext_lazy("A is better"),
        pgettext_lazy("neither is better", "Tie"),
        gettext_lazy("B is better"),
        gettext_lazy("B is much better"),
    ],
    "eight": [
        gettext_lazy("A is far better"),
        gettext_lazy("A is much better"),
        gettext_lazy("A is better"),
        gettext_lazy("A is slightly better"),
        gettext_lazy("B is slightly better"),
        gettext_lazy("B is better"),
        gettext_lazy("B is much better"),
        gettext_lazy("B is far better"),
    ],
}
"""The labels of each scale's values, from 1 on."""

KEYS: Final = {
    "three": ["ArrowLeft", "t", "ArrowRight"],
    "two": ["ArrowLeft", "ArrowRight"],
    "five": ["1", "2", "3", "4", "5"],
    "eight": ["1", "2", "3", "4", "5", "6", "7", "8"],
}
"""The keys of each scale's values, from 1 on, as in KeyboardEvent.key."""

KEY_FACES: Final = {"ArrowLeft": "←", "ArrowRight": "→", "t": "T"}


@dataclass(frozen=True, slots=True)
class Turn:
    """An answer in a pane, below the follow-up prompt that led to it."""

    prompt: Text | None
    """The follow-up prompt before this answer; None for the first turn, whose prompt is above both panes."""
    reasoning: Text | None
    """The model's reasoning, if the study shows it folded."""
    answer: Text | None
    """None if the answer is empty or white space, which the page states."""


@dataclass(frozen=True, slots=True)
class Pane:
    """One side of the comparison as shown: A or B, with an answer for each turn."""

    label: str
    turns: list[Turn]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that the templates show of a pair."""

    lang: str
    """A BCP 47 tag, empty if unknown."""
    prompt: Text
    excerpt: str
    """The prompt in one line if it is long enough to be collapsed, else empty."""
    references: list[tuple[int, Text]]
    """The turns that have a reference answer, from 1, each with its text."""
    has_turns: bool
    note: str
    panes: list[Pane]


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer button: the value it sends, its label, its key, and how the page writes that key."""

    value: int
    label: str
    key: str
    face: str


def label(scale_name: str, value: int) -> str:
    """Returns the label of `value` on the scale `scale_name`, in the reader's language."""
    return str(LABELS[scale_name][value - 1])


def choices(scale_name: str) -> list[Choice]:
    """Returns the buttons of the scale, from left to right."""
    keys = KEYS[scale_name]
    return [
        Choice(value, label(scale_name, value), key, KEY_FACES.get(key, key))
        for value, key in zip(SCALES[scale_name].values, keys, strict=True)
    ]


def question(study: Study) -> str:
    """Returns the question that workers answer: the study's own, or the usual one in the reader's language."""
    return study.question or _("Which answer is better?")


def of_study(study: Study, text: str) -> Text:
    """Renders a text of the study, such as its instruction, from Markdown."""
    return wording(text, study.language)


def reason(study: Study, pair: Pair, left: Side) -> Text:
    """Renders the reason of a training pair, which names the answers as shown with the side `left` on the left."""
    return of_study(study, pair.reason_as_shown(left))


def sheet_of(study: Study, pair: Pair, left: Side, *, as_plain: bool) -> Sheet:
    """Returns what is shown of `pair` with side `left` on the left; `as_plain` shows the Markdown source."""
    texts, lang = pair.texts(), pair.prompt.lang
    prompts = [rendered(text, lang, as_plain=as_plain) for text in texts["prompt"]]
    is_long = len(texts["prompt"][0]) > LONG_TEXT or texts["prompt"][0].count("\n") >= LONG_LINES
    turns = range(1, len(texts["prompt"]) + 1)
    references = [
        (turn, rendered(pair.prompt.references[turn - 1], lang, as_plain=as_plain))
        for turn in turns
        if has_reference(pair.prompt.references, turn)
    ]
    return Sheet(
        lang=lang,
        prompt=prompts[0],
        excerpt=Truncator(" ".join(texts["prompt"][0].split())).chars(90) if is_long else "",
        references=references if study.show_reference else [],
        has_turns=len(texts["prompt"]) > 1,
        note=(pair.prompt.note or "") if study.show_note else "",
        panes=[
            Pane(name, _turns(study, prompts, texts[side], lang, as_plain=as_plain))
            for name, side in (("A", left), ("B", other(left)))
        ],
    )


def _turns(study: Study, prompts: list[Text], answers: list[str], lang: str, *, as_plain: bool) -> list[Turn]:
    """Returns the answers with their follow-up prompts; an unanswered turn has an empty answer."""
    turns = []
    for index, (prompt, answer) in enumerate(zip_longest(prompts, answers)):
        thoughts, said = study.answer_as_shown(answer or "")
        turns.append(
            Turn(
                prompt=None if index == 0 else prompt,
                reasoning=rendered(thoughts, lang, as_plain=as_plain) if thoughts else None,
                answer=rendered(said, lang, as_plain=as_plain) if said.strip() else None,
            )
        )
    return turns
