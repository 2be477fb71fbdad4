"""Importing answers: rows that bring a prompt and a model's answer to it, or a prompt alone."""

from annotation.importing.rows.importer import Intake
from annotation.importing.rows.texts import by_text, columns_of
from annotation.interchange.format import Record
from annotation.interchange.formats.answer import KIND


class AnswerRows:
    """Imports answers; see `Taker`. Models go by their names, prompts and answers by their texts."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self._texts = by_text(intake)

    def take(self, file: str, record: Record) -> None:
        row = record.values
        if row["prompt"]:
            prompt = self._texts.prompt(row["prompt"], row["key"], **columns_of(row))
        else:
            prompt = self._texts.prompt_called("prompt", row["key"])
        if not row["model"]:
            return
        model = self._texts.model(row["model"], row["org"])
        timing = {"duration": row["duration"], "rate": row["rate"]}
        _number, new = self._texts.result(prompt, model, row["answer"], row["sample"], **timing)
        self.intake.count(KIND).add(new=new)

    def settle(self) -> None:
        """Stores nothing: the intake's own batches have every row."""
