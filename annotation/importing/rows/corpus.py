"""Importing models, prompts and results."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from annotation.importing.rows.context import ImportContext
from annotation.importing.rows.errors import Refused
from annotation.importing.rows.known_rows import Known, condensed, plain, refuse_contradiction, refuse_other, size
from annotation.interchange.faults import shown
from annotation.interchange.llmfao import has_reference
from annotation.interchange.self_identification import names_itself
from annotation.models import LanguageModel, Prompt, Result, ResultFlag
from annotation.numbering import Numbering
from annotation.problems import gettext_noop

PROMPT_REMEMBERED: Final = 4000
"""Characters of a prompt to keep in memory while its answers are searched for model names."""

NAME_LENGTH: Final = 500
"""Maximum characters of a model's name; in any script they fit into a PostgreSQL index entry of 2,704 bytes."""

MODEL_COLUMNS: Final = ("api_id", "name", "api", "type", "org", "licence", "price", "released")
PROMPT_COLUMNS: Final = ("text", "type", "slug", "stop", "note", "turns", "references", "lang")
RESULT_COLUMNS: Final = ("prompt", "model", "result", "duration", "rate", "turns")

MISSING: Final = {
    "models": gettext_noop("No model in the files or the study has the ID %(number)s."),
    "prompts": gettext_noop("No prompt in the files or the study has the ID %(number)s."),
}

NO_TEXTS: Final = gettext_noop(
    "The study’s prompt set has no texts, only comparisons. Load prompts and answers into a study with another prompt "
    "set."
)


