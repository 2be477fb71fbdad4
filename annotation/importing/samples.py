"""A few pairs out of files that are being checked, with their texts, so that a person sees what workers would see."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Final

from annotation.interchange.format import Record
from annotation.models import PromptSet, Result

PAIRS: Final = 3
PROMPTS: Final = 200
"""Prompts whose texts are kept until two models' answers to one of them have come by."""

LONGEST: Final = 20_000
"""Characters of a text that are kept."""


@dataclass(frozen=True, slots=True)
class SamplePair:
    """A pair as it would be shown: the prompt's turns, and those of both answers."""

    prompt: tuple[str, ...]
    left: tuple[str, ...]
    right: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {"prompt": list(self.prompt), "left": list(self.left), "right": list(self.right)}


@dataclass
class Samples:
    """Collects pairs from the records of files, in order, and from the stored answers to the same prompts."""

    prompt_set: PromptSet | None = None
    pairs: list[SamplePair] = field(default_factory=list)
    _prompts: dict[Hashable, tuple[str, ...]] = field(default_factory=dict)
    _answers: dict[Hashable, tuple[Any, tuple[str, ...]]] = field(default_factory=dict)
    _paired: set[Hashable] = field(default_factory=set)

    def note(self, record: Record) -> None:
        """Looks at a record; does nothing once there are enough pairs."""
        if len(self.pairs) >= PAIRS or record.faulty:
            return
        values = record.values
        match record.kind:
            case "prompts":
                if len(self._prompts) < PROMPTS and "id" in values:
                    self._prompts[values["id"]] = _turns(values.get("text"), values.get("turns"))
            case "results":
                prompt = values.get("prompt")
                model = values.get("model", values.get("name"))
                self._answer(prompt, model, _turns(values.get("result"), values.get("turns")))
            case "pairs" | "training" | "check":
                prompt = values.get("prompt")
                self._add(prompt, _turns(values.get("text")), values.get("result_x"), values.get("result_y"))
            case "battles":
                left, right = values["answers"]
                self._add(_turns(values["prompt"]), _turns(values["prompt"]), left, right)
            case "answers":
                prompt = _turns(values["prompt"])
                if len(self._prompts) < PROMPTS:
                    self._prompts.setdefault(prompt, prompt)
                self._answer(prompt, values.get("model"), _turns(values["answer"]))

    def _answer(self, prompt: Hashable, model: Any, answer: tuple[str, ...]) -> None:
        if prompt in self._paired or (prompt not in self._prompts and len(self._answers) >= PROMPTS):
            return
        other, words = self._answers.setdefault(prompt, (model, answer))
        if other != model:
            self._add(prompt, (), words, answer)

    def _add(self, prompt: Hashable, text: tuple[str, ...], left: Any, right: Any) -> None:
        if prompt in self._paired:
            return
        shown = text if any(text) else self._prompts.get(prompt) or self._stored_prompt(prompt)
        self._paired.add(prompt)
        self.pairs.append(SamplePair(shown, _turns(left), _turns(right)))

    def _stored_prompt(self, prompt: Hashable) -> tuple[str, ...]:
        if self.prompt_set is None or not isinstance(prompt, int):
            return ()
        found = self.prompt_set.prompts.filter(number=prompt).first()
        return _turns(found.text, found.turns) if found else ()

    def found(self) -> list[SamplePair]:
        """Returns the pairs; where files have answers of one model only, with a stored answer of another one."""
        for prompt, (model, words) in self._answers.items():
            if len(self.pairs) >= PAIRS or self.prompt_set is None:
                break
            if prompt not in self._paired and (other := self._stored_answer(prompt, model)):
                self._add(prompt, (), words, other)
        return self.pairs[:PAIRS]

    def _stored_answer(self, prompt: Hashable, model: Any) -> tuple[str, ...]:
        """Returns the answer of another model; empty if there is none."""
        same = {"model__number": model} if isinstance(model, int) else {"model__name": model}
        stored = Result.objects.filter(prompt_set=self.prompt_set).exclude(**same)
        if isinstance(prompt, int):
            stored = stored.filter(prompt__number=prompt)
        else:
            stored = stored.filter(prompt__text=self._prompts.get(prompt, ("",))[0])
        result = stored.order_by("pk").first()
        return _turns(result.text, result.turns) if result else ()


def _turns(text: Any, more: Any = None) -> tuple[str, ...]:
    """Returns the turns of a text, or of a sequence of texts, cut to what is shown."""
    texts = [text] if isinstance(text, str) else list(text or ())
    return tuple(str(each)[:LONGEST] for each in (*texts, *(more or ())))
