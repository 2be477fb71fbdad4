"""Benchmarks of judges: preferences with a known choice, and what a judge said of them.

They are of no study. A question is asked once of a version of a judge, whatever runs it is part of, so that
a longer run, another file with the same rows, or a second try pays for nothing twice.
"""

from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from judges.models.judge import JudgeVersion
from judges.models.work import STILL_LIVE, Call, Exchange, Run, Sending


class Preference(models.Model):
    """A prompt with two answers of which the better one is known. `turns` are chat messages, the last a user's."""

    sha256 = models.CharField(max_length=64, unique=True)
    prompt_sha256 = models.CharField(max_length=64)
    turns = models.JSONField(_("prompt"))
    chosen = models.TextField(_("chosen answer"))
    rejected = models.TextField(_("rejected answer"))

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")

    def __str__(self) -> str:
        return self.sha256[:12]


class PreferenceSet(models.Model):
    """A file of preferences; one with other rows is another set, whatever its name."""

    name = models.CharField(_("name"), max_length=200)
    sha256 = models.CharField(max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("preference set")
        verbose_name_plural = _("preference sets")
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["name", "sha256"], name="preference_set_unique")]

    def __str__(self) -> str:
        return self.name


class PreferenceEntry(models.Model):
    """A row of a set; `number` is its place in the file, from 1."""

    preferences = models.ForeignKey(PreferenceSet, models.CASCADE, related_name="entries")
    preference = models.ForeignKey(Preference, models.RESTRICT, related_name="entries")
    number = models.PositiveIntegerField(_("number"))
    name = models.CharField(_("ID in the file"), max_length=200, blank=True)
    subset = models.CharField(_("subset"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("preference set row")
        verbose_name_plural = _("preference set rows")
        ordering = ["preferences", "number"]
        constraints = [models.UniqueConstraint(fields=["preferences", "number"], name="preference_entry_once")]

    def __str__(self) -> str:
        return self.name or f"{self.number}"


class Protocol(models.TextChoices):
    """How the judge is asked: in words, or as a reward model by vLLM's addresses of these names."""

    CHAT = "chat", _("chat")
    POOLING = "pooling", _("reward model (/pooling)")
    CLASSIFY = "classify", _("reward model (/classify)")


class BenchmarkRun(Run):
    """A judge at work on sets of preferences. `limit` rows of each, always the same ones for a seed."""

    TASK = "judges.benchmark"

    version = models.ForeignKey(JudgeVersion, models.PROTECT, related_name="benchmark_runs")
    sets = models.ManyToManyField(PreferenceSet, related_name="runs")
    protocol = models.CharField(_("protocol"), max_length=8, choices=Protocol, default=Protocol.CHAT)
    both_orders = models.BooleanField(_("both orders"), default=False)
    seed = models.BigIntegerField(_("seed"), default=0)
    limit = models.PositiveIntegerField(_("maximum rows per set"), null=True)

    class Meta:
        verbose_name = _("judge benchmark")
        verbose_name_plural = _("judge benchmarks")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "protocol"],
                condition=STILL_LIVE,
                name="benchmark_one_live",
            ),
        ]

    @property
    def by_pairs(self) -> bool:
        """Whether both answers are shown at once; else each is scored alone."""
        return self.protocol == Protocol.CHAT and not self.version.grades


class BenchmarkSender(Sending):
    """A process at work on a benchmark."""

    run = models.ForeignKey(BenchmarkRun, models.CASCADE, related_name="senders")

    class Meta:
        verbose_name = _("benchmark sender")
        verbose_name_plural = _("benchmark senders")
        ordering = ["-pk"]


class Shown(models.TextChoices):
    """What a call shows: both answers, one of them on the left, or one alone."""

    CHOSEN_LEFT = "chosen-left", _("both, chosen answer on the left")
    REJECTED_LEFT = "rejected-left", _("both, rejected answer on the left")
    CHOSEN = "chosen", _("chosen answer only")
    REJECTED = "rejected", _("rejected answer only")


class BenchmarkCall(Call):
    """One question about a preference. `reply` is the one that counts, where there is one."""

    run = models.ForeignKey(BenchmarkRun, models.CASCADE, related_name="calls")
    version = models.ForeignKey(JudgeVersion, models.PROTECT, related_name="benchmark_calls")
    protocol = models.CharField(_("protocol"), max_length=8, choices=Protocol)
    preference = models.ForeignKey(Preference, models.RESTRICT, related_name="calls")
    shown = models.CharField(_("shown"), max_length=13, choices=Shown)
    claim = models.ForeignKey(BenchmarkSender, models.SET_NULL, null=True, related_name="calls")
    reply = models.ForeignKey("BenchmarkReply", models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("benchmark call")
        verbose_name_plural = _("benchmark calls")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["version", "protocol", "preference", "shown"], name="benchmark_call_once"),
        ]
        indexes = [
            models.Index(fields=["run", "state"], name="benchmark_call_by_state"),
            models.Index(fields=["run", "id"], condition=Q(state="pending", claim=None), name="benchmark_call_free"),
        ]


SAYS: Final = ("chosen", "rejected", "tie")
"""What a reply about both answers can say."""


class BenchmarkReply(Exchange):
    """What came back on one question, for good or ill: which answer is better, or the score of one."""

    call = models.ForeignKey(BenchmarkCall, models.CASCADE, related_name="replies")
    says = models.CharField(_("verdict"), max_length=8, blank=True, choices=[(word, word) for word in SAYS])
    score = models.FloatField(_("score"), null=True)

    class Meta:
        verbose_name = _("benchmark reply")
        verbose_name_plural = _("benchmark replies")
        ordering = ["pk"]
