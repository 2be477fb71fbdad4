"""What any work on an endpoint keeps, whoever is asked and whatever for: money, runs, senders, replies.

Money is kept in whole billionths of a dollar ("nanos"), so that sums are exact on both databases.
"""

from typing import Any, ClassVar, Final

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotation.stored_problems import StoredProblem
from judges.llm.api_keys import is_source, read_key
from judges.llm.chat import Endpoint, is_endpoint
from judges.llm.rate_limits import Limits

NANOS: Final = 1_000_000_000


def dollars(nanos: int) -> str:
    """An amount as people read it: two digits behind the point, or as many as a small one needs."""
    amount = nanos / NANOS
    if nanos and abs(amount) < 0.01:
        return gettext("$%(amount)s") % {"amount": f"{amount:.6f}".rstrip("0")}
    return gettext("$%(amount)s") % {"amount": f"{amount:,.2f}"}


class Purse(models.Model):
    """Whose money is spent: what it may spend, and what it has."""

    budget = models.BigIntegerField(_("budget"), null=True, blank=True, help_text=_("Nanos; empty: none is set."))
    spent = models.BigIntegerField(_("spent"), default=0)
    unsure = models.BigIntegerField(
        _("perhaps spent"), default=0, help_text=_("At the most, on requests whose reply never came.")
    )
    reserved = models.BigIntegerField(_("reserved"), default=0, help_text=_("At the most, on requests in flight."))

    class Meta:
        abstract = True

    @property
    def bound(self) -> int:
        """The most that has been spent, in nanos, with everything that is not known taken at its dearest."""
        return self.spent + self.unsure + self.reserved


