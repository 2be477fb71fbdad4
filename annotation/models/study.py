"""Studies: their settings, and who may see them."""

import math
import re
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from annotation.interchange.llmfao import LANGUAGE_TAG
from annotation.interchange.reasoning import parted
from annotation.models.corpus import LanguageModel, Prompt, PromptSet, PromptSetReader, Result
from annotation.scales import SCALES, Scale

MAIL = re.compile(r"[^@\s?&<>:/]+@[^@\s?&<>:/]+\.[^@\s?&<>:/]+")

LONGEST_RESERVATION = 7 * 24 * 60
"""In minutes: a week. Nobody else can vote on a reserved pair."""


class Status(models.TextChoices):
    """The state of a study; workers can only vote while it is open."""

    DRAFT = "draft", _("draft")
    OPEN = "open", _("open")
    PAUSED = "paused", _("paused")
    CLOSED = "closed", _("closed")


LIVE = (Status.OPEN, Status.PAUSED)
"""People vote in such a study, or still have a pair to vote on."""


class Devices(models.TextChoices):
    """The devices on which workers may take part."""

    ANY = "any", _("any device")
    NO_PHONES = "no-phones", _("tablets and computers")
    COMPUTERS = "computers", _("computers only")


class Offering(models.TextChoices):
    """How the pairs that people are offered come about."""

    FIXED = "fixed", _("Fixed: every pair gets the same number of votes")
    ADAPTIVE = "adaptive", _("Adaptive: pairs are drawn while votes come in")


class GoalKind(models.TextChoices):
    """What a study is to find out before it may stop; looked at each time its leaderboard is computed."""

    NONE = "", _("no goal")
    TOP = "top", _("separate the top K models from all others")
    RANKS = "ranks", _("know every model’s rank to within R ranks")
    BUDGET = "budget", _("collect N votes, whatever the result")


class StudyQuerySet(models.QuerySet["Study"]):
    """Studies, by who may see them."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The studies that `user` may see and change: their own and shared ones; all for a superuser."""
        if isinstance(user, AnonymousUser):
            return self.none()
        if user.is_superuser:
            return self
        mine = Q(owner=user) | Q(pk__in=Study.colleagues.through.objects.filter(user=user).values("study"))
        return self.filter(mine)

    def listed(self) -> Self:
        """The studies that lists show: those that nobody has hidden."""
        return self.filter(hidden_at=None)

    def public(self) -> Self:
        """The studies whose results anyone may read, drafts included: one with imported votes is never opened.

        Results are leaderboards and figures. For prompts, answers and pairs see `texts_public`.
        """
        return self.filter(public=True)

    def live(self) -> Self:
        """The studies in which people vote, or still have a pair to vote on."""
        return self.filter(status__in=LIVE)

    def of_the_sets_owner(self) -> Self:
        """The studies whose owner also owns the prompt set: whom they share these with may use the set in them.

        A prompt set without an owner counts as that of its oldest study.
        """
        older = Study.objects.filter(prompt_set=OuterRef("prompt_set"), pk__lt=OuterRef("pk"))
        return self.filter(Q(owner=F("prompt_set__owner")) | Q(~Exists(older), prompt_set__owner=None))

    def with_leave(self) -> Self:
        """The studies that may use their prompt set: its owner has not detached them, and their own owner may read it.

        The site's administrators need no leave, and a study without an owner is theirs.
        """
        reads = PromptSetReader.objects.filter(prompt_set=OuterRef("prompt_set"), user=OuterRef("owner"))
        by_right = Q(owner=None) | Q(owner__is_superuser=True) | Q(owner=F("prompt_set__owner")) | Exists(reads)
        return self.filter(by_right | Q(pk__in=Study.objects.of_the_sets_owner().values("pk")), detached_at=None)

    def at_work(self) -> Self:
        """The studies that background work may do something for: they may use their prompt set, and are not hidden."""
        return self.with_leave().listed()

    def readable_by(self, user: User | AnonymousUser) -> Self:
        """The studies in which `user` may see what tells which model wrote an answer: prompts, answers, pairs, calls.

        That takes two rights: one to the study, and one to its prompt set. Whom the set's owner shares a study of
        their own with has both there, until they leave it.
        """
        return self._with_rights(user, PromptSet.objects.readable_by(user))

    def editable_by(self, user: User | AnonymousUser) -> Self:
        """The studies in which `user` may change the prompt set and start runs on the budgets of its models."""
        return self._with_rights(user, PromptSet.objects.editable_by(user))

    def _with_rights(self, user: User | AnonymousUser, sets: models.QuerySet[PromptSet]) -> Self:
        seen = self.visible_to(user)
        if isinstance(user, AnonymousUser) or user.is_superuser:
            return seen
        shared = Study.objects.of_the_sets_owner().values("pk")
        return seen.filter(Q(prompt_set__in=sets.values("pk")) | Q(pk__in=shared), detached_at=None)

    def of_set(self, prompt_set: PromptSet, user: User) -> Self:
        """The studies on `prompt_set` that `user` may know of: all for its owner, else those they see anyway."""
        owned = PromptSet.objects.owned_by(user).filter(pk=prompt_set.pk).exists()
        return (self if owned else self.visible_to(user)).filter(prompt_set=prompt_set)

    def texts_public(self) -> Self:
        """The public studies whose prompts, answers and pairs anyone may read.

        None while people vote in any study on the prompt set: the answer in front of them could be looked up.
        """
        voting = Study.objects.live().filter(prompt_set=OuterRef("prompt_set"))
        return self.public().with_leave().filter(~Exists(voting))