class Corpus:
    """Imports models, prompts and results.

    `flags` maps the number of a result to the words that reveal its model; the check fills it, storing saves it.
    `language` applies to prompts whose rows have none; if it is empty, `guess` guesses it.
    """

    def __init__(
        self, context: ImportContext, flags: dict[int, str], language: str, guess: Callable[[str], str] | None
    ) -> None:
        self.context = context
        self.flags = flags
        self._language = language
        self._guess = guess
        self._prompt_texts: dict[int, str] = {}
        self._turns: dict[int, int] = {}
        self.short_references = 0
        """New references that lack the last turn of their prompt."""
        self._numbering = {"models": Numbering(), "results": Numbering()}

    # The stored rows, and those that the files have added so far.

    @cached_property
    def models(self) -> dict[int, Known]:
        rows = self.context.stored(LanguageModel, "number", *MODEL_COLUMNS)
        return {number: Known(pk, tuple(map(plain, values))) for pk, number, *values in rows}

    @cached_property
    def model_names(self) -> dict[str, int]:
        return {model.values[MODEL_COLUMNS.index("name")]: number for number, model in self.models.items()}

    @cached_property
    def prompts(self) -> dict[int, Known]:
        found: dict[int, Known] = {}
        turns = PROMPT_COLUMNS.index("turns")
        for pk, number, *values in self.context.stored(Prompt, "number", *PROMPT_COLUMNS):
            self._note_turns(number, values[turns])
            found[number] = Known(pk, tuple(map(condensed, values)))
            self._remember(number, values[0])
        return found

    def _note_turns(self, prompt: int, follow_ups: Sequence[str]) -> None:
        if follow_ups:
            self._turns[prompt] = 1 + len(follow_ups)

    def _remember(self, prompt: int, text: str) -> None:
        if self.context.sink is None and "results" in self.context.kinds:
            self._prompt_texts[prompt] = text[:PROMPT_REMEMBERED]

    @cached_property
    def results(self) -> dict[int, Known]:
        # Texts are read only if rows need to be compared with them.
        texts = ("text", "duration", "rate", "turns") if self.context.kinds & {"results", "pairs"} else ()
        rows = self.context.stored(Result, "number", "prompt__number", "model__number", *texts)
        return {number: Known(pk, tuple(map(condensed, values))) for pk, number, *values in rows}

    @cached_property
    def answers(self) -> dict[tuple[int, int], list[int]]:
        """Results by prompt and model, in the order of their samples."""
        found: dict[tuple[int, int], list[int]] = {}
        for number, result in self.results.items():
            found.setdefault((result.values[0], result.values[1]), []).append(number)
        return found

    @cached_property
    def sampled(self) -> dict[tuple[int, int, int], int]:
        """Results by prompt, model and sample."""
        rows = self.context.stored(Result, "number", "prompt__number", "model__number", "sample")
        return {(prompt, model, sample): number for _pk, number, prompt, model, sample in rows}

    @property
    def _knows_samples(self) -> bool:
        return "sampled" in self.__dict__

    @cached_property
    def samples(self) -> Counter[tuple[int, int]]:
        """The number of the next sample, by prompt and model."""
        after: Counter[tuple[int, int]] = Counter()
        for _pk, prompt, model, sample in self.context.stored(Result, "prompt__number", "model__number", "sample"):
            after[prompt, model] = max(after[prompt, model], sample + 1)
        return after

    # Looking up the rows that a row refers to.

    def prompt(self, where: str, number: int) -> Known:
        """Returns the prompt with this number.

        Raises:
            Refused: there is none.
        """
        return self._find(where, "prompts", self.prompts, number)

    def model(self, where: str, number: int) -> Known:
        """Returns the model with this number.

        Raises:
            Refused: there is none.
        """
        return self._find(where, "models", self.models, number)

    def _find(self, where: str, kind: str, known: Mapping[int, Known], number: int) -> Known:
        if found := known.get(number):
            return found
        self.context.tainted.pass_number(kind, number)
        raise Refused(where, MISSING[kind], number=number)

    def model_called(self, where: str, name: str) -> int:
        """Returns the number of the model named `name`.

        Raises:
            Refused: there is none.
        """
        number = self.model_names.get(name)
        if number is None:
            raise Refused(
                where, gettext_noop("No model in the files or the study is named %(name)s."), name=shown(name)
            )
        return number

    def sample(self, where: str, prompt: int, model: int, sample: int) -> int:
        """Returns the number of the model's result to the prompt with this sample.

        Raises:
            Refused: there is none.
        """
        number = self.sampled.get((prompt, model, sample))
        if number is None:
            self.context.tainted.pass_result()
            reason = gettext_noop("Model %(model)s has no answer %(sample)s to prompt %(prompt)s.")
            raise Refused(where, reason, model=model, prompt=prompt, sample=sample + 1)
        return number

    def answer(self, where: str, prompt: int, model: int, text: str) -> int:
        """Returns the number of the model's first result to the prompt with the text `text`.

        Raises:
            Refused: there is none.
        """
        digest = condensed(text)
        for number in self.answers.get((prompt, model), ()):
            if self.results[number].values[2] == digest:
                return number
        self.context.tainted.pass_result()
        raise Refused(
            where,
            gettext_noop("Model %(model)s has no answer to prompt %(prompt)s with this text: %(text)s"),
            model=model,
            prompt=prompt,
            text=shown(text),
        )

    def turns(self, where: str, prompt: int) -> int:
        """Returns the number of turns of the prompt with this number.

        Raises:
            Refused: there is none.
        """
        self.prompt(where, prompt)
        return self._turns.get(prompt, 1)

    def note_references(self, prompt: int, references: Sequence[str]) -> None:
        """Counts references that lack the last turn of the prompt, which judges and workers then see none for."""
        if any(references) and not has_reference(references, self._turns.get(prompt, 1)):
            self.short_references += 1

    def contestants(self, row: Mapping[str, Any]) -> tuple[Known, Known, Known]:
        """Returns the prompt and the two models of a row about a pair.

        Raises:
            Refused: one of them does not exist, or both models are the same.
        """
        prompt = self.prompt("prompt", row["prompt"])
        model_x = self.model("model_x", row["model_x"])
        model_y = self.model("model_y", row["model_y"])
        if model_x is model_y:
            raise Refused("model_y", gettext_noop("The two models must be different."))
        return prompt, model_x, model_y

    # Importing rows; each method returns whether the row is new.

    def take_model(self, row: Mapping[str, Any]) -> bool:
        if "id" not in row:
            number = self.model_names.get(row["name"])
            row = {**row, "id": self._numbering["models"].draw(self.models) if number is None else number}
        if stored := self.models.get(row["id"]):
            refuse_other(stored, MODEL_COLUMNS, row, plain)
            self.context.meet(stored)
            return False
        if len(row["name"]) > NAME_LENGTH:
            raise Refused("name", gettext_noop("The name can have at most %(most)s characters."), most=NAME_LENGTH)
        if (namesake := self.model_names.get(row["name"])) is not None:
            raise Refused(
                "name",
                gettext_noop("Model %(other)s already has this name. Use a unique name."),
                other=namesake,
            )
        values = tuple(row.get(column) for column in MODEL_COLUMNS)
        known = self.models[row["id"]] = Known(0, tuple(map(plain, values)), self.context.file)
        self.model_names[row["name"]] = row["id"]
        if sink := self.context.sink:
            sink.models.add(
                known,
                lambda: LanguageModel(
                    prompt_set=self.context.prompt_set,
                    number=row["id"],
                    upload=sink.upload,
                    **dict(zip(MODEL_COLUMNS, values, strict=True)),
                ),
            )
        return True

    def take_prompt(self, row: Mapping[str, Any]) -> bool:
        if stored := self.prompts.get(row["id"]):
            refuse_other(stored, PROMPT_COLUMNS, row)
            self.context.meet(stored)
            return False
        if self.context.textless and row["text"]:
            raise Refused("text", NO_TEXTS)
        values = {column: row.get(column) for column in PROMPT_COLUMNS}
        language = self._language or (self._guess(row["text"]) if self._guess else "")
        values |= {
            "turns": row.get("turns", []),
            "references": row.get("references", []),
            "lang": row.get("lang", language),
        }
        self._remember(row["id"], row["text"])
        self._note_turns(row["id"], row.get("turns", []))
        self.note_references(row["id"], row.get("references", []))
        known = self.prompts[row["id"]] = Known(
            0, tuple(condensed(values[column]) for column in PROMPT_COLUMNS), self.context.file
        )
        if sink := self.context.sink:
            sink.prompts.add(
                known,
                lambda: Prompt(prompt_set=self.context.prompt_set, number=row["id"], upload=sink.upload, **values),
                size(values),
            )
        return True

    def take_result(self, row: Mapping[str, Any]) -> bool:
        if "id" not in row:
            row = self._numbered(row)
        model = self.model("model", row["model"])
        prompt = self.prompt("prompt", row["prompt"])
        for column in ("api_id", "name", "api", "type", "org"):
            refuse_contradiction(row, column, model.values[MODEL_COLUMNS.index(column)], plain)
        refuse_contradiction(row, "slug", prompt.values[PROMPT_COLUMNS.index("slug")])
        if stored := self.results.get(row["id"]):
            refuse_other(stored, RESULT_COLUMNS, row)
            self.context.meet(stored)
            return False
        place = (row["prompt"], row["model"])
        sample = row.get("sample", self.samples[place])
        values = tuple(row.get(column) for column in RESULT_COLUMNS)
        known = Known(0, tuple(map(condensed, values)), self.context.file)
        self.answers.setdefault(place, []).append(row["id"])
        self.results[row["id"]] = known
        self.samples[place] = max(self.samples[place], sample + 1)
        if self._knows_samples:
            self.sampled[*place, sample] = row["id"]
        if sink := self.context.sink:
            sink.results.add(
                known,
                lambda: Result(
                    prompt_set=self.context.prompt_set,
                    number=row["id"],
                    prompt_id=prompt.pk,
                    model_id=model.pk,
                    sample=sample,
                    text=row["result"],
                    turns=row.get("turns", []),
                    duration=row.get("duration"),
                    rate=row.get("rate"),
                    upload=sink.upload,
                ),
                size(row),
            )
        self._flag(row, known, model)
        return True

    def _numbered(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns `row` with the ids it leaves out: its model's and its own."""
        model = self.model_called("model", row["model"]) if isinstance(row["model"], str) else row["model"]
        number = self.sampled.get((row["prompt"], model, row["sample"]))
        if number is None:
            number = self._numbering["results"].draw(self.results)
        return {**row, "model": model, "id": number}

    def _flag(self, row: Mapping[str, Any], result: Known, model: Known) -> None:
        """Flags an answer that reveals its model."""
        if sink := self.context.sink:
            if found := self.flags.get(row["id"]):
                kind = ResultFlag.Kind.NAMES_ITSELF
                sink.flags.add(None, lambda: ResultFlag(result_id=result.pk, kind=kind, found=found))
            return
        named = dict(zip(MODEL_COLUMNS, model.values, strict=True))
        words = names_itself(
            "\n".join([row["result"], *row.get("turns", [])]),
            name=named["name"],
            org=named["org"],
            api_id=named["api_id"],
            prompt=self._prompt_texts.get(row["prompt"], ""),
        )
        if words:
            self.flags[row["id"]] = words
