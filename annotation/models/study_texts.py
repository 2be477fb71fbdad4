"""The versions of what workers of a study were shown."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models.study import Study


class TextKind(models.TextChoices):
    """The texts of a study whose versions are kept."""

    CONSENT = "consent", _("consent")
    INSTRUCTION = "instruction", _("instruction")
    QUESTION = "question", _("question")
    SCALE = "scale", _("scale")
    REASONING = "reasoning", _("reasoning in answers")


class StudyText(models.Model):
    """Every version of what workers were shown, so that a consent or a vote can be traced to its version.

    An empty question is the usual one, in the worker's language; of a scale and of what is shown of reasoning, the text
    is its name.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="texts")
    kind = models.CharField(_("kind"), max_length=11, choices=TextKind)
    version = models.PositiveIntegerField(_("version"))
    text = models.TextField(_("text"))
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("wording")
        verbose_name_plural = _("wordings")
        constraints = [models.UniqueConstraint(fields=["study", "kind", "version"], name="study_text_version_unique")]

    def __str__(self) -> str:
        return f"{self.kind} {self.version}"
