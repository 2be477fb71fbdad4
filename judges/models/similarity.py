"""Similarity of answers: runs that compare every two models' answers, their calls, and the scores."""

from typing import Any, Final

import numpy as np
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from annotation.models import LanguageModel, Prompt, Result, Study
from judges.models.judge import Judge, JudgeVersion
from judges.models.work import STILL_LIVE, Call, Exchange, Run, Sending


class SimilarityRun(Run):
    """A run that measures how alike the answers of every two models of a study are, and chooses the top prompts.

    A judge is the endpoint that is asked and pays; measures that ask nothing have none. `compared` of `pairs` pairs of
    models are done, `reused` of them taken over from an earlier run. `compared_at` is set once all are.
    """

    TASK = "judges.compare_answers"

    study = models.ForeignKey(Study, models.CASCADE, related_name="similarity_runs")
    measure = models.CharField(_("measure"), max_length=20)
    judge = models.ForeignKey(Judge, models.PROTECT, null=True, related_name="similarity_runs")
    version = models.ForeignKey(JudgeVersion, models.PROTECT, null=True, related_name="similarity_runs")
    pairs = models.PositiveIntegerField(_("pairs of models"), default=0)
    compared = models.PositiveIntegerField(_("pairs of models compared"), default=0)
    reused = models.PositiveIntegerField(_("pairs of models taken from earlier runs"), default=0)
    compared_at = models.DateTimeField(_("compared"), null=True)

    class Meta:
        verbose_name = _("similarity run")
        verbose_name_plural = _("similarity runs")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["study"], condition=STILL_LIVE, name="similarity_run_of_study"),
            # Two runs would wait for each other's calls.
            models.UniqueConstraint(
                fields=["judge"], condition=STILL_LIVE & Q(judge__isnull=False), name="similarity_run_of_judge"
            ),
        ]


class SimilaritySender(Sending):
    """A process that works on a similarity run."""

    run = models.ForeignKey(SimilarityRun, models.CASCADE, related_name="senders")

    class Meta:
        verbose_name = _("similarity run sender")
        verbose_name_plural = _("similarity run senders")
        ordering = ["-pk"]


class SimilarityCall(Call):
    """One request: texts of an answer or a prompt to embed, or two answers to compare, `result` as answer A.

    `digest` is that of everything the reply depends on: the judge, its endpoint and settings, and the texts. It is
    unique, so the same question is never paid for twice, in whatever study it is asked. `reply` is the one in use.
    """

    run = models.ForeignKey(SimilarityRun, models.CASCADE, related_name="calls")
    version = models.ForeignKey(JudgeVersion, models.PROTECT, related_name="similarity_calls")
    measure = models.CharField(_("measure"), max_length=20)
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="similarity_calls")
    result = models.ForeignKey(Result, models.CASCADE, null=True, related_name="similarity_calls")
    other = models.ForeignKey(Result, models.CASCADE, null=True, related_name="+")
    part = models.PositiveIntegerField(_("part"), default=0)
    with_prompt = models.BooleanField(_("prompt shown"), default=False)
    claim = models.ForeignKey(SimilaritySender, models.SET_NULL, null=True, related_name="calls")
    reply = models.ForeignKey("SimilarityReply", models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("similarity call")
        verbose_name_plural = _("similarity calls")
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["run", "state"], name="similarity_call_by_state"),
            models.Index(
                fields=["run", "failures", "id"], condition=Q(state="pending", claim=None), name="similarity_call_free"
            ),
        ]


class SimilarityReply(Exchange):
    """A reply to one call, successful or not: vectors of `width` numbers each, as float32, or a score from 0 to 1.

    The vectors are left out of `raw`.
    """

    call = models.ForeignKey(SimilarityCall, models.CASCADE, related_name="replies")
    vectors = models.BinaryField(_("vectors"), null=True)
    width = models.PositiveIntegerField(_("numbers per vector"), null=True)
    score = models.FloatField(_("score"), null=True)

    class Meta:
        verbose_name = _("similarity reply")
        verbose_name_plural = _("similarity replies")
        ordering = ["pk"]


PROMPTS: Final = np.dtype("<i8")
SCORES: Final = np.dtype("<f8")


class SimilarityTable(models.Model):
    """The similarities of two models' answers in one run, a column per prompt; it never changes.

    `digest` is that of the measure, the filters, the prompts and the answers: a later run with the same takes the
    scores over. `scores` has a row for each column of the measure, NaN where the state is not 0. `states` are indices
    of the measure's states and `dropped` which filters drop a prompt, a byte for each. `chosen` are the primary keys
    of the top prompts, in the order in which they were taken. `summary` has the numbers of prompts by state, and by
    filter that drops them, or alone drops them; the least and the median similarity.
    """

    run = models.ForeignKey(SimilarityRun, models.CASCADE, related_name="tables")
    model_x = models.ForeignKey(LanguageModel, models.CASCADE, related_name="+")
    model_y = models.ForeignKey(LanguageModel, models.CASCADE, related_name="+")
    digest = models.CharField(_("digest"), max_length=64)
    prompts = models.BinaryField(_("prompts"))
    scores = models.BinaryField(_("scores"))
    states = models.BinaryField(_("states"))
    dropped = models.BinaryField(_("dropped"))
    summary = models.JSONField(_("summary"), default=dict)
    chosen = models.JSONField(_("chosen prompts"), default=list)

    class Meta:
        verbose_name = _("similarities of two models")
        verbose_name_plural = _("similarities of two models")
        ordering = ["run", "pk"]
        constraints = [models.UniqueConstraint(fields=["run", "model_x", "model_y"], name="similarity_table_once")]
        indexes = [models.Index(fields=["digest"], name="similarity_table_same")]

    def __str__(self) -> str:
        return f"{self.pk}"

    @property
    def prompt_keys(self) -> NDArray[np.int64]:
        """(n,) primary keys of the prompts."""
        return np.frombuffer(self.prompts, PROMPTS)

    @property
    def values(self) -> NDArray[np.float64]:
        """(columns, n) the measure's numbers."""
        size = len(self.prompts) // PROMPTS.itemsize
        return np.frombuffer(self.scores, SCORES).reshape(-1, size) if size else np.empty((1, 0))

    @property
    def state_numbers(self) -> NDArray[np.uint8]:
        """(n,) indices of the measure's states."""
        return np.frombuffer(self.states, np.uint8)

    @property
    def dropped_by(self) -> NDArray[np.uint8]:
        """(n,) which filters drop a prompt, bit i for the i-th."""
        return np.frombuffer(self.dropped, np.uint8)

    def fill(
        self, prompts: Any, values: NDArray[np.float64], states: NDArray[np.uint8], dropped: NDArray[np.uint8]
    ) -> None:
        """Sets the arrays; the row is not saved."""
        self.prompts = np.asarray(prompts, PROMPTS).tobytes()
        self.scores = np.ascontiguousarray(values, SCORES).tobytes()
        self.states, self.dropped = states.astype(np.uint8).tobytes(), dropped.astype(np.uint8).tobytes()
