"""Judges, their versions and their template sets."""

from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Max, Q
from django.utils.translation import gettext_lazy as _

from annotation.interchange.llmfao import is_reserved
from annotation.models import Rater, Study
from judges.llm.mock import MODELS as STAND_INS
from judges.models.work import Access, Purse
from judges.prompting import templates
from judges.prompting.readers import READERS, Reader


class Template(models.Model):
    """A version of a template set; immutable."""

    name = models.SlugField(_("name"), max_length=100)
    number = models.PositiveIntegerField(_("version"))
    content = models.JSONField(_("content"))
    sha256 = models.CharField(max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("template set")
        verbose_name_plural = _("template sets")
        ordering = ["name", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["name", "number"], name="template_number_unique"),
            models.UniqueConstraint(fields=["name", "sha256"], name="template_content_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.number}"

    @property
    def templates(self) -> templates.TemplateSet:
        return templates.from_json(self.content)


class JudgeQuerySet(models.QuerySet["Judge"]):
    """Selections of judges by who may use them."""

    def usable_by(self, user: Any) -> "JudgeQuerySet":
        """Selects the judges whose budget `user` may spend: their own, shared ones, and all if they may add judges."""
        if user.has_perm("judges.add_judge"):
            return self
        return self.filter(
            Q(everyone=True) | Q(user=user) | Q(pk__in=Judge.users.through.objects.filter(user=user).values("judge"))
        )


class Judge(Purse):
    """A machine rater across all its versions, with its budget.

    Runs spend the budget, so they need the right to use the judge.
    """

    name = models.CharField(_("name"), max_length=100, unique=True, help_text=_("Used on leaderboards and in files."))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    everyone = models.BooleanField(
        _("everyone may use it"),
        default=False,
        help_text=_("Anyone with access to a study may start runs, which spend this judge’s budget."),
    )
    users = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="+", verbose_name=_("users who may use it")
    )

    objects = JudgeQuerySet.as_manager()

    class Meta:
        verbose_name = _("judge")
        verbose_name_plural = _("judges")
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=Q(reserved__gte=0), name="judge_reserved_not_negative")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if is_reserved(self.name):
            raise ValidationError(
                {"name": _("“people” and “all” are reserved names. Choose another name for the judge.")}
            )

    def may_be_used_by(self, user: Any) -> bool:
        """Returns whether `user` may start runs with it; None stands for who runs the installation."""
        return user is None or Judge.objects.usable_by(user).filter(pk=self.pk).exists()

    @property
    def current(self) -> "JudgeVersion":
        """The version that the next run uses."""
        return self.versions.filter(root=None).order_by("-number")[0]

    def next_number(self) -> int:
        """The number of the next version."""
        return (self.versions.aggregate(last=Max("number"))["last"] or 0) + 1


class Orders(models.TextChoices):
    """In which orders a judge sees the two answers of a pair."""

    ONE = "one", _("one, as stored in the pair")
    RANDOM = "random", _("one, random for each pair")
    BOTH = "both", _("both")


def rater_name(judge: str, number: int) -> str:
    """Returns the rater name of a judge's version; the first version has the judge's name."""
    return judge if number == 1 else f"{judge} v{number}"


