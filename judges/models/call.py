"""Calls of judges: requests, replies, and the verdicts read from them."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models import Comparison, Pair, Result
from annotation.models.voting import SideChoice
from annotation.stored_problems import StoredProblem
from judges.models.judge import JudgeVersion
from judges.models.run import JudgeRun, RunKind, Sender
from judges.models.work import Call, CallState, Exchange


def repetition(left: str, sample: int) -> int:
    """Encodes the order and sample of a verdict on a pair in one number, the `trial` of its comparison."""
    return 2 * sample + (left == "y")


class JudgeCall(Call):
    """One request to a judge about a turn of a pair or result, with the order of the answers and the sample number.

    These are unique per version the call was planned with.
    """

    run = models.ForeignKey(JudgeRun, models.CASCADE, related_name="calls")
    version = models.ForeignKey(JudgeVersion, models.PROTECT, related_name="calls")
    pair = models.ForeignKey(Pair, models.RESTRICT, null=True, related_name="judge_calls")
    result = models.ForeignKey(Result, models.RESTRICT, null=True, related_name="judge_calls")
    turn = models.PositiveSmallIntegerField(_("turn"), default=0)
    left = models.CharField(_("on the left"), max_length=1, choices=SideChoice, blank=True)
    sample = models.PositiveIntegerField(_("sample"), default=0)
    claim = models.ForeignKey(Sender, models.SET_NULL, null=True, related_name="calls")

    class Meta:
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "pair", "turn", "left", "sample"],
                condition=~Q(pair=None),
                name="judge_pair_call_once",
            ),
            models.UniqueConstraint(
                fields=["version", "result", "turn", "sample"], condition=~Q(result=None), name="judge_result_call_once"
            ),
            models.CheckConstraint(
                condition=(Q(pair__isnull=False, result=None) & ~Q(left=""))
                | Q(pair=None, result__isnull=False, left=""),
                name="judge_call_about_one",
            ),
        ]
        indexes = [
            models.Index(fields=["run", "state"], name="judge_call_by_state"),
            models.Index(
                fields=["run", "failures", "id"], condition=Q(state="pending", claim=None), name="judge_call_free"
            ),
        ]

    @property
    def trial(self) -> int:
        """The `trial` of its comparison."""
        return repetition(self.left, self.sample)


class JudgeReply(Exchange):
    """A reply to one call, successful or not."""

    call = models.ForeignKey(JudgeCall, models.CASCADE, related_name="replies")
    answered_as = models.ForeignKey(JudgeVersion, models.PROTECT, related_name="replies")
    template_sha256 = models.CharField(_("template hash"), max_length=64)
    part = models.PositiveIntegerField(_("template part"), default=0)
    cut = models.BooleanField(_("answer shortened"), default=False)

    class Meta:
        verbose_name = _("reply")
        verbose_name_plural = _("replies")
        ordering = ["pk"]
        indexes = [models.Index(fields=["answered_as", "response_id"], name="judge_reply_by_id")]


class VerdictQuerySet(models.QuerySet["Verdict"]):
    """Selections of verdicts by whether they are in force and count."""

    def in_force(self) -> "VerdictQuerySet":
        """Selects the current verdict of every answered call, including stability tests."""
        return self.filter(superseded_at=None)

    def counted(self) -> "VerdictQuerySet":
        """Selects the verdicts that tables and boards use: those in force, without stability tests."""
        return self.in_force().filter(call__run__kind=RunKind.JUDGING)


class Verdict(StoredProblem):
    """What a reader made of a reply. Reading it again adds a row; `superseded_at` alone is set later, once.

    An `ok` verdict on a pair has a comparison, which is the row that boards and exports use. Unreadable verdicts are
    stored too: an error is never a tie.
    """

    call = models.ForeignKey(JudgeCall, models.CASCADE, related_name="verdicts")
    reply = models.ForeignKey(JudgeReply, models.CASCADE, related_name="verdicts")
    reader = models.CharField(_("reader"), max_length=20)
    reader_version = models.PositiveIntegerField(_("reader version"))
    state = models.CharField(_("state"), max_length=10, choices=CallState)
    winner = models.CharField(_("winner"), max_length=3, blank=True)
    level = models.PositiveSmallIntegerField(_("level"), null=True)
    score = models.FloatField(_("score"), null=True)
    share = models.FloatField(_("probability that the left answer is better"), null=True)
    comparison = models.OneToOneField(Comparison, models.RESTRICT, null=True, related_name="verdict")
    superseded_at = models.DateTimeField(_("superseded"), null=True)
    read_at = models.DateTimeField(_("read"))

    objects = VerdictQuerySet.as_manager()

    class Meta:
        verbose_name = _("verdict")
        verbose_name_plural = _("verdicts")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["call"], condition=Q(superseded_at=None), name="verdict_one_in_force"),
        ]
        indexes = [
            models.Index(fields=["superseded_at"], condition=Q(superseded_at__isnull=False), name="verdict_superseded"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"
