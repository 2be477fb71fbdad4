"""Evolved prompts: runs in which a model writes new prompts from seed prompts, and what it wrote.

A *call* asks for one new prompt. Its parent is a seed prompt of the set in the first iteration, and the prompt written
in the iteration before in the others; a *chain* is one line of descent. Calls are asked once per recipe, whichever runs
include them. What was written is reviewed before it becomes a prompt of the set.
"""

import hashlib
import json
from typing import Any, Final, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models import Prompt, PromptSet
from judges.models.answers import AnswerSource
from judges.models.work import STILL_LIVE, Call, Exchange, Run, Sending


class EvolveRecipe(models.Model):
    """What new prompts are written by: a scenario with the full text of its template, and a model with its settings.

    Rows never change. Another template or another setting of the model makes another recipe; so does another `seed`,
    from which the constraints of each prompt are drawn.
    """

    SETTINGS: Final = ("api_id", "top_p", "max_tokens", "extra_body", "reasoning_effort", "seed")
    """Settings of the model's endpoint that change what it writes."""

    source = models.ForeignKey(AnswerSource, models.CASCADE, related_name="evolve_recipes")
    scenario = models.CharField(_("scenario"), max_length=20)
    version = models.PositiveSmallIntegerField(_("template version"))
    template = models.TextField(_("template"))
    form = models.CharField(_("form of the reply"), max_length=20)
    settings = models.JSONField(_("settings of the model"), default=dict)
    temperature = models.FloatField(_("temperature"), null=True)
    seed = models.BigIntegerField(_("random seed"))
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("recipe for evolved prompts")
        verbose_name_plural = _("recipes for evolved prompts")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["source", "sha256", "seed"], name="evolve_recipe_once")]

    def __str__(self) -> str:
        return f"{self.scenario} {self.sha256[:12]}"

    def digest(self) -> str:
        """Returns the hash of everything but the random seed."""
        told = {
            name: getattr(self, name) for name in ("scenario", "version", "template", "form", "settings", "temperature")
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


class EvolveRun(Run):
    """A run in which a model writes new prompts from the prompts of a set."""

    TASK = "judges.evolve"

    prompt_set = models.ForeignKey(PromptSet, models.CASCADE, related_name="evolve_runs")
    source = models.ForeignKey(AnswerSource, models.CASCADE, related_name="evolve_runs")
    recipe = models.ForeignKey(EvolveRecipe, models.CASCADE, related_name="runs")

    class Meta:
        verbose_name = _("evolve run")
        verbose_name_plural = _("evolve runs")
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["source"], condition=STILL_LIVE, name="evolve_run_one_live")]


class EvolveSender(Sending):
    """A process that works on an evolve run."""

    run = models.ForeignKey(EvolveRun, models.CASCADE, related_name="senders")

    class Meta:
        verbose_name = _("evolve run sender")
        verbose_name_plural = _("evolve run senders")
        ordering = ["-pk"]


class EvolveState(models.TextChoices):
    """State of a call. `ended`: its parent cannot be used, so the chain ends before it."""

    WAITING = "waiting", _("waiting for the previous iteration")
    PENDING = "pending", _("pending")
    SENT = "sent", _("sent")
    OK = "ok", _("ok")
    UNREADABLE = "unreadable", _("unreadable")
    TRUNCATED = "truncated", _("truncated")
    EMPTY = "empty", _("empty")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("failed")
    ENDED = "ended", _("not asked (parent is a duplicate or rejected)")


class EvolveCall(Call):
    """A request for one new prompt: the prompt of `iteration`, from 1, in the chain `chain` of a seed prompt.

    `parent` is what was written in the iteration before; None in the first, whose parent is the seed prompt itself.
    """

    run = models.ForeignKey(EvolveRun, models.CASCADE, related_name="calls")
    recipe = models.ForeignKey(EvolveRecipe, models.CASCADE, related_name="calls")
    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="evolve_calls", verbose_name=_("seed prompt"))
    chain = models.PositiveIntegerField(_("chain"), default=0)
    iteration = models.PositiveSmallIntegerField(_("iteration"), default=1)
    parent = models.ForeignKey("EvolvedPrompt", models.CASCADE, null=True, related_name="child_calls")
    constraints = models.JSONField(_("constraints"), default=list)
    state = models.CharField(_("state"), max_length=10, choices=EvolveState, default=EvolveState.PENDING)
    claim = models.ForeignKey(EvolveSender, models.SET_NULL, null=True, related_name="calls")

    class Meta:
        verbose_name = _("evolve call")
        verbose_name_plural = _("evolve calls")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["recipe", "prompt", "chain", "iteration"], name="evolve_call_once"),
        ]
        indexes = [
            models.Index(fields=["run", "state"], name="evolve_call_by_state"),
            models.Index(
                fields=["run", "failures", "id"], condition=Q(state="pending", claim=None), name="evolve_call_free"
            ),
        ]


