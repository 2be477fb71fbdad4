"""Finding or adding the models, prompts and answers of rows that name models and quote texts, as other tools do."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, Final

from annotation.importing.rows.corpus import NAME_LENGTH, PROMPT_COLUMNS
from annotation.importing.rows.errors import Refused, Repeated
from annotation.importing.rows.importer import Intake
from annotation.importing.rows.known_rows import condensed
from annotation.interchange.faults import shown
from annotation.interchange.llmfao import BIGGEST
from annotation.numbering import ROOM, Numbering
from annotation.problems import gettext_noop

WHOLE: Final = re.compile("0|[1-9][0-9]{0,17}")

TEXT, SLUG, TURNS = (PROMPT_COLUMNS.index(column) for column in ("text", "slug", "turns"))


def by_text(intake: Intake) -> "ByText":
    """Returns the one lookup of an intake: rows of all kinds have to find what rows of the others have added."""
    if intake.by_text is None:
        intake.by_text = ByText(intake)
    return intake.by_text


class ByText:
    """Models by their names, prompts and answers by their texts, each added where there is none.

    What is added counts in the intake as new rows of its kind.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._corpus = intake.corpus
        self._numbering = {"prompts": Numbering(), "results": Numbering()}

    @cached_property
    def _prompts(self) -> dict[Any, int]:
        """Prompts by their turns; of two with the same the first counts."""
        found: dict[Any, int] = {}
        for number, known in self._corpus.prompts.items():
            found.setdefault((known.values[TEXT], known.values[TURNS]), number)
        return found

    @cached_property
    def _keys(self) -> dict[int | str, int]:
        """Prompts by the ids that files give them: slugs, and numbers that came with a text in these files."""
        slugs = {known.values[SLUG]: number for number, known in self._corpus.prompts.items()}
        return {slug: number for slug, number in slugs.items() if slug}

    def model(self, name: str, org: str = "") -> int:
        """Returns the number of the model called `name`.

        Raises:
            Refused: the name is too long.
        """
        corpus = self._corpus
        if name not in corpus.model_names:
            if len(name) > NAME_LENGTH:
                reason = gettext_noop("The name can have at most %(most)s characters.")
                raise Refused("name", reason, most=NAME_LENGTH)
            made = {"name": name} | ({"org": org} if org else {})
            self._intake.count("models").add(new=corpus.take_model(made))
        return corpus.model_names[name]

    def two_models(self, names: tuple[str, str]) -> tuple[int, int]:
        """Returns the numbers of two different models.

        Raises:
            Refused: they are the same, or a name is too long.
        """
        if names[0] == names[1]:
            raise Refused("model_b", gettext_noop("The two models must be different."))
        return self.model(names[0]), self.model(names[1])

    def prompt(self, turns: Sequence[str], key: int | str | None = None, **columns: Any) -> int:
        """Returns the number of the prompt with these `turns` of the user; `columns` are those of a new one.

        `key` is the file's own id of it, by which other rows may name it.
        """
        place = (condensed(turns[0]), condensed(list(turns[1:])))
        number = self._prompts.get(place)
        if number is None:
            number = self._free(key)
            row = {"id": number, "text": turns[0], "turns": list(turns[1:])}
            row |= {column: value for column, value in columns.items() if value}
            if key is not None and number != key:
                row["slug"] = str(key)
            self._intake.count("prompts").add(new=self._corpus.take_prompt(row))
            self._prompts[place] = number
        if key is not None:
            self._keys[condensed(str(key))] = number
        return number

    def _free(self, key: int | str | None) -> int:
        """Returns a number for a new prompt: the file's own if it is a whole number that no other prompt has."""
        if isinstance(key, int) and 0 <= key < min(ROOM, BIGGEST) and key not in self._corpus.prompts:
            return key
        return self._numbering["prompts"].draw(self._corpus.prompts)

    def prompt_with_key(self, key: str, category: str = "") -> int:
        """Returns the number of the prompt without a text that has the key `key`; `category` is that of a new one."""
        number = self._keys.get(condensed(key))
        if number is None:
            whole = int(key) if WHOLE.fullmatch(key) else None
            known = None if whole is None else self._corpus.prompts.get(whole)
            if whole is not None and known is not None and known.values[SLUG] is None:
                return whole
            number = self._free(whole)
            row = {"id": number, "text": ""} | ({} if number == whole else {"slug": key})
            row |= {"type": category} if category else {}
            self._intake.count("prompts").add(new=self._corpus.take_prompt(row))
            self._keys[condensed(key)] = number
        return number

    def prompt_called(self, where: str, key: int | str) -> int:
        """Returns the number of the prompt that a file names by its id alone.

        Raises:
            Refused: no row had that id and a text.
        """
        number = self._keys.get(condensed(str(key)))
        if number is None and isinstance(key, int) and key in self._corpus.prompts:
            number = key
        if number is None:
            raise Refused(
                where,
                gettext_noop(
                    "No prompt in the files or the study has the ID %(key)s. Load the file with the questions too."
                ),
                key=shown(key),
            )
        return number

    def result(
        self, prompt: int, model: int, turns: Sequence[str], sample: int | None = None, **columns: Any
    ) -> tuple[int, bool]:
        """Returns the number of the model's answer with these `turns`, and whether it is new.

        Without a `sample`, any answer with the same text is the one, and a new one is the next sample.

        Raises:
            Refused: the sample has another text already.
        """
        corpus = self._corpus
        if sample is not None and (known := corpus.sampled.get((prompt, model, sample))) is not None:
            row = {"id": known, "prompt": prompt, "model": model, "result": turns[0], "turns": list(turns[1:])}
            with suppress(Repeated):
                corpus.take_result(row)
            return known, False
        text, more = condensed(turns[0]), condensed(list(turns[1:]))
        if sample is None:
            for number in corpus.answers.get((prompt, model), ()):
                values = corpus.results[number].values
                if (values[2], values[5]) == (text, more):
                    return number, False
        number = self._numbering["results"].draw(corpus.results)
        row = {"id": number, "prompt": prompt, "model": model, "result": turns[0], "turns": list(turns[1:])}
        row |= {column: value for column, value in columns.items() if value is not None}
        if sample is not None:
            row["sample"] = sample
        new = corpus.take_result(row)
        self._intake.count("results").add(new=new)
        return number, new


def columns_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a row of another tool says of its prompt, as columns of a prompt."""
    found = {"type": row.get("category"), "lang": row.get("lang"), "note": row.get("note")}
    return found | {"references": list(row.get("references") or ())}
