"""Benchmarks of judges: preferences with a known choice, and the judge's verdicts on them.

They belong to no study. Each version of a judge is asked a question only once, whichever runs include it, so a
longer run, another file with the same rows or a second attempt never pays twice.
"""

from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from judges.models.judge import JudgeVersion
from judges.models.work import STILL_LIVE, Call, Exchange, Run, Sending


class Preference(models.Model):
    """A prompt with two answers, the better of which is known. `turns` are chat messages ending with the user's."""

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
    """A file of preferences. Different rows make a different set, even under the same name."""

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
    """A row of a set; `number` is its position in the file, from 1."""

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
    """How the judge is asked: as a chat model, or as a reward model through vLLM's endpoints of these names."""

    CHAT = "chat", _("chat")
    POOLING = "pooling", _("reward model (/pooling)")
    CLASSIFY = "classify", _("reward model (/classify)")


class BenchmarkRun(Run):
    """A run of a judge on preference sets, with `limit` rows of each; the same seed selects the same rows."""

    TASK = "judges.benchmark"

    version = models.ForeignKey(JudgeVersion, models.PROTECT, related_name="benchmark_runs")
    sets = models.ManyToManyField(PreferenceSet, related_name="runs")
    protocol = models.CharField(_("request type"), max_length=8, choices=Protocol, default=Protocol.CHAT)
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
        """Whether both answers are shown together; otherwise each is scored alone."""
        return self.protocol == Protocol.CHAT and not self.version.grades


class BenchmarkSender(Sending):
    """A process that works on a benchmark."""

    run = models.ForeignKey(BenchmarkRun, models.CASCADE, related_name="senders")

    class Meta:
        verbose_name = _("benchmark sender")
        verbose_name_plural = _("benchmark senders")
        ordering = ["-pk"]


class Shown(models.TextChoices):
    """What a call shows: both answers in one order, or a single answer."""

    CHOSEN_LEFT = "chosen-left", _("both, chosen answer on the left")
    REJECTED_LEFT = "rejected-left", _("both, rejected answer on the left")
    CHOSEN = "chosen", _("chosen answer only")
    REJECTED = "rejected", _("rejected answer only")


class BenchmarkCall(Call):
    """One call about a preference. `reply` is the reply in use, if there is one."""

    run = models.ForeignKey(BenchmarkRun, models.CASCADE, related_name="calls")
    version = models.ForeignKey(JudgeVersion, models.PROTECT, related_name="benchmark_calls")
    protocol = models.CharField(_("request type"), max_length=8, choices=Protocol)
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
            models.Index(
                fields=["run", "failures", "id"], condition=Q(state="pending", claim=None), name="benchmark_call_free"
            ),
        ]


SAYS: Final = ("chosen", "rejected", "tie")
"""Possible verdicts on both answers."""


class BenchmarkReply(Exchange):
    """A reply to one call, successful or not: which answer is better, or the score of one."""

    call = models.ForeignKey(BenchmarkCall, models.CASCADE, related_name="replies")
    says = models.CharField(_("verdict"), max_length=8, blank=True, choices=[(word, word) for word in SAYS])
    score = models.FloatField(_("score"), null=True)

    class Meta:
        verbose_name = _("benchmark reply")
        verbose_name_plural = _("benchmark replies")
        ordering = ["pk"]