class EvolveReply(Exchange):
    """A reply to one call, successful or not. `text` is what was read, `thinking` the reasoning before it."""

    call = models.ForeignKey(EvolveCall, models.CASCADE, related_name="replies")
    state = models.CharField(_("state"), max_length=10, choices=EvolveState)
    text = models.TextField(_("reply"), blank=True)
    thinking = models.TextField(_("reasoning"), blank=True)

    class Meta:
        verbose_name = _("evolve reply")
        verbose_name_plural = _("evolve replies")
        ordering = ["pk"]

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens per second, or None if unknown."""
        return self.tokens_out / self.seconds if self.seconds and self.tokens_out else None


class Review(models.TextChoices):
    """What an administrator decided on an evolved prompt."""

    WAITING = "waiting", _("to review")
    ACCEPTED = "accepted", _("accepted")
    REJECTED = "rejected", _("rejected")


class Duplicate(models.TextChoices):
    """Whether there is a prompt like it in the set or among the evolved ones."""

    NONE = "", _("none")
    NEAR = "near", _("near duplicate")
    EXACT = "exact", _("exact duplicate")


class EvolvedPromptQuerySet(models.QuerySet["EvolvedPrompt"]):
    """Evolved prompts, by what may happen to them."""

    def waiting(self) -> Self:
        """Those that nobody has decided on."""
        return self.filter(review=Review.WAITING)

    def exact(self) -> Self:
        return self.filter(duplicate=Duplicate.EXACT)

    def not_compared(self) -> Self:
        """Those whose most similar prompt has not been searched."""
        return self.filter(similarity=None)


class EvolvedPrompt(models.Model):
    """A new prompt that a model wrote, and its review. Its lineage is that of its `call`.

    `text` and `reference` are as they were accepted, or as they were written until then; `written` and
    `written_reference` never change. `prompt` is the prompt of the set that it became. `similarity`, from 0 to 1, is
    that of the most similar prompt, which is `like_prompt` or `like`; it is None until that has been searched.
    """

    prompt_set = models.ForeignKey(PromptSet, models.CASCADE, related_name="evolved_prompts")
    call = models.OneToOneField(EvolveCall, models.CASCADE, related_name="child")
    reply = models.OneToOneField(EvolveReply, models.CASCADE, related_name="child")
    written = models.TextField(_("text as written"))
    written_reference = models.TextField(_("answer as written"), blank=True)
    text = models.TextField(_("text"))
    reference = models.TextField(_("reference answer"), blank=True)
    fingerprint = models.CharField(
        max_length=64, help_text=_("Prompts whose original text is an exact duplicate have the same value.")
    )
    duplicate = models.CharField(_("duplicate"), max_length=5, choices=Duplicate, default=Duplicate.NONE, blank=True)
    similarity = models.FloatField(_("similarity"), null=True)
    like_prompt = models.ForeignKey(Prompt, models.SET_NULL, null=True, related_name="+")
    like = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    review = models.CharField(_("review"), max_length=8, choices=Review, default=Review.WAITING)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    reviewed_at = models.DateTimeField(_("reviewed"), null=True)
    prompt = models.OneToOneField(Prompt, models.SET_NULL, null=True, related_name="evolved")
    created_at = models.DateTimeField(_("created"))

    objects = EvolvedPromptQuerySet.as_manager()

    class Meta:
        verbose_name = _("evolved prompt")
        verbose_name_plural = _("evolved prompts")
        ordering = ["pk"]
        constraints = [
            # Two senders may receive the same prompt at once: only one of the two is no duplicate.
            models.UniqueConstraint(
                fields=["prompt_set", "fingerprint"], condition=~Q(duplicate="exact"), name="evolved_prompt_original"
            ),
        ]
        indexes = [
            models.Index(fields=["prompt_set", "review", "id"], name="evolved_prompt_by_review"),
            models.Index(fields=["prompt_set"], condition=Q(similarity=None), name="evolved_prompt_to_compare"),
        ]

    def __str__(self) -> str:
        return self.text[:100]

    @property
    def edited(self) -> bool:
        """Whether it was accepted with another text or answer than the model wrote."""
        return (self.text, self.reference) != (self.written, self.written_reference)

    @property
    def feeds(self) -> bool:
        """Whether the next iteration may be written from it: it is no exact duplicate, and was not rejected."""
        return self.duplicate != Duplicate.EXACT and self.review != Review.REJECTED


def source_settings(source: AnswerSource) -> dict[str, Any]:
    """Returns the settings of `source` that a recipe keeps."""
    return {name: getattr(source, name) for name in EvolveRecipe.SETTINGS}