class Access(models.Model):
    """Where and how a model is asked, at what price, and within which limits."""

    endpoint = models.CharField(
        _("endpoint"), max_length=500, help_text=_("Such as https://api.example.com/v1 or http://127.0.0.1:8081/v1.")
    )
    key_source = models.CharField(
        _("key"),
        max_length=100,
        blank=True,
        help_text=_(
            "The name of a variable of the environment that ends in _API_KEY, or file:NAME in the folder of keys. "
            "Empty: none. Never the key itself."
        ),
    )
    top_p = models.FloatField(
        _("top-p"), null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(1)]
    )
    max_tokens = models.PositiveIntegerField(
        _("most tokens of a reply"), default=2048, validators=[MinValueValidator(1)]
    )
    reasoning_effort = models.CharField(_("reasoning effort"), max_length=20, blank=True)
    seed = models.BigIntegerField(_("seed"), null=True, blank=True)
    timeout = models.FloatField(
        _("seconds to wait for a reply"), default=120.0, validators=[MinValueValidator(0.1), MaxValueValidator(3600)]
    )
    parallel = models.PositiveIntegerField(
        _("requests in flight"), default=16, validators=[MinValueValidator(1), MaxValueValidator(500)]
    )
    requests_per_minute = models.PositiveIntegerField(
        _("requests a minute"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    tokens_per_minute = models.PositiveIntegerField(
        _("tokens a minute"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    price_in = models.DecimalField(
        _("price, dollars per million tokens in"),
        max_digits=12,
        decimal_places=6,
        default=0,
        validators=[MinValueValidator(0)],
    )
    price_out = models.DecimalField(
        _("price, dollars per million tokens out"),
        max_digits=12,
        decimal_places=6,
        default=0,
        validators=[MinValueValidator(0)],
    )

    class Meta:
        abstract = True

    def faults(self) -> dict[str, Any]:
        """What is wrong with the settings, by field."""
        faults: dict[str, Any] = {}
        if not is_endpoint(self.endpoint):
            faults["endpoint"] = _("An http(s) address without a password or a query was expected.")
        if not is_source(self.key_source):
            faults["key_source"] = _("NAME_API_KEY or file:NAME was expected; the key itself is kept nowhere.")
        return faults

    @property
    def limits(self) -> Limits:
        return Limits(self.requests_per_minute, self.tokens_per_minute)

    def connect(self) -> Endpoint:
        """The endpoint, with its key.

        Raises:
            NoKey: it cannot be had.
        """
        return Endpoint(self.endpoint, read_key(self.key_source, settings.KEYS_DIR), self.timeout)

    @property
    def priced(self) -> bool:
        """Whether tokens cost anything: else nothing counts towards a budget, and none is ever used up."""
        return self.price_in > 0 or self.price_out > 0

    def nanos(self, tokens_in: int, tokens_out: int) -> int:
        """What so many tokens cost: a dollar per million is a thousand nanos a token."""
        return int(1000 * (self.price_in * tokens_in + self.price_out * tokens_out))


class RunState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    PAUSED = "paused", _("paused")
    STOPPED = "stopped", _("stopped")
    DONE = "done", _("done")
    CANCELLED = "cancelled", _("cancelled")


LIVE: Final = (RunState.WAITING, RunState.RUNNING, RunState.PAUSED, RunState.STOPPED)

STILL_LIVE: Final = models.Q(state__in=[state.value for state in LIVE])
"""What a run is while no other may stand in its place."""


class Run(StoredProblem):
    """Calls that are made together, and how far they are; its calls refer to it as `run`, its senders too.

    `stopped` means by the endpoint or by the budget, whose words are in `problem`; it can be resumed.
    """

    TASK: ClassVar[str]
    """The task that works on it; its argument is the primary key."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    state = models.CharField(_("state"), max_length=9, choices=RunState, default=RunState.WAITING)
    options = models.JSONField(_("options"), default=dict, help_text=_("Limit, orders, baseline."))
    planned = models.PositiveIntegerField(_("calls planned"), default=0)
    lost = models.PositiveIntegerField(
        _("in flight at a crash"), default=0, help_text=_("Asked again; the endpoint may have charged for both.")
    )
    created_at = models.DateTimeField(_("created"))
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.pk}"

    @property
    def live(self) -> bool:
        return self.state in LIVE


class Sending(models.Model):
    """A process at work on its `run`, and its sign of life. What it had claimed when it died is claimed anew."""

    run_id: int

    started_at = models.DateTimeField(_("started"))
    beat_at = models.DateTimeField(_("last sign of life"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    lost = models.PositiveIntegerField(_("in flight at its end"), default=0)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.pk}"


class CallState(models.TextChoices):
    PENDING = "pending", _("pending")
    SENT = "sent", _("sent")
    OK = "ok", _("ok")
    UNREADABLE = "unreadable", _("unreadable")
    TRUNCATED = "truncated", _("truncated")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("failed")


class Call(models.Model):
    """One question, and how it stands. It belongs to the `run` that asks it, and refers to it as such.

    `claim` is the sender that has it in hand; `sent` means that its request may have left. `replies` are all
    that ever came back on it. Where it is unique, nothing is asked, or paid for, twice.
    """

    run_id: int
    claim_id: int | None

    state = models.CharField(_("state"), max_length=10, choices=CallState, default=CallState.PENDING)
    tokens = models.PositiveIntegerField(_("tokens at the most"), default=0)
    bound = models.BigIntegerField(_("cost at the most"), default=0)
    sent_at = models.DateTimeField(_("sent"), null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.pk}"


class Exchange(StoredProblem):
    """What was sent and what came back on a `call`, for good or ill: the whole request, the raw reply, tokens,
    money, time."""

    call_id: int

    state = models.CharField(_("state"), max_length=10, choices=CallState)
    attempts = models.PositiveIntegerField(_("attempts"), default=1)
    request = models.TextField(_("request"))
    raw = models.TextField(_("reply"), blank=True)
    status = models.PositiveIntegerField(_("HTTP status"), null=True)
    model = models.CharField(_("model as returned"), max_length=200, blank=True)
    fingerprint = models.CharField(_("fingerprint"), max_length=200, blank=True)
    response_id = models.CharField(_("id of the reply"), max_length=200, blank=True)
    request_id = models.CharField(_("id of the request"), max_length=200, blank=True)
    finish_reason = models.CharField(_("finish reason"), max_length=50, blank=True)
    tokens_in = models.PositiveIntegerField(_("tokens in"), default=0)
    tokens_out = models.PositiveIntegerField(_("tokens out"), default=0)
    tokens_cached = models.PositiveIntegerField(_("of them cached"), default=0)
    tokens_reasoning = models.PositiveIntegerField(_("of them reasoning"), default=0)
    cost = models.BigIntegerField(_("cost"), default=0)
    unsure = models.BigIntegerField(
        _("perhaps spent besides"), default=0, help_text=_("On attempts whose reply never came, at the most.")
    )
    seconds = models.FloatField(_("seconds"), null=True)
    received_at = models.DateTimeField(_("received"))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.pk}"