class JudgeVersion(Access):
    """The settings of a judge at one time; immutable. Changing the settings creates a new version.

    A version with a `root` was created because the endpoint returned another model name. It has its root's settings,
    is a rater of its own, and is never used to plan calls.
    """

    judge = models.ForeignKey(Judge, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("version"))
    root = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="drifts")
    returned_model = models.CharField(_("returned model"), max_length=200, blank=True)
    model = models.CharField(_("model"), max_length=200)
    template = models.ForeignKey(Template, models.PROTECT, related_name="versions", verbose_name=_("template set"))
    reader = models.CharField(_("reply reader"), max_length=20)
    orders = models.CharField(_("answer orders"), max_length=6, choices=Orders, default=Orders.BOTH)
    each_turn = models.BooleanField(
        _("judge each turn separately"),
        default=False,
        help_text=_("For multi-turn conversations. Otherwise, the whole conversation is judged once."),
    )
    samples = models.PositiveIntegerField(
        _("samples"), default=1, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    temperature = models.FloatField(
        _("temperature"), null=True, blank=True, default=0.0, validators=[MinValueValidator(0), MaxValueValidator(2)]
    )
    structured = models.BooleanField(
        _("structured output"),
        default=False,
        help_text=_("Sends the reader’s JSON schema, if it has one. The endpoint must support structured output."),
    )
    longest_answer = models.PositiveIntegerField(
        _("maximum characters shown per answer"),
        default=templates.LONGEST_ANSWER,
        validators=[MinValueValidator(100), MaxValueValidator(2_000_000)],
    )
    batch_percent = models.PositiveSmallIntegerField(
        _("batch price (percent of the other prices)"),
        default=100,
        validators=[MaxValueValidator(100)],
        help_text=_("For replies from files of a batch service. Many services charge half for batches."),
    )
    ignore_returned_model = models.BooleanField(
        _("ignore the returned model name"),
        default=False,
        help_text=_(
            "For endpoints that return another model name in each reply. Otherwise, each new name creates a version."
        ),
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("judge version")
        verbose_name_plural = _("judge versions")
        ordering = ["judge", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["judge", "number"], name="judge_version_unique"),
            models.UniqueConstraint(
                fields=["root", "returned_model"], condition=~Q(root=None), name="judge_drift_unique"
            ),
        ]

    SETTINGS: Final = (
        "endpoint",
        "model",
        "key_source",
        "template",
        "reader",
        "orders",
        "each_turn",
        "samples",
        "temperature",
        "top_p",
        "max_tokens",
        "token_limit",
        "extra_body",
        "extra_headers",
        "reasoning_effort",
        "seed",
        "structured",
        "longest_answer",
        "timeout",
        "parallel",
        "requests_per_minute",
        "tokens_per_minute",
        "price_in",
        "price_out",
        "price_cached",
        "batch_percent",
        "reported_cost",
        "ignore_returned_model",
    )
    """Settings of a version, which a version with a root copies from it. A change creates a new version."""

    IN_PLACE: Final = frozenset({"token_limit"})
    """Settings that change nothing of what is measured, so they are changed without a new version."""

    def __str__(self) -> str:
        return self.rater_name

    def clean(self) -> None:
        faults: dict[str, Any] = self.faults()
        if self.reader not in READERS:
            faults["reader"] = _("Reply reader not found.")
        elif self.template_id:
            wanted = "single" if self.grades else "pair"
            if self.template.content.get("kind") != wanted:
                faults["template"] = _(
                    "The reader and the template set do not match: one is for pairs, the other for single answers."
                )
        if faults:
            raise ValidationError(faults)

    @property
    def key_owner(self) -> dict[str, Any]:
        return {"judge": self.judge_id}

    @property
    def rater_name(self) -> str:
        """The name of its rater."""
        return rater_name(self.judge.name, self.number)

    @property
    def reading(self) -> Reader:
        return READERS[self.reader]

    @property
    def grades(self) -> bool:
        """Whether it grades single answers; otherwise it compares pairs."""
        return self.reading.gives == "score"

    @property
    def stand_in(self) -> bool:
        """Whether its model is the built-in test judge, whose verdicts are random."""
        return self.model in STAND_INS


class JudgeRater(models.Model):
    """Links a judge's version to its rater in a study."""

    rater = models.OneToOneField(Rater, models.CASCADE, primary_key=True, related_name="judge")
    study = models.ForeignKey(Study, models.CASCADE, related_name="+")
    version = models.ForeignKey(JudgeVersion, models.PROTECT, related_name="raters")

    class Meta:
        verbose_name = _("judge rater")
        verbose_name_plural = _("judge raters")
        constraints = [models.UniqueConstraint(fields=["study", "version"], name="judge_rater_once")]

    def __str__(self) -> str:
        return str(self.rater)
