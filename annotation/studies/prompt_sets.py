"""Who may use a prompt set, and how its owner ends that.

`StudyQuerySet.readable_by` and its neighbours say what follows from the rights that are kept here.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from annotation.models import (
    AssignmentState,
    Pair,
    PromptSet,
    PromptSetReader,
    Status,
    Study,
)
from annotation.models.corpus import PromptSetQuerySet
from annotation.models.pair import PairQuerySet
from annotation.models.study import LIVE
from annotation.studies.lifecycle import HALTS, NotPossible

SET_HALTS: Final[list[Callable[[PromptSet], None]]] = []
"""Called with each prompt set whose editors changed, to stop what people who no longer may change it do with it."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a user may do with a study and its prompt set.

    Attributes:
        manages: sees and changes the study.
        reads: manages it, and may also see prompts, answers, pairs, and calls to models.
        edits: reads them, and may also change the prompt set and spend the budgets of its models.
        texts: may see prompts, answers and pairs, because they read them or because they are public.
    """

    manages: bool
    reads: bool
    edits: bool
    texts: bool


def access(user: User | AnonymousUser, study: Study) -> Access:
    """Returns what `user` may do with `study`, which they may not even see."""
    asked = {
        "manages": Study.objects.visible_to(user),
        "reads": Study.objects.readable_by(user),
        "edits": Study.objects.editable_by(user),
        "public": Study.objects.texts_public(),
    }
    told = {name: Exists(studies.filter(pk=OuterRef("pk"))) for name, studies in asked.items()}
    manages, reads, edits, public = Study.objects.filter(pk=study.pk).values_list(*told.values()).get()
    return Access(manages, reads, edits, texts=reads or public)


def seen_by(user: User) -> PromptSetQuerySet:
    """Returns the prompt sets that `user` may read, and those that a study of theirs uses."""
    used = Study.objects.visible_to(user).values("prompt_set")
    return PromptSet.objects.filter(Q(pk__in=used) | Q(pk__in=PromptSet.objects.readable_by(user).values("pk")))


def read_by(user: User | AnonymousUser) -> PromptSetQuerySet:
    """Returns the prompt sets whose prompts and answers `user` may see, by a right of their own or through a study."""
    through = Study.objects.readable_by(user).values("prompt_set")
    return PromptSet.objects.filter(Q(pk__in=through) | Q(pk__in=PromptSet.objects.readable_by(user).values("pk")))


def edited_by(user: User | AnonymousUser) -> PromptSetQuerySet:
    """Returns the prompt sets that `user` may change, by a right of their own or through a study."""
    through = Study.objects.editable_by(user).values("prompt_set")
    return PromptSet.objects.filter(Q(pk__in=through) | Q(pk__in=PromptSet.objects.editable_by(user).values("pk")))


def check_editor(prompt_set: PromptSet, user: User | None) -> None:
    """Checks that `user` may change `prompt_set`; without a user, the command line asks, which may do everything.

    Raises:
        NotPossible: they may not.
    """
    if user is not None and not edited_by(user).filter(pk=prompt_set.pk).exists():
        raise NotPossible(no_editor(prompt_set))


def no_editor(prompt_set: PromptSet) -> str:
    """Returns what users are told who may see `prompt_set` but not change it."""
    told = _("Only people who can edit the prompt set “%(name)s” can do this. Ask its owner for access.")
    return told % {"name": prompt_set.name}


def no_reader(prompt_set: PromptSet) -> str:
    """Returns what users are told who know of `prompt_set` but may not see its prompts."""
    told = _("You are not a reader of the prompt set “%(name)s”. Ask its owner for access.")
    return told % {"name": prompt_set.name}


def no_access(study: Study) -> str:
    """Returns what users are told who manage `study` and may not read its prompt set."""
    owner = study.prompt_set.owner
    if study.detached_at:
        told = _("This study is detached from the prompt set “%(name)s”, so its prompts and answers are not shown.")
    elif owner is None:
        told = _("You are not a reader of the prompt set “%(name)s”. Ask an administrator of this site for access.")
    else:
        told = _("You are not a reader of the prompt set “%(name)s”. Ask its owner, %(owner)s, for access.")
    return told % {"name": study.prompt_set.name, "owner": owner}


def voting_elsewhere(study: Study) -> bool:
    """Returns whether people vote in another study on the prompt set of `study`."""
    return Study.objects.live().filter(prompt_set=study.prompt_set_id).exclude(pk=study.pk).exists()


def why_private(user: User | AnonymousUser, study: Study) -> str:
    """Returns why `user`, who may see the results of `study`, may not look up all of its pairs; empty if they may.

    Whoever manages the study but may not read its prompt set is told whom to ask, if nobody may see the pairs. Without
    texts there is nothing to look up.
    """
    if study.prompt_set.textless:
        return _("These comparisons were loaded without prompts and answers, so there are no pairs to show.")
    if Study.objects.readable_by(user).filter(pk=study.pk).exists():
        return ""
    if not Study.objects.public().with_leave().filter(pk=study.pk).exists():
        manages = Study.objects.visible_to(user).filter(pk=study.pk).exists()
        return no_access(study) if manages else _("The pairs of this study are private.")
    return why_not_all(study)


def why_not_all(study: Study) -> str:
    """Returns why `public_pairs` leaves out pairs of `study` that were voted on; empty if it leaves out none."""
    if voting_elsewhere(study):
        return _(
            "People are voting on these prompts in another study. Pairs and answers appear here when that study is "
            "closed."
        )
    if study.status != Status.CLOSED:
        return _(
            "Until the study is closed, a pair is shown only when no more votes are expected on it or on any other "
            "pair of its prompt."
        )
    return ""


def public_pairs(study: Study, at: datetime) -> PairQuerySet:
    """Returns the pairs of `study` that visitors may see with their models, if its results are public.

    None while people vote in another study on the prompt set. While they vote in this one, only pairs of prompts that
    nobody will see again, because other pairs show the same answers: no pair of the prompt gets more votes, is open, or
    can come back by an undo. An adaptive study may draw any prompt within its filters again.
    """
    pairs = Pair.objects.filter(study=study).votable()
    if voting_elsewhere(study):
        return pairs.none()
    if study.status == Status.CLOSED:
        return pairs
    if study.is_adaptive and study.status in LIVE:
        pairs = pairs.exclude(prompt__in=study.prompts().values("pk"))
    held = study.assignments.filter(state=AssignmentState.OPEN)
    # Whoever can undo a vote has the next pair open, so that only the votes of a few workers are looked at.
    lately = study.comparisons.filter(rater__in=held.values("worker"), answered_at__gte=study.undoable_since(at))
    return (
        pairs.exclude(prompt__in=pairs.wanting().values("prompt"))
        .exclude(prompt__in=held.values("pair__prompt"))
        .exclude(prompt__in=lately.values("pair__prompt"))
    )


def hold(prompt_set: PromptSet | int) -> PromptSet:
    """Locks a prompt set until the transaction ends: against uploads, and against starting a study on it."""
    key = prompt_set if isinstance(prompt_set, int) else prompt_set.pk
    return PromptSet.objects.select_for_update(no_key=True).get(pk=key)


@transaction.atomic
def change_access(prompt_set: PromptSet, *, readers: Collection[User], editors: Collection[User]) -> None:
    """Replaces the people who may read and those who may edit the set, besides its owner.

    Access that came through a study stays; `end_through` ends it. Studies of people who may no longer read the set are
    paused, and their runs too.
    """
    hold(prompt_set)
    wanted = {user.pk: user in editors for user in (*readers, *editors) if user.pk != prompt_set.owner_id}
    direct = prompt_set.readers.filter(study=None)
    direct.exclude(user__in=wanted).delete()
    for user, edits in wanted.items():
        PromptSetReader.objects.update_or_create(
            prompt_set=prompt_set, user_id=user, study=None, defaults={"edits": edits}
        )
    halt_without_leave(prompt_set)


@transaction.atomic
def end_through(prompt_set: PromptSet, user: User) -> None:
    """Ends the access to the set that `user` has through studies, but not as a colleague in a study of its owner."""
    hold(prompt_set)
    prompt_set.readers.filter(user=user).exclude(study=None).delete()
    halt_without_leave(prompt_set)


@transaction.atomic
def hand_over(prompt_set: PromptSet, owner: User) -> None:
    """Makes `owner` the owner of the set; whoever owned it before goes on editing it."""
    prompt_set = hold(prompt_set)
    before = prompt_set.owner
    if before == owner:
        return
    prompt_set.owner = owner
    prompt_set.save(update_fields=["owner"])
    prompt_set.readers.filter(user=owner).delete()
    if before is not None:
        PromptSetReader.objects.update_or_create(
            prompt_set=prompt_set, user=before, study=None, defaults={"edits": True}
        )
    halt_without_leave(prompt_set)


@transaction.atomic
def detach(study: Study, at: datetime) -> None:
    """Ends the use of the prompt set in `study`. Nothing is deleted, and `attach` allows it again.

    The study is closed if people vote in it, and its runs are paused. Until it is attached again, it cannot be started,
    and shows nobody any prompt, answer or pair. Its votes, leaderboards and settings stay.

    Raises:
        NotPossible: it is detached already.
    """
    hold(study.prompt_set_id)
    mine = Study.objects.filter(pk=study.pk, detached_at=None)
    mine.live().update(status=Status.CLOSED, closed_at=at)
    if not mine.update(detached_at=at):
        raise NotPossible(_("This study is already detached from the prompt set."))
    halt_without_leave(study.prompt_set)
    study.refresh_from_db()


@transaction.atomic
def attach(study: Study) -> None:
    """Allows `study` to use its prompt set again. It stays closed until its people resume it.

    Raises:
        NotPossible: it is not detached.
    """
    hold(study.prompt_set_id)
    if not Study.objects.filter(pk=study.pk).exclude(detached_at=None).update(detached_at=None):
        raise NotPossible(_("This study is not detached from the prompt set."))
    study.refresh_from_db()


@transaction.atomic
def follow_people(study: Study) -> None:
    """Ends the access to the prompt set that came through `study` for everybody who no longer manages it."""
    prompt_set = hold(study.prompt_set_id)
    through = prompt_set.readers.filter(study=study)
    through.exclude(user__in=study.colleagues.all()).exclude(user=study.owner_id).delete()
    halt_without_leave(prompt_set)


@transaction.atomic
def change_study_owner(study: Study, owner: User | None) -> None:
    """Makes `owner` the owner of `study`.

    Its prompt set goes along if it belongs to the study's owner, or to nobody, and this is its only study. Otherwise
    the new owner may read the set through this study.
    """
    prompt_set = hold(study.prompt_set_id)
    alone = not prompt_set.studies.exclude(pk=study.pk).exists()
    if alone and prompt_set.owner_id in {None, study.owner_id}:
        prompt_set.owner = owner
        prompt_set.save(update_fields=["owner"])
    elif owner is not None and not PromptSet.objects.readable_by(owner).filter(pk=prompt_set.pk).exists():
        PromptSetReader.objects.create(prompt_set=prompt_set, user=owner, study=study)
    study.owner = owner
    study.save(update_fields=["owner"])
    follow_people(study)


def halt_without_leave(prompt_set: PromptSet) -> None:
    """Pauses the studies on the set that may not use it, and what runs for them. Call it inside a transaction."""
    allowed = Study.objects.with_leave().filter(prompt_set=prompt_set)
    for study in Study.objects.filter(prompt_set=prompt_set).exclude(pk__in=allowed.values("pk")):
        Study.objects.filter(pk=study.pk, status=Status.OPEN).update(status=Status.PAUSED)
        for halt in HALTS:
            halt(study)
    for halt_set in SET_HALTS:
        halt_set(prompt_set)


@dataclass(frozen=True, slots=True)
class Through:
    """A user who may use a prompt set because of a study, and no longer when they leave that study.

    `reader` is the row that says so; None for a colleague in a study of the set's owner.
    """

    user: User
    study: Study
    reader: PromptSetReader | None


def through_studies(prompt_set: PromptSet) -> list[Through]:
    """Returns everybody who may use the set because of a study, by name."""
    shared = Study.objects.of_the_sets_owner().filter(prompt_set=prompt_set, detached_at=None)
    shared = shared.order_by("pk").prefetch_related("colleagues")
    found = [Through(user, study, None) for study in shared for user in study.colleagues.all()]
    rows = prompt_set.readers.exclude(study=None).select_related("user", "study").order_by("study")
    found += [Through(row.user, row.study, row) for row in rows if row.study is not None]
    return sorted(found, key=lambda each: each.user.get_username())


def without_access(study: Study) -> list[User]:
    """Returns the study's colleagues who may not read its prompt set, by name."""
    colleagues = study.colleagues.order_by("username")
    return [user for user in colleagues if not Study.objects.readable_by(user).filter(pk=study.pk).exists()]
