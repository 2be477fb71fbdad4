"""Raters and what they do: workers, assignments, training answers, comparisons."""

from datetime import datetime
from typing import Any, Self, cast

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models.exits import Outcome
from annotation.models.pair import Pair
from annotation.models.study import Study
from annotation.models.upload import Upload
from annotation.scales import Answer, Side, Winner, answer_of


class SideChoice(models.TextChoices):
    """One of the two results of a pair, such as the one shown on the left."""

    X = "x", "x"
    Y = "y", "y"


class WinnerChoice(models.TextChoices):
    """The result of a pair that won a comparison, or a tie."""

    X = "x", "x"
    Y = "y", "y"
    TIE = "tie", _("tie")


class RaterKind(models.TextChoices):
    """Whether a rater is a human worker, a judge, or a crowd whose members are not known."""

    WORKER = "worker", _("worker")
    JUDGE = "judge", _("judge")
    CROWD = "crowd", _("crowd")


class Rater(models.Model):
    """Whoever compares pairs in a study: a human worker, a judge or a crowd. Ranking only uses raters.

    A crowd stands for people of one source who are not known one by one. Its votes on a pair differ by `trial`.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="raters")
    kind = models.CharField(_("kind"), max_length=6, choices=RaterKind)
    name = models.CharField(
        _("name"), max_length=200, null=True, help_text=_("Judges and crowds have a name; workers have a number.")
    )
    simulated = models.BooleanField(_("simulated"), default=False)
    derived = models.BooleanField(
        _("derived"),
        default=False,
        help_text=_("Computed from other raters’ comparisons, and never ranked together with them."),
    )
    background = models.JSONField(
        _("background"),
        default=dict,
        blank=True,
        editable=False,
        help_text=_("What a file says of the person, such as an age group. Private."),
    )
    excluded_at = models.DateTimeField(_("excluded"), null=True, blank=True)
    exclusion_reason = models.CharField(_("reason for exclusion"), max_length=200, blank=True)
    upload = models.ForeignKey(Upload, models.RESTRICT, null=True, editable=False, related_name="+")

    class Meta:
        verbose_name = _("rater")
        verbose_name_plural = _("raters")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["study", "name"], name="rater_name_unique"),
            models.CheckConstraint(
                condition=Q(kind__in=["judge", "crowd"], name__isnull=False)
                | Q(kind=RaterKind.WORKER, name__isnull=True),
                name="rater_named_unless_worker",
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.pk}"


class TieKind(models.TextChoices):
    """What a tie says beyond that neither answer is better. Both kinds are ties to ratings."""

    GOOD = "good", _("both good")
    BAD = "bad", _("both bad")


class Stage(models.TextChoices):
    """The stage of a worker, which decides the page they see."""

    CONSENT = "consent", _("consent")
    INSTRUCTIONS = "instructions", _("instructions")
    TRAINING = "training", _("training")
    VOTING = "voting", _("voting")
    DONE = "done", _("done")


class Worker(models.Model):
    """A human rater in one study, pseudonymous."""

    rater = models.OneToOneField(Rater, models.CASCADE, primary_key=True, related_name="worker")
    study = models.ForeignKey(Study, models.CASCADE, related_name="workers")
    number = models.BigIntegerField(_("number"))
    external_id = models.CharField(_("participant ID"), max_length=200, null=True, blank=True)
    platform = models.JSONField(
        _("platform parameters"),
        default=dict,
        blank=True,
        help_text=_("The other parameters of the join link, unchanged."),
    )
    stage = models.CharField(_("stage"), max_length=12, choices=Stage, default=Stage.CONSENT)
    joined_at = models.DateTimeField(_("joined"), null=True)
    consented_at = models.DateTimeField(_("consented"), null=True)
    consent_version = models.PositiveIntegerField(_("consent version"), null=True)
    consent_sha256 = models.CharField(_("consent hash"), max_length=64, blank=True)
    attempt = models.PositiveIntegerField(_("training attempt"), default=0)
    training_score = models.FloatField(_("latest training score"), null=True)
    trained_at = models.DateTimeField(_("passed training"), null=True)
    trials = models.PositiveIntegerField(_("pairs assigned"), default=0)
    votes = models.PositiveIntegerField(
        _("votes"), default=0, help_text=_("Includes check pairs, but not undone votes.")
    )
    checks = models.PositiveIntegerField(_("checks answered"), default=0)
    checks_right = models.PositiveIntegerField(_("checks answered correctly"), default=0)
    seconds = models.FloatField(_("voting time (seconds)"), default=0)
    outcome = models.CharField(_("outcome"), max_length=17, choices=Outcome, blank=True)
    left_at = models.DateTimeField(_("left the study"), null=True)
    device = models.CharField(_("device"), max_length=8, blank=True)
    erased_at = models.DateTimeField(
        _("erased"), null=True, help_text=_("When everything that identifies this worker was erased.")
    )

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("workers")
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["study", "number"], name="worker_number_unique"),
            models.UniqueConstraint(fields=["study", "external_id"], name="worker_external_id_unique"),
            models.CheckConstraint(condition=Q(checks_right__lte=models.F("checks")), name="worker_checks_counted"),
            models.CheckConstraint(
                condition=(Q(stage=Stage.DONE) & ~Q(outcome="")) | (~Q(stage=Stage.DONE) & Q(outcome="")),
                name="worker_done_has_outcome",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}"


class TrainingAnswer(models.Model):
    """A training pair drawn for one attempt of a worker, and the first answer to it.

    The rows of an attempt are created when it is drawn, so that a reload or a second tab shows the same pairs;
    `value` is set once, by a conditional update.
    """

    worker = models.ForeignKey(Worker, models.CASCADE, related_name="training_answers")
    pair = models.ForeignKey(Pair, models.RESTRICT, related_name="training_answers")
    attempt = models.PositiveIntegerField(_("attempt"))
    position = models.PositiveIntegerField(_("order in the attempt"))
    left = models.CharField(_("on the left"), max_length=1, choices=SideChoice)
    value = models.PositiveSmallIntegerField(_("scale value"), null=True)
    right = models.BooleanField(_("matches the golden answer"), null=True)
    shown_at = models.DateTimeField(_("shown"), null=True)
    answered_at = models.DateTimeField(_("answered"), null=True)
    seen_at = models.DateTimeField(_("explanation closed"), null=True)

    class Meta:
        verbose_name = _("training answer")
        verbose_name_plural = _("training answers")
        ordering = ["attempt", "position"]
        constraints = [
            # Another attempt draws only unseen pairs.
            models.UniqueConstraint(fields=["worker", "pair"], name="training_pair_once"),
            models.UniqueConstraint(fields=["worker", "attempt", "position"], name="training_position_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.attempt}.{self.position}"

    @property
    def shown_left(self) -> Side:
        return cast(Side, self.left)

    @property
    def golden(self) -> Answer:
        """The golden answer, as shown."""
        return self.pair.golden_as_shown(self.shown_left)


class AssignmentState(models.TextChoices):
    """The state of a reservation: open, or how it ended."""

    OPEN = "open", _("open")
    VOTED = "voted", _("voted")
    SKIPPED = "skipped", _("skipped")
    EXPIRED = "expired", _("expired")


class Assignment(models.Model):
    """A pair reserved for a worker in one numbered slot, with the sides as shown; it expires.

    `slot` is set while the assignment holds a place of the pair (open or voted) and NULL otherwise; check pairs
    have no slots. A worker has at most one open assignment.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="assignments")
    pair = models.ForeignKey(Pair, models.RESTRICT, related_name="assignments")
    worker = models.ForeignKey(Worker, models.CASCADE, related_name="assignments")
    slot = models.PositiveIntegerField(_("slot"), null=True)
    state = models.CharField(_("state"), max_length=7, choices=AssignmentState, default=AssignmentState.OPEN)
    trial = models.PositiveIntegerField(_("trial number"), help_text=_("The worker’s first pair is 1."))
    left = models.CharField(_("on the left"), max_length=1, choices=SideChoice)
    offer_probability = models.FloatField(_("offer probability"), null=True)
    skip_reason = models.CharField(_("reason for skipping"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("reserved"))
    expires_at = models.DateTimeField(_("expires"))
    shown_at = models.DateTimeField(_("shown"), null=True)

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["pair", "worker"], name="assignment_pair_once"),
            models.UniqueConstraint(fields=["pair", "slot"], name="assignment_slot_once"),
            models.UniqueConstraint(fields=["worker"], condition=Q(state="open"), name="assignment_one_open"),
        ]
        indexes = [
            models.Index(fields=["study", "expires_at"], condition=Q(state="open"), name="assignment_expiring"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"

    @property
    def shown_left(self) -> Side:
        return cast(Side, self.left)


class ComparisonQuerySet(models.QuerySet["Comparison"]):
    """Comparisons, by whether they are in force, count, or are simulated."""

    def in_force(self) -> Self:
        """The rows that are neither superseded nor withdrawn."""
        return self.filter(superseded_by=None, withdrawn=False)

    def counted(self) -> Self:
        """The rows for boards, agreement and plain exports: in force, on votable pairs, by raters not excluded."""
        return self.in_force().votable().filter(rater__excluded_at=None)

    def in_force_at(self, cut: int) -> Self:
        """The rows that were in force when `cut` was the highest primary key; superseding rows came later."""
        return self.filter(Q(superseded_by=None) | Q(superseded_by__gt=cut), pk__lte=cut, withdrawn=False)

    def votes_of_workers(self) -> Self:
        """The votes of workers for the workers' page and payments: in force, without checks, of excluded ones too."""
        return self.in_force().votable().filter(rater__kind=RaterKind.WORKER)

    def votable(self) -> Self:
        """The rows on votable pairs, not on training or check pairs."""
        return self.filter(pair__purpose="vote")

    def by_people(self) -> Self:
        """The rows by workers and crowds."""
        return self.exclude(rater__kind=RaterKind.JUDGE)

    def votes_of_people(self) -> Self:
        """The votes that count towards the coverage of a study: without checks, excluded raters and simulated ones."""
        return self.counted().real().by_people()

    def weighted(self) -> Self:
        """The rows that count more or less than once, or are soft verdicts."""
        return self.filter(Q(weight__isnull=False) | Q(share__isnull=False))

    def real(self) -> Self:
        return self.filter(rater__simulated=False)

    def simulated(self) -> Self:
        return self.filter(rater__simulated=True)


class Comparison(models.Model):
    """One rater's answer on one pair. Rows are append-only; only `superseded_by` is set later, once.

    Erasing a person empties `reasons`, `device` and `input_method`, which no rating reads.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="comparisons")
    pair = models.ForeignKey(Pair, models.RESTRICT, related_name="comparisons")
    rater = models.ForeignKey(Rater, models.RESTRICT, related_name="comparisons")
    assignment = models.ForeignKey(Assignment, models.RESTRICT, null=True, related_name="comparisons")
    turn = models.PositiveSmallIntegerField(_("turn"), default=0)
    trial = models.PositiveIntegerField(
        _("repetition"),
        default=0,
        help_text=_("0 for people. For judges, the order and sample. For a crowd, the number of the vote on the pair."),
    )
    left = models.CharField(_("on the left"), max_length=1, choices=SideChoice)
    winner = models.CharField(_("winner"), max_length=3, choices=WinnerChoice)
    value = models.PositiveSmallIntegerField(_("scale value"), null=True)
    weight = models.FloatField(
        _("weight"), null=True, help_text=_("How many times as much it counts. Leave blank to count it once.")
    )
    share = models.FloatField(
        _("share of x"),
        null=True,
        help_text=_("The part of a soft verdict that x gets. Leave blank to use the winner."),
    )
    tie_kind = models.CharField(
        _("kind of tie"),
        max_length=4,
        choices=TieKind,
        blank=True,
        default="",
        help_text=_("Whether both answers were good or both were bad, where a tie says so."),
    )
    scale_name = models.CharField(_("scale"), max_length=5, choices=Study.ScaleName, default=Study.ScaleName.THREE)
    reasons = models.JSONField(_("reasons"), default=list, blank=True)
    withdrawn = models.BooleanField(_("withdrawn"), default=False)
    superseded_by = models.OneToOneField("self", models.RESTRICT, null=True, related_name="supersedes")
    trial_number = models.PositiveIntegerField(
        _("trial number"), null=True, help_text=_("The worker’s first pair is 1.")
    )
    shown_at = models.DateTimeField(_("shown"), null=True)
    answered_at = models.DateTimeField(_("answered"), null=True)
    visible_seconds = models.FloatField(_("visible time (seconds)"), null=True)
    device = models.CharField(_("device"), max_length=8, blank=True)
    input_method = models.CharField(_("input method"), max_length=8, blank=True)
    instruction_version = models.PositiveIntegerField(_("instruction version"), null=True)
    question_version = models.PositiveIntegerField(_("question version"), null=True)
    scale_version = models.PositiveIntegerField(_("scale version"), null=True)
    reasoning_version = models.PositiveIntegerField(
        _("reasoning version"), null=True, help_text=_("Version of the setting for reasoning in answers.")
    )
    stored_at = models.DateTimeField(_("saved"), auto_now_add=True)
    upload = models.ForeignKey(Upload, models.RESTRICT, null=True, editable=False, related_name="+")

    objects = ComparisonQuerySet.as_manager()

    class Meta:
        verbose_name = _("comparison")
        verbose_name_plural = _("comparisons")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["pair", "rater", "turn", "trial"],
                condition=Q(superseded_by=None, withdrawn=False),
                name="comparison_once",
            ),
            models.CheckConstraint(condition=Q(weight__isnull=True) | Q(weight__gt=0), name="comparison_weight_counts"),
            models.CheckConstraint(
                condition=Q(share__isnull=True) | Q(share__gte=0, share__lte=1), name="comparison_share_is_part"
            ),
            models.CheckConstraint(condition=Q(tie_kind="") | Q(winner="tie"), name="comparison_kind_of_tie"),
        ]
        indexes = [
            # With the pair, so that the pairs a rater compared are read in order, page by page; with what takes a row
            # out of force, so that a rater's comparisons are counted without looking at the rows.
            models.Index(fields=["study", "rater", "pair", "superseded_by", "withdrawn"], name="comparison_by_rater"),
            # For the pace of a study: its first comparison and the latest ones, counted without looking at the rows.
            models.Index(
                fields=["study", "answered_at", "rater", "superseded_by", "withdrawn"],
                condition=Q(answered_at__isnull=False),
                name="comparison_in_time",
            ),
            # Few studies have such rows. Whether one has takes a look at this index alone.
            models.Index(
                fields=["study"],
                condition=Q(weight__isnull=False) | Q(share__isnull=False),
                name="comparison_weighted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("Comparisons are append-only; add a row that supersedes it.")
        super().save(*args, **kwargs)

    @property
    def answer(self) -> Answer:
        """The side that won, as shown."""
        return answer_of(cast(Winner, self.winner), cast(Side, self.left))

    def withdraw(self, at: datetime) -> None:
        """Supersedes it by a withdrawn copy. Call it inside a transaction."""
        withdrawn = Comparison.objects.create(
            study_id=self.study_id,
            pair_id=self.pair_id,
            rater_id=self.rater_id,
            assignment_id=self.assignment_id,
            turn=self.turn,
            trial=self.trial,
            left=self.left,
            winner=self.winner,
            value=self.value,
            weight=self.weight,
            share=self.share,
            tie_kind=self.tie_kind,
            scale_name=self.scale_name,
            withdrawn=True,
            trial_number=self.trial_number,
            answered_at=at,
            instruction_version=self.instruction_version,
            question_version=self.question_version,
            scale_version=self.scale_version,
            reasoning_version=self.reasoning_version,
        )
        Comparison.objects.filter(pk=self.pk, superseded_by=None).update(superseded_by=withdrawn)


class Report(models.Model):
    """A worker's report of a problem with a pair."""

    class Kind(models.TextChoices):
        BROKEN = "broken", _("An answer is broken or unreadable")
        OFFENSIVE = "offensive", _("An answer is offensive or dangerous")
        PERSONAL = "personal", _("The text contains personal data")
        NAMED = "named", _("An answer reveals which model wrote it")
        OTHER = "other", _("Something else")

    study = models.ForeignKey(Study, models.CASCADE, related_name="reports")
    pair = models.ForeignKey(Pair, models.RESTRICT, related_name="reports")
    worker = models.ForeignKey(Worker, models.CASCADE, related_name="reports")
    kind = models.CharField(_("kind"), max_length=9, choices=Kind)
    comment = models.TextField(_("comment"), blank=True, max_length=2000)
    created_at = models.DateTimeField(_("reported"), auto_now_add=True)
    settled_at = models.DateTimeField(_("resolved"), null=True, blank=True)

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.pk}"
