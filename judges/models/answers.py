"""Answers from models: the endpoints of language models, and every request and reply.

A *call* is one turn of a conversation: one prompt sent to one model, per sample. When the last turn has been
answered, the conversation becomes a result of the corpus. Failures are stored here with a state and never become
results.
"""

from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models import LanguageModel, Prompt, PromptSet, Result, Study
from judges.llm.mock import MODELS as STAND_INS
from judges.models.work import STILL_LIVE, Access, Call, Exchange, Purse, Run, Sending


class SystemMessage(models.Model):
    """The system message sent to every model before each prompt of a set."""

    prompt_set = models.OneToOneField(PromptSet, models.CASCADE, primary_key=True, related_name="system_message")
    text = models.TextField(_("system message"))

    class Meta:
        verbose_name = _("system message")
        verbose_name_plural = _("system messages")

    def __str__(self) -> str:
        return self.text[:100]


class AnswerSource(Access, Purse):
    """The endpoint of a language model, and the budget of its answers."""

    model = models.OneToOneField(LanguageModel, models.CASCADE, related_name="answer_source")
    api_id = models.CharField(_("model"), max_length=200, help_text=_("The model’s name at the endpoint."))

    class Meta:
        verbose_name = _("language model endpoint")
        verbose_name_plural = _("language model endpoints")
        ordering = ["pk"]
        constraints = [models.CheckConstraint(condition=Q(reserved__gte=0), name="answer_reserved_not_negative")]

    SETTINGS: Final = (
        "endpoint",
        "api_id",
        "key_source",
        "top_p",
        "max_tokens",
        "token_limit",
        "extra_body",
        "extra_headers",
        "reasoning_effort",
        "seed",
        "timeout",
        "parallel",
        "requests_per_minute",
        "tokens_per_minute",
        "price_in",
        "price_out",
        "price_cached",
        "reported_cost",
    )

    def __str__(self) -> str:
        return str(self.model)

    @property
    def stand_in(self) -> bool:
        """Whether this is the built-in test model rather than a real one."""
        return self.api_id in STAND_INS

    @property
    def key_owner(self) -> dict[str, Any]:
        return {"source": self.pk}

    def clean(self) -> None:
        faults: dict[str, Any] = self.faults()
        if faults:
            raise ValidationError(faults)


class AnswerRun(Run):
    """A run in which a model answers the prompts of a study."""

    TASK = "judges.answer"

    study = models.ForeignKey(Study, models.CASCADE, related_name="answer_runs")
    source = models.ForeignKey(AnswerSource, models.CASCADE, related_name="runs")

    class Meta:
        verbose_name = _("answer run")
        verbose_name_plural = _("answer runs")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["source"],
                condition=STILL_LIVE,
                name="answer_run_one_live",
            ),
        ]


class AnswerSender(Sending):
    """A process that works on an answer run."""

    run = models.ForeignKey(AnswerRun, models.CASCADE, related_name="senders")

    class Meta:
        verbose_name = _("answer run sender")
        verbose_name_plural = _("answer run senders")
        ordering = ["-pk"]


class AnswerState(models.TextChoices):
    """State of a turn. `truncated`: the answer was cut off; `waiting`: the previous turn is not answered yet."""

    WAITING = "waiting", _("waiting for the previous turn")
    PENDING = "pending", _("pending")
    SENT = "sent", _("sent")
    OK = "ok", _("ok")
    TRUNCATED = "truncated", _("truncated")
    EMPTY = "empty", _("empty")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("failed")


ANSWERED: Final = (AnswerState.OK, AnswerState.TRUNCATED)
"""States with an answer."""


class AnswerCall(Call):
    """One turn of a conversation with a model; `turn` counts from 1.

    `result` is the stored conversation. `answer` is the reply whose text is in use.
    """

    run = models.ForeignKey(AnswerRun, models.CASCADE, related_name="calls")
    source = models.ForeignKey(AnswerSource, models.CASCADE, related_name="calls")
    prompt = models.ForeignKey(Prompt, models.RESTRICT, related_name="answer_calls")
    sample = models.PositiveIntegerField(_("sample"), default=0)
    turn = models.PositiveSmallIntegerField(_("turn"), default=1)
    last = models.BooleanField(_("last turn"), default=True)
    state = models.CharField(_("state"), max_length=10, choices=AnswerState, default=AnswerState.PENDING)
    claim = models.ForeignKey(AnswerSender, models.SET_NULL, null=True, related_name="calls")
    answer = models.ForeignKey("AnswerReply", models.SET_NULL, null=True, related_name="+")
    result = models.ForeignKey(Result, models.RESTRICT, null=True, related_name="answer_calls")

    class Meta:
        verbose_name = _("answer call")
        verbose_name_plural = _("answer calls")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["source", "prompt", "sample", "turn"], name="answer_call_once"),
        ]
        indexes = [
            models.Index(fields=["run", "state"], name="answer_call_by_state"),
            models.Index(
                fields=["run", "failures", "id"], condition=Q(state="pending", claim=None), name="answer_call_free"
            ),
            models.Index(
                fields=["source"],
                condition=Q(last=True, result=None, state__in=["ok", "truncated"]),
                name="answer_call_complete",
            ),
        ]


class AnswerReply(Exchange):
    """A reply on one turn, successful or not. `text` is the answer, `thinking` the reasoning before it."""

    call = models.ForeignKey(AnswerCall, models.CASCADE, related_name="replies")
    state = models.CharField(_("state"), max_length=10, choices=AnswerState)
    text = models.TextField(_("answer"), blank=True)
    thinking = models.TextField(_("reasoning"), blank=True)

    class Meta:
        verbose_name = _("model reply")
        verbose_name_plural = _("model replies")
        ordering = ["pk"]
        indexes = [models.Index(fields=["response_id"], name="answer_reply_by_id")]

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens per second, or None if unknown."""
        return self.tokens_out / self.seconds if self.seconds and self.tokens_out else None