class Study(models.Model):
    """One experiment: a prompt set, models, an instruction, a question, a scale and the rules."""

    class Reasoning(models.TextChoices):
        """What is shown of the reasoning in an answer's text, such as that between <think> and </think>."""

        SHOWN = "shown", _("shown as part of the answer")
        FOLDED = "folded", _("folded above the answer")
        CUT = "cut", _("not shown")

    class ScaleName(models.TextChoices):
        THREE = "three", _("left, tie, right")
        TWO = "two", _("left, right")
        FIVE = "five", _("five levels")
        EIGHT = "eight", _("1 to 8")

    slug = models.SlugField(_("address"), max_length=100, unique=True)
    name = models.CharField(_("name"), max_length=200)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="studies")
    colleagues = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="shared_studies")
    prompt_set = models.ForeignKey(PromptSet, models.PROTECT, related_name="studies")
    detached_at = models.DateTimeField(
        _("detached"), null=True, blank=True, help_text=_("When the prompt set’s owner ended its use in this study.")
    )
    language_models = models.ManyToManyField(
        LanguageModel,
        blank=True,
        related_name="studies",
        help_text=_("If none is selected, every model in the prompt set is included."),
    )
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.DRAFT)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    only_types = models.JSONField(_("only prompts in these categories"), default=list, blank=True)
    only_slugs = models.JSONField(_("only prompts with these slugs"), default=list, blank=True)
    exclude_types = models.JSONField(_("exclude prompts in these categories"), default=list, blank=True)
    exclude_slugs = models.JSONField(_("exclude prompts with these slugs"), default=list, blank=True)

    language = models.CharField(
        _("language"),
        max_length=35,
        default="en",
        help_text=_("Language of the instruction and the question, as a BCP 47 tag."),
    )
    consent = models.TextField(_("consent"), help_text=_("You can use Markdown."))
    instruction = models.TextField(_("instruction"), help_text=_("You can use Markdown."))
    worked_example = models.TextField(
        _("worked example"),
        blank=True,
        help_text=_("You can use Markdown. Leave blank to show a general example in the worker’s language."),
    )
    question = models.CharField(
        _("question"),
        max_length=300,
        blank=True,
        help_text=_("Leave blank to ask “Which answer is better?” in the worker’s language."),
    )
    organiser = models.CharField(
        _("who runs the study"),
        max_length=200,
        blank=True,
        help_text=_("Shown with the consent, such as the name of a university or a company."),
    )
    contact = models.CharField(
        _("contact"),
        max_length=200,
        blank=True,
        help_text=_("An e-mail address or a web address for questions. Workers see it on every page."),
    )
    expected_minutes = models.PositiveIntegerField(
        _("minutes expected"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("How long taking part takes, shown with the consent. Leave blank to show no time."),
    )
    consent_version = models.PositiveIntegerField(default=0, editable=False)
    instruction_version = models.PositiveIntegerField(default=0, editable=False)
    question_version = models.PositiveIntegerField(default=0, editable=False)
    scale_version = models.PositiveIntegerField(default=0, editable=False)
    reasoning_version = models.PositiveIntegerField(default=0, editable=False)
    scale_name = models.CharField(_("scale"), max_length=5, choices=ScaleName, default=ScaleName.THREE)
    reasons = models.JSONField(
        _("reasons"),
        default=list,
        blank=True,
        help_text=_("Workers see them after choosing. Leave blank to skip this question."),
    )
    show_note = models.BooleanField(_("show the prompt’s note"), default=False)
    show_reference = models.BooleanField(_("show the reference answer"), default=False)
    reasoning = models.CharField(
        _("reasoning in answers"),
        max_length=6,
        choices=Reasoning,
        default=Reasoning.SHOWN,
        help_text=_(
            "For answers that contain the model’s reasoning, for example between <think> and </think>. Judges do not "
            "see it either if it is not shown, and neither do readers of public results. Choose before the first vote."
        ),
    )
    devices = models.CharField(_("allowed devices"), max_length=10, choices=Devices, default=Devices.ANY)

    offering = models.CharField(
        _("how pairs are chosen"),
        max_length=8,
        choices=Offering,
        default=Offering.FIXED,
        help_text=_("Adaptive studies reach the same ranking with fewer votes. They need the background worker."),
    )
    mix = models.JSONField(
        _("shares of the strategies"),
        default=dict,
        blank=True,
        help_text=_("For adaptive studies. Leave blank for the default shares."),
    )
    floor = models.PositiveIntegerField(
        _("random pairs per model first"),
        default=10,
        validators=[MaxValueValidator(1000)],
        help_text=_("For adaptive studies. Until a model has this many pairs, its pairs are drawn at random."),
    )
    draw_seed = models.BigIntegerField(
        _("seed of the draws"),
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(2**63 - 1)],
        help_text=_("For adaptive studies. With the same votes, the same seed draws the same pairs."),
    )
    drawing_at = models.DateTimeField(null=True, editable=False)
    """When a worker claimed the drawing of the next batch; None while nobody draws."""
    pair_identical = models.BooleanField(
        _("pair identical answers"),
        default=True,
        help_text=_("If off, identical answers of two models are not paired."),
    )
    overlap = models.PositiveIntegerField(
        _("votes per pair"), default=3, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    least_votes = models.PositiveIntegerField(
        _("minimum votes for completion"), default=20, validators=[MinValueValidator(1)]
    )
    most_votes = models.PositiveIntegerField(
        _("maximum votes per worker"), default=40, validators=[MinValueValidator(1)]
    )
    reservation_minutes = models.PositiveIntegerField(
        _("reservation time (minutes)"),
        default=15,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_RESERVATION)],
    )
    id_parameter = models.CharField(
        _("ID parameter"),
        max_length=100,
        default="PROLIFIC_PID",
        help_text=_("The join link’s parameter that contains the participant ID."),
    )
    id_required = models.BooleanField(
        _("require a participant ID"),
        default=False,
        help_text=_("Only accept links that contain a participant ID."),
    )
    id_signed = models.BooleanField(
        _("require a signature with the ID"),
        default=False,
        help_text=_(
            "Only accept IDs signed with this study’s key or by the platform, so that nobody can use another person’s "
            "ID."
        ),
    )
    id_keys = models.TextField(
        _("public keys of the platform"),
        blank=True,
        max_length=50_000,
        help_text=_(
            "For signed links of the platform, such as Prolific’s secured study URLs: its JSON Web Key Set, or public "
            "keys as PEM."
        ),
    )
    platform_study = models.CharField(
        _("study ID on the platform"),
        max_length=100,
        blank=True,
        help_text=_(
            "Only accept the platform’s signed links for this study. Leave blank to accept any to this address."
        ),
    )
    id_secret = models.CharField(max_length=64, blank=True, editable=False)

    training_size = models.PositiveIntegerField(
        _("training pairs per attempt"),
        null=True,
        blank=True,
        help_text=_("Leave blank to use half of the training pairs. Enter 0 for no training."),
    )
    training_pass = models.FloatField(
        _("pass mark for training"), default=0.6, validators=[MinValueValidator(0), MaxValueValidator(1)]
    )
    training_attempts = models.PositiveIntegerField(
        _("maximum training attempts"), default=2, validators=[MinValueValidator(1)]
    )
    check_rate = models.FloatField(
        _("share of check pairs"), default=0.1, validators=[MinValueValidator(0), MaxValueValidator(0.5)]
    )
    check_least = models.PositiveIntegerField(
        _("checks answered before the pass mark applies"), default=4, validators=[MinValueValidator(1)]
    )
    check_pass = models.FloatField(
        _("pass mark for checks"), default=0.5, validators=[MinValueValidator(0), MaxValueValidator(1)]
    )
    fast_seconds = models.FloatField(
        _("too fast (seconds)"),
        default=3,
        validators=[MinValueValidator(0), MaxValueValidator(3600)],
        help_text=_("Votes and checks answered faster are flagged on the workers’ page. Enter 0 to flag none."),
    )
    erase_after_days = models.PositiveIntegerField(
        _("erase people’s data after (days)"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(36500)],
        help_text=_(
            "So many days after the study closes, participant IDs, platform parameters, devices and texts by workers "
            "are erased. Votes are kept. Leave blank to keep everything."
        ),
    )
    closed_at = models.DateTimeField(_("closed"), null=True, editable=False)
    goal = models.CharField(
        _("goal"),
        max_length=6,
        choices=GoalKind,
        default=GoalKind.NONE,
        blank=True,
        help_text=_("Checked each time the leaderboard is computed. Checking often does not make errors more likely."),
    )
    goal_number = models.PositiveIntegerField(
        _("K, R or N"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(2**31 - 1)],
        help_text=_("K: number of top models. R: ranks above or below. N: number of votes."),
    )
    goal_pauses = models.BooleanField(
        _("pause the study when it reaches its goal"),
        default=False,
        help_text=_("If off, the study’s page only shows that the goal is reached. You can resume a paused study."),
    )
    public = models.BooleanField(_("make results public"), default=False)
    hidden_at = models.DateTimeField(_("hidden"), null=True, editable=False)

    objects = StudyQuerySet.as_manager()

    class Meta:
        verbose_name = _("study")
        verbose_name_plural = _("studies")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if not LANGUAGE_TAG.fullmatch(self.language):
            raise ValidationError({"language": _("Enter a language tag such as en, ja or pt-BR.")})
        if self.least_votes > self.most_votes:
            raise ValidationError(
                {"least_votes": _("The minimum votes for completion cannot exceed the maximum votes per worker.")}
            )
        for field in ("only_types", "only_slugs", "exclude_types", "exclude_slugs", "reasons"):
            words = getattr(self, field)
            if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
                raise ValidationError({field: _("Expected a list of non-empty texts.")})
        if self.goal and self.goal_number is None:
            raise ValidationError({"goal_number": _("Enter a number for this goal.")})
        if self.goal_number is not None and not self.goal:
            raise ValidationError({"goal_number": _("Choose a goal for this number, or leave it blank.")})
        if self.goal in {GoalKind.TOP, GoalKind.BUDGET} and self.goal_number == 0:
            raise ValidationError({"goal_number": _("Enter 1 or more for this goal.")})
        if not _are_shares(self.mix):
            raise ValidationError({"mix": _("The shares must be from 0% to 100% and add up to 100%.")})

    @property
    def scale(self) -> Scale:
        return SCALES[self.scale_name]

    @property
    def is_adaptive(self) -> bool:
        """Whether its pairs are drawn while votes come in."""
        return self.offering == Offering.ADAPTIVE

    @property
    def contact_link(self) -> str:
        """The address of the link to the contact: a web page, or a message; empty if it is only text."""
        if self.contact.startswith(("https://", "http://")):
            return self.contact
        return f"mailto:{self.contact}" if MAIL.fullmatch(self.contact) else ""

    def prompts(self) -> models.QuerySet[Prompt]:
        """Returns the prompts whose pairs people are offered; exclusions apply after inclusions."""
        wanted = self.prompt_set.prompts.exclude(type__in=self.exclude_types).exclude(slug__in=self.exclude_slugs)
        if self.only_types:
            wanted = wanted.filter(type__in=self.only_types)
        if self.only_slugs:
            wanted = wanted.filter(slug__in=self.only_slugs)
        return wanted

    def models_compared(self) -> models.QuerySet[LanguageModel]:
        """Returns the models of the study: the selected ones, or all of the prompt set if none is selected."""
        chosen = self.language_models.all()
        return chosen if chosen.exists() else self.prompt_set.models.all()

    def answers(self) -> models.QuerySet[Result]:
        """Returns the answers that can be paired: the first sample of each model compared to each prompt offered."""
        compared, prompts = self.models_compared().values("pk"), self.prompts().values("pk")
        return Result.objects.filter(prompt_set=self.prompt_set_id, sample=0, model__in=compared, prompt__in=prompts)

    def admits(self, device: str) -> bool:
        """Returns whether people may take part on this class of `device`: phone, tablet or computer."""
        excluded = {Devices.ANY: (), Devices.NO_PHONES: ("phone",), Devices.COMPUTERS: ("phone", "tablet")}
        return device not in excluded[Devices(self.devices)]

    def answer_as_shown(self, text: str) -> tuple[str, str]:
        """Returns the reasoning of a model's answer, if the study shows it folded, and the answer as readers see it."""
        if self.reasoning == self.Reasoning.SHOWN:
            return "", text
        thoughts, said = parted(text)
        return thoughts if self.reasoning == self.Reasoning.FOLDED else "", said

    @property
    def erasure_due(self) -> datetime | None:
        """When people's data is to be erased; None if never, or not before the study closes."""
        if self.status != Status.CLOSED or self.closed_at is None or self.erase_after_days is None:
            return None
        return self.closed_at + timedelta(days=self.erase_after_days)

    def undoable_since(self, at: datetime) -> datetime:
        """Returns the earliest time of a vote that can still be undone at the time `at`.

        Until then its pair may come back to the worker, so it is not shown to anybody with model names.
        """
        return at - timedelta(minutes=self.reservation_minutes)

    def training_draw(self, available: int) -> int:
        """Returns how many of `available` training pairs the first attempt draws.

        Half of them, rounded up, unless the study sets a number.
        """
        return min(available, math.ceil(available / 2) if self.training_size is None else self.training_size)


def _are_shares(mix: Any) -> bool:
    """Returns whether `mix` maps names to shares that add up to 1; an empty one stands for the default."""
    if not isinstance(mix, dict):
        return False
    shares = list(mix.values())
    if not all(isinstance(share, int | float) and not isinstance(share, bool) for share in shares):
        return False
    return not shares or (all(0 <= share <= 1 for share in shares) and abs(sum(shares) - 1) < 1e-6)
