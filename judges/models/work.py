"""Abstract models shared by judging, answers and benchmarks: budgets, runs, senders, calls and replies.

Money is stored in whole billionths of a dollar ("nanos"), so that sums are exact on both databases.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotation.stored_problems import StoredProblem, told
from judges import problems
from judges.llm import extras
from judges.llm.api_keys import NoKey, is_source, is_stored, read_key
from judges.llm.endpoints import Endpoint, base_url, is_endpoint
from judges.llm.rate_limits import Limits
from judges.llm.replies import Usage

if TYPE_CHECKING:
    from judges.models.keys import StoredKey

NANOS: Final = 1_000_000_000


def dollars(nanos: int) -> str:
    """Formats an amount in nanos with two decimals, or more if it is small."""
    amount = nanos / NANOS
    if nanos and abs(amount) < 0.01:
        return gettext("$%(amount)s") % {"amount": f"{amount:.6f}".rstrip("0")}
    return gettext("$%(amount)s") % {"amount": f"{amount:,.2f}"}


class Purse(models.Model):
    """A budget and what has been spent of it, in nanos."""

    budget = models.BigIntegerField(
        _("budget"), null=True, blank=True, help_text=_("In billionths of a US dollar. Blank means no budget.")
    )
    spent = models.BigIntegerField(_("spent"), default=0)
    unsure = models.BigIntegerField(
        _("possibly spent"), default=0, help_text=_("Maximum cost of requests that never received a reply.")
    )
    reserved = models.BigIntegerField(_("reserved"), default=0, help_text=_("Maximum cost of requests in progress."))

    class Meta:
        abstract = True

    @property
    def bound(self) -> int:
        """Upper bound of the money spent, in nanos; unknown costs count at their maximum."""
        return self.spent + self.unsure + self.reserved


class TokenLimit(models.TextChoices):
    """Names under which endpoints take the limit of tokens."""

    MAX_TOKENS = "max_tokens", "max_tokens"
    MAX_COMPLETION_TOKENS = "max_completion_tokens", "max_completion_tokens"


class Access(models.Model):
    """A model's endpoint, request settings, prices and rate limits."""

    endpoint = models.CharField(
        _("endpoint"),
        max_length=500,
        help_text=_("For example: https://api.example.com/v1 or http://127.0.0.1:8081/v1."),
    )
    key_source = models.CharField(
        _("key"),
        max_length=100,
        blank=True,
        help_text=_(
            "Name of an environment variable ending in _API_KEY, or file:NAME for a file in the keys folder. "
            "Leave blank if no key is needed. Do not enter the key itself."
        ),
    )
    extra_body = models.JSONField(
        _("additional request fields"),
        default=dict,
        blank=True,
        help_text=_('A JSON object that is added to every request, such as {"top_k": 20}.'),
    )
    extra_headers = models.JSONField(
        _("additional headers"),
        default=dict,
        blank=True,
        help_text=_(
            'A JSON object of header names and values, such as {"api-key": "{key}"}. {key} stands for the API key, '
            "which is then not sent as Authorization. NAME_API_KEY and file:NAME stand for other keys."
        ),
    )
    top_p = models.FloatField(
        _("top-p"), null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(1)]
    )
    max_tokens = models.PositiveIntegerField(
        _("maximum tokens per reply"), default=2048, validators=[MinValueValidator(1)]
    )
    token_limit = models.CharField(
        _("name of the token limit"),
        max_length=21,
        blank=True,
        choices=TokenLimit,
        help_text=_(
            "Leave blank to send max_completion_tokens with a reasoning effort and max_tokens otherwise. If the "
            "endpoint accepts only the other name, it is used and stored here."
        ),
    )
    reasoning_effort = models.CharField(_("reasoning effort"), max_length=20, blank=True)
    seed = models.BigIntegerField(_("seed"), null=True, blank=True)
    timeout = models.FloatField(
        _("timeout (seconds)"), default=120.0, validators=[MinValueValidator(0.1), MaxValueValidator(3600)]
    )
    parallel = models.PositiveIntegerField(
        _("maximum concurrent requests"), default=16, validators=[MinValueValidator(1), MaxValueValidator(500)]
    )
    requests_per_minute = models.PositiveIntegerField(
        _("maximum requests per minute"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    tokens_per_minute = models.PositiveIntegerField(
        _("maximum tokens per minute"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    price_in = models.DecimalField(
        _("input price (US dollars per million tokens)"),
        max_digits=12,
        decimal_places=6,
        default=0,
        validators=[MinValueValidator(0)],
    )
    price_out = models.DecimalField(
        _("output price (US dollars per million tokens)"),
        max_digits=12,
        decimal_places=6,
        default=0,
        validators=[MinValueValidator(0)],
    )
    price_cached = models.DecimalField(
        _("cached input price (US dollars per million tokens)"),
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("For input tokens that the endpoint reports as cached. Leave blank if they cost the input price."),
    )
    reported_cost = models.BooleanField(
        _("use the reported cost"),
        default=False,
        help_text=_(
            "The endpoint reports each reply’s cost in US dollars (usage.cost). The prices still limit what a request "
            "may cost before it is sent."
        ),
    )

    class Meta:
        abstract = True

    def faults(self) -> dict[str, Any]:
        """Returns the errors of the settings, by field."""
        faults: dict[str, Any] = {}
        if not is_endpoint(self.endpoint):
            faults["endpoint"] = _(
                "Enter an http:// or https:// address without a username, password or query. Link-local and "
                "cloud metadata addresses are not allowed."
            )
        if self.reported_cost and not self.priced:
            faults["reported_cost"] = _("Set prices too: they are used to stay within the budget.")
        if is_stored(self.key_source):
            # Another judge's key cannot be named, nor can this one's for another host.
            row = self.stored_key_row()
            known = row is not None and row.name == self.key_source and row.fits(self.endpoint)
        else:
            known = is_source(self.key_source)
        if not known:
            faults["key_source"] = _("Enter NAME_API_KEY or file:NAME, or paste the key in the field for it.")
        if problem := extras.body_problem(self.extra_body):
            faults["extra_body"] = told(problem)
        if problem := extras.headers_problem(self.extra_headers):
            faults["extra_headers"] = told(problem)
        return faults

    @property
    def key_owner(self) -> dict[str, Any]:
        """What finds the row of the pasted key, if there is one."""
        raise NotImplementedError

    def stored_key_row(self) -> "StoredKey | None":
        """Returns the row of the key that was pasted for this judge or model; None if there is none."""
        from judges.models.keys import StoredKey

        # Nothing has been pasted for what is not saved; NULL would find rows of others.
        if None in self.key_owner.values():
            return None
        return StoredKey.objects.filter(**self.key_owner).first()

    def tidy_endpoint(self) -> None:
        """Removes `/chat/completions` from the end of the endpoint, because it is added to every request."""
        self.endpoint = base_url(self.endpoint)

    @property
    def limit_name(self) -> str:
        """The request parameter that holds the token limit."""
        # Models that reason usually accept the newer name only, and count their reasoning in it.
        return self.token_limit or (
            TokenLimit.MAX_COMPLETION_TOKENS if self.reasoning_effort else TokenLimit.MAX_TOKENS
        )

    @property
    def limits(self) -> Limits:
        return Limits(self.requests_per_minute, self.tokens_per_minute)

    def connect(self) -> Endpoint:
        """Returns the endpoint with its API key.

        Raises:
            NoKey: the key is not available.
        """
        return self.connect_with(self._key())

    def connect_with(self, key: str) -> Endpoint:
        """Returns the endpoint with the API key `key`.

        Raises:
            NoKey: the key of a header is not available.
        """
        headers, secrets, in_header = {}, [key], False
        for name, value in self.extra_headers.items():
            if extras.KEY in value:
                headers[name], in_header = value.replace(extras.KEY, key), True
            elif value and is_source(value):
                headers[name] = read_key(value, settings.KEYS_DIR)
                secrets.append(headers[name])
            else:
                headers[name] = value
        return Endpoint(self.endpoint, key, self.timeout, headers=headers, secrets=tuple(secrets), bearer=not in_header)

    def _key(self) -> str:
        if not is_stored(self.key_source):
            return read_key(self.key_source, settings.KEYS_DIR)
        row = self.stored_key_row()
        if row is None or row.name != self.key_source:
            raise NoKey(problems.KEY_LOST())
        return row.read(self.endpoint)

    @property
    def priced(self) -> bool:
        """Whether a price is set. Without one, nothing counts towards the budget."""
        return self.price_in > 0 or self.price_out > 0

    def nanos(self, tokens_in: int, tokens_out: int, cached: int = 0) -> int:
        """Returns the cost in nanos; `cached` tokens are among those in.

        One dollar per million tokens is 1,000 nanos per token.
        """
        price_cached = self.price_in if self.price_cached is None else self.price_cached
        fresh = tokens_in - cached
        return int(1000 * (self.price_in * fresh + price_cached * cached + self.price_out * tokens_out))

    def most(self, tokens_in: int, tokens_out: int) -> int:
        """Returns the maximum cost in nanos, however many input tokens turn out to be cached."""
        return max(self.nanos(tokens_in, tokens_out), self.nanos(tokens_in, tokens_out, tokens_in))

    def cost(self, usage: Usage, most: int, percent: int = 100) -> int:
        """Returns the cost in nanos of a reply with this `usage`; `most` if the endpoint does not report it.

        `percent` is the share of the prices that is charged. The endpoint's own cost is what was charged already.
        """
        if self.reported_cost and usage.dollars is not None and (usage.told or usage.dollars > 0):
            return round(usage.dollars * NANOS)
        if not usage.told:
            return most
        return self.nanos(usage.tokens_in, usage.tokens_out, usage.cached) * percent // 100


class RunState(models.TextChoices):
    """States of a run. Done and cancelled runs are over; the others may continue."""

    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    PAUSED = "paused", _("paused")
    STOPPED = "stopped", _("stopped")
    DONE = "done", _("done")
    CANCELLED = "cancelled", _("cancelled")


LIVE: Final = (RunState.WAITING, RunState.RUNNING, RunState.PAUSED, RunState.STOPPED)

STILL_LIVE: Final = models.Q(state__in=[state.value for state in LIVE])
"""States of an unfinished run, which allow no second run beside it."""


class Run(StoredProblem):
    """Calls that are made together, and how far they are; its calls refer to it as `run`, its senders too.

    `stopped` means by the endpoint or the budget, with the reason in `problem`; the run can be resumed.
    """

    TASK: ClassVar[str]
    """Name of the task that works on it; its argument is the primary key."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    state = models.CharField(_("state"), max_length=9, choices=RunState, default=RunState.WAITING)
    options = models.JSONField(
        _("options"), default=dict, help_text=_("Settings of the run, such as limit, answer orders and baseline.")
    )
    planned = models.PositiveIntegerField(_("planned calls"), default=0)
    lost = models.PositiveIntegerField(
        _("requests interrupted by a crash"),
        default=0,
        help_text=_("These requests were sent again, and the endpoint may have charged for both."),
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
    """A process that works on `run`, with its heartbeat. If it dies, its claimed calls are claimed by another."""

    run_id: int

    started_at = models.DateTimeField(_("started"))
    beat_at = models.DateTimeField(_("last active"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    lost = models.PositiveIntegerField(_("interrupted requests"), default=0)
    waiting = models.JSONField(_("reason for waiting"), null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.pk}"


class CallState(models.TextChoices):
    """States of a call: pending, sent, or its outcome."""

    PENDING = "pending", _("pending")
    SENT = "sent", _("sent")
    OK = "ok", _("ok")
    UNREADABLE = "unreadable", _("unreadable")
    TRUNCATED = "truncated", _("truncated")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("failed")


MOST_FAILURES: Final = 3
"""Runs in which a call is asked that fails each time; then it stays failed, so that every run can end."""

GIVEN_UP: Final = "given-up"
"""Stands for the state of calls that failed in `MOST_FAILURES` runs, where states to ask again are chosen."""


def state_to_ask(state: str, failures: int) -> str:
    """Returns the state by which a call is chosen to be asked again: its own, or `GIVEN_UP`."""
    return GIVEN_UP if state == CallState.FAILED and failures >= MOST_FAILURES else state


def states_to_ask(again: Collection[str]) -> models.Q:
    """Returns the condition on calls that are in one of the states `again`, among them `GIVEN_UP`."""
    failed = models.Q(state=CallState.FAILED)
    few = failed & models.Q(failures__lt=MOST_FAILURES)
    chosen = models.Q(state__in=[state for state in again if state not in {CallState.FAILED, GIVEN_UP}])
    chosen |= few if CallState.FAILED in again else models.Q(pk__in=[])
    return chosen | (failed & ~few if GIVEN_UP in again else models.Q(pk__in=[]))


def fresh_failures() -> models.Case:
    """Returns the failures that calls have once they are asked again: 0 where they had been given up."""
    again = models.When(failures__gte=MOST_FAILURES, then=models.Value(0))
    return models.Case(again, default=models.F("failures"), output_field=models.PositiveSmallIntegerField())


class Call(models.Model):
    """One request and its state; `run` is the run that sends it.

    `claim` is the sender that is working on it; `sent` means that the request may have left. `replies` are all replies
    received. Unique constraints ensure that nothing is asked, or paid for, twice.
    """

    run_id: int
    claim_id: int | None

    state = models.CharField(_("state"), max_length=10, choices=CallState, default=CallState.PENDING)
    tokens = models.PositiveIntegerField(_("maximum tokens"), default=0)
    bound = models.BigIntegerField(_("maximum cost"), default=0)
    sent_at = models.DateTimeField(_("sent"), null=True)
    failures = models.PositiveSmallIntegerField(
        _("failures"), default=0, help_text=_("Number of runs in which this call failed.")
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.pk}"


class Exchange(StoredProblem):
    """What was sent and what came back on a `call`, even an error: the whole request, the raw reply, tokens, money,
    time."""

    call_id: int

    state = models.CharField(_("state"), max_length=10, choices=CallState)
    attempts = models.PositiveIntegerField(_("attempts"), default=1)
    request = models.TextField(_("request"))
    raw = models.TextField(_("reply"), blank=True)
    status = models.PositiveIntegerField(_("HTTP status"), null=True)
    model = models.CharField(_("returned model"), max_length=200, blank=True)
    fingerprint = models.CharField(_("fingerprint"), max_length=200, blank=True)
    response_id = models.CharField(_("reply ID"), max_length=200, blank=True)
    request_id = models.CharField(_("request ID"), max_length=200, blank=True)
    finish_reason = models.CharField(_("finish reason"), max_length=50, blank=True)
    tokens_in = models.PositiveIntegerField(_("input tokens"), default=0)
    tokens_out = models.PositiveIntegerField(_("output tokens"), default=0)
    tokens_cached = models.PositiveIntegerField(_("cached input tokens"), default=0)
    tokens_reasoning = models.PositiveIntegerField(_("reasoning tokens"), default=0)
    cost = models.BigIntegerField(_("cost"), default=0)
    unsure = models.BigIntegerField(
        _("possible additional cost"), default=0, help_text=_("Maximum cost of attempts that never received a reply.")
    )
    seconds = models.FloatField(_("duration (seconds)"), null=True)
    received_at = models.DateTimeField(_("received"))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.pk}"
