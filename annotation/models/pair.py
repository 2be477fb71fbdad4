"""Pairs of two answers, to be compared in a study."""

from typing import Any, Self, cast

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from annotation.interchange.reasoning import parted
from annotation.interchange.side_words import PLACEHOLDER, side_named
from annotation.models.corpus import LanguageModel, Prompt, Result
from annotation.models.study import Study
from annotation.models.upload import Upload
from annotation.scales import Answer, Side, Winner, answer_of


class Purpose(models.TextChoices):
    """What a pair is for: votes, training, or checks of attention."""

    VOTE = "vote", _("vote")
    TRAINING = "training", _("training")
    CHECK = "check", _("check")


class PairQuerySet(models.QuerySet["Pair"]):
    """Pairs, by purpose, by the study's filters, and by whether a place is free."""

    def votable(self) -> Self:
        """The pairs for boards and coverage, without training and check pairs."""
        return self.filter(purpose=Purpose.VOTE)

    def within(self, study: Study) -> Self:
        """The votable pairs within the study's filters; none where the answers have no texts."""
        if study.prompt_set.textless:
            return self.none()
        pairs = self.votable().filter(study=study, prompt__in=study.prompts())
        if study.language_models.exists():
            models = study.language_models.all()
            pairs = pairs.filter(model_x__in=models, model_y__in=models)
        return pairs

    def wanting(self) -> Self:
        """The pairs with a free place, which the partial index covers."""
        return self.filter(taken__lt=F("wanted"))


class Pair(models.Model):
    """Two results x and y to one prompt, to be compared in one study.

    `wanted` is 0 while the pair is not offered to people: the study has not been opened, or its filters exclude
    the prompt. `taken` counts the places of people's votes and open reservations. A training or check pair has
    its own texts and a golden answer, and takes no places.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="pairs")
    number = models.BigIntegerField(_("number"))
    purpose = models.CharField(_("purpose"), max_length=8, choices=Purpose, default=Purpose.VOTE)
    prompt = models.ForeignKey(Prompt, models.PROTECT, related_name="pairs")
    model_x = models.ForeignKey(LanguageModel, models.PROTECT, related_name="+")
    model_y = models.ForeignKey(LanguageModel, models.PROTECT, related_name="+")
    result_x = models.ForeignKey(Result, models.PROTECT, null=True, related_name="+")
    result_y = models.ForeignKey(Result, models.PROTECT, null=True, related_name="+")
    wanted = models.PositiveIntegerField(_("votes needed"), default=0)
    taken = models.PositiveIntegerField(_("votes cast or reserved"), default=0)
    key = models.FloatField(
        _("key"), help_text=_("Random value in [0, 1) that orders pairs with the same number of votes.")
    )
    seed = models.BigIntegerField(
        _("seed"), null=True, help_text=_("The seed that set its sides, if a strategy made the pair.")
    )
    own_text = models.TextField(_("prompt"), null=True, blank=True)
    own_x = models.TextField(_("answer x"), null=True, blank=True)
    own_y = models.TextField(_("answer y"), null=True, blank=True)
    golden = models.CharField(
        _("golden answer"), max_length=3, blank=True, choices=[("x", "x"), ("y", "y"), ("tie", _("tie"))]
    )
    reason = models.TextField(_("reason"), null=True, blank=True)
    upload = models.ForeignKey(Upload, models.RESTRICT, null=True, editable=False, related_name="+")

    objects = PairQuerySet.as_manager()

    class Meta:
        verbose_name = _("pair")
        verbose_name_plural = _("pairs")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["study", "number"], name="pair_number_unique"),
            models.CheckConstraint(condition=Q(taken__lte=F("wanted")), name="pair_taken_within_wanted"),
            models.CheckConstraint(
                condition=Q(purpose=Purpose.VOTE, result_x__isnull=False, result_y__isnull=False, golden="")
                | (~Q(purpose=Purpose.VOTE) & ~Q(golden="") & Q(own_x__isnull=False, own_y__isnull=False, wanted=0)),
                name="pair_fits_its_purpose",
            ),
        ]
        indexes = [
            models.Index(fields=["study", "taken", "key"], condition=Q(taken__lt=F("wanted")), name="pair_wanting"),
            models.Index(fields=["study", "key"], condition=~Q(purpose="vote"), name="pair_golden"),
            # For the pairs of one study in order: the primary key alone would scan those of all others.
            models.Index(fields=["study", "id"], name="pair_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.number}"

    def model(self, side: Side) -> LanguageModel:
        """Returns the model that wrote the answer x or y."""
        return self.model_x if side == "x" else self.model_y

    def result(self, side: Side) -> Result:
        """Returns the answer x or y of a pair to vote on."""
        found = self.result_x if side == "x" else self.result_y
        assert found is not None  # noqa: S101  pair_fits_its_purpose
        return found

    def golden_as_shown(self, left: Side) -> Answer:
        """Returns the golden answer of a training or check pair with the side `left` on the left."""
        return answer_of(cast(Winner, self.golden), left)

    def reason_as_shown(self, left: Side) -> str:
        """Returns the reason with the side `left` on the left: its placeholders {x} and {y} become A and B."""
        names = {"{x}": "A", "{y}": "B"} if left == "x" else {"{x}": "B", "{y}": "A"}
        return PLACEHOLDER.sub(lambda match: names[match[0]], self.reason or "")

    def reason_names_sides(self) -> bool:
        """Returns whether the reason may name a side otherwise than by {x} and {y}: right only with x on the left."""
        return side_named(self.reason or "") != ""

    def texts(self, *, without_reasoning: bool = False) -> dict[str, Any]:
        """Returns the texts of the prompt and both answers as workers see them, by turn.

        `{"prompt": [text, ...], "x": [text, ...], "y": [text, ...]}`, with one entry per turn. With
        `without_reasoning`, the reasoning in answers is left out.
        """
        if without_reasoning:
            texts = self.texts()
            return texts | {side: [parted(answer or "")[1] for answer in texts[side]] for side in ("x", "y")}
        if self.purpose != Purpose.VOTE:
            return {"prompt": [self.own_text or self.prompt.text], "x": [self.own_x or ""], "y": [self.own_y or ""]}
        assert self.result_x is not None  # noqa: S101  pair_fits_its_purpose
        assert self.result_y is not None  # noqa: S101
        return {
            "prompt": [self.prompt.text, *self.prompt.turns],
            "x": [self.result_x.text, *self.result_x.turns],
            "y": [self.result_y.text, *self.result_y.turns],
        }
