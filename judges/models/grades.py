"""What judges elsewhere said, and what else files of a benchmark hold that the corpus has no column for."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models import LanguageModel, Pair, Prompt, Result, Study, Upload
from annotation.models.voting import SideChoice
from judges.models.work import CallState


class Judgment(models.Model):
    """What a judge that was asked elsewhere said of an answer, or of a pair in one order, as a file has it.

    What one on a pair amounts to is a comparison, as of any rater; here are the words, and the states of
    those that came to nothing. `turn` and `sample` are as in a `JudgeCall`.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="judgments")
    judge = models.CharField(_("judge"), max_length=200)
    template = models.CharField(_("template"), max_length=200, blank=True)
    result = models.ForeignKey(Result, models.RESTRICT, null=True, related_name="judgments")
    pair = models.ForeignKey(Pair, models.RESTRICT, null=True, related_name="judgments")
    turn = models.PositiveSmallIntegerField(_("turn"), default=0)
    left = models.CharField(_("on the left"), max_length=1, choices=SideChoice, blank=True)
    sample = models.PositiveIntegerField(_("sample"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=CallState)
    score = models.FloatField(_("score"), null=True)
    winner = models.CharField(_("winner"), max_length=3, blank=True)
    asked = models.TextField(_("question"), blank=True)
    words = models.TextField(_("judge’s reply"), blank=True)
    stamp = models.FloatField(_("time"), null=True, help_text=_("Unix time in seconds (UTC)."))
    file = models.CharField(_("file"), max_length=200)
    extra = models.JSONField(_("additional row data"), default=dict, blank=True)
    digest = models.CharField(_("row digest"), max_length=32)
    upload = models.ForeignKey(Upload, models.RESTRICT, null=True, editable=False, related_name="+")

    class Meta:
        verbose_name = _("imported judgment")
        verbose_name_plural = _("imported judgments")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "judge", "pair", "turn", "left", "sample"],
                condition=~Q(pair=None),
                name="judgment_on_pair_once",
            ),
            models.UniqueConstraint(
                fields=["study", "judge", "result", "turn", "sample"],
                condition=~Q(result=None),
                name="judgment_on_result_once",
            ),
            models.CheckConstraint(
                condition=(Q(pair__isnull=False, result=None, score=None) & ~Q(left=""))
                | Q(pair=None, result__isnull=False, left="", winner=""),
                name="judgment_about_one",
            ),
            models.CheckConstraint(
                condition=Q(pair__isnull=False) | Q(state="ok", score__isnull=False) | (~Q(state="ok") & Q(score=None)),
                name="judgment_score_if_ok",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class ReferenceAnswer(models.Model):
    """A reference answer and whose it is; `source` is empty where it came with the prompt itself.

    `used` are those that the prompt's own list of references was taken from.
    """

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="reference_answers")
    source = models.CharField(_("source"), max_length=200, blank=True)
    turns = models.JSONField(_("texts"), default=list, help_text=_("One per turn, in order."))
    used = models.BooleanField(_("used"), default=False)
    extra = models.JSONField(_("additional row data"), default=dict, blank=True)
    upload = models.ForeignKey(Upload, models.RESTRICT, null=True, editable=False, related_name="+")

    class Meta:
        verbose_name = _("reference answer")
        verbose_name_plural = _("reference answers")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["prompt", "source"], name="reference_answer_once")]

    def __str__(self) -> str:
        return self.source or f"{self.pk}"


class Remainder(models.Model):
    """What a row about a prompt, or about a model's answers to it, says that no column holds."""

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="remainders")
    model = models.ForeignKey(LanguageModel, models.CASCADE, null=True, related_name="remainders")
    extra = models.JSONField(_("additional row data"))
    upload = models.ForeignKey(Upload, models.RESTRICT, null=True, editable=False, related_name="+")

    class Meta:
        verbose_name = _("additional row data")
        verbose_name_plural = _("additional row data")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["prompt"], condition=Q(model=None), name="remainder_of_prompt_once"),
            models.UniqueConstraint(fields=["prompt", "model"], name="remainder_of_answers_once"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"
