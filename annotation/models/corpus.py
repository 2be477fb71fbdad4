"""The corpus: language models, prompts and results, as in the exchange schema.

`number` is the `id` of the exchange files: unique in its prompt set, but not the primary key. The order of
primary keys is the stored order, which is the order of the files.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models.upload import Upload


class PromptSet(models.Model):
    """A named collection of prompts, with the models that answered them and their results."""

    slug = models.SlugField(_("address"), max_length=100, unique=True)
    name = models.CharField(_("name"), max_length=200)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("prompt set")
        verbose_name_plural = _("prompt sets")
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


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
