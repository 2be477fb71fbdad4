"""Reviewing evolved prompts: accept one into the set, as written or edited, reject it, or undo that."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import ManyToOneRel
from django.utils.translation import gettext as _

from annotation.models import Prompt, PromptSet
from annotation.numbering import next_number
from annotation.studies import prompt_sets
from annotation.studies.lifecycle import NotPossible
from judges.evolve import duplicates
from judges.models import EvolvedPrompt, Review


def accept(
    child: EvolvedPrompt,
    user: User | None,
    at: datetime,
    *,
    text: str | None = None,
    reference: str | None = None,
) -> Prompt:
    """Adds `child` to its prompt set, with another `text` and `reference` answer if they are given.

    The new prompt has the category and the language of the seed prompt.

    Raises:
        NotPossible: somebody else has reviewed it, the set has this prompt, the text is blank, or `user` may not
            change the set.
    """
    prompt_sets.check_editor(child.prompt_set, user)
    text = child.written if text is None else _tidy(text)
    reference = child.written_reference if reference is None else _tidy(reference)
    if not text:
        raise NotPossible(_("Enter the text of the prompt."))
    fingerprint = duplicates.fingerprint(text)
    # The many prompts that were there before are looked at without a lock; only those that come in between, with it.
    last = child.prompt_set.prompts.order_by("-pk").values_list("pk", flat=True).first() or 0
    _check_new(child.prompt_set, fingerprint, 0)
    with transaction.atomic():
        # Uploads into the prompt set assign numbers too.
        prompt_set = prompt_sets.hold(child.prompt_set_id)
        _check_new(prompt_set, fingerprint, last)
        _decide(child, Review.ACCEPTED, user, at, text=text, reference=reference)
        seed = child.call.prompt
        prompt = Prompt.objects.create(
            prompt_set=prompt_set,
            number=next_number(prompt_set.prompts.all()),
            text=text,
            type=seed.type,
            references=[reference] if reference else [],
            lang=seed.lang,
        )
        EvolvedPrompt.objects.filter(pk=child.pk).update(prompt=prompt)
    child.refresh_from_db()
    return prompt


def _tidy(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _check_new(prompt_set: PromptSet, fingerprint: str, after: int) -> None:
    """Checks that no prompt of the set behind the primary key `after` is an exact duplicate."""
    for number, text in prompt_set.prompts.filter(pk__gt=after).order_by("pk").values_list("number", "text"):
        if duplicates.fingerprint(text) == fingerprint:
            raise NotPossible(
                _("The prompt set already has this prompt (number %(number)s). Edit it, or reject it.")
                % {"number": number}
            )


def reject(child: EvolvedPrompt, user: User | None, at: datetime) -> None:
    """Keeps `child` out of the set, and later iterations from being written from it.

    Raises:
        NotPossible: somebody else has reviewed it, or `user` may not change the set.
    """
    prompt_sets.check_editor(child.prompt_set, user)
    with transaction.atomic():
        _decide(child, Review.REJECTED, user, at)
    child.refresh_from_db()


def reject_duplicates(prompt_set: PromptSet, user: User | None, at: datetime) -> int:
    """Rejects every exact duplicate that waits for review; returns how many there were.

    Raises:
        NotPossible: `user` may not change the set.
    """
    prompt_sets.check_editor(prompt_set, user)
    rows = EvolvedPrompt.objects.filter(prompt_set=prompt_set).waiting().exact()
    return rows.update(review=Review.REJECTED, reviewer=user, reviewed_at=at)


def _decide(child: EvolvedPrompt, review: Review, user: User | None, at: datetime, **changes: str) -> None:
    """Claims the review of `child`. Two reviewers may decide at once: the second one is told of the first."""
    rows = EvolvedPrompt.objects.filter(pk=child.pk).waiting()
    if not rows.update(review=review, reviewer=user, reviewed_at=at, **changes):
        raise NotPossible(_told(child))


def _told(child: EvolvedPrompt) -> str:
    found = EvolvedPrompt.objects.filter(pk=child.pk).select_related("reviewer").first()
    if found is None:
        return _("This prompt no longer exists.")
    who = found.reviewer.get_username() if found.reviewer else _("Somebody")
    if found.review == Review.ACCEPTED:
        return _("%(user)s has already accepted this prompt.") % {"user": who}
    return _("%(user)s has already rejected this prompt.") % {"user": who}


def undo(child: EvolvedPrompt, user: User | None) -> None:
    """Makes `child` wait for review again, as it was written; if it was accepted, its prompt leaves the set.

    Raises:
        NotPossible: it waits already, something refers to its prompt, or `user` may not change the set.
    """
    prompt_sets.check_editor(child.prompt_set, user)
    in_use = _("This prompt is in use, so accepting it cannot be undone.")
    try:
        with transaction.atomic():
            prompt_sets.hold(child.prompt_set_id)
            found = EvolvedPrompt.objects.filter(pk=child.pk).exclude(review=Review.WAITING).first()
            if found is None:
                raise NotPossible(_("Nothing to undo: this prompt is waiting for review."))
            prompt = found.prompt
            if prompt is not None and _in_use(prompt):
                raise NotPossible(in_use)
            EvolvedPrompt.objects.filter(pk=child.pk, review=found.review).update(
                review=Review.WAITING,
                reviewer=None,
                reviewed_at=None,
                prompt=None,
                text=found.written,
                reference=found.written_reference,
            )
            if prompt is not None:
                # Whatever is like the prompt is like the text that it was made from.
                EvolvedPrompt.objects.filter(like_prompt=prompt).update(like_prompt=None, like=child)
                rows = Prompt.objects.filter(pk=prompt.pk)
                # Not `delete()`, which would also delete what has come to refer to it in the meantime.
                rows._raw_delete(rows.db)
    except IntegrityError as conflict:
        # A race: a row has just referred to the prompt.
        raise NotPossible(in_use) from conflict
    child.refresh_from_db()


def _in_use(prompt: Prompt) -> bool:
    """Returns whether a row of any app refers to `prompt`, other than evolved prompts."""
    for relation in Prompt._meta.get_fields(include_hidden=True):
        if isinstance(relation, ManyToOneRel) and relation.related_model is not EvolvedPrompt:
            rows = relation.related_model._default_manager.filter(**{relation.field.name: prompt})
            if rows.exists():
                return True
    return False
