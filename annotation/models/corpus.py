"""The corpus: language models, prompts and results, as in the exchange schema.

`number` is the `id` of the exchange files: unique in its prompt set, but not the primary key. The order of
primary keys is the stored order, which is the order of the files.
"""

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models.upload import Upload


class PromptSetQuerySet(models.QuerySet["PromptSet"]):
    """Prompt sets, by what a user may do with them. `StudyQuerySet` has what a user may do through a study."""

    def owned_by(self, user: User | AnonymousUser) -> Self:
        """The sets whose readers and studies `user` manages; all for a superuser."""
        if isinstance(user, AnonymousUser):
            return self.none()
        return self if user.is_superuser else self.filter(owner=user)

    def readable_by(self, user: User | AnonymousUser) -> Self:
        """The sets that `user` may read and use in new studies: their own and those they are a reader of."""
        if isinstance(user, AnonymousUser) or user.is_superuser:
            return self.owned_by(user)
        return self.filter(Q(owner=user) | Q(pk__in=PromptSetReader.objects.filter(user=user).values("prompt_set")))

    def editable_by(self, user: User | AnonymousUser) -> Self:
        """The sets whose prompts, answers, endpoints and system message `user` may change."""
        if isinstance(user, AnonymousUser) or user.is_superuser:
            return self.owned_by(user)
        edited = PromptSetReader.objects.filter(user=user, edits=True)
        return self.filter(Q(owner=user) | Q(pk__in=edited.values("prompt_set")))


class PromptSet(models.Model):
    """A named collection of prompts, with the models that answered them and their results.

    Several studies may use it. Its owner decides who else may: see `StudyQuerySet.readable_by`.
    """

    slug = models.SlugField(_("address"), max_length=100, unique=True)
    name = models.CharField(_("name"), max_length=200)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="prompt_sets"
    )
    textless = models.BooleanField(
        _("without texts"),
        default=False,
        editable=False,
        help_text=_("Prompts and answers have no texts: only comparisons were loaded. Nobody can vote on them."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = PromptSetQuerySet.as_manager()

    class Meta:
        verbose_name = _("prompt set")
        verbose_name_plural = _("prompt sets")
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


class PromptSetReader(models.Model):
    """Permission for a user, from a prompt set's owner, to read the set and to use it in studies of their own."""

    prompt_set = models.ForeignKey(PromptSet, models.CASCADE, related_name="readers")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    edits = models.BooleanField(
        _("can edit"), default=False, help_text=_("Can also change the set and spend the budgets of its models.")
    )
    study = models.ForeignKey(
        "annotation.Study",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("If set, access ends when the user leaves this study."),
    )

    class Meta:
        verbose_name = _("reader of a prompt set")
        verbose_name_plural = _("readers of prompt sets")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["prompt_set", "user"], condition=Q(study=None), name="prompt_set_reader_once"
            ),
            models.UniqueConstraint(fields=["prompt_set", "user", "study"], name="prompt_set_reader_through_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user}"


class LanguageModel(models.Model):
    """A system that answers prompts: `models` in the exchange files."""

    prompt_set = models.ForeignKey(PromptSet, models.PROTECT, related_name="models")
    number = models.BigIntegerField(_("number"))
    api_id = models.TextField(_("API ID"), null=True, blank=True)
    name = models.TextField(_("name"))
    api = models.TextField(_("API"), null=True, blank=True)
    type = models.TextField(_("type"), null=True, blank=True)
    org = models.TextField(_("organisation"), null=True, blank=True)
    licence = models.TextField(_("licence"), null=True, blank=True)
    price = models.FloatField(_("price (US dollars per million output tokens)"), null=True, blank=True)
    released = models.DateField(_("release date"), null=True, blank=True)
    upload = models.ForeignKey(Upload, models.RESTRICT, null=True, editable=False, related_name="+")

    class Meta:
        verbose_name = _("language model")
        verbose_name_plural = _("language models")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["prompt_set", "number"], name="model_number_unique"),
            # Exchange rows and leaderboards identify models by name.
            models.UniqueConstraint(fields=["prompt_set", "name"], name="model_name_unique"),
        ]

    def __str__(self) -> str:
        return self.name


class Prompt(models.Model):
    """A prompt that models answer, with its follow-up turns and reference answers, if any."""

    prompt_set = models.ForeignKey(PromptSet, models.PROTECT, related_name="prompts")
    number = models.BigIntegerField(_("number"))
    text = models.TextField(_("text"))
    type = models.TextField(_("type"), null=True, blank=True, help_text=_("The prompt’s category."))
    slug = models.TextField(_("slug"), null=True, blank=True)
    stop = models.TextField(_("stop sequence"), null=True, blank=True)
    note = models.TextField(_("note"), null=True, blank=True)
    turns = models.JSONField(_("follow-up turns"), default=list, blank=True, help_text=_("Texts in order."))
    references = models.JSONField(
        _("reference answers"), default=list, blank=True, help_text=_("One per turn, in order.")
    )
    lang = models.CharField(
        _("language"),
        max_length=35,
        blank=True,
        help_text=_("A BCP 47 tag such as en, ja or ar. Leave blank if unknown."),
    )
    upload = models.ForeignKey(Upload, models.RESTRICT, null=True, editable=False, related_name="+")

    class Meta:
        verbose_name = _("prompt")
        verbose_name_plural = _("prompts")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["prompt_set", "number"], name="prompt_number_unique")]

    def __str__(self) -> str:
        return self.slug or str(self.number)


class Result(models.Model):
    """One model's answer to one prompt, with one row per sample."""

    prompt_set = models.ForeignKey(PromptSet, models.PROTECT, related_name="results")
    number = models.BigIntegerField(_("number"))
    prompt = models.ForeignKey(Prompt, models.PROTECT, related_name="results")
    model = models.ForeignKey(LanguageModel, models.PROTECT, related_name="results")
    sample = models.PositiveIntegerField(_("sample"), default=0)
    text = models.TextField(_("answer"))
    turns = models.JSONField(_("answers to follow-up turns"), default=list, blank=True)
    duration = models.FloatField(_("duration (milliseconds)"), null=True, blank=True)
    rate = models.FloatField(_("rate (characters per second)"), null=True, blank=True)
    upload = models.ForeignKey(Upload, models.RESTRICT, null=True, editable=False, related_name="+")

    class Meta:
        verbose_name = _("result")
        verbose_name_plural = _("results")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["prompt_set", "number"], name="result_number_unique"),
            models.UniqueConstraint(fields=["prompt", "model", "sample"], name="result_sample_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.number}"


class ResultFlag(models.Model):
    """A finding about a result that an administrator should review before people see it."""

    class Kind(models.TextChoices):
        NAMES_ITSELF = "names-itself", _("names its own model or organisation")
        CUT = "cut", _("cut off at the token limit")
        REASONING = "reasoning", _("contains the model’s reasoning")
        EMPTY = "empty", _("empty")
        IDENTICAL = "identical", _("identical to another model’s answer")

    result = models.ForeignKey(Result, models.CASCADE, related_name="flags")
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    found = models.TextField(
        _("found text"),
        blank=True,
        help_text=_(
            "The words that name the model or organisation, the end of an answer that was cut off, the start of the "
            "reasoning, or the models with the same answer."
        ),
    )

    class Meta:
        verbose_name = _("flag")
        verbose_name_plural = _("flags")
        constraints = [models.UniqueConstraint(fields=["result", "kind"], name="flag_once")]

    def __str__(self) -> str:
        return self.found
