"""Joining a study: the join link, the consent, and who cannot take part."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from annotation.client_address import address_of, count, is_of_the_internet, key_of
from annotation.models import Outcome, Status, Study, Worker
from annotation.studies import platform_tokens, signed_ids
from annotation.studies.platform_tokens import Refused
from annotation.views import pair_display, worker_session
from annotation.voting import erasure, joining, leaving

LONGEST_PARAMETER: Final = 200
MOST_PARAMETERS: Final = 20
HOUR: Final = 3600


class DamagedLink(Exception):
    """The join link has parameters that no platform sends."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """The parameters of the join link that a worker followed."""

    external_id: str | None
    platform: dict[str, str]
    proven: bool = False
    """Whether the ID is signed with the study's key or by the platform, which nobody else can do."""


def arrival_by(study: Study, request: HttpRequest, leeway: timedelta = platform_tokens.CLOCKS) -> Arrival:
    """Returns the participant ID and the other parameters of the link.

    The token of a platform may have expired for as long as `leeway`.

    A placeholder that the platform did not fill in (`{{%PROLIFIC_PID%}}`) is ignored: as an ID, it would
    make everybody the same worker.

    Raises:
        DamagedLink: there are too many parameters, or one is too long or has unprintable characters.
        Refused: the study asks for a signature, and does not accept that of the link.
    """
    parameters = {name: request.GET.get(name, "").strip() for name in request.GET}
    # Too long for a parameter, and never kept.
    token = parameters.pop(platform_tokens.PARAMETER, "")
    words = [*parameters, *parameters.values()]
    if len(parameters) > MOST_PARAMETERS or any(len(word) > LONGEST_PARAMETER for word in words):
        raise DamagedLink
    if len(token) > platform_tokens.LONGEST or not all(word.isprintable() for word in (*words, token)):
        raise DamagedLink
    platform = {name: value for name, value in parameters.items() if value and not value.startswith("{{%")}
    if study.id_signed and study.id_keys and token:
        return _by_platform(study, request, token, platform, leeway)
    external_id = platform.pop(study.id_parameter, None)
    if not study.id_signed:
        return Arrival(external_id, platform)
    signature = platform.pop(signed_ids.PARAMETER, "")
    if external_id is None:
        return Arrival(None, platform)
    if not signed_ids.is_signed(study, external_id, signature):
        raise Refused
    return Arrival(external_id, platform, proven=True)


def _by_platform(
    study: Study, request: HttpRequest, token: str, platform: dict[str, str], leeway: timedelta
) -> Arrival:
    """Returns who arrives by a link that the platform signed.

    Raises:
        Refused: it did not sign it for this study, or not with what the link says.
    """
    path = reverse("join", args=[study.slug])
    signed = platform_tokens.check(study, token, request.get_host(), path, leeway)
    external_id = signed.pop(study.id_parameter, None)
    told = platform.pop(study.id_parameter, external_id)
    contradicted = any(platform.get(name, value) != value for name, value in signed.items())
    if not external_id or len(external_id) > LONGEST_PARAMETER or told != external_id or contradicted:
        raise Refused
    return Arrival(external_id, platform, proven=True)


