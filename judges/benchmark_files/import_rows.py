"""Imports rows of benchmark files other than the corpus: grades and games of judges, and reference answers."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from annotation.importing import registry
from annotation.importing.rows import NO_SUCH_TURN, Batch, Intake, Judged, Known, Passed, Refused, Repeated
from annotation.interchange.faults import shown
from annotation.interchange.format import Record
from annotation.interchange.llmfao import RATER_LENGTH, is_reserved
from annotation.models import Prompt, Study, Upload
from annotation.problems import gettext_noop, kind
from annotation.scales import Side, Winner, other
from judges.formats.mt_bench import API_ERROR, KINDS, Game, file_stem, says
from judges.models import JudgeRater, JudgeVersion, Judgment, ReferenceAnswer, Remainder
from judges.models.call import repetition

SURPLUS: Final = kind("surplus-rows", gettext_noop("rows replaced by a later row with the same key: %(count)s"))
OF_ERRORS: Final = kind(
    "judgments-of-errors", gettext_noop("verdicts and grades of failed answers, skipped: %(count)s")
)
ERRORS: Final = kind("answers-that-are-errors", gettext_noop("failed answers, skipped: %(count)s"))

BROUGHT: Final = (Judgment, ReferenceAnswer, Remainder)


def judges_asked_here(study: Study | None) -> set[str]:
    """Returns the judges that were run in a study; files cannot add verdicts for them."""
    if study is None:
        return set()
    versions = JudgeVersion.objects.filter(runs__study=study).select_related("judge").distinct()
    raters = JudgeRater.objects.filter(study=study).values_list("rater__name", flat=True)
    return {version.rater_name for version in versions} | {name for name in raters if name}


class BenchmarkRows:
    """Imports the rows that `judges.formats.mt_bench` reads; see `Taker`."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self._used: dict[int, tuple[Known, str, list[str]]] = {}
        if sink := intake.sink:
            self._batches = (
                Batch(Judgment, sink.comparisons, sink.results),
                Batch(ReferenceAnswer, sink.prompts),
                Batch(Remainder, sink.prompts, sink.models),
            )

    def take(self, file: str, record: Record) -> None:
        match record.kind:
            case "surplus":
                self.intake.passed_over[SURPLUS.code] += 1
            case "repeated":
                raise Repeated
            case "references":
                self._reference(record.values)
            case "remainders":
                self._remainder(record.values)
            case "grades":
                self._grade(record.values)
            case _:
                self._games(record.values)

    # Stored rows and those added by the files.

    @cached_property
    def references(self) -> dict[tuple[int, str], object]:
        rows = ReferenceAnswer.objects.filter(prompt__prompt_set=self.intake.prompt_set)
        found = rows.values_list("prompt__number", "source", "turns", "extra")
        return {(prompt, source): (turns, says(extra)) for prompt, source, turns, extra in found.iterator()}

    @cached_property
    def remainders(self) -> dict[tuple[int, int | None], object]:
        rows = Remainder.objects.filter(prompt__prompt_set=self.intake.prompt_set)
        found = rows.values_list("prompt__number", "model__number", "extra")
        return {(prompt, model): says(extra) for prompt, model, extra in found.iterator()}

    @cached_property
    def failed(self) -> set[tuple[int, int, int]]:
        """Failed answers: prompt, model and sample."""
        found = set()
        for (prompt, model), extra in self.remainders.items():
            choices = extra.get("set", {}).get("choices", ()) if isinstance(extra, dict) else ()
            found |= {
                (prompt, model, sample)
                for sample, choice in enumerate(choices)
                if model is not None and API_ERROR in choice.get("turns", ())
            }
        return found

    @cached_property
    def judgments(self) -> dict[tuple[object, ...], tuple[str, str]]:
        """Maps what a row is about to its template and digest."""
        rows = Judgment.objects.filter(study=self.intake.study).values_list(
            "judge",
            "result__number",
            "pair__result_x__number",
            "pair__result_y__number",
            "turn",
            "sample",
            "template",
            "digest",
        )
        return {
            (judge, frozenset((x, y)) if result is None else result, turn, sample): (template, digest)
            for judge, result, x, y, turn, sample, template, digest in rows.iterator()
        }

    @cached_property
    def asked_here(self) -> set[str]:
        return judges_asked_here(self.intake.study)

    # Importing rows.

    def _reference(self, row: Mapping[str, Any]) -> None:
        prompt = self.intake.corpus.prompt("question_id", row["prompt"])
        place = (row["prompt"], row["source"])
        said = (row["turns"], says(row["extra"]))
        if place in self.references:
            if self.references[place] != said:
                raise Refused(
                    "choices", gettext_noop("This prompt already has a different reference answer from the same model.")
                )
            self.intake.count("references").add(new=False)
            return
        self.references[place] = said
        self.intake.count("references").add(new=True)
        if row["source"]:
            self.intake.corpus.note_references(row["prompt"], row["turns"])
            best = self._used.get(row["prompt"])
            if best is None or row["source"] < best[1]:
                self._used[row["prompt"]] = (prompt, row["source"], row["turns"])
        if sink := self.intake.sink:
            self._batches[1].add(
                None,
                lambda: ReferenceAnswer(
                    prompt_id=prompt.pk,
                    source=row["source"],
                    turns=row["turns"],
                    extra=row["extra"],
                    upload=sink.upload,
                ),
                sum(map(len, row["turns"])),
            )

    def _remainder(self, row: Mapping[str, Any]) -> None:
        prompt = self.intake.corpus.prompt("question_id", row["prompt"])
        number = None if row["model"] is None else self.intake.corpus.model_called("model_id", row["model"])
        for sample in row.get("failed", ()):
            self.intake.passed_over[ERRORS.code] += 1
            if number is not None:
                self.failed.add((row["prompt"], number, sample))
        place = (row["prompt"], number)
        if place in self.remainders:
            if self.remainders[place] != says(row["extra"]):
                raise Refused(
                    "", gettext_noop("A row for the same prompt or answer was loaded before with different content.")
                )
            self.intake.count("remainders").add(new=False)
            return
        self.remainders[place] = says(row["extra"])
        self.intake.count("remainders").add(new=True)
        model = None if number is None else self.intake.corpus.models[number]
        if sink := self.intake.sink:
            self._batches[2].add(
                None,
                lambda: Remainder(
                    prompt_id=prompt.pk,
                    model_id=model.pk if model else None,
                    extra=row["extra"],
                    upload=sink.upload,
                ),
            )

    def _model(self, where: str, name: str) -> int:
        """Returns the model `name`, which is its own name or that of its files."""
        with suppress(Refused):
            return self.intake.corpus.model_called(where, name)
        return self.intake.corpus.model_called(where, self._file_stems.get(name, name))

    @cached_property
    def _file_stems(self) -> dict[str, str]:
        return {file_stem(name): name for name in self.intake.corpus.model_names}

    def _result(self, where: str, prompt: int, model: int, choice: int) -> int:
        if (prompt, model, choice) in self.failed:
            self.intake.passed_over[OF_ERRORS.code] += 1
            raise Passed
        return self.intake.corpus.sample(where, prompt, model, choice)

    def _turn(self, row: Mapping[str, Any]) -> int:
        """Returns the turn as calls of judges number it: 0 if there is only one."""
        turns = self.intake.corpus.turns("question_id", row["prompt"])
        if turns > 1:
            if row["turn"] > turns:
                raise Refused("turn", NO_SUCH_TURN, prompt=row["prompt"], turns=turns, turn=row["turn"])
            return int(row["turn"])
        if row["turn"] != 1:
            raise Refused(
                "turn",
                gettext_noop("This prompt has only one turn, so turn %(turn)s does not exist."),
                turn=row["turn"],
            )
        return 0

    def _known(self, about: object, turn: int, row: Mapping[str, Any]) -> bool:
        """Returns whether the same judge's same verdict is already stored."""
        judge, template = row["judge"], row["template"]
        if is_reserved(judge) or len(judge) > RATER_LENGTH:
            raise Refused("judge", gettext_noop("A valid judge name is required."))
        if judge in self.asked_here:
            reason = gettext_noop("Judge %(judge)s was run in this study, so its replies cannot be loaded from a file.")
            raise Refused("judge", reason, judge=shown(judge))
        place = (judge, about, turn, row["sample"])
        before = self.judgments.get(place)
        if before is None:
            self.judgments[place] = (template, row["digest"])
            return False
        if before[0] != template:
            reason = gettext_noop(
                "Judge %(judge)s has judged this with template %(before)s and now with %(template)s. Use a "
                "separate judge name for each template."
            )
            raise Refused("judge", reason, judge=shown(judge), before=shown(before[0]), template=shown(template))
        if before[1] != row["digest"]:
            raise Refused("judge", gettext_noop("This conflicts with an earlier reply from the same judge."))
        return True

    def _grade(self, row: Mapping[str, Any]) -> None:
        model = self._model("model", row["model"])
        turn = self._turn(row)
        number = self._result("choice", row["prompt"], model, row["choice"])
        if self._known(number, turn, row):
            self.intake.count("grades").add(new=False)
            return
        self.intake.count("grades").add(new=True)
        result = self.intake.corpus.results[number]
        self._add(row, row["game"], row["extra"], turn, score=row["score"], about=lambda: {"result_id": result.pk})

    def _games(self, row: Mapping[str, Any]) -> None:
        first, second = (self._model(f"model_{place}", name) for place, name in enumerate(row["models"], 1))
        if first == second:
            raise Refused("model_2", gettext_noop("The two models must be different."))
        turn = self._turn(row)
        results = [self._result("question_id", row["prompt"], model, 0) for model in (first, second)]
        if self._known(frozenset(results), turn, row):
            self.intake.count("games").add(new=False)
            return
        pair = self.intake.pairs.of_results(row["prompt"], *results)
        side: Side = "x" if pair.values[3] == results[0] else "y"
        for place, game in enumerate(row["games"]):
            left = side if place == 0 else other(side)
            winner: Winner | None = None
            if game.state == "ok":
                winners: dict[str, Winner] = {"model_1": side, "model_2": other(side), "tie": "tie"}
                winner = winners[game.winner]
                said = Judged(left, winner, turn, repetition(left, row["sample"]), at=_moment(row["stamp"]))
                self.intake.compare(f"g{place + 1}_winner", row["judge"], pair, said)
            extra = row["extra"] if place == 0 else {}
            self._add(
                row,
                game,
                extra,
                turn,
                left=left,
                winner=winner or "",
                about=lambda: {"pair_id": pair.pk},
            )
        self.intake.count("games").add(new=True)

    def _add(
        self,
        row: Mapping[str, Any],
        game: Game,
        extra: Mapping[str, Any],
        turn: int,
        *,
        about: Callable[[], Mapping[str, Any]],
        left: str = "",
        winner: str = "",
        score: float | None = None,
    ) -> None:
        if sink := self.intake.sink:
            self._batches[0].add(
                None,
                lambda: Judgment(
                    study=self.intake.study,
                    judge=row["judge"],
                    template=row["template"],
                    turn=turn,
                    left=left,
                    sample=row["sample"],
                    state=game.state,
                    score=score,
                    winner=winner,
                    asked=game.asked,
                    words=game.words,
                    stamp=row["stamp"],
                    file=row["file"],
                    extra=extra,
                    digest=row["digest"],
                    upload=sink.upload,
                    **about(),
                ),
                len(game.asked) + len(game.words),
            )

    def settle(self) -> None:
        for batch in self._batches:
            batch.flush()
        assert self.intake.sink is not None  # noqa: S101  settle is called only when storing
        for prompt, source, turns in self._used.values():
            # A prompt keeps the references it has: uploads add rows but never change them.
            row = Prompt.objects.get(pk=prompt.pk)
            if not row.references:
                Prompt.objects.filter(pk=row.pk).update(references=turns)
                ReferenceAnswer.objects.filter(prompt=row, source=source).update(used=True)


def _moment(stamp: float | None) -> datetime | None:
    """Converts a row's timestamp; None if it is not a valid date."""
    if stamp is not None:
        with suppress(ValueError, OverflowError, OSError):
            return datetime.fromtimestamp(stamp, UTC)
    return None


def take_references_back(upload: Upload) -> None:
    """Removes the references that an upload added to prompts of other uploads, before it is undone."""
    given = ReferenceAnswer.objects.filter(upload=upload, used=True).select_related("prompt")
    for reference in given:
        if reference.prompt.references == reference.turns:
            Prompt.objects.filter(pk=reference.prompt_id).update(references=[])


def register() -> None:
    """Registers the import of benchmark files."""
    registry.register(KINDS, BenchmarkRows, BROUGHT, take_references_back, of_the_study=("grades", "games"))