@never_cache
@require_safe
def join(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows the consent to new visitors; returning workers continue where they left off."""
    study = get_object_or_404(Study, slug=slug)
    try:
        arrival = arrival_by(study, request)
    except DamagedLink:
        return _damaged(request, study)
    except Refused as refusal:
        return _refused(request, study, refusal)
    worker = joining.find(study, worker_session.remembered(request, slug), arrival.external_id)
    if worker is not None:
        return _welcome(request, worker, proven=arrival.proven)
    if arrival.external_id and erasure.was_erased(study, arrival.external_id):
        return _erased(request, study)
    return _door(request, study, arrival)


@never_cache
@require_http_methods(worker_session.METHODS)
def consent(request: HttpRequest, slug: str) -> HttpResponse:
    """Creates the worker on “yes”; “no” or an unsuitable device shows a code and stores nothing."""
    study = get_object_or_404(Study, slug=slug)
    if request.method != "POST":
        return worker_session.HttpResponseSeeOther(_address("join", request, study))
    try:
        # The token was looked at when the consent was shown, and reading it takes time.
        arrival = arrival_by(study, request, platform_tokens.READING)
    except DamagedLink:
        return _damaged(request, study)
    except Refused as refusal:
        return _refused(request, study, refusal)
    answer = request.POST.get("answer", "")
    if answer in (Outcome.NO_CONSENT, Outcome.UNSUITABLE_DEVICE):
        exit_ = leaving.exit_of(study, answer)
        own = arrival.external_id or ""
        parameters = arrival.platform | ({study.id_parameter: own} if own else {})
        link = leaving.return_link(study, exit_.url, parameters, exit_.code, own)
        return render(request, "annotation/worker/done.html", {"exit": exit_, "study": study, "link": link})
    if answer != "agree" or not study.admits(worker_session.device_of(request)):
        return _door(request, study, arrival)
    return _agree(request, study, arrival)


@never_cache
@require_safe
def personal(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """Makes this browser the worker's own, by a link that the study's people made for them."""
    study = get_object_or_404(Study, slug=slug)
    worker = worker_session.of_personal_token(study, token)
    if worker is None:
        text = _("It has expired or is damaged. Please ask the people who run this study for a new one.")
        return worker_session.calm(request, study, _("This link doesn’t work"), text, status=403)
    return _welcome(request, worker, proven=True)


def _welcome(request: HttpRequest, worker: Worker, *, proven: bool) -> HttpResponse:
    """Sends a worker on, in a browser that remembers them."""
    known = worker_session.recognised(request, worker, timezone.now(), proven=proven)
    return worker_session.remember(worker_session.go_on(request, worker), worker, known)


def _agree(request: HttpRequest, study: Study, arrival: Arrival) -> HttpResponse:
    version = request.POST.get("version", "")
    known = joining.find(study, worker_session.remembered(request, study.slug), arrival.external_id)
    if known is not None:
        return _welcome(request, known, proven=arrival.proven)
    if _is_crowd(request):
        text = _("Many people have joined from your network in the last hour. Please come back in an hour.")
        return worker_session.calm(request, study, _("Please come back later"), text, status=429)
    try:
        worker = joining.consent(
            study,
            version=int(version) if version.isdecimal() and len(version) < 9 else 0,
            external_id=arrival.external_id,
            platform=arrival.platform,
            device=worker_session.device_of(request),
            at=timezone.now(),
        )
    except joining.Erased:
        return _erased(request, study)
    except (joining.NotOpen, joining.Unidentified):
        study.refresh_from_db()
        return _door(request, study, arrival)
    except joining.ConsentChanged:
        study.refresh_from_db()
        return _door(request, study, arrival, notice=_("The text below has changed. Please read it again."))
    # Of two browsers that agree at the same moment with one ID, neither has answered anything yet.
    return _welcome(request, worker, proven=True)


def _is_crowd(request: HttpRequest) -> bool:
    """Returns whether more people joined from this address within an hour, this one included, than the limit."""
    most, address = settings.JOINS_PER_ADDRESS, address_of(request)
    return most > 0 and is_of_the_internet(address) and count(caches["joins"], key_of(address), HOUR) > most


def _damaged(request: HttpRequest, study: Study) -> HttpResponse:
    text = _("It may be damaged. Please open it again from where you found it.")
    return worker_session.calm(request, study, _("This link doesn’t work"), text, status=400)


def _refused(request: HttpRequest, study: Study, refusal: Refused) -> HttpResponse:
    """Shows why the link's participant ID is not accepted, and what to do."""
    match refusal:
        case platform_tokens.Expired():
            title = _("This link has expired")
            text = _("Please go back to the site that sent you here and open the study again.")
        case platform_tokens.OtherStudy():
            title = _("This link is for another study")
            text = _("Please go back to the site that sent you here and open this study from there.")
        case _:
            title = _("This link doesn’t work")
            text = _("Its participant ID isn’t confirmed. Please open the link exactly as you were sent it.")
    return worker_session.calm(request, study, title, text, status=403)


def _erased(request: HttpRequest, study: Study) -> HttpResponse:
    """Shows somebody who took part, and whose data was erased, that they cannot take part again.

    Their first browser still leads them to their last page, where they can withdraw their answers.
    """
    worker = joining.find(study, worker_session.remembered(request, study.slug), None)
    if worker is not None and worker.erased_at:
        return _welcome(request, worker, proven=False)
    text = _(
        "You took part in this study, and your personal data has since been deleted. You can only take part once, so "
        "there is nothing left to do here."
    )
    return worker_session.calm(request, study, _("You have already taken part"), text, status=403)


def _door(request: HttpRequest, study: Study, arrival: Arrival, *, notice: str = "") -> HttpResponse:
    """Shows a new visitor the consent, or why they cannot take part."""
    shut = {
        Status.DRAFT: (_("Not open yet"), _("This study hasn’t started yet. Please come back later.")),
        Status.PAUSED: (_("This study is paused"), _("New people can’t join right now. Please come back later.")),
        Status.CLOSED: (_("This study has ended"), _("It no longer accepts answers. Thank you for your interest.")),
    }
    if study.status != Status.OPEN:
        return worker_session.calm(request, study, *shut[Status(study.status)])
    if (study.id_required or study.id_signed) and not arrival.external_id:
        text = _(
            "It doesn’t say who you are. Please open the link you were sent, or start from the site that invited you."
        )
        return worker_session.calm(request, study, _("This link is incomplete"), text, status=403)
    context = {
        "study": study,
        "action": _address("worker-consent", request, study),
        "link": request.build_absolute_uri(_address("join", request, study)),
        "text": pair_display.of_study(study, study.consent),
        "notice": notice,
    }
    suits = study.admits(worker_session.device_of(request))
    return render(request, f"annotation/worker/{'consent' if suits else 'device'}.html", context)


def _address(name: str, request: HttpRequest, study: Study) -> str:
    """Returns the URL of a page before consent, with the link's parameters."""
    query = request.GET.urlencode()
    return reverse(name, args=[study.slug]) + (f"?{query}" if query else "")
